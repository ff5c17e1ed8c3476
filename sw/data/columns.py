"""Columns of numbers as events: what they may be called, and what they may hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from sw.data.events import DataError, Events, make_events

NAMES = {
    "t": ("t", "time", "timestamp", "ts"),
    "x": ("x",),
    "y": ("y",),
    "p": ("p", "on", "pol", "polarity"),
}
"""What a field may be called."""
USUAL = ("t", "x", "y", "p")
"""The order of columns without a heading."""


def from_columns(t: Any, x: Any, y: Any, p: Any, *, source: str) -> Events:
    """Events of four equally long columns of whole numbers: `EVENT_DTYPE[n]`.

    Polarity is 0 or 1, or -1 or 1, or a truth value.

    Raises:
        DataError: a column is of another length or type, or holds a number that is none of it.
    """
    columns = {"t": np.asarray(t), "x": np.asarray(x), "y": np.asarray(y), "p": np.asarray(p)}
    for name, column in columns.items():
        if column.ndim != 1 or len(column) != len(columns["t"]):
            raise DataError(
                f"{source}: {name} has shape {column.shape} and t {columns['t'].shape}; "
                "give four columns of one length"
            )
        if column.dtype.kind not in ("bui" if name == "p" else "ui"):
            unit = " of microseconds" if name == "t" else ""
            raise DataError(
                f"{source}: {name} is {column.dtype}; give whole numbers{unit}, as integers"
            )
    limits = {"t": (-(1 << 62), 1 << 62), "x": (0, 32767), "y": (0, 32767), "p": (-1, 1)}
    for name, (low, high) in limits.items():
        wrong = (columns[name] < low) | (columns[name] > high)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise DataError(
                f"{source}: event {i} has {name}={columns[name][i]}; {low} to {high} are possible, "
                "correct the file or the order of its columns"
            )
    return make_events(columns["x"], columns["y"], columns["t"], columns["p"] > 0)
