"""Events in NumPy files (.npy, .npz)."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from sw.data.columns import NAMES, USUAL, from_columns
from sw.data.events import DamagedFile, DataError, Events, Sensor, first_fault

SHAPE = (
    "save a structured array with the fields x, y, t (whole microseconds) and p (0 or 1), "
    "or an .npz with arrays of these names"
)
UNREADABLE = (
    *(OSError, EOFError, ValueError, KeyError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)


def read_numpy(path: Path, sensor: Sensor | None) -> tuple[Events, Sensor | None]:
    """Events of a NumPy file: a structured array, or in an .npz arrays named as its fields.

    Fields may be called as `sw.data.columns.NAMES` says. Nothing in it is ever unpickled.

    Raises:
        DamagedFile: time goes backwards, or an event is outside the sensor.
        DataError: the file cannot be read, or holds something else.
    """
    try:
        events = from_columns(*_columns(path), source=str(path))
    except UNREADABLE as err:
        if isinstance(err, DataError):
            raise
        raise DamagedFile(
            f"{path}: not a readable NumPy file ({err}); copy or make it again"
        ) from err
    if fault := first_fault(events, sensor):
        raise DamagedFile(
            f"{path}: {fault.text}; {fault.hint}sort the events by time or correct them",
            events[: fault.event],
        )
    return events, sensor


def _columns(path: Path) -> list[Any]:
    """t, x, y, p of a file. Raises DataError, or what NumPy raises."""
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        fields = {name: loaded[name] for name in loaded.dtype.names or ()}
        found = f"{loaded.dtype}, shape {loaded.shape}"
    else:
        with loaded:
            arrays = {name: loaded[name] for name in loaded.files}
        found = f"arrays {', '.join(arrays) or 'none'}"
        if len(arrays) == 1:  # one structured array, whatever its name
            (only,) = arrays.values()
            arrays = {name: only[name] for name in only.dtype.names or ()} or arrays
        fields = arrays
    columns = []
    for field in USUAL:
        names = [name for name in fields if name.lower() in NAMES[field]]
        if not names:
            raise DataError(f"{path}: holds no {field} but {found}; {SHAPE}")
        columns.append(fields[names[0]])
    return columns
