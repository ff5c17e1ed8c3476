"""Who is told how training goes."""

from __future__ import annotations

from collections.abc import Sequence

from golden.spec.network import Network
from sw.device import SampleStore
from sw.run.metrics import Epoch, Tally


class Watcher:
    """Is told how training goes. This one does nothing; override what is of interest."""

    def begin(self, task: str, total: int, network: Network) -> None:
        """`total` samples of a task ("epoch 1/6", "test") follow."""

    def stored(self, store: SampleStore) -> None:
        """Training samples are in the board's sample store (`str` says how many)."""

    def sample(self, tally: Tally) -> None:
        """A sample is done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done."""


class Watchers(Watcher):
    """Several watchers as one; they are told in order."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self.watchers = watchers

    def begin(self, task: str, total: int, network: Network) -> None:
        """Tell all."""
        for watcher in self.watchers:
            watcher.begin(task, total, network)

    def stored(self, store: SampleStore) -> None:
        """Tell all."""
        for watcher in self.watchers:
            watcher.stored(store)

    def sample(self, tally: Tally) -> None:
        """Tell all."""
        for watcher in self.watchers:
            watcher.sample(tally)

    def epoch(self, epoch: Epoch) -> None:
        """Tell all."""
        for watcher in self.watchers:
            watcher.epoch(epoch)
