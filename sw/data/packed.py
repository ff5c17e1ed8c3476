"""The packed N-MNIST file: every event of many samples in one small `.npz`.

Events are sorted by address inside a sample, because that packs best: how often each address
fires is one small number per address, and only the times remain. The arrays are::

    number   uint32[N]          N-MNIST file number of the sample (MNIST index + 1)
    label    uint8[N]           class 0..9
    count    uint8[N, 2312]     events of each address; address = (y*34 + x)*2 + p
    tick_hi  uint8[E]           time of each event in ticks of 10 us: upper byte,
    tick_lo  uint8[E]           lower byte; sample by sample, address by address, in time order

Times are floored to ticks. An edge that is a multiple of 10 us has the same events on each side
before and after, so binnings with such edges do not change. The order of events inside one tick
is not kept. The file is an ordinary zip of `.npy` arrays (`numpy.load` opens it), each compressed
with the method that packs it best.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.data.events import NMNIST_SENSOR, DamagedFile, DataError, Events, make_events
from sw.data.npy import load_arrays
from sw.printable import reason

TICK_US = 10
METHODS = {  # measured on the shipped files; the lower time byte is noise and does not compress
    "number": zipfile.ZIP_DEFLATED,
    "label": zipfile.ZIP_DEFLATED,
    "count": zipfile.ZIP_BZIP2,
    "tick_hi": zipfile.ZIP_LZMA,
    "tick_lo": zipfile.ZIP_STORED,
}


def read_npz(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Read the named integer arrays of an `.npz` file. Nothing in it is ever unpickled.

    Raises:
        DataError: the file is missing or damaged, lacks an array, or needs a decompressor that
            this Python was built without.
    """
    names = list(names)
    try:
        found = load_arrays(path, names)
        arrays = {name: found[name] for name in names}
    except FileNotFoundError as err:
        raise DataError(f"{path}: no such file; check the path") from err
    except (OSError, KeyError, DamagedFile) as err:
        why = err.__cause__ or err
        if isinstance(why, RuntimeError):  # NotImplementedError is one
            raise DataError(f"{path}: {why}; use a Python with bz2 and lzma, or repack it") from err
        raise DataError(
            f"{path}: not a readable .npz with the arrays {', '.join(names)} ({reason(why)}); "
            "copy or download it again"
        ) from err
    for name, array in arrays.items():
        if array.ndim == 0 or array.dtype.kind not in "iu":
            raise DataError(f"{path}: {name} is no array of whole numbers; make the file again")
    return arrays


def write_npz(path: Path, arrays: dict[str, NDArray[Any]], methods: dict[str, int]) -> None:
    """Write an `.npz` with one zip method per array; equal arrays give equal bytes."""
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = methods[name]
            with file.open(entry, "w") as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)


def write_packed(path: Path, samples: Iterable[tuple[int, int, Events]]) -> None:
    """Write samples (number, label, events) of the N-MNIST sensor to a packed file.

    Raises:
        DataError: a time is outside 0..655.35 ms, or an address fires more than 255 times.
    """
    numbers, labels, counts, ticks = [], [], [], []
    for number, label, events in samples:
        count, tick = _pack_one(events, source=f"sample {number:05d}")
        numbers.append(number)
        labels.append(label)
        counts.append(count)
        ticks.append(tick)
    tick = np.concatenate(ticks) if ticks else np.zeros(0, np.uint16)
    arrays: dict[str, NDArray[Any]] = {
        "number": np.array(numbers, np.uint32),
        "label": np.array(labels, np.uint8),
        "count": np.array(counts, np.uint8).reshape(-1, NMNIST_SENSOR.n_inputs),
        "tick_hi": (tick >> 8).astype(np.uint8),
        "tick_lo": tick.astype(np.uint8),
    }
    write_npz(path, arrays, METHODS)


def _pack_one(events: Events, *, source: str) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    address = (events["y"].astype(np.int64) * NMNIST_SENSOR.width + events["x"]) * 2 + events["p"]
    tick = events["t"].astype(np.int64) // TICK_US
    count = np.bincount(address, minlength=NMNIST_SENSOR.n_inputs)
    if np.any((tick < 0) | (tick > 0xFFFF)) or count.max() > 0xFF:
        raise DataError(
            f"{source}: has times outside 0..655.35 ms or an address with over 255 events; "
            "leave it out, the packed format cannot hold it"
        )
    return count.astype(np.uint8), tick[np.lexsort((tick, address))].astype(np.uint16)


def read_packed(path: Path, limit: int | None = None) -> Iterator[tuple[int, int, Events]]:
    """Yield the first `limit` (default: all) samples as (number, label, events).

    Events are `EVENT_DTYPE[n]` in time order, times in microseconds, multiples of 10.

    Raises:
        DataError: the file is missing or damaged, or its arrays do not fit together.
    """
    data = read_npz(path, METHODS)
    count = data["count"]
    samples, n_events = len(count), int(count.sum(dtype=np.int64))
    shapes = {
        "number": (samples,),
        "label": (samples,),
        "count": (samples, NMNIST_SENSOR.n_inputs),
        "tick_hi": (n_events,),
        "tick_lo": (n_events,),
    }
    if any(data[name].shape != shape for name, shape in shapes.items()):
        raise DataError(f"{path}: its arrays do not fit together; make it again or copy it again")
    tick = data["tick_hi"].astype(np.uint16) << 8 | data["tick_lo"]
    ends = np.cumsum(count.sum(axis=1, dtype=np.int64))
    for i in range(len(count))[:limit]:
        ticks = tick[ends[i - 1] if i else 0 : ends[i]]
        yield int(data["number"][i]), int(data["label"][i]), _unpack_one(count[i], ticks)


def _unpack_one(count: NDArray[np.uint8], tick: NDArray[np.uint16]) -> Events:
    address = np.repeat(np.arange(NMNIST_SENSOR.n_inputs), count)
    in_time = np.argsort(tick, kind="stable")
    pixel, p = np.divmod(address[in_time], 2)
    y, x = np.divmod(pixel, NMNIST_SENSOR.width)
    return make_events(x, y, tick[in_time].astype(np.int64) * TICK_US, p)
