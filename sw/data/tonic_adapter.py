"""Any tonic data set as a `Dataset`. tonic is an optional extra, imported only here, when used."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sw.data.cache import cached
from sw.data.dataset import Dataset, Request, Sample, missing
from sw.data.events import DataError, Sensor
from sw.data.split import split_in_turns, split_note
from sw.printable import reason

CLASSES = {
    **{"ASLDVS": 24, "CIFAR10DVS": 10, "DVSGesture": 11, "DVSLip": 100, "NMNIST": 10},
    **{"POKERDVS": 4, "SHD": 20, "SMNIST": 10, "SSC": 35},
}
"""Classes of tonic's data sets whose samples have one label each."""


def import_tonic() -> Any:
    """Import the tonic package.

    Raises:
        DataError: it is not installed.
    """
    try:
        importlib.import_module("tonic.datasets")
        return importlib.import_module("tonic")
    except ImportError as err:
        raise DataError(
            f"tonic: not installed ({err}); install it with: pip install tonic==1.7.0"
        ) from err


def from_tonic(
    dataset: Any,
    request: Request,
    *,
    name: str,
    classes: int,
    indices: Sequence[int] | None = None,
    keys: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> Dataset:
    """Bin the samples of a tonic data set.

    Args:
        dataset: `len()`, `[i] -> (events, label)` and `sensor_size`, as tonic's classes have;
            made without transforms, times in microseconds.
        request: steps, pool, time window and limit are used, and the split for the names.
        name: name of the result.
        classes: number of classes.
        indices: samples to take, in order. Default: `request.limit` of them spread evenly, since
            tonic sorts by class.
        keys: name of each taken sample. Default: split and index.
        class_names: what the classes are called.
        notes: for the user.

    Raises:
        DataError: an event is outside `sensor_size`, none is in the time window of any sample, or a
            label is not below `classes`.
    """
    sensor = Sensor(*dataset.sensor_size)
    if indices is None:
        count = min(request.limit or len(dataset), len(dataset))
        indices = [i * len(dataset) // count for i in range(count)]
    if keys is None:
        keys = [f"{request.split}/{i:05d}" for i in indices]

    def sample(index: int, key: str) -> Sample:
        events, label = dataset[index]
        frames = request.frames(events, sensor, f"{name} sample {key}")
        return Sample(frames, int(label), key)

    small = request.reduced(sensor)

    def make() -> Dataset:
        made = Dataset(
            name,
            (sample(i, key) for i, key in zip(indices, keys, strict=True)),
            classes=classes,
            n_inputs=small.n_inputs,
            steps=request.steps,
            **request.counts,
            sensor=sensor,
            class_names=class_names,
            input_map=small.map,
            notes=notes,
        )
        if not any(bits.any() for bits in made.packed.bits):
            raise DataError(
                f"{name}: no sample has an event from {request.window_us[0]} to "
                f"{request.window_us[1]} us; give another window (of CIFAR10DVS times do not start "
                "at 0: load it as cifar10dvs)"
            )
        return made

    files = _files(dataset)
    if not files:
        return make()
    settings = {"indices": list(indices), "keys": list(keys), "classes": class_names}
    return cached(request, name, files, settings | {"notes": list(notes)}, make)


def _files(dataset: Any) -> list[Path]:
    """The files of a set of tonic's, as far as it says where they are."""
    place = Path(getattr(dataset, "location_on_system", ""))
    return sorted(path for path in place.rglob("*") if path.is_file()) if place.name else []


def load_tonic(request: Request, *, of: str, split_seed: int = 0) -> Dataset:
    """Load a data set of tonic's by its name there, a key of `CLASSES`, e.g. `DVSGesture`.

    tonic downloads it to the root if it is not there. Sets that are not divided into training and
    test samples are divided by `split_seed`; a note says so. Times are those of the set, so the
    time window of `request` counts from its time 0.

    Raises:
        DataError: tonic is not installed or does not get the set, or no folder was given.
    """
    if of not in CLASSES:
        raise DataError(f"tonic.{of}: not a set that can be used; {', '.join(CLASSES)} are")
    if split_seed < 0:
        raise DataError(f"split seed: {split_seed} is negative; use 0 or more")
    if request.root is None:
        raise missing(f"tonic.{of}", "the folder tonic saves to", [], "name one, empty or not")
    kind = getattr(import_tonic().datasets, of)
    parameters = inspect.signature(kind.__init__).parameters
    which: dict[str, Any] = {"train": {"train": request.train}, "split": {"split": request.split}}
    divided: dict[str, Any] = next((which[name] for name in which if name in parameters), {})
    try:
        dataset = kind(save_to=str(request.root), **divided)
    except Exception as err:  # whatever its downloads and archives raise
        raise DataError(
            f"tonic.{of}: tonic could not load or download it ({reason(err)}); put "
            f"{_archive(kind, request)} in {request.root / of} by hand, or load tonic's set in "
            "Python to see more"
        ) from err
    indices, notes = None, []
    if not divided:
        indices = split_in_turns(list(dataset.targets), request, split_seed)
        notes = [split_note(f"tonic.{of}", split_seed)]
    names = getattr(dataset, "classes", None)
    return from_tonic(
        dataset,
        request,
        name=f"tonic.{of}",
        classes=CLASSES[of],
        indices=indices,
        class_names=list(names) if names is not None and len(names) == CLASSES[of] else None,
        notes=notes,
    )


def _archive(kind: Any, request: Request) -> str:
    """The file a class of tonic's downloads, with its address, as far as it says."""
    parts = [
        str(getattr(kind, f"{start}{what}"))
        for what in ("filename", "url")
        for start in (f"{request.split}_", "")
        if isinstance(getattr(kind, f"{start}{what}", None), str)
    ]
    return " from ".join(parts) or "its files"
