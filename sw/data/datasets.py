"""The data sets by name. To add one: write a loader, enter it in `DATASETS`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from golden.spec.names import near
from sw.data import cifar10, cifar10dvs, dvsgesture
from sw.data.binning import DEFAULT_WINDOW_US, Window
from sw.data.cifar10 import CIFAR10_SENSOR, load_cifar10
from sw.data.cifar10dvs import CIFAR10DVS_SENSOR, load_cifar10dvs
from sw.data.cifar100 import load_cifar100
from sw.data.cues import CUES_SENSOR, load_cues
from sw.data.dataset import Dataset, Request
from sw.data.dvsgesture import DVSGESTURE_SENSOR, load_dvsgesture
from sw.data.events import NMNIST_SENSOR, DataError, Sensor, Size
from sw.data.folder import load_folder
from sw.data.fsdd import FSDD_MAPS_SENSOR, FSDD_SENSOR, load_fsdd, load_fsdd_maps
from sw.data.mnist import MNIST_SENSOR, load_mnist
from sw.data.nmnist import load_nmnist
from sw.data.nmnist8 import load_nmnist8
from sw.data.synthetic import SYNTHETIC_SENSOR, load_synthetic
from sw.data.tonic_adapter import CLASSES, load_tonic


@dataclass(frozen=True)
class Entry:
    """A data set that can be loaded by name."""

    loader: Callable[..., Dataset]
    """`loader(request, **options) -> Dataset`."""
    sensor: Sensor | None
    """Its default sensor, before pooling; None: that of its files."""
    classes: int | None
    """Its default number of classes; None: that of its files."""
    text: str
    """One line for a user."""
    steps: int = 10
    """Time steps per sample, unless others are asked for; 1 to 65535."""
    pool: int = 1
    """Pooling factor, likewise; 1 is none."""
    size: Size | None = None
    """Columns and rows to scale down to, likewise; None: as `pool` says."""
    window_us: Window = DEFAULT_WINDOW_US
    """Part of a recording, likewise: start and end, microseconds."""
    scales: bool = False
    """Its sensor's pixels can be scaled to any `size`."""
    values: bool = False
    """Its inputs can carry values (`input_bits`)."""

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options that only this data set has."""
        parameters = inspect.signature(self.loader).parameters
        return tuple(name for name in parameters if name not in ("request", "of"))


DATASETS: dict[str, Entry] = {
    "nmnist": Entry(
        load_nmnist,
        NMNIST_SENSOR,
        10,
        "N-MNIST: 1000 + 100 samples included, all from a folder",
        scales=True,
        values=True,
    ),
    "nmnist8": Entry(
        load_nmnist8,
        NMNIST_SENSOR,
        8,
        "N-MNIST digits 0..7, denoised, from an .npz file",
        scales=True,
        values=True,
    ),
    "dvsgesture": Entry(
        load_dvsgesture,
        DVSGESTURE_SENSOR,
        len(dvsgesture.CLASS_NAMES),
        "DVS128 Gesture, from a folder, as 2 x 32 x 32",
        steps=dvsgesture.STEPS,
        pool=dvsgesture.POOL,
        window_us=dvsgesture.WINDOW_US,
        scales=True,
        values=True,
    ),
    "cifar10dvs": Entry(
        load_cifar10dvs,
        CIFAR10DVS_SENSOR,
        len(cifar10dvs.CLASS_NAMES),
        "CIFAR10-DVS, from a folder, as 2 x 48 x 48",
        steps=cifar10dvs.STEPS,
        size=cifar10dvs.SIZE,
        window_us=cifar10dvs.WINDOW_US,
        scales=True,
        values=True,
    ),
    "mnist": Entry(load_mnist, MNIST_SENSOR, 10, "MNIST images, from a folder", values=True),
    "cifar10": Entry(
        load_cifar10,
        CIFAR10_SENSOR,
        10,
        "CIFAR-10 images, from a folder",
        steps=cifar10.STEPS,
        values=True,
    ),
    "cifar100": Entry(
        load_cifar100,
        CIFAR10_SENSOR,
        100,
        "CIFAR-100 images, from a folder",
        steps=cifar10.STEPS,
        values=True,
    ),
    "fsdd": Entry(load_fsdd, FSDD_SENSOR, 10, "spoken digits as spikes, from a folder"),
    "fsdd-maps": Entry(
        load_fsdd_maps,
        FSDD_MAPS_SENSOR,
        10,
        "the same as maps of 16 bands x 5 delays, a channel for each level",
    ),
    "cues": Entry(
        load_cues,
        CUES_SENSOR,
        2,
        "cue accumulation (memory over time): generated, or ReckOn's files",
    ),
    "synthetic": Entry(load_synthetic, SYNTHETIC_SENSOR, 4, "generated patterns, no files needed"),
    "folder": Entry(
        load_folder,
        None,
        None,
        "your recordings, a sub-folder for each class, any event format",
        scales=True,
        values=True,
    ),
}
TONIC = "tonic."
"""Start of the name of a data set of tonic's: `tonic.DVSGesture`."""


