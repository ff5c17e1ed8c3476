"""Events in NumPy files (.npy, .npz)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sw.data.columns import USUAL, field_of, from_columns
from sw.data.events import Contents, DamagedFile, DataError, Sensor, first_fault
from sw.data.npy import load_arrays
from sw.printable import short

SHAPE = (
    "save a structured array with the fields x, y, t (whole microseconds) and p (0 or 1), "
    "or an .npz with arrays of these names"
)


def read_numpy(path: Path, sensor: Sensor | None) -> Contents:
    """Events of a NumPy file: a structured array, or in an .npz arrays named as its fields.

    Fields may be called as `sw.data.columns.NAMES` says, with the unit of the time in its name.
    Nothing in it is ever unpickled.

    Raises:
        DamagedFile: it cannot be read, time goes backwards, or an event is outside the sensor.
        DataError: it holds something else.
    """
    columns, unit = _columns(path)
    events = from_columns(*columns, source=str(path), unit=unit)
    if fault := first_fault(events, sensor):
        raise DamagedFile(
            f"{path}: {fault.text}; {fault.hint}sort the events by time or correct them",
            events[: fault.event],
        )
    return Contents(events, sensor)


def _columns(path: Path) -> tuple[list[Any], str | None]:
    """t, x, y, p of a file, and the unit of t. Raises DataError."""
    fields = load_arrays(path)
    if len(fields) == 1:  # one structured array, whatever its name
        (only,) = fields.values()
        found = f"{only.dtype}, shape {only.shape}"
        fields = {name: only[name] for name in only.dtype.names or ()} or fields
    else:
        found = f"arrays {short(', '.join(fields)) or 'none'}"
    columns, unit = [], None
    for field in USUAL:
        names = [name for name in fields if field_of(name)[0] == field]
        if len(names) > 1:
            raise DataError(
                f"{path}: {short(' and '.join(names))} are both {field}; name one of them so"
            )
        if not names:
            raise DataError(f"{path}: holds no {field} but {found[:200]}; {SHAPE}")
        columns.append(fields[names[0]])
        if field == "t":
            unit = field_of(names[0])[1]
    return columns, unit
