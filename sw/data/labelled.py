"""Recordings with a class each, made into samples; what they share that are found in many places."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from sw.data.binning import Window
from sw.data.cache import cached
from sw.data.dataset import Dataset, Request, Sample
from sw.data.events import DamagedFile, DataError, Sensor
from sw.data.recording import Recording, check_sensor, read_recording
from sw.data.text_file import decode_text
from sw.printable import reason, short

LABELS = "labels.csv"


class Labelled(NamedTuple):
    """A recording and its class."""

    label: int
    path: Path
    key: str
    """Its name in the split."""
    part: Window | None = None
    """The time of the file that it is, microseconds; None: all of it."""


class Reader(Protocol):
    """Reads a recording, as `read_recording` does."""

    def __call__(self, path: Path, *, sensor: Sensor | None, salvage: bool) -> Recording: ...


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """How recordings are cut into samples."""

    every_window: bool = False
    """Make a sample of every time window of a recording, instead of the first alone."""
    split_time: int | None = None
    """Microseconds from a recording's start: time windows before it are to train, those after it to
    test. None: a recording is on one side as a whole."""
    salvage: bool = False
    """Use the good part of a damaged file, and leave out one without; notes say so."""

    def __post_init__(self) -> None:
        if self.split_time is not None and self.split_time < 1:
            raise DataError(f"split time: {self.split_time} us is no time; use 1 or more")

    def windows(self, recording: Recording, request: Request) -> list[Window]:
        """The time windows of a recording that are samples of the request's split."""
        since, until = request.window_us
        length, at = until - since, self.split_time
        start, count = recording.start_us, recording.window_count(length)
        if at is not None and request.train:
            count = min(count, at // length)
        elif at is not None:
            start += at
            rest = replace(recording, start_us=start)
            count = rest.window_count(length) if rest.duration_us > 0 else 0
        numbers: Iterable[int] = range(min(count, 1))
        if self.every_window:  # those with events: a long pause has windows without number
            numbers = np.unique((recording.events["t"] - (start + since)) // length).tolist()
        starts = (start + since + number * length for number in numbers if 0 <= number < count)
        return [(at, at + length) for at in starts]

    @property
    def notes(self) -> list[str]:
        """What to tell the user."""
        if self.split_time is None:
            return []
        at = f"{self.split_time / 1e6:g} s"
        return [
            f"every recording is split at {at}: windows before it are to train and those after it "
            "to test, so accuracy says nothing of recordings that were not seen"
        ]


def load_labelled(
    request: Request,
    name: str,
    files: list[Labelled],
    class_names: list[str],
    *,
    cutting: Cutting,
    sensor: Sensor | None,
    notes: Iterable[str] = (),
    on_file: Callable[[int, int], None] | None = None,
    read: Reader = read_recording,
) -> Dataset:
    """Samples of recordings, in their order; from the cache where they are there.

    Args:
        request: what to load.
        name: of the data set.
        files: the recordings of the split.
        class_names: names of the classes.
        cutting: how recordings become samples.
        sensor: size of the sensor; None: the files say it.
        notes: for the user.
        on_file: told the number of the file that is read next, and how many there are.
        read: reads a file.

    Raises:
        DataError: no recording can be read, one is damaged, sensors differ or are not known.
    """

    def make() -> Dataset:
        said = [*notes, *cutting.notes]
        recordings = _read(
            files, sensor, cutting, said, on_file or (lambda number, count: None), read
        )
        first = next(recordings, None)
        if first is None:
            raise DataError(f"{request.root}: no recording can be read: {short('; '.join(said))}")
        found = sensor or first[1].sensor
        if found is None:
            raise DataError(
                f"{first[1].source}: does not say the size of its sensor; give it: --sensor 128x128 "
                "(sensor=(128, 128, 2))"
            )
        small = request.reduced(found)
        return Dataset(
            name,
            islice(_samples(chain([first], recordings), found, request, cutting), request.limit),
            classes=len(class_names),
            n_inputs=small.n_inputs,
            steps=request.steps,
            **request.counts,
            sensor=found,
            class_names=class_names,
            input_map=small.map,
            notes=said,
        )

    settings = {"files": files, "classes": class_names, "cutting": cutting, "sensor": sensor}
    return cached(
        request, name, (file.path for file in files), settings | {"notes": [*notes]}, make
    )


def _read(
    files: list[Labelled],
    sensor: Sensor | None,
    cutting: Cutting,
    notes: list[str],
    on_file: Callable[[int, int], None],
    read: Reader,
) -> Iterator[tuple[Labelled, Recording]]:
    """The recordings, of damaged ones what is good. A file with several is read once."""
    last: Recording | None = None
    for number, file in enumerate(files):
        on_file(number, len(files))
        try:
            if last is None or last.source != str(file.path):
                last = read(file.path, sensor=sensor, salvage=cutting.salvage)
                if last.note:
                    notes.append(last.note)
            recording = last if file.part is None else last.between(file.part)
        except DamagedFile as damage:
            if not cutting.salvage:
                raise
            notes.append(f"left out: {damage}")
            continue
        yield file, recording


def _samples(
    recordings: Iterable[tuple[Labelled, Recording]],
    sensor: Sensor,
    request: Request,
    cutting: Cutting,
) -> Iterator[Sample]:
    """The time windows of each recording."""
    for file, recording in recordings:
        check_sensor(recording.source, recording.sensor, sensor)
        key = f"{request.split}/{file.key}"
        for number, window in enumerate(cutting.windows(recording, request)):
            frames = request.frames(recording.events, sensor, recording.source, window)
            yield Sample(frames, file.label, f"{key}#{number}" if cutting.every_window else key)


def read_labels(folder: Path) -> list[tuple[str, Path]] | None:
    """Class and path of every file that `labels.csv` lists, in its order; None without that file.

    Its heading names the columns `file` and `class`; others do not matter. Commas, semicolons or tabs
    part them. A path is taken from the list's own folder on, or is absolute.

    Raises:
        DataError: it is not such a table, a file is not there or twice in it; the line is named.
    """
    table = folder / LABELS
    try:
        text = decode_text(table.read_bytes())
        heading = text.partition("\n")[0]
        separator = next((mark for mark in ",;\t" if mark in heading), ",")
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        rows = [(reader.line_num, _plain_names(row)) for row in reader]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"{table}: cannot be read ({reason(error)}); write lines `file,class`"
        ) from error
    found: list[tuple[str, Path]] = []
    lines: dict[Path, int] = {}
    for line, row in rows:
        name, kind = row.get("file", ""), row.get("class", "")
        if not name or not kind:
            raise DataError(f"{table}: line {line} has no file and class; begin with `file,class`")
        path = _listed(folder, name)
        if path is None:
            raise DataError(
                f"{table}: line {line}: {str(folder / name)[:300]} is not there; copy it again"
            )
        if (first := lines.setdefault(path.resolve(), line)) != line:
            raise DataError(
                f"{table}: line {line}: {name[:300]} is in line {first}, too; remove one"
            )
        found.append((kind, path))
    if not found:
        raise DataError(f"{table}: lists no file; write lines `file,class`")
    return found


def _plain_names(row: dict[Any, Any]) -> dict[str, str]:
    """A row by the names of its columns in small letters; without blanks around."""
    return {
        name.strip().lower(): value.strip()
        for name, value in row.items()
        if isinstance(name, str) and isinstance(value, str)
    }


def _listed(folder: Path, name: str) -> Path | None:
    """The file that a list names, also as Windows writes it; None: it is not there."""
    for text in (name, name.replace("\\", "/")):
        try:
            if (folder / text).is_file():
                return folder / text
        except (OSError, ValueError):  # no name that a file can have
            continue
    return None
