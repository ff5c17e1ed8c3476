"""Settings by validation: a fifth of the training samples is held out, the test set is not touched."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.accuracy.methods import Axes, Setting, Task, train
from sw.data import Dataset

HELD_OUT = 5  # a fifth of the training samples
VALIDATION_SEED = 100  # none of those that are reported

Score = dict[str, Any]
"""A setting, and the validation accuracy after the last epoch."""


def part(dataset: Dataset, keep: list[int]) -> Dataset:
    """Some samples of a data set."""
    return Dataset(dataset.name, (dataset[index] for index in keep), **dataset.facts)


def divided(samples: Dataset, judges: range) -> tuple[Dataset, Dataset]:
    """What to learn, and the samples of these numbers, which judge."""
    learn = [number for number in range(len(samples)) if number not in judges]
    return part(samples, learn), part(samples, list(judges))


def last_fifth(count: int) -> range:
    """Numbers of the last fifth of so many samples."""
    return range(count - count // HELD_OUT, count)


def held_out(task: Task, most: int | None = None, last: bool = False) -> Task:
    """The task on the training samples alone (the first `most`): four fifths to learn, one to judge.

    Every fifth sample judges, or the last fifth of them: where recordings come in an order of their own,
    every fifth may be all there is of somebody.
    """
    numbers = range(len(task.train))[:most]
    judges = last_fifth(len(numbers)) if last else numbers[::HELD_OUT]
    learn, judge = divided(part(task.train, list(numbers)), judges)
    return replace(task, train=learn, test=judge)


def choose(
    validation: Task, method: str, axes: Axes, tell: Callable[[str], None]
) -> tuple[Setting, list[Score]]:
    """Climb from the middle of the axes to a setting with no better neighbour on held-out samples.

    Returns it, and how all did that were tried; with nothing to choose none is tried. A setting at an
    end of an axis says that the axis is too short.
    """
    known: dict[tuple[int, ...], Score] = {}
    names, lengths = list(axes), [len(values) for values in axes.values()]

    def setting(place: tuple[int, ...]) -> Setting:
        return {name: axes[name][i] for name, i in zip(names, place, strict=True)}

    def score(place: tuple[int, ...]) -> float:
        if place not in known:
            outcome = train(validation, method, setting(place), VALIDATION_SEED)
            known[place] = {**setting(place), "validation": outcome.accuracy[-1]}
            tell(
                f"{method:7} {setting(place)}: validation {100 * known[place]['validation']:.1f} %"
            )
        return float(known[place]["validation"])

    place = tuple((length - 1) // 2 for length in lengths)
    if math.prod(lengths) == 1:
        return setting(place), []
    while True:
        best = max(around(place, lengths), key=score)
        if score(best) <= score(place):
            return setting(place), list(known.values())
        place = best


def around(place: tuple[int, ...], lengths: list[int]) -> list[tuple[int, ...]]:
    """The places one step away along one axis."""
    steps = [(axis, step) for axis in range(len(place)) for step in (-1, 1)]
    places = [tuple(n + step * (i == axis) for i, n in enumerate(place)) for axis, step in steps]
    return [p for p in places if all(0 <= n < length for n, length in zip(p, lengths, strict=True))]
