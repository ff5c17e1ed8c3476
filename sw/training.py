"""Training on the chip: epochs, schedule, evaluation, and what is kept when something stops it.

The chip learns by itself from every sample that comes with LEARN. The host chooses the order of the
samples (a permutation for each seed and epoch) and, once an epoch, the learning rates: all are
multiplied by `rate_scale`, half a cosine from 1 down towards 0, which lets the weights, few bits
wide, settle.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Self

import numpy as np

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.data import Dataset, Sample
from sw.device import Device, Weights
from sw.metrics import Epoch, Plan, Tally


class Watcher:
    """Is told how training goes. This one does nothing."""

    def begin(self, task: str, total: int, network: Network) -> None:
        """`total` samples of a task ("epoch 1/6", "test") follow."""

    def sample(self, tally: Tally) -> None:
        """A sample is done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done."""


class StopRequest:
    """Turns the first Ctrl-C into a wish to stop after the samples in flight."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Self:
        try:
            self._before = signal.signal(signal.SIGINT, self._ask)
        except ValueError:  # not in the main thread: Ctrl-C cannot come here
            self._before = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def until(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """The samples, as long as nobody asked to stop."""
        for sample in samples:
            if self.asked:
                return
            yield sample


OnEpoch = Callable[[Epoch, Weights, int], None]
"""Called with an epoch, the weights and the noise state after it."""


@dataclass
class Trainer:
    """Trains what is loaded on a device."""

    device: Device
    train_set: Dataset
    test_set: Dataset | None
    plan: Plan
    watcher: Watcher = field(default_factory=Watcher)
    stop: StopRequest = field(default_factory=StopRequest)
    trained: list[int] = field(default_factory=list)
    """Samples learned in each epoch: what a replay needs."""

    def run(self, on_epoch: OnEpoch) -> bool:
        """Train all epochs; False when stopped. The weights of every epoch go to `on_epoch`."""
        for number in range(self.plan.epochs):
            epoch = self._epoch(number)
            weights, noise = self.device.read_weights(), self.device.noise_state
            on_epoch(epoch, weights, noise)
            self.watcher.epoch(epoch)
            if self.stop.asked:
                return False
        return True

    def learn(self, number: int, limit: int | None = None) -> Tally:
        """One epoch of learning, or its first `limit` samples."""
        order = self.train_set.order(number, self.plan.seed)[:limit]
        self.device.set_rates(self.plan.scale(number))
        task = f"epoch {number + 1}/{self.plan.epochs}"
        return self.pass_over(self.train_set, order.tolist(), task, learn=True)

    def evaluate(self, dataset: Dataset, task: str, limit: int | None = None) -> Tally:
        """Classify with learning off."""
        return self.pass_over(dataset, range(len(dataset))[:limit], task, learn=False)

    def pass_over(self, dataset: Dataset, order: Iterable[int], task: str, *, learn: bool) -> Tally:
        """Run samples in the order given."""
        network = self.device.network
        assert network is not None, "a network is loaded before it is trained"
        order = list(order)
        self.watcher.begin(task, len(order), network)
        tally = Tally(len(network.hidden))
        samples = self.stop.until(dataset[index] for index in order)
        for index, result in zip(order, self.device.run(samples, learn=learn), strict=False):
            tally.add(result, int(dataset.labels[index]), dataset.steps)
            self.watcher.sample(tally)
        return tally

    def _epoch(self, number: int) -> Epoch:
        network = self.device.network
        assert network is not None
        before = self.device.counters()
        tally = self.learn(number)
        self.trained.append(tally.samples)
        after = self.device.counters()
        counters = {name: after[name] - before[name] for name in after}
        seconds = tally.seconds
        test = train = None
        if self.test_set is not None and not self.stop.asked:
            test = self.evaluate(self.test_set, "test")
            train = self.evaluate(self.train_set, "training samples", len(self.test_set))
        complete = not self.stop.asked
        return Epoch(
            epoch=number + 1,
            rate_scale=self.plan.scale(number),
            samples=tally.samples,
            online_accuracy=tally.accuracy,
            test_accuracy=test.accuracy if test and complete else None,
            train_accuracy=train.accuracy if train and complete else None,
            firing_rates=tally.rates(network),
            samples_per_second=tally.samples / max(seconds, 1e-9),
            cycles_per_sample=counters["cycles"] / max(tally.samples, 1),
            seconds=seconds,
            counters=counters,
        )


def differences(
    config: CoreConfig,
    network: Network,
    start: Weights,
    trainer: Trainer,
    weights: Weights,
    noise_state: int,
) -> list[str]:
    """Replay a training run on the integer model: what is different, bit for bit."""
    with Device.open("golden", config=config) as golden:
        golden.load(network, start)
        replay = Trainer(golden, trainer.train_set, None, trainer.plan, trainer.watcher)
        for number, samples in enumerate(trainer.trained):
            replay.learn(number, samples)
        found = [
            f"layer {index}: {int(np.sum(one != two))} of {one.size} weights differ"
            for index, (one, two) in enumerate(zip(weights, golden.read_weights(), strict=True))
            if not np.array_equal(one, two)
        ]
        if golden.noise_state != noise_state:
            found.append(f"noise state {noise_state:#x}, golden {golden.noise_state:#x}")
        return found