def entry(name: str) -> Entry:
    """The data set of a name: a key of `DATASETS`, or a tonic set. Raises DataError."""
    if name.startswith(TONIC):
        of = name.removeprefix(TONIC)
        loader = partial(load_tonic, of=of)
        text = f"{of}, through the tonic package"
        return Entry(loader, None, CLASSES.get(of), text, scales=True, values=True)
    if name not in DATASETS:
        known = ", ".join(DATASETS)
        raise DataError(
            f"{name}: not a data set{near(name, DATASETS)}; use one of {known}, or tonic.NAME"
        )
    return DATASETS[name]


def load(
    name: str,
    root: str | Path | None = None,
    *,
    train: bool = True,
    limit: int | None = None,
    steps: int | None = None,
    pool: int | None = None,
    size: Size | None = None,
    window_us: Window | None = None,
    seed: int = 0,
    cache: bool = True,
    input_bits: int = 1,
    input_fraction: int | None = None,
    **options: Any,
) -> Dataset:
    """Load a data set by name.

    Args:
        name: a key of `DATASETS`, or `tonic.NAME` for a data set of the tonic package.
        root: folder (or, for nmnist8, file) with the data; nmnist, cues and synthetic need none.
        train: the training samples, else the test samples.
        limit: load at most this many samples.
        steps: time steps per sample. Default, of this and the next three: those of the set, see
            `Entry`; mostly 10 steps, no pooling, the first 300 ms.
        pool: OR-pooling factor of the pixels, 1 for none.
        size: instead of pooling, columns and rows to scale the sensor's pixels down to.
        window_us: part of a recording to use, (start, end) in microseconds. Other events drop.
        seed: seed of generated data and of rate-coded images. Not of `Dataset.order`.
        cache: keep the frames of slow formats for the next time, see `sw.data.cache`.
        input_bits: above 1, inputs carry signed values of so many bits: of images the normalised
            colours (of MNIST the intensity, 0 to 1), of recordings the number of events of a pixel and step.
        input_fraction: fraction bits of these values: 2^input_fraction counts as much as a spike.
            Default: of images input_bits - 2 (from -2 to almost 2), of recordings 0.
        options: what only this data set takes (`DATASETS[name].options`): nmnist `via_tonic`;
            mnist `code`; fsdd and fsdd-maps `bands`, `levels`, `delays`; cifar10 and cifar100 `code`,
            `levels`; synthetic `n_inputs`, `classes`, `samples`; folder `sensor`; folder, dvsgesture,
            cifar10dvs `every_window`, `split_seed`, `salvage`; folder and dvsgesture `split_time`;
            tonic sets `split_seed`.

    Raises:
        DataError: the name, an argument or the data is wrong, or the data is missing.
    """
    found = entry(name)
    for option in options:
        if option not in found.options:
            known = ", ".join(found.options) or "none of its own"
            raise DataError(f"{name}: has no option {option!r}; it takes {known}")
    if size is not None and not found.scales:
        raise DataError(f"{name}: its inputs are not a sensor's pixels; use pool instead of size")
    if input_bits > 1 and not found.values:
        able = ", ".join(key for key, each in DATASETS.items() if each.values)
        raise DataError(
            f"{name}: its inputs are spikes, they carry no values; leave out input_bits, or use one of "
            f"{able}, or tonic.NAME"
        )
    if size is None and pool is None:
        size = found.size
    request = Request(
        root=None if root is None else Path(root).expanduser(),
        train=train,
        limit=limit,
        steps=found.steps if steps is None else steps,
        pool=_pool(found, pool, size),
        size=size,
        window_us=found.window_us if window_us is None else window_us,
        seed=seed,
        cache=cache,
        input_bits=input_bits,
        input_fraction=input_fraction,
    )
    if request.root is not None and not request.root.exists():
        raise _no_such(found, request, options)
    samples = found.loader(request, **options)
    if samples.sensor is None and found.sensor is not None:
        fits = found.sensor.reduced(request.pool, size).n_inputs == samples.n_inputs
        samples.sensor = found.sensor if fits else None
    return samples


def _pool(found: Entry, pool: int | None, size: Size | None) -> int:
    """The pooling asked for; a set's own is not meant beside a size."""
    if pool is not None:
        return pool
    return found.pool if size is None else 1


def _no_such(found: Entry, request: Request, options: dict[str, Any]) -> DataError:
    """The error for a folder that is not there: where the set comes from, as of one that is empty."""
    why = "check the data path"
    if not (
        isinstance(found.loader, partial) or options.get("via_tonic")
    ):  # tonic would make the folder
        try:
            found.loader(request, **options)
        except DataError as error:
            why = str(error)
    return DataError(f"{request.root}: no such file or folder; {why}")
