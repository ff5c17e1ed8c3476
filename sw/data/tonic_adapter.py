"""Any tonic data set as a `Dataset`. tonic is an optional extra, imported only here, when used."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from sw.data.binning import bin_events
from sw.data.dataset import Dataset, Request, Sample
from sw.data.events import DataError, Sensor


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
) -> Dataset:
    """Bin the samples of a tonic data set.

    Args:
        dataset: `len()`, `[i] -> (events, label)` and `sensor_size`, as tonic's classes have;
            made without transforms, times in microseconds.
        request: steps, pool, window and limit are used, and the split for the names.
        name: name of the result.
        classes: number of classes.
        indices: samples to take, in order. Default: `request.limit` of them spread evenly, since
            tonic sorts by class.
        keys: name of each taken sample. Default: split and index.

    Raises:
        DataError: an event is outside `sensor_size`, or a label is not below `classes`.
    """
    sensor = Sensor(*dataset.sensor_size)
    if indices is None:
        count = min(request.limit or len(dataset), len(dataset))
        indices = [i * len(dataset) // count for i in range(count)]
    if keys is None:
        keys = [f"{request.split}/{i:05d}" for i in indices]

    def sample(index: int, key: str) -> Sample:
        events, label = dataset[index]
        frames = bin_events(
            events,
            steps=request.steps,
            sensor=sensor,
            window_us=request.window_us,
            pool=request.pool,
            source=f"{name} sample {key}",
        )
        return Sample(frames, int(label), key)

    return Dataset(
        name,
        (sample(i, key) for i, key in zip(indices, keys, strict=True)),
        classes=classes,
        n_inputs=sensor.pooled(request.pool).n_inputs,
        steps=request.steps,
    )
