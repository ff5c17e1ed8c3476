"""A folder of recordings, a sub-folder for each class, or a list of files and classes."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

from sw.data.dataset import Dataset, Request, missing
from sw.data.events import DataError, Sensor
from sw.data.labelled import LABELS, Cutting, Labelled, load_labelled, read_labels
from sw.data.recording import READERS
from sw.data.split import seeded_share, split_note

GET = (
    "put recordings in DIR/<class>/, or in DIR/train/<class>/ and DIR/test/<class>/, or list them "
    f"in DIR/{LABELS} under `file,class`"
)
ALONE = (
    "a single recording in each class, none to test; add some, or split in time: --split-time 1s"
)


def load_folder(
    request: Request,
    *,
    sensor: tuple[int, int, int] | None = None,
    every_window: bool = False,
    split_seed: int = 0,
    split_time: int | None = None,
    salvage: bool = False,
    on_file: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Load `root/train/<class>/<file>` and `root/test/<class>/<file>`, or `root/<class>/<file>`.

    With `root/labels.csv`, a table with the columns file and class, the files that it lists.
    Without `train` and `test`, a fifth of the files of each class, chosen by `split_seed`, are the
    test samples; a note says so. Classes are in the order of their names, numbers by their value.
    In the order of samples the classes take turns. Files whose ending is not that of a recording
    are left out, and a note counts them.

    A sample is the time window of `request` in a recording, counted from its first event (in N-MNIST
    files: from time 0).

    Args:
        request: what to load.
        sensor: size of the sensor, for files that do not say it.
        every_window: make a sample of every time window of a recording, one after the other, instead of
            the first. All of them are on the same side of the split.
        split_seed: of the split.
        split_time: instead, split every recording at this time (us): time windows before it are to
            train, those after it to test; a note says what that means.
        salvage: use the good part of a damaged file, and leave out one without; notes say so.
        on_file: told the number of the file that is read next, and how many there are.

    Raises:
        DataError: no recordings, a damaged one, sensors that differ or are not known.
    """
    cutting = Cutting(every_window=every_window, split_time=split_time, salvage=salvage)
    if split_seed < 0:
        raise DataError(f"split seed: {split_seed} is negative; use 0 or more")
    if request.root is None or not request.root.is_dir():
        looked = [] if request.root is None else [request.root]
        raise missing("folder", "folders of recordings", looked, GET)
    notes: list[str] = []
    names, files = _choose(request, split_seed, split_time is not None, notes)
    return load_labelled(
        request,
        "folder",
        files,
        names,
        cutting=cutting,
        sensor=None if sensor is None else Sensor(*sensor),
        notes=notes,
        on_file=on_file,
    )


def _choose(
    request: Request, split_seed: int, whole: bool, notes: list[str]
) -> tuple[list[str], list[Labelled]]:
    """Names of the classes, and the files of a split (`whole`: all). Raises DataError."""
    root = request.root
    assert root is not None
    if (listed := read_labels(root)) is not None:
        by_class: dict[str, list[Path]] = {}
        for name, path in listed:
            by_class.setdefault(name, []).append(path)
        names, top, divided = sorted(by_class, key=by_number), root, False
    else:
        names, top, divided = _classes(root, request.train)
        if divided and whole:
            raise DataError(f"{root}: has train and test folders; leave --split-time out")
        by_class = {name: files_in(top / name, notes) for name in names}
        if not any(by_class.values()):
            raise DataError(f"{top}: no recordings (files ending in {', '.join(READERS)}); {GET}")
    if not divided and not whole:
        by_class = undivided(request, by_class, split_seed, notes)
    return names, in_turns(by_class, names, top)


def undivided(
    request: Request, by_class: dict[str, list[Path]], split_seed: int, notes: list[str]
) -> dict[str, list[Path]]:
    """The files of a split of recordings that are not divided, with a note. Raises DataError."""
    chosen = {}
    for label, name in enumerate(sorted(by_class, key=by_number)):
        files = by_class[name]
        numbers = seeded_share(len(files), train=request.train, seed=split_seed, label=label)
        chosen[name] = [files[i] for i in numbers]
    if not any(chosen.values()):
        raise DataError(f"{request.root}: {ALONE}; or {GET}")
    notes.insert(0, split_note(str(request.root), split_seed))
    return chosen


def in_turns(by_class: dict[str, list[Path]], names: list[str], top: Path) -> list[Labelled]:
    """The files, the classes in turns, in the order of `names`; called as below `top`."""
    rows = [
        [Labelled(label, path, path.relative_to(top).as_posix()) for path in by_class[name]]
        for label, name in enumerate(names)
    ]
    return [found for turn in zip_longest(*rows) for found in turn if found is not None]


def _classes(root: Path, train: bool) -> tuple[list[str], Path, bool]:
    """Names of the classes, the folder that has them, and whether there are two such."""
    folders = {path.name.lower(): path for path in _folders(root)}
    both = [folders[name] for name in ("train", "test") if name in folders]
    if len(both) == 1:
        other = "test" if both[0].name.lower() == "train" else "train"
        raise DataError(f"{root}: has {both[0].name} and no {other}; {GET}")
    names = sorted({path.name for top in both or [root] for path in _folders(top)}, key=by_number)
    return names, root if not both else both[0 if train else 1], bool(both)


def _folders(path: Path) -> list[Path]:
    return [found for found in path.iterdir() if found.is_dir() and found.name[0] != "."]


def files_in(folder: Path, notes: list[str]) -> list[Path]:
    """The recordings in a folder, by name; of other files a note."""
    if not folder.is_dir():  # a class that only the other split has
        return []
    files = [path for path in folder.iterdir() if path.is_file() and path.name[0] != "."]
    others = sorted({path.suffix or "none" for path in files if path.suffix.lower() not in READERS})
    if others:
        notes.append(f"{folder}: files with the ending {', '.join(others)} left out")
    known = [path for path in files if path.suffix.lower() in READERS]
    return sorted(known, key=lambda path: by_number(path.name))


def by_number(name: str) -> list[str | int]:
    """Key that sorts names with numbers in them by their value."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
