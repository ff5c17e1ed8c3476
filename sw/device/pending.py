"""Commands on their way through a channel, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from golden.spec.frames import Command, Frame
from sw.link.transport import LinkError


class Pump(Protocol):
    """What gets a command its answer: the channel."""

    def pump(self) -> None:
        """Send what may be sent, and take what comes next."""


class Refused(LinkError):
    """The device said no: a command, address or length it does not have."""


@dataclass
class LinkStatistics:
    """What the link did since it was opened."""

    sent: int = 0
    """Frames sent for the first time."""
    resent: int = 0
    """Frames sent again."""
    damaged: int = 0
    """Replies that came damaged."""
    refused: int = 0
    """Times the device asked to go back: damaged, out of sequence, no room."""
    silences: int = 0
    """Times nothing came for the link's patience."""
    recovered: int = 0
    """Replies that were lost and made up for."""
    bytes_sent: int = 0
    """Bytes on the wire to the device, everything counted."""
    bytes_received: int = 0
    """Bytes on the wire from the device."""


@dataclass(eq=False)
class Pending:
    """A command on its way. `result` waits for its answer."""

    channel: Pump = field(repr=False)
    command: Command
    payload: bytes = field(repr=False)
    answer: bytes | None = field(default=None, repr=False)
    error: LinkError | None = None

    @property
    def done(self) -> bool:
        """The answer is there (or the refusal)."""
        return self.answer is not None or self.error is not None

    def result(self) -> bytes:
        """Payload of the reply. Raises LinkError, or Refused."""
        while not self.done:
            self.channel.pump()
        if self.error is not None:
            raise self.error
        return self.answer or b""


@dataclass(eq=False)
class InFlight:
    """A frame sent and not answered. `pending` is None for a probe."""

    frame: Frame
    pending: Pending | None
    taken: bool = False
