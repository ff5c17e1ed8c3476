"""DVS128 Gesture: eleven gestures of 29 people under three lights, 128 x 128 pixels.

Three layouts are known, the first found is taken:

- tonic's, each gesture in a file of its own, users 1 to 23 to train and 24 to 29 to test::

      ibmGestureTrain/user01_fluorescent/0.npy    x, y, p, t (ms) of class 0, float[n, 4]
      ibmGestureTest/user24_led/10.npy

- the authors', a file for each person and light, with all gestures one after the other::

      user01_fluorescent.aedat                    AEDAT 3.1
      user01_fluorescent_labels.csv               class (from 1), startTime_usec, endTime_usec
      trials_to_train.txt, trials_to_test.txt     names of the .aedat files

- a list: `labels.csv` with the columns file and class (a name of `CLASS_NAMES`), and event files of any
  format that `read_recording` knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from sw.data.dataset import Dataset, Request, missing
from sw.data.events import DataError, Sensor
from sw.data.folder import in_turns, undivided
from sw.data.gesture_file import read_gesture, read_trials
from sw.data.labelled import LABELS, Cutting, Labelled, load_labelled, read_labels

DVSGESTURE_SENSOR = Sensor(128, 128, 2)
STEPS, POOL, WINDOW_US = 20, 4, (0, 1_500_000)
"""As in the TESS paper: 2 x 32 x 32, 20 steps; 75 ms each."""
CLASS_NAMES = [
    *("hand_clapping", "right_hand_wave", "left_hand_wave", "right_arm_clockwise"),
    *("right_arm_counter_clockwise", "left_arm_clockwise", "left_arm_counter_clockwise"),
    *("arm_roll", "air_drums", "air_guitar", "other_gestures"),
]
FOLDERS = (".", "DVSGesture", "DvsGesture")
PARTS = {"train": "ibmGestureTrain", "test": "ibmGestureTest"}
WHOLE = {"train": 1077, "test": 264}
"""Recordings of tonic's version of the set."""
GET = (
    "get ibmGestureTrain.tar.gz from https://figshare.com/ndownloader/files/38022171 and "
    "ibmGestureTest.tar.gz from https://figshare.com/ndownloader/files/38020584 (tonic's version), and "
    "unpack both in {0}/DVSGesture; or unpack DvsGesture.tar.gz of "
    f"https://ibm.ent.box.com/s/3hiq58ww1pbbjrinh367ykfdf60xsfm8 in {{0}}; or write {{0}}/{LABELS}"
)


def load_dvsgesture(
    request: Request,
    *,
    every_window: bool = False,
    split_seed: int = 0,
    split_time: int | None = None,
    salvage: bool = False,
    on_file: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Load DVS128 Gesture from `root`, in one of the layouts above.

    The people of the training samples are not those of the test samples; a list of files is split by
    `split_seed`, as `load_folder` does. A sample is the time window of `request` in a recording of a
    gesture, counted from its first event. What the set should have and the folder has not is a note.

    Args:
        request: what to load.
        every_window: make a sample of every time window of a recording, one after the other, instead of
            the first. All of them are on the same side of the split.
        split_seed: of the split, for a list of files.
        split_time: instead, split every listed recording at this time (us), see `load_folder`.
        salvage: use the good part of a damaged file, and leave out one without; notes say so.
        on_file: told the number of the file that is read next, and how many there are.

    Raises:
        DataError: the set or a half of it is missing, or a file is damaged.
    """
    cutting = Cutting(every_window=every_window, split_time=split_time, salvage=salvage)
    if split_seed < 0:
        raise DataError(f"split seed: {split_seed} is negative; use 0 or more")
    root, notes = request.root, list[str]()
    files, listed = _find(request, split_seed, split_time is not None, notes)
    if split_time is not None and not listed:
        raise DataError(f"{root}: has people to train and others to test; leave --split-time out")
    return load_labelled(
        request,
        "dvsgesture",
        files,
        CLASS_NAMES,
        cutting=cutting,
        sensor=DVSGESTURE_SENSOR,
        notes=notes,
        on_file=on_file,
        read=read_gesture,
    )


def _find(
    request: Request, split_seed: int, whole: bool, notes: list[str]
) -> tuple[list[Labelled], bool]:
    """The recordings of a split, and whether they come from a list. Raises DataError."""
    root = request.root
    folders = [root / name for name in FOLDERS] if root is not None else []
    for folder in folders:
        if any((folder / part).is_dir() for part in PARTS.values()):
            return _of_tonic(folder, request, notes), False
        if (folder / f"trials_to_{request.split}.txt").is_file():
            return read_trials(folder, request.split, len(CLASS_NAMES)), False
    if root is not None and (listed := read_labels(root)) is not None:
        by_class: dict[str, list[Path]] = {name: [] for name in CLASS_NAMES}
        for name, path in listed:
            if name not in by_class:
                known = ", ".join(CLASS_NAMES)
                raise DataError(f"{root / LABELS}: {name} is no gesture; use {known}")
            by_class[name].append(path)
        notes += _lacking({label for label, name in enumerate(CLASS_NAMES) if by_class[name]})
        if not whole:
            by_class = undivided(request, by_class, split_seed, notes)
        return in_turns(by_class, CLASS_NAMES, root), True
    raise _missing(request, folders)


def _missing(request: Request, folders: list[Path]) -> DataError:
    """What is not there, where to get it and where to put it."""
    root = request.root
    part = PARTS[request.split]
    for folder in folders:
        archive = folder / f"{part}.tar.gz"
        if archive.is_file():
            return DataError(f"dvsgesture: {archive} is packed; unpack it in {folder}")
    wanted = f"{part}, trials_to_{request.split}.txt or {LABELS}"
    return missing("dvsgesture", wanted, folders, GET.format("DIR" if root is None else root))


def _of_tonic(folder: Path, request: Request, notes: list[str]) -> list[Labelled]:
    """The files of a split as tonic unpacks them: person by person, class by class."""
    top = folder / PARTS[request.split]
    if not top.is_dir():
        raise _missing(request, [folder])
    found = []
    for path in top.glob("*/*.npy"):
        person = re.fullmatch(r"user(\d+)_(.+)", path.parent.name)
        if path.name.startswith("."):
            continue
        if not person or not path.stem.isdecimal() or int(path.stem) >= len(CLASS_NAMES):
            raise DataError(
                f"{path}: is not named userNN_LIGHT/CLASS.npy with a class of 0 to "
                f"{len(CLASS_NAMES) - 1}; move it out of the data folder"
            )
        key = f"{path.parent.name}/{path.stem}"
        found.append((int(person[1]), person[2], Labelled(int(path.stem), path, key)))
    if not found:
        raise missing(
            "dvsgesture", "userNN_LIGHT/CLASS.npy files", [top], "unpack the archive again"
        )
    if len(found) < WHOLE[request.split]:
        notes.append(
            f"dvsgesture: {len(found)} of the {WHOLE[request.split]} recordings of the complete "
            f"set are in {top}"
        )
        notes += _lacking({file.label for *_, file in found})
    return [file for *_, file in sorted(found)]


def _lacking(labels: set[int]) -> list[str]:
    """A note of the gestures without a recording, if there are some."""
    names = [name for label, name in enumerate(CLASS_NAMES) if label not in labels]
    return [f"dvsgesture: no recording of {', '.join(names)}"] if names else []
