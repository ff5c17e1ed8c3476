"""When to stop feeding samples: Ctrl-C, signals that end a process, and the next checkpoint."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, Self, TypeVar

Item = TypeVar("Item")
ENDING = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP
"""What systems send to a process that is to end: a shutdown, a scheduler, a terminal that is closed."""


class StopRequest:
    """Within `with`, the first Ctrl-C, SIGTERM or SIGHUP asks training to stop after the samples in flight.

    The second does what it did before: Ctrl-C raises KeyboardInterrupt, the others end the process. A
    SIGTERM or SIGHUP is sent on at the end of `with`, so that the process ends as the sender wants it,
    with what was learned kept. A signal that the process ignores (`nohup`) stays ignored. Set `asked` to
    stop for any other reason.
    """

    def __init__(self) -> None:
        self.asked = False
        self.signal: int | None = None
        """SIGTERM or SIGHUP, if one came."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, *ENDING):
            before = signal.getsignal(number)
            if before in (signal.SIG_IGN, None):  # None: set by other code than Python
                continue
            try:
                signal.signal(number, self._ask)
            except ValueError:  # not in the main thread: no signal comes here
                return self
            self._before[number] = before
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}
        if self.signal is not None:
            signal.raise_signal(self.signal)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
        else:
            self.signal = number
            signal.signal(number, self._before[number])

    def until(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, as long as nobody asked to stop."""
        for item in items:
            if self.asked:
                return
            yield item


@dataclass(frozen=True)
class Every:
    """How often to keep a checkpoint: after so many samples, or seconds, or neither."""

    samples: int | None = None
    """Samples between two checkpoints, 1 or more; None: samples do not matter."""
    seconds: float | None = None
    """Seconds between two checkpoints, above 0; None: time does not matter."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """`500` samples, `90s`, `5m`, or `never`. Raises ValueError."""
        if text == "never":
            return cls()
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|)", text)
        if not match or not float(match[1]) or (not match[2] and "." in text):
            raise ValueError(f"checkpoint every {text!r}: write 500 (samples), 90s, 5m, or never")
        if match[2]:
            return cls(seconds=float(match[1]) * (60 if match[2] == "m" else 1))
        return cls(samples=int(match[1]))

    def until(self, items: Iterable[Item], size: int = 1) -> Iterator[Item]:
        """The items, of `size` samples each, up to the next checkpoint; at least one."""
        started = time.monotonic()
        for count, item in enumerate(items):
            if count and (
                (self.samples is not None and count * size >= self.samples)
                or (self.seconds is not None and time.monotonic() - started >= self.seconds)
            ):
                return
            yield item


USUAL = Every(seconds=300)
"""Usual time between checkpoints. Reading all weights takes seconds on a slow link."""
