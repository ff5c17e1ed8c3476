"""Who is told how training goes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from golden.spec.network import Network
from sw.device import SampleStore
from sw.run.metrics import Epoch, Tally
from sw.run.signs_of_life import TrainingWarning

NEWS = ("begin", "storing", "stored", "part", "sample", "epoch", "odd")


class Watcher:
    """Is told how training goes. This one does nothing; override what is of interest."""

    def begin(self, task: str, total: int, network: Network) -> None:
        """`total` samples of a task ("epoch 1/6", "test") follow."""

    def storing(self, done: int, total: int) -> None:
        """Training samples are on their way to the board: `done` of `total` words are there."""

    def stored(self, store: SampleStore) -> None:
        """Training samples are in the board's sample store (`str` says how many)."""

    def part(self, number: int, count: int) -> None:
        """A block of samples begins with part `number` (from 0) of a network that runs in `count` parts."""

    def sample(self, tally: Tally) -> None:
        """A sample is done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done."""

    def odd(self, text: str) -> None:
        """Training goes on, but something about it is odd; where nobody overrides this it is a warning."""
        warnings.warn(text, TrainingWarning, stacklevel=2)


class Watchers(Watcher):
    """Several watchers as one; they are told in order.

    Any object will do that has some of the methods of a Watcher. Raises ValueError for one without any.
    """

    def __init__(self, watchers: Sequence[Any]) -> None:
        for watcher in watchers:
            if isinstance(watcher, type) or not any(hasattr(watcher, name) for name in NEWS):
                raise ValueError(
                    f"callbacks: {watcher!r} is not told anything; give an object with some of the methods "
                    f"{', '.join(NEWS)}, best one derived from sw.Watcher"
                )
        self.watchers = watchers

    def _tell(self, what: str, *news: object) -> None:
        for watcher in self.watchers:
            if hasattr(watcher, what):
                getattr(watcher, what)(*news)

    def begin(self, task: str, total: int, network: Network) -> None:
        """Tell all."""
        self._tell("begin", task, total, network)

    def storing(self, done: int, total: int) -> None:
        """Tell all."""
        self._tell("storing", done, total)

    def stored(self, store: SampleStore) -> None:
        """Tell all."""
        self._tell("stored", store)

    def part(self, number: int, count: int) -> None:
        """Tell all."""
        self._tell("part", number, count)

    def sample(self, tally: Tally) -> None:
        """Tell all."""
        self._tell("sample", tally)

    def epoch(self, epoch: Epoch) -> None:
        """Tell all."""
        self._tell("epoch", epoch)

    def odd(self, text: str) -> None:
        """Tell those who want to know; a warning if nobody does."""
        heard = [w for w in self.watchers if getattr(type(w), "odd", Watcher.odd) != Watcher.odd]
        for watcher in heard:
            watcher.odd(text)
        if not heard:
            super().odd(text)
