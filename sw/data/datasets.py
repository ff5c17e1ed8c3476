"""The data sets by name. To add one: write a loader, enter it in `DATASETS`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sw.data.binning import DEFAULT_WINDOW_US, Window
from sw.data.cifar10 import CIFAR10_SENSOR, load_cifar10
from sw.data.cues import CUES_SENSOR, load_cues
from sw.data.dataset import Dataset, Request
from sw.data.events import NMNIST_SENSOR, DataError, Sensor
from sw.data.fsdd import FSDD_SENSOR, load_fsdd
from sw.data.mnist import MNIST_SENSOR, load_mnist
from sw.data.nmnist import load_nmnist
from sw.data.nmnist8 import load_nmnist8
from sw.data.synthetic import SYNTHETIC_SENSOR, load_synthetic


@dataclass(frozen=True)
class Entry:
    """A data set that can be loaded by name.

    Attributes:
        loader: `loader(request, **options) -> Dataset`.
        sensor: its default sensor, before pooling.
        classes: its default number of classes.
        text: one line for a user.
    """

    loader: Callable[..., Dataset]
    sensor: Sensor
    classes: int
    text: str

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options that only this data set has."""
        return tuple(inspect.signature(self.loader).parameters)[1:]


DATASETS: dict[str, Entry] = {
    "nmnist": Entry(
        load_nmnist, NMNIST_SENSOR, 10, "N-MNIST: 1000 + 100 samples included, all from a folder"
    ),
    "nmnist8": Entry(
        load_nmnist8, NMNIST_SENSOR, 8, "N-MNIST digits 0..7, denoised, from an .npz file"
    ),
    "mnist": Entry(load_mnist, MNIST_SENSOR, 10, "MNIST images as spikes, from a folder"),
    "fsdd": Entry(load_fsdd, FSDD_SENSOR, 10, "spoken digits as spikes, from a folder"),
    "cifar10": Entry(load_cifar10, CIFAR10_SENSOR, 10, "CIFAR-10 images, from a folder"),
    "cues": Entry(
        load_cues,
        CUES_SENSOR,
        2,
        "cue accumulation (memory over time): generated, or ReckOn's files",
    ),
    "synthetic": Entry(load_synthetic, SYNTHETIC_SENSOR, 4, "generated patterns, no files needed"),
}


def load(
    name: str,
    root: str | Path | None = None,
    *,
    train: bool = True,
    limit: int | None = None,
    steps: int = 10,
    pool: int = 1,
    window_us: Window = DEFAULT_WINDOW_US,
    seed: int = 0,
    **options: Any,
) -> Dataset:
    """Load a data set by name.

    Args:
        name: a key of `DATASETS`.
        root: folder (or, for nmnist8, file) with the data; nmnist, cues and synthetic need none.
        train: the training samples, else the test samples.
        limit: load at most this many samples.
        steps: time steps per sample.
        pool: OR-pooling factor of the pixels, 1 for none.
        window_us: part of a recording to use, (start, end) in microseconds. Other events drop.
        seed: seed of generated data and of rate-coded images. Not of `Dataset.order`.
        options: what only this data set takes (`DATASETS[name].options`): nmnist `via_tonic`;
            mnist `code`; fsdd `bands`, `levels`, `delays`; cifar10 `code`, `levels`; synthetic `n_inputs`,
            `classes`, `samples`.

    Raises:
        DataError: the name, an argument or the data is wrong, or the data is missing.
    """
    if name not in DATASETS:
        raise DataError(f"{name}: not a data set; use one of {', '.join(DATASETS)}")
    entry = DATASETS[name]
    for option in options:
        if option not in entry.options:
            known = ", ".join(entry.options) or "none of its own"
            raise DataError(f"{name}: has no option {option!r}; it takes {known}")
    request = Request(
        root=None if root is None else Path(root).expanduser(),
        train=train,
        limit=limit,
        steps=steps,
        pool=pool,
        window_us=window_us,
        seed=seed,
    )
    if request.root is not None and not request.root.exists():
        raise DataError(f"{request.root}: no such file or folder; check the data path")
    return entry.loader(request, **options)
