"""Events in text files (.csv, .txt).

NumPy reads them and not faery, because faery 0.7.1 takes columns by their place, whatever the
heading says, and moves times that go backwards in silence.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sw.data.columns import NAMES, USUAL, field_of, from_columns
from sw.data.events import Contents, DamagedFile, DataError, Sensor, first_fault
from sw.printable import short

MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
"""Byte order marks: what Excel and PowerShell begin a file with."""
COMMENTS = ("#", "%")
QUOTES = ("'", '"')
FRACTION = (
    "; t has fractions, so say their unit in a heading: t[s],x,y,p or t[ms],x,y,p (t[us], t[ns])"
)


class Heading(NamedTuple):
    """What the first lines of a file say of the others."""

    start: int
    """Number of the first line with an event, from 0."""
    separator: str | None
    places: list[int]
    """Column of t, x, y, p."""
    unit: str | None
    """Of t; None: not said."""
    sensor: Sensor | None


def read_text(path: Path, sensor: Sensor | None) -> Contents:
    """Events of a text file, one a line: numbers between commas, semicolons, tabs or blanks.

    A heading names the columns (`NAMES`); without one they are t, x, y, p. It may begin with # or %,
    its names and the numbers may be in quotes. A heading like `x@34` gives the size of the sensor, as
    faery writes it, one like `t[s]` the unit of the times, which then may have fractions; without
    one they are whole microseconds. Polarity is 0 or 1, or -1 or 1.

    Raises:
        DamagedFile: a line is no event, time goes backwards, or an event is outside the sensor.
        DataError: a column is missing, or there is no event.
    """
    lines = decode_text(path.read_bytes()).splitlines()
    heading = _heading(lines, str(path))
    sensor = heading.sensor or sensor
    start = heading.start
    columns, good, why = _rows(lines[start:], heading)
    events = from_columns(*columns, source=str(path), unit=heading.unit)
    fault = first_fault(events, sensor)
    if fault:
        line = (
            start + 1 + [i for i, text in enumerate(lines[start:]) if _is_event(text)][fault.event]
        )
        raise DamagedFile(
            f"{path}: line {line}: {fault.text}; {fault.hint}sort the file by time or correct it",
            events[: fault.event],
            sensor,
        )
    if good is not None:
        raise DamagedFile(
            f"{path}: line {start + 1 + good}: {why}; correct or remove it", events, sensor
        )
    return Contents(events, sensor)


def decode_text(raw: bytes) -> str:
    """The text of a file, by its byte order mark; without one UTF-8, other bytes as surrogates."""
    encoding = next((name for mark, name in MARKS.items() if raw.startswith(mark)), "utf-8")
    if encoding == "utf-16":
        return raw.decode(encoding, "replace").lstrip("\ufeff")
    return raw.decode(encoding, "surrogateescape").lstrip("\ufeff")


def _heading(lines: list[str], source: str) -> Heading:
    """Find the columns. Raises DataError."""
    start = next((i for i, line in enumerate(lines) if _is_event(line)), len(lines))
    if start == len(lines):
        raise DamagedFile(f"{source}: holds no event; leave it out, or record it again")
    named = start if re.search(r"[a-z]", lines[start], re.I) else None
    if named is None:  # a comment right before the first event may name the columns
        before = [i for i in range(start) if lines[i].strip()]
        if before and _fields(lines[before[-1]]):
            named = before[-1]
    if named is None:
        return _without(lines[start], start, source)
    text = lines[named].lstrip("".join((*COMMENTS, " ")))
    separator = _separator(text)
    names = _split(text, separator)
    places, unit = _places([name.partition("@")[0] for name in names], source)
    if named == start:
        start += 1
    else:
        separator = _separator(lines[start])
    return Heading(start, separator, places, unit, _stated(names))


def _without(line: str, start: int, source: str) -> Heading:
    """Columns of a file without a heading."""
    separator = _separator(line)
    count = len(_split(line, separator))
    if count < 4:
        raise DataError(
            f"{source}: its first line has {count} columns, not t, x, y and p; "
            "give a heading, or these columns in this order"
        )
    return Heading(start, separator, list(range(4)), None, None)


def _fields(comment: str) -> bool:
    """Whether a comment names all columns."""
    text = comment.lstrip("".join((*COMMENTS, " ")))
    found = {field_of(name.partition("@")[0])[0] for name in _split(text, _separator(text))}
    return set(USUAL) <= found


def _separator(line: str) -> str | None:
    return next((mark for mark in ",;\t" if mark in line), None)


def _split(line: str, separator: str | None) -> list[str]:
    """Parts of a line, without blanks and quotes."""
    return [part.strip().strip("\"'").strip() for part in line.split(separator)]


def _is_event(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(COMMENTS)


def _stated(names: list[str]) -> Sensor | None:
    sizes = dict(name.lower().split("@", 1) for name in names if "@" in name)
    if all(re.fullmatch(r"[0-9]{1,5}", sizes.get(side, "")) for side in "xy"):
        width, height = int(sizes["x"]), int(sizes["y"])
        return Sensor(width, height, 2) if width and height else None
    return None


def _places(names: list[str], source: str) -> tuple[list[int], str | None]:
    """Column of t, x, y, p, and the unit of t. Raises DataError."""
    known = [field_of(name) for name in names]
    places = []
    for field in USUAL:
        found = [i for i, (which, _) in enumerate(known) if which == field]
        if not found:
            raise DataError(
                f"{source}: no column {field} in {short(', '.join(names))}; "
                f"name it one of {', '.join(NAMES[field])}"
            )
        if len(found) > 1:
            both = short(", ".join(names[i] for i in found))
            raise DataError(f"{source}: {len(found)} columns {field} ({both}); name one of them so")
        places.append(found[0])
    return places, known[places[0]][1]


def _rows(lines: list[str], heading: Heading) -> tuple[list[Any], int | None, str]:
    """Columns t, x, y, p of the lines; the number of the first that is none, if one is, and why."""
    kinds = [np.int64] if heading.unit is None else [np.int64, np.float64]
    # NumPy 2.4 looks other characters up in a table of 256, takes some for digits, and crashes with some
    plain = all(map(str.isascii, lines)) and not any(mark in "".join(lines[:1]) for mark in QUOTES)
    for kind in kinds if plain else []:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", DeprecationWarning)  # of NumPy, for a fraction
                warnings.simplefilter("ignore", UserWarning)  # of NumPy, for no lines
                rows = np.loadtxt(
                    lines,
                    [("t", kind), *((name, np.int64) for name in "xyp")],
                    comments=list(COMMENTS),
                    delimiter=heading.separator,
                    usecols=heading.places,
                    ndmin=1,
                )
            return [rows[name] for name in USUAL], None, ""
        except (ValueError, DeprecationWarning, IndexError, OverflowError):
            pass
    return _one_by_one(lines, heading)


def _one_by_one(lines: list[str], heading: Heading) -> tuple[list[Any], int | None, str]:
    """The same line by line, to find the one that is wrong."""
    found: list[tuple[Any, ...]] = []
    wrong, why = None, ""
    for number, line in enumerate(lines):
        if not _is_event(line):
            continue
        try:
            parts = _split(re.split("[#%]", line)[0], heading.separator)
            t, *rest = (parts[place] for place in heading.places)
            found.append((_time(t, heading.unit), *map(_whole, rest)))
        except (ValueError, IndexError):
            shown = line if len(line) <= 40 else line[:37] + "..."
            wrong, why = number, f"{shown!r} is no event of whole numbers t, x, y, p"
            if heading.unit is None and not found and "." in line:
                why += FRACTION
            break
    columns = [np.array(column) for column in zip(*found, strict=True)]
    return columns or [np.empty(0, np.int64)] * 4, wrong, why


def _whole(text: str) -> int:
    """A whole number that 64 bits hold; `5.0` is one. Raises ValueError."""
    if not re.fullmatch(r"[-+]?[0-9]{1,19}(\.0*)?", text):
        raise ValueError("not a whole number")
    value = int(text.partition(".")[0])
    if abs(value) >> 63:
        raise ValueError("too large a number")
    return value


def _time(text: str, unit: str | None) -> int | float:
    """A time; with a unit it may have fractions. Raises ValueError."""
    if unit is None or re.fullmatch("[-+]?[0-9]+", text):
        return _whole(text)
    return float(text)
