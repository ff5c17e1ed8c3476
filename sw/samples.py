"""What Python code may pass as samples: frames, event arrays, pairs with labels, data sets."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from golden.spec.network import Network
from golden.spec.shape import Map
from golden.spec.values import check_values
from sw.data import DataError, Dataset, Sample, bin_events
from sw.data.binning import DEFAULT_WINDOW_US, Frames, Window
from sw.data.datasets import entry
from sw.data.event_array import DataWarning, check_event_array, check_seen
from sw.data.events import Sensor

RECORDINGS = ("folder", "dvsgesture", "cifar10dvs")
"""Data sets whose time windows count from the first event of a recording."""
ONE_HOT = "class numbers: labels.argmax(axis=-1)"
EventArray: TypeAlias = NDArray[np.void]
"""Events of a camera: a structured array with fields x, y, t (microseconds) and p, as tonic's are."""
SampleData: TypeAlias = NDArray[Any]
"""One sample: frames of 0 and 1, [steps, inputs] or [steps, ...] with as many inputs; or an `EventArray`."""
ManyData: TypeAlias = NDArray[Any] | Sequence[SampleData]
"""Samples without labels: frames [N, steps, inputs], or a list of `SampleData`."""
Labels: TypeAlias = NDArray[Any] | Sequence[int]
"""Class numbers, [N]."""
Samples: TypeAlias = Dataset | tuple[ManyData, Labels] | Iterable[Sample | tuple[SampleData, int]]
"""Samples with labels: a `Dataset`, a pair of `ManyData` and `Labels`, or anything that gives `Sample`s or
pairs of one sample and its class number. It is read once and kept."""


@dataclass(frozen=True, kw_only=True)
class Binning:
    """How event arrays become frames. Not needed for samples that are frames already."""

    sensor: tuple[int, int, int]
    """Columns, rows and polarities, as tonic's `sensor_size` [1 or more; polarities 1 or 2]."""
    steps: int = 10
    """Time steps a recording is cut into [1 to 65535]."""
    pool: int = 1
    """OR-pooling: pool x pool pixels become one input [1 or more; 1: none]."""
    size: tuple[int, int] | None = None
    """Instead of pooling, columns and rows that the sensor's pixels are scaled down to."""
    window_us: Window = DEFAULT_WINDOW_US
    """Time window of a recording that is used: start and end, microseconds."""
    from_first: bool = True
    """The window counts from a recording's first event; False: from time 0."""
    input_bits: int = 1
    """Above 1, inputs are numbers of events, values of so many bits. A model takes its network's."""

    @classmethod
    def of_run(cls, config: dict[str, Any]) -> Self | None:
        """That of a run, by its config.json; None when its samples were no events."""
        if found := config.get("binning"):
            kept = {
                "from_first": False,
                **found,
                "sensor": tuple(found["sensor"]),
            }  # before it was kept
            return cls(**kept | _read(found))
        data = config.get("data", {})
        sensor = data.get("sensor") or (entry(data["name"]).sensor if data else None)
        if sensor is None:
            return None
        return cls(
            sensor=tuple(sensor),
            steps=data["steps"],
            pool=data["pool"],
            from_first=data["name"] in RECORDINGS,
            input_bits=data.get("input_bits", 1),
            **_read(data),
        )

    @property
    def length_us(self) -> int:
        """Length of the time window, microseconds."""
        return self.window_us[1] - self.window_us[0]

    @property
    def inputs(self) -> int:
        """Inputs a network needs for these frames."""
        return self.input_map.neurons

    @property
    def input_map(self) -> Map:
        """The map that a frame is: the polarities are its channels."""
        return Sensor(*self.sensor).reduced(self.pool, self.size).map

    def window(self, events: EventArray) -> Window:
        """The time window of some events, in their own time."""
        start, end = self.window_us
        first = int(events["t"].min()) if self.from_first and len(events) else 0
        return first + start, first + end

    def frames(
        self, events: EventArray, source: str = "events", window: Window | None = None
    ) -> Frames:
        """[steps, inputs] of a structured array with x, y, t (us), p.

        `window` is taken instead of the one that `window_us` and `from_first` say. Raises DataError.
        """
        if window is None:
            check_event_array(events, Sensor(*self.sensor), source)
        return bin_events(
            events,
            steps=self.steps,
            sensor=Sensor(*self.sensor),
            window_us=self.window(events) if window is None else window,
            pool=self.pool,
            size=self.size,
            source=source,
            input_bits=self.input_bits,
        )


def _read(values: dict[str, Any]) -> dict[str, Any]:
    """Time window and size, if the file has them."""
    return {
        name: (int(values[name][0]), int(values[name][1]))
        for name in ("window_us", "size")
        if values.get(name)
    }


def as_frames(data: Any, network: Network, binning: Binning | None, source: str) -> Frames:
    """[steps, inputs] of one sample's events or frames.

    Frames are 0/1 or bool, [steps, inputs] or [steps, ...] with as many inputs in all; of a network whose
    inputs carry values, whole numbers. Events are a structured array with fields x, y, t (us), p; tonic's
    dtypes are. Raises DataError.
    """
    array = np.asarray(data)
    if array.dtype.names:
        if binning is None:
            raise DataError(f"{source}: an event array; say how to bin it: binning=Binning(...)")
        frames = replace(binning, input_bits=network.input_bits).frames(array, source)
        check_seen(array, binning.window(array), source)
    elif array.ndim < 2 or array.dtype.kind not in "biuf":
        raise DataError(
            f"{source}: neither frames [steps, inputs] nor an event array with fields x, y, t, p, "
            f"but shape {array.shape} of {array.dtype}"
        )
    else:
        if not len(array):
            raise DataError(f"{source}: no time step (shape {array.shape}); give 1 or more")
        frames = _checked(array, network, source).reshape(len(array), -1)
    if frames.shape[1] != network.inputs:
        raise DataError(
            f"{source}: {frames.shape[1]} inputs, the network has {network.inputs}; "
            "check the network's sizes, the sensor and the pooling"
        )
    return frames


