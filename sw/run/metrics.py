"""The plan of a training run, and what is counted while it goes."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from golden.spec.network import Network
from golden.spec.samples import MOST_SPIKES, Result
from sw.data.augment import Augmentation
from sw.run.shown import progress_html, tally_html


def rate_scale(epoch: int, epochs: int) -> float:
    """Factor of the learning rates in an epoch, from 0 on: (1 + cos(pi epoch / epochs)) / 2."""
    return (1 + math.cos(math.pi * epoch / epochs)) / 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train. Raises ValueError, naming the field, when a value makes no sense."""

    epochs: int = 6
    """All epochs, those before `begin` included [1 to 100000]."""
    seed: int = 1
    """Of the order of samples [0 or more]."""
    constant_rate: bool = False
    """Leave the learning rates as they are instead of letting them decay."""
    begin: int = 0
    """Epoch at which the schedule starts from the full rates, not 0 when training was extended
    [0 to epochs - 1]."""
    mirror: bool = False
    """Half of the training samples are mirrored left to right, other ones in every epoch."""
    crop: int = 0
    """Pixels by which training samples are shifted at most, anew in every epoch [0 to 255]."""

    def __post_init__(self) -> None:
        if not 1 <= self.epochs <= 100_000:
            raise ValueError(f"epochs is {self.epochs}: 1 to 100000 make sense")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}: 0 or more is needed")
        if not 0 <= self.begin < self.epochs:
            raise ValueError(f"begin is {self.begin}: 0 to {self.epochs - 1} are possible")
        if not 0 <= self.crop <= 255:
            raise ValueError(f"crop is {self.crop}: 0 to 255 pixels are possible")

    @property
    def augmentation(self) -> Augmentation:
        """How training samples are changed in every epoch."""
        return Augmentation(self.mirror, self.crop)

    def scale(self, epoch: int) -> float:
        """Factor of the learning rates in an epoch."""
        if self.constant_rate:
            return 1.0
        return rate_scale(epoch - self.begin, self.epochs - self.begin)


