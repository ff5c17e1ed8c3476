"""Files of DVS128 Gesture: tonic's arrays, and the authors' lists of what is in a recording."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sw.data.columns import from_columns
from sw.data.events import DamagedFile, DataError, Sensor, first_fault
from sw.data.labelled import Labelled
from sw.data.npy import read_header
from sw.data.recording import AGAIN, Recording, read_recording

LARGEST = 1e15
"""Above all times in milliseconds and all places."""


def read_gesture(path: Path, *, sensor: Sensor | None, salvage: bool) -> Recording:
    """Read tonic's `.npy` of x, y, p, t (ms), or any file that `read_recording` knows.

    Times become microseconds as in tonic, cut off; events are sorted by them.

    Raises:
        DamagedFile: the file is cut short or holds what is no event.
        DataError: it cannot be read.
    """
    if path.suffix != ".npy":
        return read_recording(path, sensor=sensor, salvage=salvage)
    rows, note = _rows(path)
    if rows is None:  # not a plain array of numbers
        return read_recording(path, sensor=sensor, salvage=salvage)
    if not np.all(np.abs(rows) < LARGEST):  # NaN, too
        raise DamagedFile(f"{path}: holds what is no number, or none of an event, {AGAIN}")
    x, y, p = (rows[:, column].astype(np.int64) for column in range(3))
    t = (rows[:, 3] * 1000).astype(np.int64)
    order = np.argsort(t, kind="stable")
    events = from_columns(t[order], x[order], y[order], p[order], source=str(path))
    if fault := first_fault(events, sensor):
        raise DamagedFile(f"{path}: {fault.text}, {AGAIN}")
    if note and not (salvage and len(events)):
        hint = f", or use the {len(events)} events before that: --salvage (salvage=True)"
        raise DamagedFile(f"{note}{hint if len(events) else ''}", events, sensor)
    if not len(events):
        raise DamagedFile(f"{path}: holds no event; leave it out, or copy it again")
    said = f"used up to the damage: {note}" if note else ""
    return Recording(str(path), events, sensor, int(events["t"][0]), said)


def _rows(path: Path) -> tuple[NDArray[np.floating] | None, str]:
    """Numbers [n, 4], of a file that is cut short those before that; and what is wrong with it.

    None: it is a structured array, which others read. Raises DataError.
    """
    try:
        with path.open("rb") as file:
            shape, by_column, kind = read_header(file)
            if kind.names:
                return None, ""
            if len(shape) != 2 or shape[1] != 4 or kind.kind not in "fiu":
                raise DataError(
                    f"{path}: holds {kind}, shape {shape}; an array [events, 4] of x, y, p, t (ms) "
                    "is wanted"
                )
            room = (os.fstat(file.fileno()).st_size - file.tell()) // max(kind.itemsize, 1)
            numbers = np.fromfile(file, kind, min(shape[0] * 4, room))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); check its permissions"
        ) from error
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DamagedFile(f"{path}: not a readable NumPy file ({error}); copy it again") from error
    if len(numbers) == shape[0] * 4:
        return numbers.reshape(shape, order="F" if by_column else "C"), ""
    whole = 0 if by_column else len(numbers) // 4
    note = f"{path}: {whole} of its {shape[0]} events are there, {AGAIN}"
    return numbers[: whole * 4].reshape(-1, 4), note


def read_trials(folder: Path, split: str, classes: int) -> list[Labelled]:
    """The gestures of the recordings that `trials_to_train.txt` or `trials_to_test.txt` names.

    Raises:
        DataError: a file that is named is not there, or a table of labels is damaged.
    """
    trials = folder / f"trials_to_{split}.txt"
    found = []
    for name in filter(None, map(str.strip, trials.read_text().splitlines())):
        path = folder / name
        table = path.with_name(f"{path.stem}_labels.csv")
        for wanted in (path, table):
            if not wanted.is_file():
                raise DataError(f"{trials}: names {name}, but {wanted} is not there; copy it again")
        found += _gestures(path, table, classes)
    if not found:
        raise DataError(f"{trials}: names no recording; copy it again")
    return found


def _gestures(path: Path, table: Path, classes: int) -> list[Labelled]:
    """What a table of labels says of its recording. Raises DataError, naming the line."""
    found: list[Labelled] = []
    with table.open(newline="", encoding="utf-8-sig") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            try:
                kind = int(row["class"])
                window = int(row["startTime_usec"]), int(row["endTime_usec"])
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"{table}: line {line}: class, startTime_usec, endTime_usec are wanted "
                    f"({error}); copy it again"
                ) from error
            if not 1 <= kind <= classes or window[0] >= window[1]:
                raise DataError(
                    f"{table}: line {line}: no gesture of 1 to {classes}; copy it again"
                )
            found.append(Labelled(kind - 1, path, f"{path.stem}/{len(found)}", window))
    return found
