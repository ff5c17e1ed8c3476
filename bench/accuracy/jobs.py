"""One method on one preset, as a job for a process of its own."""

from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bench.accuracy.choose import choose, held_out
from bench.accuracy.methods import Task, axes, train
from sw.data.augment import UNCHANGED, Augmentation
from sw.presets import PRESETS

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Job:
    """One method on one preset, all seeds."""

    preset: str
    method: str
    seeds: tuple[int, ...]
    root: str | None
    limit: int | None
    test_limit: int | None
    epochs: int | None
    validate_on: int | None
    last_judges: bool
    etas: tuple[float, ...]
    times: tuple[float, ...]
    changes: tuple[tuple[str, Any], ...] = ()
    """Fields of the network that are not the preset's."""
    augmentation: Augmentation = UNCHANGED


@cache
def task_of(
    name: str,
    root: str | None,
    limit: int | None,
    test_limit: int | None,
    steps: int | None = None,
    changes: tuple[tuple[str, Any], ...] = (),
) -> Task:
    """The samples of a preset, or the same in other `steps`, loaded once in a process."""
    preset = PRESETS[name]
    network = {**preset.network, **dict(changes)}
    preset = replace(preset, steps=steps or preset.steps, network=network)
    training = preset.samples(root, train=True, limit=limit, seed=1)
    test = preset.samples(root, train=False, limit=test_limit, seed=1)
    return Task(preset, training, test, preset.epochs)


def run(job: Job) -> dict[str, Any]:
    """Choose a setting, train with every seed; all there is to keep, for JSON."""
    tell = Console(stderr=True, highlight=False).print
    task = task_of(job.preset, job.root, job.limit, job.test_limit, changes=job.changes)
    epochs = job.epochs or task.epochs
    task = Task(task.preset, task.train, task.test, epochs, job.augmentation)
    choice = axes(job.method, job.etas, job.times)
    validation = held_out(task, job.validate_on, job.last_judges)
    setting, scores = choose(validation, job.method, choice, tell)
    outcomes = []
    for seed in job.seeds:
        outcome = train(task, job.method, setting, seed)
        accuracy = 100 * outcome.accuracy[-1]
        tell(f"{job.method:7} seed {seed}: {accuracy:5.1f} %  {outcome.seconds:6.1f} s")
        outcomes.append(outcome)
    return {
        "samples": [len(task.train), len(task.test)],
        "epochs": len(outcomes[0].accuracy),
        "setting": setting,
        **({"augmentation": asdict(job.augmentation)} if job.augmentation else {}),
        "grid": scores,
        "seeds": list(job.seeds),
        "accuracy": [outcome.accuracy[-1] for outcome in outcomes],
        "by_epoch": [[round(a, 4) for a in outcome.accuracy] for outcome in outcomes],
        "firing_rates": np.mean([o.firing_rates for o in outcomes], axis=0).round(4).tolist(),
    }
