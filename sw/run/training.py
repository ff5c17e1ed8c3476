"""Training on the chip: epochs, schedule, evaluation, checkpoints.

The chip learns by itself from every sample that comes with LEARN. The host chooses the order of the
samples (a permutation for each seed and epoch) and, once an epoch, the learning rates: all are
multiplied by `rate_scale`, half a cosine from 1 down towards 0, which lets the weights, few bits
wide, settle. Samples that fit in the board's sample store cross the link once, and are played from there;
not even once if a run before has left them there. Samples that are moved anew in every epoch
(`sw.data.augment`) cross it each time.

A board that is restarted in the middle has forgotten everything. Training then goes on from the newest
checkpoint, to the same bits.

Every training run, from the command line or from Python, is this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

import numpy as np

from golden.spec.network import Network
from sw.data import Dataset
from sw.device import Device, DeviceError, Restarted, Weights
from sw.link import LinkError
from sw.run.checkpoint import Checkpoint, digest
from sw.run.metrics import Epoch, Plan, Progress, Tally
from sw.run.signs_of_life import dead_parts, silent_inputs
from sw.run.stopping import USUAL, Every, StopRequest
from sw.run.watcher import Watcher

Keep = Callable[[Checkpoint], None]
"""Is called with a checkpoint at the start, when one is due, after every epoch and when stopped."""

MOST_RESTARTS = 5
"""Restarts of the board after which a run goes on by itself; more are no accident."""


def forget(checkpoint: Checkpoint) -> None:
    """Keep nothing."""


@dataclass
class Trainer:
    """Trains what is loaded on a device, from where `progress` is.

    When the watcher raises, the samples in flight are still counted and a checkpoint is kept before the
    exception goes on: device and `progress` agree (`agreed`). After any other exception they may not,
    and training can go on from `last` alone.
    """

    device: Device
    train_set: Dataset
    test_set: Dataset | None
    plan: Plan
    watcher: Watcher = field(default_factory=Watcher)
    stop: StopRequest = field(default_factory=StopRequest)
    progress: Progress = field(default_factory=Progress)
    keep: Keep = forget
    every: Every = USUAL
    last: Checkpoint | None = None
    """The newest checkpoint."""
    agreed: bool = True
    """The device is where `progress` says."""
    _tested: Tally | None = None
    """Of the newest test."""
    _failure: Exception | None = None
    """What the watcher raised."""

    def run(self, until: int | None = None) -> bool:
        """Train up to epoch `until` (default: the plan's last); False when stopped before."""
        self.agreed = False
        try:
            complete = self._through_restarts(until)
            self.agreed = True
            return complete
        except Exception as error:
            # several boards learn a round as a whole or not at all
            whole = self.device.averaging and isinstance(error, LinkError | DeviceError)
            if error is self._failure or whole:
                self._keep_after(error)
            raise
        finally:
            if self.progress.tally is not None:
                self.progress.tally.pause()

    def _through_restarts(self, until: int | None) -> bool:
        """Epochs, from the newest checkpoint again whenever the board was restarted."""
        restarts = 0
        while True:
            try:
                if restarts:
                    self._return(restarts)
                return self._epochs(until)
            except Restarted:
                restarts += 1
                if self.last is None or restarts > MOST_RESTARTS:
                    raise

    def _return(self, restarts: int) -> None:
        """Device and progress as they were at the newest checkpoint."""
        assert self.last is not None
        self.device.restart()
        self.last.restore(self.device)
        vars(self.progress).update(vars(deepcopy(self.last.progress)))
        text = (
            f"{self.device.channel.transport.name} was restarted ({restarts} of at most {MOST_RESTARTS} "
            f"times): goes on from the checkpoint after {self.progress.samples} samples"
        )
        self._tell(self.watcher.odd, text)

    def _epochs(self, until: int | None) -> bool:
        last = self.plan.epochs if until is None else min(until, self.plan.epochs)
        self._keep()
        start = self.last if not self.progress.samples else None
        if start is not None and (text := silent_inputs(self.train_set)):
            self._tell(self.watcher.odd, text)
        if len(self.progress.epochs) < last:
            self._store()
        while len(self.progress.epochs) < last:
            epoch = self._epoch()
            self._keep()
            if epoch is None:
                return False
            self._tell(self.watcher.epoch, epoch)
            if start is not None:
                self._look_for_life(epoch, start)
                start = None
        return True

    def _store(self) -> None:
        """Send the samples to the board's store, unless they are others in every epoch."""
        if self.plan.augmentation:
            return
        if self.device.store_samples(
            self.train_set, lambda *words: self._tell(self.watcher.storing, *words)
        ):
            self._tell(self.watcher.stored, self.device.sample_store)

    def _moved(self, number: int) -> Dataset:
        """The training samples as epoch `number` has them."""
        return self.plan.augmentation.of(self.train_set, number, self.plan.seed)

    def _look_for_life(self, epoch: Epoch, start: Checkpoint) -> None:
        """After the first epoch, say what does not live."""
        assert self.last is not None
        weights = (start.weights, self.last.weights)
        for text in dead_parts(self._network, epoch, *weights, self._tested):
            self._tell(self.watcher.odd, text)

    def learn(self, number: int, scale: float, limit: int | None = None) -> Tally:
        """Learn in epoch `number` (from 0), or in its first `limit` samples. `progress` stays.

        `scale` multiplies the learning rates of the network.
        """
        order = self.train_set.order(number, self.plan.seed)[:limit]
        self.device.set_rates(scale)
        return self.pass_over(self._moved(number), order.tolist(), self._task(number), learn=True)

    def evaluate(self, dataset: Dataset, task: str, limit: int | None = None) -> Tally:
        """Classify with learning off: the first `limit` samples, or all."""
        return self.pass_over(dataset, range(len(dataset))[:limit], task, learn=False)

    def pass_over(self, dataset: Dataset, order: Iterable[int], task: str, *, learn: bool) -> Tally:
        """Run samples in the order given; returns what was counted."""
        order = list(order)
        tally = Tally(len(self._network.hidden))
        self._tell(self.watcher.begin, task, len(order), self._network)
        self._feed(dataset, order, tally, learn, Every())
        self._raise()
        return tally

    @property
    def _network(self) -> Network:
        assert self.device.network is not None, "a network is loaded before it is trained"
        return self.device.network

    def _task(self, number: int) -> str:
        return f"epoch {number + 1}/{self.plan.epochs}"

    def _feed(
        self, dataset: Dataset, order: list[int], tally: Tally, learn: bool, every: Every
    ) -> None:
        """Run samples until there are no more, a checkpoint is due, or somebody asks to stop.

        Several boards do whole rounds. Or until the watcher raises. That is kept for `_raise`: the samples
        in flight, which the device learns all the same, are counted first.
        """
        find, averaging = self.device.sample_store.find, self.device.averaging
        self.device.on_part = self._hear_of_part
        size = averaging.round if averaging else 1
        rounds = (order[at : at + size] for at in range(0, len(order), size))
        some = takewhile(
            lambda _: self._failure is None, self.stop.until(every.until(rounds, size))
        )
        wanted = (find(dataset, index) for numbers in some for index in numbers)
        for index, result in zip(order, self.device.run(wanted, learn=learn), strict=False):
            tally.add(result, int(dataset.labels[index]), dataset.steps)
            if self._failure is None:
                with suppress(Exception):
                    self._tell(self.watcher.sample, tally)

    def _hear_of_part(self, *part: int) -> None:
        """Tell the watcher; what it raises waits until all parts have run, so that they stay together."""
        if self._failure is None:
            with suppress(Exception):
                self._tell(self.watcher.part, *part)

    def _tell(self, what: Callable[..., None], *news: object) -> None:
        """Tell the watcher, and note what it raises."""
        try:
            what(*news)
        except Exception as error:
            self._failure = error
            raise

    def _raise(self) -> None:
        """Let out what the watcher raised."""
        if self._failure is not None:
            raise self._failure

    def _epoch(self) -> Epoch | None:
        """The epoch under way, or the next; None when stopped before its end."""
        number, progress = len(self.progress.epochs), self.progress
        if progress.tally is None:
            progress.scale = self.plan.scale(number)
            progress.tally = Tally(len(self._network.hidden))
        progress.tally.go_on()
        self._learn_on(number, progress.tally)
        seconds = progress.tally.seconds
        test = train = None
        if self.test_set is not None and not self.stop.asked:
            self._tested = test = self.evaluate(self.test_set, "test")
            train = self.evaluate(self.train_set, "training samples", len(self.test_set))
        if self.stop.asked:
            return None
        return progress.close(self._network, seconds, test, train)

    def _learn_on(self, number: int, tally: Tally) -> None:
        """What the epoch under way still has to learn, with a checkpoint whenever one is due."""
        order, samples = self.train_set.order(number, self.plan.seed).tolist(), self._moved(number)
        self.device.set_rates(self.progress.scale)
        self._tell(self.watcher.begin, self._task(number), len(order), self._network)
        while tally.samples < len(order) and not self.stop.asked:
            before = self.device.counters()
            try:
                self._feed(samples, order[tally.samples :], tally, True, self.every)
            except (LinkError, DeviceError):
                if self.device.averaging:  # what they counted is here
                    self.progress.count(before, self.device.counters())
                raise
            self.progress.count(before, self.device.counters())
            self._raise()
            if tally.samples < len(order) and not self.stop.asked:
                self._keep()

    def _keep(self) -> None:
        self.last = Checkpoint.of(
            self.device,
            plan=self.plan,
            progress=deepcopy(self.progress),
            samples=self._digest,
        )
        self.keep(self.last)

    def _keep_after(self, failure: Exception) -> None:
        """Keep what was learned when the watcher raised; its exception matters more than ours."""
        try:
            self._keep()
            self.agreed = True
        except Exception as error:
            failure.add_note(f"What was learned could not be kept: {error}")

    @cached_property
    def _digest(self) -> str:
        return digest(self.train_set)


def differences(end: Checkpoint, start: Weights, trainer: Trainer) -> list[str]:
    """Train again on the integer model: what is different at the end, bit for bit."""
    with trainer.device.as_model() as golden:
        golden.load(end.network, start)
        again = Trainer(golden, trainer.train_set, None, end.plan, trainer.watcher)
        for number, scale, samples in end.progress.history():
            again.learn(number, scale, samples)
        found = [
            f"{name}: {int(np.sum(one != two))} of {one.size} weights differ"
            for (name, one), (_, two) in zip(
                end.weights.named(), golden.read_weights().named(), strict=True
            )
            if not np.array_equal(one, two)
        ]
        for mine, other in zip(end.noise_states, golden.noise_states, strict=True):
            if mine != other:
                found.append(f"noise state {mine:#x}, golden {other:#x}")
        return found
