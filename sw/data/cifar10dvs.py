"""CIFAR10-DVS: 1000 images of each class of CIFAR-10, moved in front of a sensor of 128 x 128 pixels.

A folder for each class, with files of any format that `read_recording` knows: tonic's (AEDAT4), the
authors' (AEDAT 2), or converted ones::

    CIFAR10DVS/airplane/cifar10_airplane_0.aedat4
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sw.data.cifar10 import CIFAR10
from sw.data.dataset import Dataset, Request, missing
from sw.data.events import DataError, Sensor
from sw.data.folder import files_in
from sw.data.labelled import Cutting, Labelled, load_labelled
from sw.data.split import split_in_turns, split_note

CIFAR10DVS_SENSOR = Sensor(128, 128, 2)
STEPS, SIZE, WINDOW_US = 10, (48, 48), (0, 1_300_000)
"""As in the TESS paper: 2 x 48 x 48, 10 steps; the recordings last about 1.3 s."""
CLASS_NAMES = list(CIFAR10.class_names)
FOLDERS = (".", "CIFAR10DVS")
WHOLE = 1000
"""Recordings of a class."""
TEST_SHARE = 0.1  # as is usual for this set
GET = (
    "get CIFAR10DVS.zip from https://figshare.com/ndownloader/files/38023437 (tonic's version) and "
    "unpack it and the ten archives in it in {0}/CIFAR10DVS"
)


def load_cifar10dvs(
    request: Request,
    *,
    every_window: bool = False,
    split_seed: int = 0,
    salvage: bool = False,
    on_file: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Load CIFAR10-DVS from `root/CIFAR10DVS/<class>/` or `root/<class>/`.

    The set is not divided: a tenth of the files of each class, chosen by `split_seed`, are the test
    samples; a note says so. The classes take turns. A sample is the time window of `request` in a
    recording, counted from its first event. A class with fewer than 1000 files is a note.

    Args:
        request: what to load.
        every_window: make a sample of every time window of a recording, one after the other, instead of
            the first. All of them are on the same side of the split.
        split_seed: of the split.
        salvage: use the good part of a damaged file, and leave out one without; notes say so.
        on_file: told the number of the file that is read next, and how many there are.

    Raises:
        DataError: the set or a class is missing, a file is damaged, or faery is, which reads AEDAT4.
    """
    if split_seed < 0:
        raise DataError(f"split seed: {split_seed} is negative; use 0 or more")
    notes: list[str] = []
    paths = _find(request.root, notes)
    labels = [label for label, _ in paths]
    chosen = split_in_turns(labels, replace(request, limit=None), split_seed, TEST_SHARE)
    if not chosen:
        raise DataError(f"{request.root}: too few recordings to have some to {request.split}")
    notes.insert(0, split_note("cifar10dvs", split_seed, TEST_SHARE))
    names = [f"{path.parent.name}/{path.name}" for _, path in paths]
    return load_labelled(
        request,
        "cifar10dvs",
        [Labelled(*paths[i], names[i]) for i in chosen],
        CLASS_NAMES,
        cutting=Cutting(every_window=every_window, salvage=salvage),
        sensor=CIFAR10DVS_SENSOR,
        notes=notes,
        on_file=on_file,
    )


def _find(root: Path | None, notes: list[str]) -> list[tuple[int, Path]]:
    """Class and path of every recording. Raises DataError: what is missing, and where to put it."""
    get = GET.format("DIR" if root is None else root)
    folders = [root / name for name in FOLDERS] if root is not None else []
    for top in folders:
        if any((top / name).is_dir() for name in CLASS_NAMES):
            break
        packed = [name for name in ("CIFAR10DVS", *CLASS_NAMES) if (top / f"{name}.zip").is_file()]
        if packed:
            raise DataError(f"cifar10dvs: {top / packed[0]}.zip is packed; unpack it in {top}")
    else:
        raise missing("cifar10dvs", f"{', '.join(CLASS_NAMES)} folders", folders, get)
    by_class = [files_in(top / name, notes) for name in CLASS_NAMES]
    if lost := [name for name, files in zip(CLASS_NAMES, by_class, strict=True) if not files]:
        raise DataError(f"cifar10dvs: no recordings of {', '.join(lost)} in {top}; {get}")
    if any(len(files) < WHOLE for files in by_class):
        count = sum(map(len, by_class))
        notes.append(f"cifar10dvs: {count} of the {10 * WHOLE} recordings of the set are in {top}")
    return [(label, path) for label, files in enumerate(by_class) for path in files]
