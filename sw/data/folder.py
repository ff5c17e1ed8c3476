"""A folder of recordings, a sub-folder for each class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, zip_longest
from pathlib import Path

from sw.data.binning import bin_events
from sw.data.dataset import Dataset, Request, Sample, missing, seeded_share, split_note
from sw.data.events import DamagedFile, DataError, Sensor
from sw.data.recording import READERS, Recording, check_sensor, read_recording

GET = "put recordings in DIR/<class>/, or in DIR/train/<class>/ and DIR/test/<class>/"

Labelled = tuple[int, Path]
"""Class and file."""


def load_folder(
    request: Request,
    *,
    sensor: tuple[int, int, int] | None = None,
    every_window: bool = False,
    split_seed: int = 0,
    salvage: bool = False,
    on_file: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Load `root/train/<class>/<file>` and `root/test/<class>/<file>`, or `root/<class>/<file>`.

    Without `train` and `test`, a fifth of the files of each class, chosen by `split_seed`, are the
    test samples; a note says so. Classes are in the order of their names, numbers by their value.
    In the order of samples the classes take turns. Files whose ending is not that of a recording
    are left out, and a note counts them.

    A sample is the window of `request` in a recording, counted from its first event (in N-MNIST
    files: from time 0).

    Args:
        request: what to load.
        sensor: size of the sensor, for files that do not say it.
        every_window: make a sample of every window of a recording, one after the other, instead of
            the first. All of them are on the same side of the split.
        split_seed: of the split.
        salvage: use the good part of a damaged file, and leave out one without; notes say so.
        on_file: told the number of the file that is read next, and how many there are.

    Raises:
        DataError: no recordings, a damaged one, sensors that differ or are not known.
    """
    if split_seed < 0:
        raise DataError(f"split seed: {split_seed} is negative; use 0 or more")
    if request.root is None or not request.root.is_dir():
        looked = [] if request.root is None else [request.root]
        raise missing("folder", "folders of recordings", looked, GET)
    notes: list[str] = []
    given = None if sensor is None else Sensor(*sensor)
    names, files = _choose(request.root, request.train, split_seed, notes)
    recordings = _read(files, given, salvage, notes, on_file or (lambda number, count: None))
    label, first = next(recordings, (0, None))
    if first is None:
        raise DataError(f"{request.root}: no recording can be read: {'; '.join(notes)}")
    found = given or first.sensor
    if found is None:
        raise DataError(
            f"{first.source}: does not say the size of its sensor; give it: --sensor 128x128 "
            "(sensor=(128, 128, 2))"
        )
    samples = _samples(chain([(label, first)], recordings), found, request, every_window)
    return Dataset(
        "folder",
        islice(samples, request.limit),
        classes=len(names),
        n_inputs=found.pooled(request.pool).n_inputs,
        steps=request.steps,
        sensor=found,
        class_names=names,
        notes=notes,
    )


def _choose(
    root: Path, train: bool, split_seed: int, notes: list[str]
) -> tuple[list[str], list[Labelled]]:
    """Names of the classes, and the files of a split, the classes in turns. Raises DataError."""
    folders = {path.name.lower(): path for path in _folders(root)}
    both = [folders[name] for name in ("train", "test") if name in folders]
    if len(both) == 1:
        other = "test" if both[0].name.lower() == "train" else "train"
        raise DataError(f"{root}: has {both[0].name} and no {other}; {GET}")
    names = sorted({path.name for top in both or [root] for path in _folders(top)}, key=_by_number)
    top = root if not both else both[0 if train else 1]
    by_class, count = [], 0
    for label, name in enumerate(names):
        files = _files(top / name, notes)
        count += len(files)
        if not both:
            chosen = seeded_share(len(files), train=train, seed=split_seed, label=label)
            files = [files[i] for i in chosen]
        by_class.append(files)
    if count and not any(by_class):
        raise DataError(
            f"{root}: a single recording in each class, none to test; add some, or {GET}"
        )
    if not count:
        raise DataError(f"{top}: no recordings (files ending in {', '.join(READERS)}); {GET}")
    if not both:
        notes.insert(0, split_note(str(root), split_seed))
    turns = zip_longest(*([(label, path) for path in row] for label, row in enumerate(by_class)))
    return names, [found for turn in turns for found in turn if found is not None]


def _folders(path: Path) -> list[Path]:
    return [found for found in path.iterdir() if found.is_dir() and found.name[0] != "."]


def _files(folder: Path, notes: list[str]) -> list[Path]:
    """The recordings in a folder, by name; of other files a note."""
    if not folder.is_dir():  # a class that only the other split has
        return []
    files = [path for path in folder.iterdir() if path.is_file() and path.name[0] != "."]
    others = sorted({path.suffix or "none" for path in files if path.suffix.lower() not in READERS})
    if others:
        notes.append(f"{folder}: files with the ending {', '.join(others)} left out")
    known = [path for path in files if path.suffix.lower() in READERS]
    return sorted(known, key=lambda path: _by_number(path.name))


def _by_number(name: str) -> list[str | int]:
    """Key that sorts names with numbers in them by their value."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _read(
    files: list[Labelled],
    sensor: Sensor | None,
    salvage: bool,
    notes: list[str],
    on_file: Callable[[int, int], None],
) -> Iterator[tuple[int, Recording]]:
    """The recordings, of damaged ones what is good."""
    for number, (label, path) in enumerate(files):
        on_file(number, len(files))
        try:
            recording = read_recording(path, sensor=sensor, salvage=salvage)
        except DamagedFile as damage:
            if not salvage:
                raise
            notes.append(f"left out: {damage}")
            continue
        if recording.note:
            notes.append(f"used up to the damage: {recording.note}")
        yield label, recording


def _samples(
    recordings: Iterable[tuple[int, Recording]],
    sensor: Sensor,
    request: Request,
    every_window: bool,
) -> Iterator[Sample]:
    """The first window of each recording, or every one that has an event."""
    since, until = request.window_us
    for label, recording in recordings:
        check_sensor(recording.source, recording.sensor, sensor)
        path = Path(recording.source)
        key = f"{request.split}/{path.parent.name}/{path.name}"
        windows = recording.windows(until - since)
        if every_window:
            windows = [window for window in windows if recording.count(window)]
        for number, (start, end) in enumerate(windows if every_window else windows[:1]):
            frames = bin_events(
                recording.events,
                steps=request.steps,
                sensor=sensor,
                window_us=(start + since, end + since),
                pool=request.pool,
                source=recording.source,
            )
            yield Sample(frames, label, f"{key}#{number}" if every_window else key)
