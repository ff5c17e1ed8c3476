"""RAW (EVT2, EVT3) and DAT files: what is wrong in them, to the byte. faery decodes them.

faery 0.7.1 leaves out what is cut short and moves times that go backwards, in silence; when an
event is outside the sensor it drops thousands before it. So the words are looked over first, and
faery gets what is sound. Formats: https://docs.prophesee.ai/stable/data/encoding_formats/
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sw.data.events import DamagedFile, DataError, Sensor
from sw.printable import short

EVT2_TIME_BITS, EVT3_TIME_BITS = 28, 12  # of a word that holds the upper part of the time
EVT2_KINDS = (0, 1, 8, 10, 14, 15)  # OFF, ON, upper time; trigger, others, continued: not used
EVT3_KINDS = (0, 2, 3, 4, 5, 6, 7, 8, 10, 14, 15)
ADDRESS_Y, ADDRESS_X, VECTOR_BASE, VECTOR_12, VECTOR_8, TIME_HIGH = 0, 2, 3, 4, 5, 8
DAT_EVENTS = (0x00, 0x0C)  # event types of DAT that are events of pixels
DAT_ADDRESS = {"dat1": (9, 8), "dat2": (14, 14)}  # bits of x and y

Words = NDArray[Any]


class Damage(NamedTuple):
    """Where a file stops being sound: the byte, and what is wrong there."""

    byte: int
    text: str


class Header(NamedTuple):
    """What a file says of itself."""

    version: str
    """`evt2`, `evt3`, `dat1` or `dat2`, as faery names them."""
    sensor: Sensor | None
    start: int
    """Byte at which the words start."""


def read_header(raw: bytes, source: str, *, dat: bool) -> Header:
    """The header of a RAW or DAT file.

    Raises:
        DamagedFile: there is none.
        DataError: it names a format that is not read.
    """
    lines, start = [], 0
    while match := re.compile(rb"% ([ -~\t]*)\r?\n").match(raw, start):
        start = match.end()
        lines.append(match[1].decode().strip())
        if lines[-1].lower() == "end":
            break
    text = "\n".join(lines).lower()
    if dat:
        version = "dat1" if re.search(r"^version\s+1$", text, re.M) else "dat2"
        return Header(version, _sensor(text), _dat_start(raw, start, source))
    found = re.search(r"^evt\s+(\d\.\d)$", text, re.M) or re.search(
        r"^format\s+evt(\S+?)(;|$)", text, re.M
    )
    number = found[1].removesuffix(".0") if found else ""
    if number not in ("2", "3"):
        if number:
            raise DataError(f"{source}: EVT{short(number)} is not read; convert it to EVT3 or DAT")
        raise DamagedFile(
            f"{source}: its header does not say EVT2 or EVT3, so it is no RAW file of a Prophesee "
            "camera, or damaged; copy or download it again"
        )
    return Header(f"evt{number}", _sensor(text), start)


def _sensor(text: str) -> Sensor | None:
    """The size in a header, in any of its three spellings."""
    geometry = re.search(r"^geometry\s+([0-9]{1,5})x([0-9]{1,5})$", text, re.M)
    if geometry:
        return Sensor(int(geometry[1]), int(geometry[2]), 2)
    width, height = (
        re.search(rf"\b{name}[\s=]+([0-9]{{1,5}})\b", text) for name in ("width", "height")
    )
    return Sensor(int(width[1]), int(height[1]), 2) if width and height else None


def _dat_start(raw: bytes, start: int, source: str) -> int:
    """Byte of the first event, after the two that say what follows."""
    if len(raw) < start + 2 or raw[start] not in DAT_EVENTS or raw[start + 1] != 8:
        raise DamagedFile(
            f"{source}: byte {start} does not start 8-byte events, so it is no DAT file of events, "
            "or damaged; copy or download it again"
        )
    return start + 2


class Timed(NamedTuple):
    """A file made of one, without the events before its first word of time."""

    content: bytes
    left_out: int
    """How many events those are."""


def timed(raw: bytes, header: Header, end: int) -> Timed:
    """What nobody knows the time of is left out: a recording that starts in the middle has such.

    Words before the first with the upper part of the time are dropped; of EVT3 the row and the column
    that are in force there stay. DAT has the time in every event.
    """
    if header.version not in ("evt2", "evt3"):
        return Timed(raw[:end], 0)
    size, shift = (4, 28) if header.version == "evt2" else (2, 12)
    words = np.frombuffer(raw, f"<u{size}", max(end - header.start, 0) // size, header.start)
    kind = words >> shift
    first = int(np.argmax(kind == TIME_HIGH)) if (kind == TIME_HIGH).any() else len(words)
    before, kind = words[:first].astype(np.int64), kind[:first]
    kept: list[int] = []
    if header.version == "evt2":
        count = int(np.count_nonzero(kind <= 1))
    else:
        bits, length = _vectors(kind, before)
        count = int(np.bitwise_count(bits).sum()) + int(np.count_nonzero(kind == ADDRESS_X))
        kept += before[kind == ADDRESS_Y][-1:].tolist()
        if len(bases := np.flatnonzero(kind == VECTOR_BASE)):
            moved = int(length[bases[-1] :].sum())
            kept.append(int(before[bases[-1]]) & ~0x7FF | (int(before[bases[-1]]) + moved) & 0x7FF)
    start = header.start + size * first
    words_kept = np.array(kept, f"<u{size}").tobytes()
    return Timed(raw[: header.start] + words_kept + raw[start:end], count)


def _vectors(kind: Words, words: Words) -> tuple[Words, Words]:
    """Bits of the vectors of EVT3 (others: 0), and how many columns each stands for."""
    wide, narrow = kind == VECTOR_12, kind == VECTOR_8
    return np.select([wide, narrow], [words & 0xFFF, words & 0xFF], 0), np.select(
        [wide, narrow], [12, 8], 0
    )


def first_damage(raw: bytes, header: Header) -> Damage | None:
    """The first thing that cannot be right, or None."""
    check = {"evt2": _evt2, "evt3": _evt3}.get(header.version, _dat)
    size = 2 if header.version == "evt3" else 4 if header.version == "evt2" else 8
    end = len(raw) - (len(raw) - header.start) % size
    body = raw[header.start : end]
    found = [Damage(header.start + size * index, text) for index, text in check(body, header)]
    if end < len(raw):
        found.append(Damage(end, f"{len(raw) - end} of the {size} bytes of an event, cut short"))
    return min(found, default=None)


Faults = list[tuple[int, str]]
"""Number of a word, and what is wrong with it."""


def _evt2(body: bytes, header: Header) -> Faults:
    words = np.frombuffer(body, "<u4").astype(np.int64)
    kind = words >> 28
    found = _unknown(kind, EVT2_KINDS) + _backwards(words, kind, EVT2_TIME_BITS, 6)
    event = kind <= 1
    return found + _outside(header, event, words >> 11 & 0x7FF, event, words & 0x7FF)


def _evt3(body: bytes, header: Header) -> Faults:
    words = np.frombuffer(body, "<u2").astype(np.int64)
    kind, value = words >> 12, words & 0x7FF
    found = _unknown(kind, EVT3_KINDS) + _backwards(words, kind, EVT3_TIME_BITS, 12)
    # A vector's bits are columns from the last base on, which each vector moves on by its length.
    bits, length = _vectors(kind, words)
    moved = np.cumsum(length) - length
    base = np.maximum.accumulate(np.where(kind == VECTOR_BASE, np.arange(len(words)), 0))
    highest = np.frexp(bits)[1] - 1  # of the bits that are set
    x = np.where(
        bits > 0, (value[base] if len(base) else base) + moved - moved[base] + highest, value
    )
    return found + _outside(header, (kind == ADDRESS_X) | (bits > 0), x, kind == ADDRESS_Y, value)


def _dat(body: bytes, header: Header) -> Faults:
    pairs = np.frombuffer(body, "<u4").reshape(-1, 2).astype(np.int64)
    x_bits, y_bits = DAT_ADDRESS[header.version]
    x = pairs[:, 1] & ((1 << x_bits) - 1)
    y = pairs[:, 1] >> x_bits & ((1 << y_bits) - 1)
    every = np.ones(len(pairs), np.bool_)
    return _steps_back(pairs[:, 0], np.arange(len(pairs)), 32, 1) + _outside(
        header, every, x, every, y
    )


def _unknown(kind: Words, known: tuple[int, ...]) -> Faults:
    wrong = ~np.isin(kind, known)
    i = int(np.argmax(wrong)) if wrong.any() else None
    return [] if i is None else [(i, f"a word of kind {kind[i]}, which the format does not have")]


def _backwards(words: Words, kind: Words, bits: int, low_bits: int) -> Faults:
    """Of the words with the upper part of the time. (The lower part may jitter.)"""
    at = np.flatnonzero(kind == TIME_HIGH)
    return _steps_back(words[at] & ((1 << bits) - 1), at, bits, 1 << low_bits)


def _steps_back(times: Words, at: Words, bits: int, unit_us: int) -> Faults:
    """The first step back of a clock of so many bits that is not its wrapping around."""
    step = np.diff(times)
    wrong = (step < 0) & (step > -(1 << (bits - 1)))
    if not wrong.any():
        return []
    i = int(np.argmax(wrong))
    before, after = int(times[i]) * unit_us, int(times[i + 1]) * unit_us
    return [(int(at[i + 1]), f"time goes backwards from {before} to {after} us")]


def _outside(header: Header, has_x: Words, x: Words, has_y: Words, y: Words) -> Faults:
    """The first column and the first row outside the sensor."""
    if header.sensor is None:
        return []
    found = []
    sides = (("x", has_x, x, header.sensor.width), ("y", has_y, y, header.sensor.height))
    for name, has, value, size in sides:
        wrong = has & (value >= size)
        if wrong.any():
            i = int(np.argmax(wrong))
            found.append((i, f"{name}={value[i]}, outside the sensor's 0..{size - 1}"))
    return found
