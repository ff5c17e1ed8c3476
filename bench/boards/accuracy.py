"""Accuracy of a model that several boards learn, on the integer core, one part after the other.

The same algorithm as `sw.averaging`, to the same bits, without devices and links: a test compares them.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from bench.accuracy.jobs import task_of
from bench.accuracy.methods import Task, spikes_for
from golden.averaging import Averaging, mean, split_noise
from sw.native import NativeCore, Spikes
from sw.run.metrics import rate_scale


@dataclass(frozen=True)
class Point:
    """One training."""

    preset: str
    root: str | None
    limit: int | None
    test_limit: int | None
    boards: int
    every: int
    seed: int


class Together:
    """A core that is each of the boards in turn."""

    def __init__(self, task: Task, averaging: Averaging, seed: int) -> None:
        self.task, self.averaging, self.seed = task, averaging, seed
        self.network = task.network(seed)
        self.core = NativeCore(self.network, task.preset.config)
        self.noise = list(split_noise(self.network.noise_seed, averaging.boards))

    def epoch(self, samples: Spikes, number: int, scale: float) -> None:
        """Learn all samples once."""
        self.core.set_rates(scale)
        order = self.task.train.order(number, self.seed)
        for at in range(0, len(order), self.averaging.round):
            self._round(samples, order[at : at + self.averaging.round].tolist())

    def _round(self, samples: Spikes, numbers: list[int]) -> None:
        views = [*self.core.weights, *self.core.classifiers]
        before = [view.copy() for view in views]
        ends = []
        for board, mine in enumerate(self.averaging.parts(numbers)):
            if not mine:
                continue
            for view, values in zip(views, before, strict=True):
                view[:] = values
            self.core.noise_state = self.noise[board]
            self.core.run(samples, np.array(mine), learn=True)
            self.noise[board] = self.core.noise_state
            ends.append([view.astype(np.int32) for view in views])
        for view, of_boards in zip(views, zip(*ends, strict=True), strict=True):
            view[:] = mean(of_boards)

    def accuracy(self, samples: Spikes) -> float:
        """Share of the samples whose class is right."""
        result = self.core.run(samples, np.arange(len(samples)), learn=False)
        return float(np.mean(result.predictions == samples.labels))


@cache
def _loaded(
    preset: str, root: str | None, limit: int | None, test_limit: int | None
) -> tuple[Task, Spikes, Spikes]:
    task = task_of(preset, root, limit, test_limit)
    network = task.network(1)
    return task, spikes_for(network, task.train), spikes_for(network, task.test)


def measured(point: Point) -> float:
    """Train; the accuracy on the test samples."""
    task, train, test = _loaded(point.preset, point.root, point.limit, point.test_limit)
    boards = Together(task, Averaging(point.boards, point.every), point.seed)
    for number in range(task.epochs):
        boards.epoch(train, number, rate_scale(number, task.epochs))
    return boards.accuracy(test)
