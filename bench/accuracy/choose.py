"""Settings by validation: a fifth of the training samples is held out, the test set is not touched."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bench.accuracy.methods import GRIDS, Setting, Task, train
from sw.data import Dataset

HELD_OUT = 5  # every fifth training sample
VALIDATION_SEED = 100  # none of those that are reported

Score = dict[str, Any]
"""A setting, and the validation accuracy after the last epoch."""


def part(dataset: Dataset, keep: list[int]) -> Dataset:
    """Some samples of a data set."""
    return Dataset(
        dataset.name,
        (dataset[index] for index in keep),
        classes=dataset.classes,
        n_inputs=dataset.n_inputs,
        steps=dataset.steps,
    )


def held_out(task: Task, most: int | None = None) -> Task:
    """The task on the training samples alone (the first `most`): four fifths to learn, one to judge."""
    numbers = range(len(task.train))[:most]
    learn = [number for number in numbers if number % HELD_OUT]
    judge = [number for number in numbers if number % HELD_OUT == 0]
    return replace(task, train=part(task.train, learn), test=part(task.train, judge))


def choose(
    task: Task, method: str, most: int | None, quick: bool, tell: Callable[[str], None]
) -> tuple[Setting, list[Score]]:
    """The setting of a method's grid that does best on held-out samples, and how each did."""
    grid = GRIDS[method][:1] if quick else GRIDS[method]
    if len(grid) == 1:
        return grid[0], []
    validation, scores = held_out(task, most), []
    for setting in grid:
        outcome = train(validation, method, setting, VALIDATION_SEED)
        scores.append({**setting, "validation": outcome.accuracy[-1]})
        tell(f"{method:7} {setting}: validation {100 * outcome.accuracy[-1]:.1f} %")
    best = int(np.argmax([score["validation"] for score in scores]))
    return grid[best], scores
