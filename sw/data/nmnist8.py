"""Larger test set: 600 samples of each digit 0..7 of N-MNIST, denoised, in bins of 1 ms.

Not shipped. It is one `.npz` with, for N samples and M non-empty cells::

    label    uint8[N]      class 0..7
    n_bins   uint16[N]     length of the recording in ms
    offsets  int64[N+1]    cells of sample i: offsets[i]..offsets[i+1]
    dt_ms    uint8[M]      ms since the cell before it in the sample (the first: since 0)
    addr     uint16[M]     p*1156 + y*34 + x
    count    uint8[M]      events in the cell (unused: frames are binary)

A cell's time is the start of its millisecond, so binnings whose edges are multiples of 1 ms are
exact.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.data.cache import cached
from sw.data.dataset import Dataset, Request, Sample, missing
from sw.data.events import NMNIST_SENSOR, DataError, Events, make_events
from sw.data.packed import read_npz

CLASSES = 8
ARRAYS = ("label", "n_bins", "offsets", "dt_ms", "addr", "count")
TEST_PART, TEST_OF = 5, 24  # the last 125 of the 600 of each class
GET = (
    "the set is not shipped: put the .npz described in sw/data/nmnist8.py there, made for "
    "instance from tonic's NMNIST with Denoise(10000) and ToFrame(time_window=1000)"
)


def load_nmnist8(request: Request) -> Dataset:
    """Load the 8-class set from `root`, the `.npz` or a folder with no other `.npz` in it.

    The file is not divided, so the last 5/24 of each class are the test split: of 4800 samples 3800 to
    learn and 1000 to test. The classes take turns in the order of samples.

    Raises:
        DataError: the file is missing, or its arrays are damaged or do not fit together.
    """
    path = _find(request.root)
    small = request.reduced(NMNIST_SENSOR)

    def make() -> Dataset:
        data = read_npz(path, ARRAYS)
        _check(path, data)
        return Dataset(
            "nmnist8",
            (_sample(path, data, int(i), request) for i in split_indices(data["label"], request)),
            classes=CLASSES,
            n_inputs=small.n_inputs,
            steps=request.steps,
            **request.counts,
            input_map=small.map,
        )

    return cached(request, "nmnist8", [path], {}, make)


def split_indices(label: NDArray[np.uint8], request: Request) -> NDArray[np.int64]:
    """Return the indices of a split, int64: the classes in turns, each in file order."""
    rank = np.zeros(len(label), np.int64)
    test = np.zeros(len(label), np.bool_)
    for value in np.unique(label):
        members = np.flatnonzero(label == value)
        rank[members] = np.arange(len(members))
        test[members] = rank[members] >= len(members) - len(members) * TEST_PART // TEST_OF
    chosen = np.flatnonzero(test != request.train)
    in_turns = np.lexsort((label[chosen], rank[chosen]))
    return chosen[in_turns][: request.limit].astype(np.int64)


def _find(root: Path | None) -> Path:
    if root is not None and root.is_file():
        return root
    found = sorted(root.glob("*.npz")) if root is not None else []
    if not found:
        raise missing("nmnist8", "the .npz file", [root] if root is not None else [], GET)
    if len(found) > 1:
        raise DataError(f"{root}: holds {len(found)} .npz files; name the one to load")
    return found[0]


def _check(path: Path, data: dict[str, NDArray[Any]]) -> None:
    offsets, cells = data["offsets"], len(data["addr"])
    fits = (
        len(offsets) == len(data["label"]) + 1 == len(data["n_bins"]) + 1
        and len(data["dt_ms"]) == len(data["count"]) == cells
        and offsets[0] == 0
        and offsets[-1] == cells
        and bool(np.all(np.diff(offsets) >= 0))
    )
    if not fits:
        raise DataError(f"{path}: its arrays do not fit together; make it again or copy it again")
    if cells and data["addr"].max() >= NMNIST_SENSOR.n_inputs:
        raise DataError(
            f"{path}: address {data['addr'].max()} is outside the sensor's "
            f"0..{NMNIST_SENSOR.n_inputs - 1}; make it again as p*1156 + y*34 + x"
        )


def _sample(path: Path, data: dict[str, NDArray[Any]], i: int, request: Request) -> Sample:
    key = f"{request.split}/{i:05d}"
    frames = request.frames(_events(data, i), NMNIST_SENSOR, f"{path} sample {i}")
    return Sample(frames, int(data["label"][i]), key)


def _events(data: dict[str, NDArray[Any]], i: int) -> Events:
    cells = slice(data["offsets"][i], data["offsets"][i + 1])
    p, pixel = np.divmod(data["addr"][cells], NMNIST_SENSOR.width * NMNIST_SENSOR.height)
    y, x = np.divmod(pixel, NMNIST_SENSOR.width)
    return make_events(x, y, np.cumsum(data["dt_ms"][cells], dtype=np.int64) * 1000, p)
