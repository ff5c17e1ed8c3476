"""Columns of numbers as events: what they may be called, in what unit, and what they may hold."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from sw.data.events import DamagedFile, DataError, Events, make_events, unwrap

NAMES = {
    "t": ("t", "time", "timestamp", "timestamps", "ts"),
    "x": ("x", "col", "column"),
    "y": ("y", "row"),
    "p": ("p", "on", "pol", "polarity", "polarities"),
}
"""What a field may be called."""
USUAL = ("t", "x", "y", "p")
"""The order of columns without a heading."""
UNITS = {"ns": (1, 1000), "us": (1, 1), "µs": (1, 1), "ms": (1000, 1), "s": (1_000_000, 1)}
"""Microseconds of a unit, as a fraction: numerator and denominator."""
UNIX_NS = 10**17
"""A time from here on is one of nanoseconds since 1970: in microseconds it is 3000 years."""
LIMITS = {"t": (-(1 << 62), 1 << 62), "x": (0, 32767), "y": (0, 32767), "p": (-1, 1)}


def split_unit(name: str) -> tuple[str, str | None]:
    """A name and the unit in it: `t[ns]`, `t (ms)`, `time_us`; None: it has none."""
    text = name.strip().lower().lstrip("#% ").replace("μ", "µ")
    match = re.fullmatch(r"(\w+?)\s*(?:[\[(]\s*(ns|us|µs|ms|s)\s*[\])]|[_ ](ns|us|µs|ms|s))", text)
    return (match[1], match[2] or match[3]) if match else (text, None)


def field_of(name: str) -> tuple[str | None, str | None]:
    """The field (of USUAL) that a column's name stands for, and its unit; None: none."""
    plain, unit = split_unit(name)
    return next((field for field in USUAL if plain in NAMES[field]), None), unit


def microseconds(t: Any, unit: str | None, *, source: str) -> Any:
    """Times in microseconds, int64, of whole numbers or fractions in a unit; None: microseconds.

    Raises:
        DataError: there are fractions without a unit, or the times look like nanoseconds.
    """
    t = np.asarray(t)
    if t.dtype.kind in "mM":
        return _of_dates(t, source)
    if t.dtype.kind == "f" and unit is not None:
        return _rounded(t, unit, source)
    if t.dtype.kind not in "ui":
        raise DataError(
            f"{source}: t is {t.dtype}; give whole numbers of microseconds, as integers, or name "
            "the unit: t[s], t[ms], t[us] or t[ns]"
        )
    if unit is None and t.size and int(t.max()) >= UNIX_NS and int(t.max()) <= LIMITS["t"][1]:
        raise DataError(
            f"{source}: t reaches {t.max()}, nanoseconds by its size; name the unit, t[ns] or t[us]"
        )
    if t.dtype.itemsize == 4:
        t = unwrap(t.astype(np.int64), 32)
    up, down = UNITS[unit or "us"]
    if (up, down) == (1, 1):
        return t
    if fault := _first("t", t, LIMITS["t"][0] // up, LIMITS["t"][1] // up, source):
        raise DataError(fault[1])
    return t.astype(np.int64) * up // down


def _of_dates(t: Any, source: str) -> Any:
    """Of NumPy's dates and lengths of time, which hold their unit."""
    if np.datetime_data(t.dtype)[0] == "generic" or np.isnat(t).any():
        raise DataError(f"{source}: t is {t.dtype} and not always a time; give whole microseconds")
    return t.astype(f"{t.dtype.kind}8[us]").astype(np.int64)


def _rounded(t: Any, unit: str, source: str) -> Any:
    up, down = UNITS[unit]
    with np.errstate(over="ignore"):  # infinity is refused below
        t = t.astype(np.float64) * up / down
    wrong = ~(np.abs(t) < LIMITS["t"][1])  # NaN, too
    if wrong.any():
        i = int(np.argmax(wrong))
        raise DataError(f"{source}: event {i} has the time {t[i]} us, which is none; correct it")
    return np.rint(t).astype(np.int64)


def from_columns(t: Any, x: Any, y: Any, p: Any, *, source: str, unit: str | None = None) -> Events:
    """Events of four equally long columns of whole numbers: `EVENT_DTYPE[n]`.

    Polarity is 0 or 1, or -1 or 1, or a truth value. `unit` is that of t (UNITS); with one, t may
    have fractions. None: whole microseconds, or NumPy's dates.

    Raises:
        DamagedFile: a column holds a number that is none of it.
        DataError: a column is of another length or type.
    """
    columns = {"t": np.asarray(t), "x": np.asarray(x), "y": np.asarray(y), "p": np.asarray(p)}
    for name, column in columns.items():
        if column.ndim != 1 or len(column) != len(columns["t"]):
            raise DataError(
                f"{source}: {name} has shape {column.shape} and t {columns['t'].shape}; "
                "give four columns of one length"
            )
        if name != "t" and column.dtype.kind not in ("bui" if name == "p" else "ui"):
            raise DataError(f"{source}: {name} is {column.dtype}; give whole numbers, as integers")
    columns["t"] = microseconds(columns["t"], unit, source=source)
    faults = [
        _first(name, columns[name], low, high, source) for name, (low, high) in LIMITS.items()
    ]
    first = min((fault for fault in faults if fault is not None), default=None)
    if first is None:
        return make_events(columns["x"], columns["y"], columns["t"], columns["p"] > 0)
    end, text = first
    good = {name: column[:end] for name, column in columns.items()}
    raise DamagedFile(text, make_events(good["x"], good["y"], good["t"], good["p"] > 0))


def _first(name: str, column: Any, low: int, high: int, source: str) -> tuple[int, str] | None:
    """The first event with a number outside low..high, and what to say of it."""
    wrong = (column < low) | (column > high)
    if not wrong.any():
        return None
    i = int(np.argmax(wrong))
    return i, (
        f"{source}: event {i} has {name}={column[i]}; {low} to {high} are possible, "
        "correct the file or the order of its columns"
    )
