"""A folder of recordings, a sub-folder for each class, or a list of files and classes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

from sw.data.dataset import Dataset, Request, missing
from sw.data.events import DataError, Sensor
from sw.data.labelled import LABELS, Cutting, Labelled, load_labelled, read_labels
from sw.data.recording import READERS
from sw.data.split import seeded_share, split_note
from sw.printable import short

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
    Recordings may lie deeper within a class's folder, by person or so.

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
        DataError: no recordings, or none of a class; a damaged one, sensors that differ or are not
            known; names of classes that differ between train and test, or in how they are written alone.
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
        _check_names(str(root / LABELS), names)
    else:
        names, top, divided = _classes(root, request.train, notes)
        if divided and whole:
            raise DataError(f"{root}: has train and test folders; leave --split-time out")
        by_class = {name: files_in(top / name, notes) for name in names}
        if not any(by_class.values()):
            raise DataError(f"{top}: no recordings (files ending in {', '.join(READERS)}); {GET}")
        for name in names:
            if not by_class[name] and (top / name).is_dir() and not (divided and not request.train):
                raise DataError(
                    f"{top / name}: no recording of class {name}; remove it, or add some"
                )
        if len(names) == 1 and not any(
            path.parent == top / names[0] for path in by_class[names[0]]
        ):
            raise DataError(
                f"{top}: {names[0]} is its only class, and has folders alone; are they the classes? "
                f"Then give {top / names[0]}"
            )
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
        [Labelled(label, path, _key(path, top)) for path in by_class[name]]
        for label, name in enumerate(names)
    ]
    return [found for turn in zip_longest(*rows) for found in turn if found is not None]


def _key(path: Path, top: Path) -> str:
    """A recording's name: its path below the folder; of one that a list has from elsewhere, its path."""
    return (path.relative_to(top) if path.is_relative_to(top) else path).as_posix()


def _classes(root: Path, train: bool, notes: list[str]) -> tuple[list[str], Path, bool]:
    """Names of the classes, the folder that has them, and whether there are two such."""
    folders: dict[str, Path] = {}
    for path in _folders(root):
        name = path.name.lower()
        if name in ("train", "test") and name in folders:
            raise DataError(f"{root}: has {folders[name].name} and {path.name}; keep one of them")
        folders[name] = path
    both = [folders[name] for name in ("train", "test") if name in folders]
    if len(both) == 1:
        other = "test" if both[0].name.lower() == "train" else "train"
        raise DataError(f"{root}: has {both[0].name} and no {other}; {GET}")
    if not both:
        names = sorted((path.name for path in _folders(root)), key=by_number)
        _check_names(str(root), names)
        return names, root, False
    learned, tested = ({path.name for path in _folders(top)} for top in both)
    names = sorted(learned | tested, key=by_number)
    _check_names(str(root), names)
    if unknown := sorted(tested - learned, key=by_number):
        raise DataError(
            f"{root}: {both[1].name} has the class {short(', '.join(unknown))} and {both[0].name} does not; "
            "give both the same names"
        )
    if untested := sorted(learned - tested, key=by_number):
        notes.append(f"{root}: {both[1].name} has no class {short(', '.join(untested))}")
    return names, both[0 if train else 1], True


def _check_names(source: str, names: list[str]) -> None:
    """Raise DataError for two names that look the same, as accents can be written in two ways."""
    seen: dict[str, str] = {}
    for name in names:
        plain = " ".join(unicodedata.normalize("NFC", name).split())
        if plain in seen:
            raise DataError(
                f"{source}: classes {seen[plain]} and {name} look the same and are not; "
                "give them one name"
            )
        seen[plain] = name


def _folders(path: Path) -> list[Path]:
    found = [path for path in _inside(path) if path.is_dir()]
    return sorted(found, key=lambda path: by_number(path.name))


def _inside(folder: Path) -> list[Path]:
    """What a folder holds, but for hidden names. Raises DataError."""
    try:
        return [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read ({error.strerror}); check its permissions"
        ) from error


def files_in(folder: Path, notes: list[str]) -> list[Path]:
    """The recordings in a folder and in those within it, by name; of other files a note.

    Raises:
        DataError: a folder in it is called train or test: they belong above the classes.
    """
    if not folder.is_dir():  # a class that only the other split has
        return []
    found, todo, seen = [], [folder], set()
    while todo:
        here = todo.pop()
        if (place := here.resolve()) in seen:  # a link to a folder above it
            continue
        seen.add(place)
        found += [path for path in _inside(here) if path.is_file()]
        for inner in _folders(here):
            if inner.name.lower() in ("train", "test"):
                raise DataError(f"{inner}: train and test belong above the classes; {GET}")
            todo.append(inner)
    others = sorted({path.suffix or "none" for path in found if path.suffix.lower() not in READERS})
    if others:
        notes.append(f"{folder}: files with the ending {short(', '.join(others))} left out")
    known = [path for path in found if path.suffix.lower() in READERS]
    return sorted(known, key=lambda path: by_number(path.relative_to(folder).as_posix()))


def by_number(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Key that sorts names with numbers in them by their value, and equal values by how they are written.

    No two names have one key, so an order never depends on where the names come from.
    """
    parts = []
    for number, text in re.findall(r"([0-9]+)|([^0-9]+)", name):
        value = number.lstrip("0")  # of digits without end, which `int` refuses
        parts.append((0, len(value), value) if number else (1, 0, text))
    return parts, name
