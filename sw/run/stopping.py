"""When to stop feeding samples: Ctrl-C, and the next checkpoint."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, Self, TypeVar

Item = TypeVar("Item")


class StopRequest:
    """Within `with`, the first Ctrl-C asks training to stop after the samples in flight.

    Set `asked` to stop for any other reason.
    """

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
    seconds: float | None = None

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

    def until(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items up to the next checkpoint, at least one."""
        started = time.monotonic()
        for count, item in enumerate(items):
            if count and (
                count == self.samples
                or (self.seconds is not None and time.monotonic() - started >= self.seconds)
            ):
                return
            yield item


USUAL = Every(seconds=300)
"""Usual time between checkpoints. Reading all weights takes seconds on a slow link."""
