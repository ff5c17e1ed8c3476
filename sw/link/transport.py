"""The byte interface between channel and device, and how a target's name becomes one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from golden.spec.config import CoreConfig

TARGETS = "sim, golden or serial:PORT (for instance serial:/dev/ttyUSB0)"
DEFAULT_BAUD = 1_000_000


class LinkError(RuntimeError):
    """The device cannot be reached, or stopped answering. One line, with what to do next."""


class Transport(ABC):
    """A two-way byte stream that may lose and corrupt bytes, but keeps their order."""

    patience: float = 1.0
    """Seconds without progress after which the host sends again."""
    name: str = "device"
    """What to call the other end in a message."""

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


def open_transport(
    target: str, *, config: CoreConfig | None = None, baud: int = DEFAULT_BAUD
) -> Transport:
    """Open `sim`, `golden` or `serial:PORT`.

    `config` is what a simulated or golden core is built with (default: CoreConfig()); a board has
    its own. `baud` is for a serial port alone. Raises LinkError.
    """
    kind, _, port = target.partition(":")
    if kind == "serial" and port:
        from sw.link.serial import SerialTransport

        return SerialTransport(port, baud=baud)
    if target == "golden":
        from sw.link.golden_link import GoldenTransport

        return GoldenTransport(config or CoreConfig())
    if target == "sim":
        from sw.link.simulated import SimulatedTransport

        return SimulatedTransport(config or CoreConfig())
    raise LinkError(f"target {target!r}: unknown; use {TARGETS}")
