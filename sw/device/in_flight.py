"""Commands that were submitted, frames in flight, and the statistics of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, Self

from golden.spec.config import CoreConfig
from golden.spec.copies import Copy
from golden.spec.frames import (
    COPY_PAYLOAD,
    READ_PAYLOAD,
    WRITE_PAYLOAD,
    Command,
    Frame,
    Status,
)
from golden.spec.registers import (
    REGISTERS,
    RESULT_SLOTS,
    SPACE_SHIFT,
    Space,
    address,
    key_memory,
    memories,
    result_words,
    store_memory,
)
from sw.link import LinkError


class Pump(Protocol):
    """What gets a command its answer: the channel."""

    def pump(self) -> None:
        """Send what may be sent, and take what comes next."""


class Refused(LinkError):
    """The device said no: it does not have such a command, address or length."""

    @classmethod
    def by(cls, name: str, command: Command, code: int) -> Self:
        """The refusal of a command by the device that is called `name`."""
        known = code in list(Status)
        status = Status(code).name if known else f"status {code}"
        return cls(
            f"{name} refused {command.name} with {status}; "
            "it does not match this software: rebuild the bitstream, or check out its version"
        )


class Restarted(LinkError):
    """The device was switched on or reset in mid-session: what it held is lost."""

    @classmethod
    def by(cls, name: str) -> Self:
        """The restart of the device that is called `name`."""
        return cls(
            f"{name} was restarted (reset, brown-out, bitstream loaded again): what it held is lost, what "
            "was under way did not run; check its power, then load the network again"
        )


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
    """NAKs: times the device asked to go back, because of damage, a gap or no room."""
    silences: int = 0
    """Times nothing came for the link's patience."""
    recovered: int = 0
    """Replies that were lost, and whose content was got in another way."""
    bytes_sent: int = 0
    """Bytes on the wire to the device, everything counted."""
    bytes_received: int = 0
    """Bytes on the wire from the device, everything counted."""


@dataclass(eq=False)
class Submitted:
    """A command that was submitted to a channel. `result` waits for its answer."""

    channel: Pump = field(repr=False)
    command: Command
    payload: bytes = field(repr=False)
    words: int = 0
    """Of the answer to a PLAY, which depends on how many layers are in use."""
    answer: bytes | None = field(default=None, repr=False)
    error: LinkError | None = None
    confirms: bool = False
    """This is a READ now, which finds out whether a WRITE was refused."""

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

    def resolve(self, status: int, payload: bytes, name: str) -> None:
        """Take the reply of the device that is called `name`."""
        if status == Status.OK:
            self.answer = b"" if self.confirms else payload
        else:
            command = Command.WRITE if self.confirms else self.command
            self.error = Refused.by(name, command, status)

    def confirm(self, config: CoreConfig | None, name: str) -> None:
        """The reply of this WRITE is lost: become a READ that is refused if the WRITE was, or be refused.

        A device refuses a WRITE for its address or length alone. It refuses a READ of the last word for
        the same address. A READ does not tell what is read-only; the address map does, which the device
        has by its fingerprint. `config` is None while it is not known.
        """
        length = len(self.payload) - WRITE_PAYLOAD.size
        if length < 0 or length % 2:
            self.error = Refused.by(name, self.command, Status.BAD_LENGTH)
            return
        (start,), words = WRITE_PAYLOAD.unpack_from(self.payload), length // 2
        if config is not None and not writable(config, start, words):
            self.error = Refused.by(name, self.command, Status.BAD_ADDRESS)
            return
        self.command, self.confirms = Command.READ, True
        self.payload = READ_PAYLOAD.pack(start + max(words - 1, 0), min(words, 1))

    def conclude(self, config: CoreConfig, name: str) -> None:
        """The reply of this COPY is lost: it ran, or was refused by rules that both ends have."""
        if not config.store_off_chip:
            self.error = Refused.by(name, self.command, Status.BAD_COMMAND)
        elif len(self.payload) != COPY_PAYLOAD.size:
            self.error = Refused.by(name, self.command, Status.BAD_LENGTH)
        elif not Copy.decode(self.payload).fits(config):
            self.error = Refused.by(name, self.command, Status.BAD_ADDRESS)
        else:
            self.answer = b""

    def read_back(self, sequence: int, config: CoreConfig) -> None:
        """Become the READ of the results that a SAMPLE or PLAY left on the device.

        `sequence` is the number of the frame that ran, which names the slot of its results.
        """
        words = self.words if self.command == Command.PLAY else result_words(config)
        slot = sequence % RESULT_SLOTS
        stride = memories(config)[Space.RESULTS].stride
        self.command = Command.READ
        self.payload = READ_PAYLOAD.pack(address(Space.RESULTS, slot * stride), words)


@dataclass(eq=False)
class InFlight:
    """A frame that was sent and is not yet answered. `submitted` is None for a probe."""

    frame: Frame
    submitted: Submitted | None
    taken: bool = False
    """The device said that it has the frame. It need not be sent again."""


def writable(config: CoreConfig, start: int, words: int) -> bool:
    """Whether the address map lets a WRITE of so many words begin at address `start`."""
    space, index = start >> SPACE_SHIFT, start & ((1 << SPACE_SHIFT) - 1)
    if space == Space.REGISTERS:
        rights = [register.access for register in REGISTERS for _ in range(register.words)]
        wanted = rights[index : index + words]
        return len(wanted) == words and all(access == "rw" for access in wanted)
    known = {**memories(config), Space.STORE: store_memory(config)}
    known[Space.STORE_KEY] = key_memory(config)
    memory = known.get(space)  # type: ignore[call-overload]
    return memory is not None and memory.access == "rw" and index + words <= memory.size
