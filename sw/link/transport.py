"""The byte interface between the channel and a device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class LinkError(RuntimeError):
    """The device cannot be reached, or stopped answering. One line, with what to do next."""


class Transport(ABC):
    """A two-way byte stream that may lose and corrupt bytes, but keeps their order."""

    patience: float = 1.0
    """Seconds without progress after which the host sends again."""
    name: str = "device"
    """What to call the other end in a message."""
    about: str = ""
    """A line about how it runs; empty: nothing to say."""

    clocked_by_itself: bool = False
    """Time passes at the other end whether it is read or not: waiting is of use."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises LinkError when the link is gone."""

    @abstractmethod
    def read(self, timeout: float) -> bytes:
        """Return what came, waiting at most `timeout` seconds for a first byte.

        Empty when nothing came in that time, or when nothing can come any more before a write.
        Raises LinkError when the link is gone.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the link. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
