"""Events in text files (.csv, .txt).

NumPy reads them and not faery, because faery 0.7.1 takes columns by their place, whatever the
heading says, and moves times that go backwards in silence.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sw.data.columns import NAMES, USUAL, from_columns
from sw.data.events import DamagedFile, DataError, Events, Sensor, first_fault


def read_text(path: Path, sensor: Sensor | None) -> tuple[Events, Sensor | None]:
    """Events of a text file, one a line: whole numbers between commas, semicolons or blanks.

    A heading names the columns (`NAMES`); without one they are t, x, y, p. A heading like `x@34`
    gives the size of the sensor, as faery writes it. Polarity is 0 or 1, or -1 or 1.

    Raises:
        DamagedFile: a line is no event, time goes backwards, or an event is outside the sensor.
        DataError: a column is missing, or there is no event.
    """
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip() and line[0] != "#"), len(lines))
    if start == len(lines):
        raise DamagedFile(f"{path}: holds no event; leave it out, or record it again")
    first = lines[start]
    separator = next((mark for mark in ",;\t" if mark in first), None)
    names = [name.strip().lower() for name in first.split(separator)]
    if re.search(r"[a-z]", first.lower()):
        start += 1
        sensor = _stated(names) or sensor
        places = _places([name.partition("@")[0] for name in names], str(path))
    else:
        places = list(range(4))
        if len(names) < 4:
            raise DataError(
                f"{path}: its first line has {len(names)} columns, not t, x, y and p; "
                "give a heading, or these columns in this order"
            )
    rows, good, why = _rows(lines[start:], separator, places)
    events = from_columns(*rows.T, source=str(path))
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
    return events, sensor


def _is_event(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _stated(names: list[str]) -> Sensor | None:
    sizes = dict(name.split("@", 1) for name in names if "@" in name)
    if all(sizes.get(side, "").isdecimal() for side in "xy"):
        return Sensor(int(sizes["x"]), int(sizes["y"]), 2)
    return None


def _places(names: list[str], source: str) -> list[int]:
    """Column of t, x, y, p. Raises DataError."""
    places = []
    for field in USUAL:
        found = [i for i, name in enumerate(names) if name in NAMES[field]]
        if not found:
            raise DataError(
                f"{source}: no column {field} in {', '.join(names)}; "
                f"name it one of {', '.join(NAMES[field])}"
            )
        places.append(found[0])
    return places


def _rows(
    lines: list[str], separator: str | None, places: list[int]
) -> tuple[Any, int | None, str]:
    """int64[n, 4] of the lines; the number of the first that is none, if one is, and why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # of NumPy, for a fraction
            warnings.simplefilter("ignore", UserWarning)  # of NumPy, for no lines
            rows = np.loadtxt(
                lines, np.int64, comments="#", delimiter=separator, usecols=places, ndmin=2
            )
        return rows.reshape(-1, 4), None, ""
    except (ValueError, DeprecationWarning, IndexError):
        pass
    found = []  # line by line, to find the one
    for number, line in enumerate(lines):
        if not _is_event(line):
            continue
        try:
            parts = line.split("#")[0].split(separator)
            found.append([int(parts[place]) for place in places])
        except (ValueError, IndexError):
            shown = line if len(line) <= 40 else line[:37] + "..."
            why = f"{shown!r} is no event of whole numbers t, x, y, p"
            return np.array(found, np.int64).reshape(-1, 4), number, why
    return np.array(found, np.int64).reshape(-1, 4), None, ""
