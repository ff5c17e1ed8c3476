"""N-MNIST: the subset in this repository, or the complete set in a folder of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sw.data.cache import cached
from sw.data.dataset import Dataset, Request, Sample, missing
from sw.data.events import NMNIST_SENSOR, DataError, Events, read_nmnist
from sw.data.packed import read_packed
from sw.data.tonic_adapter import from_tonic, import_tonic
from sw.places import shipped

CLASSES = 10
REPO_DATA = shipped("nmnist")
GET = (
    "get Train.zip and Test.zip from https://www.garrickorchard.com/datasets/n-mnist and unpack "
    "them in DIR, or run tonic.datasets.NMNIST(save_to='DIR') with the tonic package"
)

File = tuple[int, int, Path]
"""File number, label, where it is."""
Recording = tuple[int, int, Events]
"""File number, label, events."""


def load_nmnist(request: Request, *, via_tonic: bool = False) -> Dataset:
    """Load N-MNIST, in the order of the file numbers (MNIST index + 1), labels mixed.

    Without a root: the subset in this repository, 1000 training and 100 test samples. With one,
    the first of these that exists: `root/train.npz` (packed, see `packed.py`), `root/Train/<label>/
    <number>.bin`, `root/NMNIST/Train/<label>/<number>.bin` (as tonic unpacks it); for the test
    samples `test.npz` and `Test`.

    Args:
        request: what to load.
        via_tonic: read through `tonic.datasets.NMNIST(save_to=root)`, which downloads the set
            if `root/NMNIST` lacks it.

    Raises:
        DataError: the data is missing or damaged, or tonic is asked for and not installed.
    """
    if via_tonic:
        return _load_via_tonic(request)
    packed, files = _find(request)
    small = request.reduced(NMNIST_SENSOR)

    def make() -> Dataset:
        recordings = read_packed(packed, request.limit) if packed else read_files(files)
        samples = (
            Sample(
                request.frames(
                    events, NMNIST_SENSOR, f"N-MNIST sample {request.split}/{number:05d}"
                ),
                label,
                f"{request.split}/{number:05d}",
            )
            for number, label, events in recordings
        )
        return Dataset(
            "nmnist",
            samples,
            classes=CLASSES,
            n_inputs=small.n_inputs,
            steps=request.steps,
            **request.counts,
            input_map=small.map,
        )

    read = [packed] if packed else [path for _, _, path in files]
    return cached(request, "nmnist", read, {}, make)


def _find(request: Request) -> tuple[Path | None, list[File]]:
    """The packed file, or the recordings, wherever they are. Raises DataError."""
    root = request.root or REPO_DATA
    packed = root / f"{request.split}.npz"
    folders = [root / request.split.title(), root / "NMNIST" / request.split.title()]
    if packed.is_file():
        return packed, []
    for folder in folders:
        if folder.is_dir():
            return None, list_folder(folder)[: request.limit]
    if request.root is None:
        get = "copy data/nmnist from the project's repository, or name a folder with the full set"
    else:
        get = GET.replace("DIR", str(root))
    raise missing("nmnist", f"{request.split} samples", [packed, *folders], get)


def read_folder(folder: Path, limit: int | None = None) -> Iterator[Recording]:
    """Yield the first `limit` recordings of `folder/<label>/<number>.bin` by number.

    Raises:
        DataError: see `list_folder`, or a file is damaged.
    """
    return read_files(list_folder(folder)[:limit])


def read_files(files: list[File]) -> Iterator[Recording]:
    """Yield the recordings. Raises DataError for a damaged one."""
    for number, label, path in files:
        yield number, label, read_nmnist(path)


def list_folder(folder: Path) -> list[File]:
    """The files `folder/<label>/<number>.bin`, by number.

    Raises:
        DataError: there is none, a folder is not named by a digit or a file not by a number.
    """
    files = sorted(
        (_number(path), _label(path.parent), path)
        for path in folder.glob("*/*.bin")
        if not path.name.startswith(".")  # macOS leaves ._00001.bin files
    )
    if not files:
        raise missing("nmnist", "<label>/<number>.bin files", [folder], "unpack the zip file there")
    return files


def _number(path: Path) -> int:
    if not path.stem.isdecimal():
        raise DataError(f"{path}: file name is not a number; move it out of the data folder")
    return int(path.stem)


def _label(folder: Path) -> int:
    if not folder.name.isdecimal() or int(folder.name) >= CLASSES:
        raise DataError(
            f"{folder}: folder name is not a digit 0..{CLASSES - 1}, the label of the files in it; "
            "rename it or move it out of the data folder"
        )
    return int(folder.name)


def _load_via_tonic(request: Request) -> Dataset:
    tonic = import_tonic()
    if request.root is None:
        raise missing("nmnist", "tonic's folder", [], "name the folder that tonic saves to")
    try:
        dataset: Any = tonic.datasets.NMNIST(save_to=str(request.root), train=request.train)
    except (OSError, RuntimeError) as err:
        raise DataError(
            f"{request.root}: tonic could not load or download NMNIST ({err}); "
            f"{GET.replace('DIR', str(request.root))}"
        ) from err
    # tonic sorts by label; by number, a limited set holds all labels
    numbers = [int(Path(path).stem) for path in dataset.data]
    chosen = sorted(range(len(numbers)), key=numbers.__getitem__)[: request.limit]
    keys = [f"{request.split}/{numbers[i]:05d}" for i in chosen]
    return from_tonic(dataset, request, name="nmnist", classes=CLASSES, indices=chosen, keys=keys)
