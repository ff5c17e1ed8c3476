"""The plan of a training run, and what is counted while it goes."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from golden.spec.network import Network
from golden.spec.samples import Result


def rate_scale(epoch: int, epochs: int) -> float:
    """Factor of the learning rates in an epoch, from 0 on: (1 + cos(pi epoch / epochs)) / 2."""
    return (1 + math.cos(math.pi * epoch / epochs)) / 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train. Raises ValueError, naming the field, when a value makes no sense."""

    epochs: int = 6
    seed: int = 1
    """Of the order of samples."""
    constant_rate: bool = False
    """Leave the learning rates as they are instead of letting them decay."""

    def __post_init__(self) -> None:
        if not 1 <= self.epochs <= 100_000:
            raise ValueError(f"epochs is {self.epochs}: 1 to 100000 make sense")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}: 0 or more is needed")

    def scale(self, epoch: int) -> float:
        """Factor of the learning rates in an epoch."""
        return 1.0 if self.constant_rate else rate_scale(epoch, self.epochs)


@dataclass
class Tally:
    """Results of samples, summed up as they come."""

    layers: int
    """Hidden layers."""
    samples: int = 0
    correct: int = 0
    steps: int = 0
    spikes: list[int] = field(default_factory=list)
    cycles: int = 0
    started: float = field(default_factory=time.monotonic)

    def add(self, result: Result, label: int, steps: int) -> bool:
        """Take in a result; returns whether it is right."""
        right = result.prediction == label
        self.samples += 1
        self.correct += right
        self.steps += steps
        self.cycles += result.cycles
        fired = result.spikes[: self.layers]
        self.spikes = [a + b for a, b in zip(self.spikes or [0] * self.layers, fired, strict=True)]
        return right

    @property
    def accuracy(self) -> float:
        """Part that is right."""
        return self.correct / max(self.samples, 1)

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self.started

    @property
    def speed(self) -> float:
        """Samples per second."""
        return self.samples / max(self.seconds, 1e-9)

    def rates(self, network: Network) -> list[float]:
        """Spikes per neuron and step of each hidden layer."""
        return [
            count / max(self.steps * size, 1)
            for count, size in zip(self.spikes, network.hidden, strict=False)
        ]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What an epoch came to. Accuracies are those with learning off, None when stopped before."""

    epoch: int
    rate_scale: float
    samples: int
    online_accuracy: float
    """While learning. The readout has seen the label in the sample's first steps: it flatters."""
    test_accuracy: float | None
    train_accuracy: float | None
    """Of the first training samples, as many as there are test samples."""
    firing_rates: list[float]
    samples_per_second: float
    cycles_per_sample: float
    seconds: float
    counters: dict[str, int]
    """The chip's counters over the training samples of the epoch."""

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)