def _checked(array: NDArray[np.generic], network: Network, source: str) -> Frames:
    """Frames as spikes, or as the values that the network's inputs carry. Raises DataError."""
    if network.input_bits == 1:
        if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
            raise DataError(f"{source}: frames hold more than 0 and 1; threshold or encode them")
        return array.astype(np.bool_)
    try:
        check_values(array, network.input_bits)
    except ValueError as error:
        raise DataError(f"{source}: {error}; scale the data, or use more bits") from error
    return array.astype(np.int8)


def as_dataset(
    samples: Samples | ManyData, network: Network, binning: Binning | None = None
) -> Dataset:
    """A data set of what `fit` and `evaluate` take.

    That is a `Dataset`; a pair of arrays (frames [N, steps, inputs], labels [N]); or any iterable
    of pairs (frames or events, label) or of `Sample`. An iterable is read once and kept, one bit
    per input and step, or a byte where inputs carry values. Raises DataError.
    """
    if isinstance(samples, Dataset):
        return samples
    found = list(_pairs(samples, network, binning))
    _announce_silence(found)
    return Dataset(
        "samples",
        found,
        classes=network.classes,
        n_inputs=network.inputs,
        steps=len(found[0].frames) if found else 1,
        input_bits=network.input_bits,
        input_fraction=network.input_fraction,
    )


def _announce_silence(samples: list[Sample]) -> None:
    """Warn of samples without a spike: nothing can be learned from them."""
    silent = [sample.key for sample in samples if not sample.frames.any()]
    if silent:
        first = (
            f"the first is {silent[0]}" if len(silent) < len(samples) else "check how they are made"
        )
        text = f"{len(silent)} of {len(samples)} samples have no spike in any frame; {first}"
        warnings.warn(text, DataWarning, stacklevel=4)


def split_labels(samples: Any, test: Any) -> tuple[Samples, Samples | None]:
    """Training and test samples of `fit(samples, test)`: in `fit(X, y)` the second are labels."""
    if test is None or isinstance(test, Dataset | tuple) or isinstance(samples, Dataset):
        return samples, test
    if not hasattr(test, "__len__") or not hasattr(samples, "__len__"):
        return samples, test
    try:
        labels = np.asarray(test)
    except ValueError:  # pairs of several shapes
        return samples, test
    if labels.ndim in (1, 2) and labels.dtype.kind in "biuf" and len(labels) == len(samples):
        return (samples, labels), None
    return samples, test


def _pairs(samples: Any, network: Network, binning: Binning | None) -> Iterator[Sample]:
    if isinstance(samples, tuple) and len(samples) == 2 and _are_labels(samples[1]):
        frames, labels = samples
        if len(frames) != len(labels):
            raise DataError(f"{len(frames)} samples and {len(labels)} labels: as many are needed")
        samples = zip(frames, labels, strict=True)
    for number, item in enumerate(_given(samples)):
        try:
            data, label, *rest = item
        except (TypeError, ValueError) as error:
            raise DataError(f"sample {number}: not a pair of data and label ({error})") from error
        label = _label(label, number)
        key = str(rest[0]) if rest else f"{number:05d}"
        yield Sample(as_frames(data, network, binning, f"sample {key}"), label, key)


def _given(samples: Any) -> Iterator[Any]:
    """The items. Raises DataError where there is none: it may be an iterator that was read before."""
    if not isinstance(samples, Iterable):
        raise DataError(
            f"samples of type {type(samples).__name__}: give arrays, pairs or a Dataset"
        )
    items = iter(samples)
    try:
        first = next(items)
    except StopIteration:
        why = "; was this iterator read before? Give a list" if items is samples else ""
        raise DataError(f"no samples{why}") from None
    return chain([first], items)


def _are_labels(values: Any) -> bool:
    """Whether the second of a pair holds labels: numbers in a row. Raises DataError: they are one-hot."""
    try:
        labels = np.asarray(values)
    except ValueError:
        return False
    if labels.ndim == 2 and labels.shape[1] > 1 and _one_hot(labels):
        raise DataError(f"labels of shape {labels.shape} are one-hot; give {ONE_HOT}")
    return labels.ndim == 1 and labels.dtype.kind in "biuf"


def _one_hot(values: Any) -> bool:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf" or not array.size:
        return False
    return bool(np.isin(array, (0, 1)).all() and (array.sum(axis=-1) == 1).all())


def _label(label: Any, number: int) -> int:
    """A class number. Raises DataError."""
    if np.ndim(label) == 1 and np.size(label) > 1 and _one_hot(label):
        raise DataError(f"sample {number}: its label is one-hot; give {ONE_HOT}")
    try:
        whole = int(label)
        if whole == label:
            return whole
        why = f"label {label}"
    except (TypeError, ValueError) as error:
        why = str(error)
    raise DataError(
        f"sample {number}: not a pair of data and label ({why}); a label is a class number"
    )


def unlabelled(
    samples: Iterable[Any], network: Network, binning: Binning | None
) -> Iterator[Sample]:
    """What `predict` takes: the same items, or frames or events alone. Raises DataError."""
    for number, item in enumerate(samples):
        data = item[0] if isinstance(item, tuple) else item
        frames = as_frames(data, network, binning, f"sample {number:05d}")
        if not frames.any():
            text = "a sample without a spike in any frame gets the class of silence"
            warnings.warn(text, DataWarning, stacklevel=2)  # said once
        yield Sample(frames, 0, f"{number:05d}")
