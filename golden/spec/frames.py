"""Frames of the link: how bytes on the wire become commands and replies.

A frame is `sequence u8, code u8, length u16, payload, crc32 u32` (little endian; the CRC of zlib over
all before it). On the wire every frame ends with END; END and ESC inside it are escaped (RFC 1055),
so a receiver that lost its place finds it again at the next END. `code` is a Command from the host
and a Status from the device.

The first frame a device takes is a SYNC. Until then, after power-on or a reset, it answers every other
whole frame RESTARTED and runs none. So a host notices a restart whatever number its next frame has:
nothing runs on a device that has forgotten what it held.

After a SYNC the device takes frames in sequence only. A frame that is damaged, out of sequence
or finds no room is dropped and answered with its status and the sequence number the device wants
next; the host goes back to that frame. Once a go-back is asked for, GAP and NO_ROOM are not answered
again until a frame is taken (DAMAGED is; what waits to be sent at the same time is sent once), so a
host that hears nothing asks again after a time-out. A frame that was taken before (one of the 128
sequence numbers before the one wanted) is answered DUPLICATE and not run again; its own reply may
still come. Commands run in order, one reply each. Credit: the host may have RESULT_SLOTS frames and
`frame_bytes` bytes (frames counted with header, without CRC and escapes) unanswered.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
HEADER = struct.Struct("<BBH")
CRC = struct.Struct("<I")
READ_PAYLOAD = struct.Struct("<IH")  # address, words
WRITE_PAYLOAD = struct.Struct("<I")  # address; the words follow
PLAY_ENTRY = struct.Struct("<I")  # word of the store where a sample is kept, + PLAY_LEARN
PLAY_LEARN = 1 << 31
COPY_PAYLOAD = struct.Struct("<III")  # first word of the store, + COPY_TO_CORE; address; words
COPY_TO_CORE = 1 << 31
SEQUENCES = 256
"""Sequence numbers; of two, the one less than half of them behind the other came first."""
MAX_READ_WORDS = 1024
"""Most words of a READ; a SYNC carries as many at most."""


class Command(IntEnum):
    """What the host asks."""

    READ = 1  # READ_PAYLOAD -> the words
    WRITE = 2  # WRITE_PAYLOAD + words -> nothing
    SAMPLE = 3  # golden.spec.samples -> the result
    SYNC = 4  # any bytes -> the same bytes; taken whatever its sequence number, the next follows it
    PLAY = 5  # PLAY_ENTRYs, 1 to play_entries(config) -> results, see golden.spec.samples
    COPY = 6  # COPY_PAYLOAD -> nothing; see golden.spec.copies


class Status(IntEnum):
    """What the device answers."""

    OK = 0
    DUPLICATE = 1  # taken before; sequence = that of the frame
    DAMAGED = 2  # CRC or length wrong; sequence = the one wanted next
    GAP = 3  # sequence number ahead; sequence = the one wanted next
    NO_ROOM = 4  # host overran its credit; sequence = the one wanted next
    BAD_COMMAND = 5  # in sequence, but no such command (PLAY: no store; COPY: no memory)
    BAD_ADDRESS = 6  # outside the address map, or no sample there; WRITE and PLAY ran in part
    BAD_LENGTH = 7  # not what the command needs, half a word, or more than MAX_READ_WORDS
    RESTARTED = 8  # the device was switched on or reset and wants a SYNC first; nothing ran


GO_BACK = (Status.DAMAGED, Status.GAP, Status.NO_ROOM)
DECLARATION = [
    *(END, ESC, ESC_END, ESC_ESC, HEADER.format, READ_PAYLOAD.format, WRITE_PAYLOAD.format),
    *(PLAY_ENTRY.format, PLAY_LEARN, COPY_PAYLOAD.format, COPY_TO_CORE),
    *(MAX_READ_WORDS, list(Command), list(Status)),
]


@dataclass(frozen=True)
class Frame:
    """A frame without its CRC. `code` is a Command or a Status by direction."""

    sequence: int
    code: int
    payload: bytes = b""

    @property
    def credit(self) -> int:
        """Bytes of the receive buffer the frame takes."""
        return HEADER.size + len(self.payload)

    def encode(self) -> bytes:
        """The bytes on the wire, END included."""
        body = HEADER.pack(self.sequence, self.code, len(self.payload)) + self.payload
        return stuff(body + CRC.pack(zlib.crc32(body)))


class Damaged(ValueError):
    """A frame whose length or CRC is wrong, or that breaks the escapes."""


def stuff(body: bytes) -> bytes:
    """Escape `body` and end it."""
    escaped = body.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
    return escaped + bytes([END])


def unstuff(raw: bytes) -> bytes:
    """Undo `stuff` for the bytes before an END. Raises Damaged for an escape of nothing."""
    pieces = raw.split(bytes([ESC]))
    body = bytearray(pieces[0])
    for piece in pieces[1:]:
        if piece[:1] not in (b"\xdc", b"\xdd"):
            raise Damaged("escape followed by a byte that is never escaped")
        body += b"\xc0" if piece[0] == ESC_END else b"\xdb"
        body += piece[1:]
    return bytes(body)


def decode(raw: bytes) -> Frame:
    """The frame in the bytes before an END. Raises Damaged."""
    body = unstuff(raw)
    if len(body) < HEADER.size + CRC.size:
        raise Damaged(f"frame of {len(body)} bytes, shorter than a header and its CRC")
    sequence, code, length = HEADER.unpack_from(body)
    content = body[: -CRC.size]
    if len(content) != HEADER.size + length:
        raise Damaged(
            f"frame announces {length} bytes of payload and carries {len(content) - HEADER.size}"
        )
    if CRC.unpack(body[-CRC.size :])[0] != zlib.crc32(content):
        raise Damaged("frame fails its CRC")
    return Frame(sequence, code, content[HEADER.size :])


class FrameReader:
    """Cuts a byte stream into frames. An empty frame (two ENDs in a row) is silence, not damage."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame | Damaged]:
        """The frames that `data` completes, damaged ones as the error that says why."""
        *raws, self._rest = (self._rest + data).split(bytes([END]))
        for raw in raws:
            if raw:
                try:
                    yield decode(raw)
                except Damaged as error:
                    yield error
