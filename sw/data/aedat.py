"""The older AEDAT files: version 2 of a DVS128 camera, and version 3.1.

After lines that begin with `#`, version 2 has eight bytes an event, most significant byte first::

    address   bit 0: 1 for off; 1..7: column from the right; 8..14: row from the bottom; 15: no event
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
    DamagedFile,
    DataError,
    Events,
    Sensor,
    first_fault,
    make_events,
)

DVS128 = Sensor(128, 128, 2)
BYTES = 8  # of an event, in both versions
HEAD = struct.Struct("<hhiiiiii")
POLARITY = 1
AGAIN = "so the file is damaged; copy or download it again"


def read_aedat(path: Path, sensor: Sensor | None) -> tuple[Events, Sensor | None]:
    """Events and sensor (of version 3.1 not known) of an AEDAT 2 or 3.1 file.

    Raises:
        DamagedFile: it is cut short, or holds events that cannot be.
        DataError: it is of another version.
    """
    raw = path.read_bytes()
    found = re.match(rb"#!AER-DAT(\d)\.(\d)", raw)
    if not found or found[1] not in b"23":
        raise DataError(f"{path}: not an AEDAT file of version 2 or 3.1; give it its right ending")
    start = _end_of_header(raw)
    if found[1] == b"2":
        events, fault, sensor = *_version2(raw[start:]), DVS128
    else:
        events, fault = _version3(raw, start)
    if wrong := first_fault(events, sensor):
        fault, events = wrong.text, events[: wrong.event]
    if fault:
        raise DamagedFile(f"{path}: {fault}, {AGAIN}", events, sensor)
    return events, sensor


def _end_of_header(raw: bytes) -> int:
    """Where the lines that begin with `#` end."""
    marked = re.search(rb"^#!END-HEADER\r?\n", raw, re.M)
    if marked:
        return marked.end()
    end = 0
    while raw[end : end + 1] == b"#":
        end = raw.find(b"\n", end) + 1 or len(raw)
    return end


def _version2(body: bytes) -> tuple[Events, str]:
    """Events, and what is wrong after them."""
    whole = len(body) - len(body) % BYTES
    address, t = np.frombuffer(body[:whole], ">u4").reshape(-1, 2).T.astype(np.int64)
    fault = "" if whole == len(body) else f"event {whole // BYTES} is cut short"
    if np.any(address > 0xFFFF):
        first = int(np.argmax(address > 0xFFFF))
        fault = f"event {first} has the address {address[first]}, which no DVS128 has"
        address, t = address[:first], t[:first]
    seen = address & 0x8000 == 0
    address, t = address[seen], t[seen]
    x, y = 127 - (address >> 1 & 127), 127 - (address >> 8 & 127)
    return make_events(x, y, t, 1 - (address & 1)), fault


def _version3(raw: bytes, at: int) -> tuple[Events, str]:
    """Events of all whole packets, and what is wrong after them."""
    found, fault = [np.empty(0, EVENT_DTYPE)], ""
    while at < len(raw):
        end = at + HEAD.size
        if end > len(raw):
            fault = f"the packet at byte {at} is cut short"
            break
        kind, _, size, _, overflow, capacity, count, _ = HEAD.unpack_from(raw, at)
        if size < 0 or not 0 <= count <= capacity or (kind == POLARITY and size != BYTES):
            fault = f"the packet at byte {at} has a head that cannot be"
            break
        if end + size * capacity > len(raw):
            fault = f"the packet at byte {at} is cut short"
            count = min(count, (len(raw) - end) // BYTES)
        if kind == POLARITY:
            found.append(_polarity(raw, end, count, overflow))
        at = end + size * capacity
    return np.concatenate(found), fault


def _polarity(raw: bytes, start: int, count: int, overflow: int) -> Events:
    """The valid events of a packet."""
    data, t = np.frombuffer(raw, "<u4", 2 * count, start).reshape(-1, 2).T.astype(np.int64)
    valid = data & 1 == 1
    data, t = data[valid], t[valid] + (overflow << 31)
    return make_events(data >> 17, data >> 2 & 0x7FFF, t, data >> 1 & 1)