@dataclass
class Tally:
    """Results of samples, summed up as they come."""

    layers: int
    """Hidden layers."""
    samples: int = 0
    """Samples counted."""
    correct: int = 0
    """Those whose class was right."""
    steps: int = 0
    """Time steps of all of them."""
    spikes: list[int] = field(default_factory=list)
    """Spikes of each hidden layer over all of them."""
    cycles: int = 0
    """Clock cycles of all of them; of the integer model 0."""
    timed: int = 0
    """Samples whose cycles were counted. The integer model counts none; 0 with cycles: all, by a version
    that did not count them."""
    capped: int = 0
    """Samples with more spikes in a layer than a result can hold: rates are then too low."""
    confusion: list[list[int]] = field(default_factory=list)
    """Samples by label, then by prediction; as large as the largest class seen."""
    before: float = 0.0
    """Seconds of earlier sessions."""
    started: float | None = field(default_factory=time.monotonic)
    """When this session began, on a clock that is never set back; None: it is over."""

    def add(self, result: Result, label: int, steps: int) -> bool:
        """Count a result of a sample with `steps` steps; returns whether its class is right."""
        right = result.prediction == label
        self.samples += 1
        self.correct += right
        self.steps += steps
        self._confuse(label, result.prediction)
        self.cycles += result.cycles
        self.timed += result.cycles > 0
        fired = result.spikes[: self.layers]
        self.capped += max(fired, default=0) >= MOST_SPIKES
        self.spikes = [a + b for a, b in zip(self.spikes or [0] * self.layers, fired, strict=True)]
        return right

    def _confuse(self, label: int, prediction: int) -> None:
        classes = max(len(self.confusion), label + 1, prediction + 1)
        for row in self.confusion:
            row += [0] * (classes - len(row))
        self.confusion += [[0] * classes for _ in range(classes - len(self.confusion))]
        self.confusion[label][prediction] += 1

    @property
    def of_labels(self) -> list[int]:
        """Samples of each class."""
        return [sum(row) for row in self.confusion]

    @property
    def of_predictions(self) -> list[int]:
        """Samples that each class was predicted for."""
        return [sum(column) for column in zip(*self.confusion, strict=True)]

    @property
    def accuracy(self) -> float:
        """Part of the samples whose class is right, 0 to 1."""
        return self.correct / max(self.samples, 1)

    @property
    def seconds(self) -> float:
        """Seconds spent, earlier sessions included."""
        return self.before + (0.0 if self.started is None else time.monotonic() - self.started)

    def pause(self) -> None:
        """The session is over: time does not count until `go_on`."""
        self.before, self.started = self.seconds, None

    def go_on(self) -> None:
        """Another session begins, if one is not going on."""
        if self.started is None:
            self.started = time.monotonic()

    @property
    def cycles_per_sample(self) -> float:
        """Clock cycles of a sample, of those whose cycles were counted; 0: of none."""
        return self.cycles / max(self.timed or self.samples, 1)

    @property
    def speed(self) -> float:
        """Samples per second."""
        return self.samples / max(self.seconds, 1e-9)

    def rates(self, network: Network) -> list[float]:
        """Spikes per neuron and step of each hidden layer."""
        return [
            count / max(self.steps * size, 1)
            for count, size in zip(self.spikes, network.seen, strict=False)
        ]

    def _repr_html_(self) -> str:
        return tally_html(self)

    def as_dict(self) -> dict[str, Any]:
        """For a file; `from_dict` goes on counting."""
        values = asdict(self) | {"before": self.seconds}
        del values["started"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `as_dict`; the clock starts again now."""
        return cls(**values | {"before": max(0.0, values["before"])})


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Metrics of an epoch. Accuracies, but for `online_accuracy`, are those with learning off."""

    epoch: int
    """Number, from 1."""
    rate_scale: float
    """Factor of the learning rates, 0 to 1."""
    samples: int
    """Training samples learned."""
    online_accuracy: float
    """Part that was right while learning. It is too high: the readout learns the label in the first steps."""
    test_accuracy: float | None
    """Part of the test samples that was right after the epoch; None: there are none."""
    train_accuracy: float | None
    """The same of the first training samples, as many as there are test samples."""
    firing_rates: list[float]
    """Spikes per neuron and step of each hidden layer, while learning, 0 to 1."""
    samples_per_second: float
    """Training samples learned per second, of the clock on the wall."""
    cycles_per_sample: float
    """Clock cycles of a training sample, of those that were counted: the integer model counts none."""
    seconds: float
    """Seconds of learning, tests not counted."""
    counters: dict[str, int]
    """The chip's counters over the training samples of the epoch."""
    capped: int = 0
    """Training samples with more spikes in a layer than a result can hold: `firing_rates` are then
    too low. The counter `spikes` is exact all the same."""

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


@dataclass
class Progress:
    """How far training is. Weights, noise state and this are all that a resumed run needs.

    Membranes and traces are no part of it. They are cleared at the start of a sample, and the deferred
    update is applied at its end. Between two samples nothing of them is used again.
    """

    epochs: list[Epoch] = field(default_factory=list)
    """The complete ones."""
    scale: float = 1.0
    """Factor of the learning rates in the epoch under way."""
    tally: Tally | None = None
    """Samples of the epoch under way: `tally.samples` of its order are learned."""
    counters: dict[str, int] = field(default_factory=dict)
    """The chip's counters over these samples."""

    @property
    def samples(self) -> int:
        """Samples learned in all."""
        return sum(samples for _, _, samples in self.history())

    @property
    def test_accuracy(self) -> float | None:
        """After the last complete epoch."""
        return self.epochs[-1].test_accuracy if self.epochs else None

    def _repr_html_(self) -> str:
        return progress_html(self)

    def history(self) -> list[tuple[int, float, int]]:
        """Number from 0 on, rate factor and samples of every epoch: enough to train again."""
        done = [(e.epoch - 1, e.rate_scale, e.samples) for e in self.epochs]
        if self.tally is None or not self.tally.samples:
            return done
        return [*done, (len(done), self.scale, self.tally.samples)]

    def count(self, before: dict[str, int], after: dict[str, int]) -> None:
        """Add what the chip counted between two readings of its counters."""
        self.counters = {n: self.counters.get(n, 0) + after[n] - before[n] for n in after}

    def close(
        self, network: Network, seconds: float, test: Tally | None, train: Tally | None
    ) -> Epoch:
        """The epoch under way is complete after `seconds` of learning, the next has not begun."""
        tally = self.tally
        assert tally is not None
        epoch = Epoch(
            epoch=len(self.epochs) + 1,
            rate_scale=self.scale,
            samples=tally.samples,
            online_accuracy=tally.accuracy,
            test_accuracy=test.accuracy if test else None,
            train_accuracy=train.accuracy if train else None,
            firing_rates=tally.rates(network),
            samples_per_second=tally.samples / max(seconds, 1e-9),
            cycles_per_sample=self.counters["cycles"] / max(tally.timed or tally.samples, 1),
            seconds=seconds,
            counters=self.counters,
            capped=tally.capped,
        )
        self.epochs.append(epoch)
        self.tally, self.counters = None, {}
        return epoch

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return {
            "epochs": [epoch.as_dict() for epoch in self.epochs],
            "scale": self.scale,
            "tally": self.tally.as_dict() if self.tally else None,
            "counters": self.counters,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `as_dict`."""
        tally = values["tally"]
        return cls(
            epochs=[Epoch(**epoch) for epoch in values["epochs"]],
            scale=values["scale"],
            tally=Tally.from_dict(tally) if tally else None,
            counters=dict(values["counters"]),
        )
