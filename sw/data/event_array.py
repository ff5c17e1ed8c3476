"""Event arrays that a user hands over in Python: what is wrong with them is said before they are binned."""

from __future__ import annotations

import warnings

import numpy as np

from sw.data.binning import Window
from sw.data.events import DataError, Events, Sensor
from sw.printable import short


class DataWarning(UserWarning):
    """Samples that are taken, though something about them is odd."""


def check_event_array(events: Events, sensor: Sensor, source: str) -> None:
    """Check the fields of a structured array, and its times.

    An array that is not in the order of time is taken, with a DataWarning. Raises DataError for a field that
    is missing or not of whole numbers.
    """
    names = events.dtype.names or ()
    wanted = [
        "x",
        "t",
        *(["y"] if sensor.height > 1 else []),
        *(["p"] if sensor.polarities > 1 else []),
    ]
    if missing := [name for name in wanted if name not in names]:
        advice = "name the fields x, y, t, p"
        if missing == ["p"]:
            advice = f"without polarities the sensor is ({sensor.width}, {sensor.height}, 1)"
        raise DataError(
            f"{source}: no field {', '.join(missing)} among {short(', '.join(names))}; {advice}"
        )
    if events.ndim != 1:
        raise DataError(f"{source}: events of shape {events.shape}; give one row of them, [n]")
    for name in wanted:
        _check_whole(events, name, source)
    if len(events) and np.any(events["t"][1:] < events["t"][:-1]):
        warnings.warn(
            "events that are not in the order of time are binned by their times all the same; "
            "check that t is the time",  # no name of a sample: this is said once
            DataWarning,
            stacklevel=2,
        )


def check_seen(events: Events, window: Window, source: str) -> None:
    """Raise DataError when there are events, and none of them is in the time window."""
    t = events["t"]
    if len(t) and not np.any((t >= window[0]) & (t < window[1])):
        raise DataError(
            f"{source}: none of its {len(t)} events is in the window {window[0]}..{window[1]} us, they "
            f"are at {t.min()}..{t.max()} us; give another window_us, or let it count from the first event "
            "(Binning(from_first=True))"
        )


def _check_whole(events: Events, name: str, source: str) -> None:
    column = events[name]
    if column.dtype.kind in "biu":
        return
    whole = column.dtype.kind == "f" and np.isfinite(column).all() and (column % 1 == 0).all()
    if whole:
        return
    advice = f"give {name} as whole numbers"
    if name == "t":
        advice = "times are whole microseconds: of seconds, (t * 1e6).astype(np.int64)"
    raise DataError(
        f"{source}: {name} is {column.dtype} with values that are no whole numbers; {advice}"
    )
