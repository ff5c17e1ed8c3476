"""The older AEDAT files: version 2 of a DVS128 or DAVIS camera, and version 3.1.

After lines that begin with `#`, version 2 has eight bytes an event, most significant byte first::

    address   DVS128   bit 0: 1 for off; 1..7: column from the right; 8..14: row from the bottom;
                       15: no event
              DAVIS    bit 11: 1 for on; 12..21: column from the right; 22..30: row from the bottom;
                       10 or 31: no event of a pixel (a trigger, a frame, a movement)
    time      microseconds

Version 3.1 has packets: a head of 28 bytes, then its events. Those of polarity (type 1) are eight bytes,
least significant byte first::

    data      bit 0: valid; 1: polarity; 2..16: row; 17..31: column
    time      microseconds, above the overflows that the head counts
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np

from sw.data.events import (
    EVENT_DTYPE,
    Contents,
    DamagedFile,
    DataError,
    Events,
    Sensor,
    first_fault,
    make_events,
    unwrap,
)

DVS128 = Sensor(128, 128, 2)
DAVIS = {
    name: Sensor(*size, 2)
    for name, size in {
        "128": (128, 128),
        "208": (208, 192),
        "240": (240, 180),
        "346": (346, 260),
        "640": (640, 480),
    }.items()
}
"""By the number in the name that a header has."""
NO_PIXEL = 1 << 31 | 1 << 10  # of a DAVIS' address
BYTES = 8  # of an event, in both versions
HEAD = struct.Struct("<hhiiiiii")
POLARITY, COMPRESSED = 1, 0x8000
CLOCK_BITS, CLOCK_BITS_3 = 32, 31
AGAIN = "so the file is damaged; copy or download it again"


def read_aedat(path: Path, sensor: Sensor | None) -> Contents:
    """Events and sensor (of version 3.1 not known) of an AEDAT 2 or 3.1 file.

    A clock that wraps goes on. Of several cameras the first is read, and a note says so.

    Raises:
        DamagedFile: it is cut short, or holds events that cannot be.
        DataError: it is of another version.
    """
    raw = path.read_bytes()
    found = re.match(rb"#!AER-DAT(\d)\.(\d)", raw)
    if not found or found[1] not in b"23":
        raise DataError(f"{path}: not an AEDAT file of version 2 or 3.1; give it its right ending")
    start, note = _end_of_header(raw), ""
    if found[1] == b"2":
        davis = _davis(raw[:start], sensor)
        sensor = davis or DVS128
        events, fault = _version2(raw[start:], davis)
    else:
        _check_format(raw[:start], str(path))
        events, fault, note = _version3(raw, start)
    if wrong := first_fault(events, sensor):
        fault, events = wrong.text, events[: wrong.event]
    if fault:
        raise DamagedFile(f"{path}: {fault}, {AGAIN}", events, sensor)
    return Contents(events, sensor, f"{path}: {note}" if note else "")


def _end_of_header(raw: bytes) -> int:
    """Where the lines that begin with `#` end."""
    marked = re.search(rb"^#!END-HEADER\r?\n", raw, re.M)
    if marked:
        return marked.end()
    end = 0
    while raw[end : end + 1] == b"#":
        end = raw.find(b"\n", end) + 1 or len(raw)
    return end


def _davis(header: bytes, sensor: Sensor | None) -> Sensor | None:
    """The sensor of a DAVIS, by the header of version 2 or else by what the user says; None: no DAVIS."""
    if named := re.search(rb"davis[-_ ]?(\d{3})", header, re.I):
        return DAVIS.get(named[1].decode())
    if b"DVS128" in header or sensor is None:
        return None
    asked = [one for one in DAVIS.values() if one[:2] == sensor[:2] != DVS128[:2]]
    return asked[0] if asked else None


def _version2(body: bytes, davis: Sensor | None) -> tuple[Events, str]:
    """Events, and what is wrong after them."""
    whole = len(body) - len(body) % BYTES
    address, t = np.frombuffer(body[:whole], ">u4").reshape(-1, 2).T.astype(np.int64)
    fault = "" if whole == len(body) else f"event {whole // BYTES} is cut short"
    if davis is not None:
        seen = address & NO_PIXEL == 0
        address, t = address[seen], t[seen]
        x = davis.width - 1 - (address >> 12 & 0x3FF)
        y = davis.height - 1 - (address >> 22 & 0x1FF)
        return make_events(x, y, unwrap(t, CLOCK_BITS), address >> 11 & 1), fault
    if np.any(address > 0xFFFF):
        first = int(np.argmax(address > 0xFFFF))
        fault = (
            f"event {first} has the address {address[first]}, which no DVS128 has (of a DAVIS give "
            "the size: --sensor 240x180)"
        )
        address, t = address[:first], t[:first]
    seen = address & 0x8000 == 0
    address, t = address[seen], t[seen]
    x, y = 127 - (address >> 1 & 127), 127 - (address >> 8 & 127)
    return make_events(x, y, unwrap(t, CLOCK_BITS), 1 - (address & 1)), fault


def _check_format(header: bytes, source: str) -> None:
    """Raise DataError for packets whose events are compressed."""
    named = re.search(rb"^#Format: *([^\r\n]*)", header, re.M)
    if named and b"Serialized" in named[1]:
        text = named[1].decode("ascii", "replace")
        raise DataError(f"{source}: its events are packed ({text}); write it as RAW")


def _version3(raw: bytes, at: int) -> tuple[Events, str, str]:
    """Events of all whole packets, what is wrong after them, and what was left out."""
    found: dict[int, list[Events]] = {}
    fault = ""
    while at < len(raw):
        end = at + HEAD.size
        if end > len(raw):
            fault = f"the packet at byte {at} is cut short"
            break
        kind, source, size, _, overflow, capacity, count, _ = HEAD.unpack_from(raw, at)
        if kind & COMPRESSED:  # frames as pictures: the capacity is their length in bytes
            size, count = 1, 0
        if size < 0 or not 0 <= count <= capacity or (kind == POLARITY and size != BYTES):
            fault = f"the packet at byte {at} has a head that cannot be"
            break
        length = _length(raw, end, size, capacity, count)
        if end + length > len(raw):
            fault = f"the packet at byte {at} is cut short"
            count = min(count, (len(raw) - end) // BYTES)
        if kind == POLARITY and count:
            found.setdefault(source, []).append(_polarity(raw, end, count, overflow))
        at = end + length
    if not found:
        return np.empty(0, EVENT_DTYPE), fault, ""
    first, *others = found
    events = np.concatenate(found[first])
    events["t"] = unwrap(events["t"], CLOCK_BITS_3)
    note = (
        f"it has the events of {len(found)} cameras; those of camera {first} are read, and those of "
        f"{', '.join(map(str, others[:8]))} are not: write them to a file of their own"
    )
    return events, fault, note if others else ""


def _length(raw: bytes, start: int, size: int, capacity: int, count: int) -> int:
    """Bytes of a packet's events: some recorders keep room for more than there are, others do not."""
    full, used = size * capacity, size * count
    if full == used or count == 0 or not _head_at(raw, start + used):
        return full
    return full if _head_at(raw, start + full) else used


def _head_at(raw: bytes, at: int) -> bool:
    """Whether a packet can begin at a byte, or the file ends there."""
    if at + HEAD.size > len(raw):
        return at == len(raw)
    kind, _, size, offset, overflow, capacity, count, valid = HEAD.unpack_from(raw, at)
    return (
        0 <= kind < 128
        and 0 < offset + 4 <= size
        and overflow >= 0
        and 0 <= valid <= count <= capacity
        and count > 0
    )


def _polarity(raw: bytes, start: int, count: int, overflow: int) -> Events:
    """The valid events of a packet."""
    data, t = np.frombuffer(raw, "<u4", 2 * count, start).reshape(-1, 2).T.astype(np.int64)
    valid = data & 1 == 1
    data, t = data[valid], t[valid] + (overflow << 31)
    return make_events(data >> 17, data >> 2 & 0x7FFF, t, data >> 1 & 1)
