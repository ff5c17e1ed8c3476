"""What every loader takes and returns: a `Request`, and a `Dataset` of binned samples."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golden.spec.formats import MOST_INPUT_BITS
from golden.spec.shape import Map
from golden.spec.values import check_values
from sw.data.binning import DEFAULT_WINDOW_US, Frames, Window, bin_events, check_binning
from sw.data.bits import Bits, Packed, pack, unpack
from sw.data.events import DataError, Events, Sensor, Size
from sw.data.maps import turn


class Sample(NamedTuple):
    """One sample."""

    frames: Frames
    """Input spikes, bool[steps, n_inputs]; or the values of inputs, int8."""
    label: int
    """Class, 0 to classes - 1."""
    key: str
    """Name, unique in its split: `train/00001`."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to load; the arguments that all loaders share, checked once.

    Attributes:
        root: folder or file with the data; None for data that needs none.
        train: the training samples, else the test samples.
        limit: load at most this many samples, None for all.
        steps: time steps per sample.
        pool: OR-pooling factor of the sensor's pixels, 1 for none.
        size: instead of it, columns and rows that the sensor's pixels are scaled down to.
        window_us: part of a recording to use (start, end) in microseconds; later events drop.
        seed: seed of generated data and of random spike coding.
        cache: keep the frames of slow formats for the next time, see `sw.data.cache`.
        input_bits: bits of the signed value of an input; 1: a spike.
        input_fraction: fraction bits of values of images; None: two integer bits, the sign among
            them.

    Raises:
        DataError: a number is out of range.
    """

    root: Path | None = None
    train: bool = True
    limit: int | None = None
    steps: int = 10
    pool: int = 1
    window_us: Window = DEFAULT_WINDOW_US
    seed: int = 0
    size: Size | None = None
    cache: bool = True
    input_bits: int = 1
    input_fraction: int | None = None

    def __post_init__(self) -> None:
        check_binning(self.steps, self.window_us)
        if self.limit is not None and self.limit < 1:
            raise DataError(f"limit: {self.limit} samples is no data set; use 1 or more")
        if self.pool < 1:
            raise DataError(f"pool: {self.pool} is not a pooling factor; use 1 (none) or more")
        if self.seed < 0:
            raise DataError(f"seed: {self.seed} is negative; use 0 or more")
        if not 1 <= self.input_bits <= MOST_INPUT_BITS:
            raise DataError(
                f"input_bits: {self.input_bits} is no width of values; use 1 (spikes) to "
                f"{MOST_INPUT_BITS}"
            )
        if not 0 <= self.fraction < self.input_bits:
            raise DataError(
                f"input_fraction: {self.fraction} does not fit in values of {self.input_bits} bits; "
                f"use 0 to {self.input_bits - 1}"
            )

    @property
    def fraction(self) -> int:
        """Fraction bits of values of images."""
        return max(self.input_bits - 2, 0) if self.input_fraction is None else self.input_fraction

    @property
    def counts(self) -> dict[str, Any]:
        """What a data set of counts is told of its values: one event counts as much as a spike."""
        return {"input_bits": self.input_bits, "input_fraction": self.input_fraction or 0}

    @property
    def split(self) -> str:
        """`train` or `test`."""
        return "train" if self.train else "test"

    def frames(
        self, events: Events, sensor: Sensor, source: str, window_us: Window | None = None
    ) -> Frames:
        """Bin a sample's events, by another time window if one is given. Raises DataError."""
        return bin_events(
            events,
            steps=self.steps,
            sensor=sensor,
            window_us=window_us or self.window_us,
            pool=self.pool,
            size=self.size,
            source=source,
            input_bits=self.input_bits,
        )

    def reduced(self, sensor: Sensor) -> Sensor:
        """The sensor after pooling or scaling. Raises DataError."""
        return sensor.reduced(self.pool, self.size)


class Dataset:
    """Samples in memory, one bit per input and step, or a byte where inputs carry values.

    Attributes:
        name: name of the data set.
        classes: number of classes.
        n_inputs: input addresses of a frame.
        steps: frames per sample.
        sensor: its sensor, before pooling, or None.
        class_names: what the classes are called, or None: their numbers.
        input_map: what a frame is as a map of channels, after pooling; None: it is flat.
        channels_last: a frame's order is (y, x, channel), not (channel, y, x); see `sw.data.maps`.
        notes: what a user should know of how it was loaded, a line each.
        input_bits: bits of the value of an input; 1: a spike.
        input_fraction: fraction bits of it: 2^input_fraction counts as much as a spike.
        packed: the samples.
    """

    def __init__(
        self,
        name: str,
        samples: Iterable[Sample] | Packed,
        *,
        classes: int,
        n_inputs: int,
        steps: int,
        sensor: Sensor | None = None,
        class_names: Sequence[str] | None = None,
        input_map: Map | None = None,
        channels_last: bool = False,
        notes: Sequence[str] = (),
        input_bits: int = 1,
        input_fraction: int = 0,
    ) -> None:
        """Take in the samples one by one.

        Raises:
            DataError: there is none, a label is not below `classes`, or frames have another shape,
                or values that do not fit.
        """
        self.input_bits, self.input_fraction = input_bits, input_fraction
        if input_map is not None and input_map.neurons != n_inputs:
            raise DataError(f"{name}: a {input_map} map does not have {n_inputs} inputs")
        self.input_map, self.channels_last = input_map, channels_last
        self.name, self.classes, self.n_inputs, self.steps = name, classes, n_inputs, steps
        self.sensor, self.class_names = sensor, class_names and tuple(class_names)
        self.packed = samples if isinstance(samples, Packed) else self._pack(samples)
        if not len(self.packed.bits):
            raise DataError(f"{name}: no samples; check the folder and the limit")
        self.notes = tuple(notes)  # after the samples: reading them may add some

    def _pack(self, samples: Iterable[Sample]) -> Packed:
        """Check the samples and take them in. Raises DataError."""
        bits: list[Bits] = []
        labels: list[int] = []
        keys: list[str] = []
        room = memory_bytes() // 2
        for frames, label, key in samples:
            if not 0 <= label < self.classes:
                raise DataError(
                    f"{self.name} {key}: label {label} is not one of the {self.classes} classes "
                    f"0..{self.classes - 1}; correct the data or choose the right data set"
                )
            if frames.shape != (self.steps, self.n_inputs):
                raise DataError(
                    f"{self.name} {key}: frames have shape {frames.shape}, not "
                    f"{(self.steps, self.n_inputs)}; "
                    "check the steps and the sensor size of its loader"
                )
            try:
                check_values(frames, self.input_bits)
            except ValueError as error:
                raise DataError(
                    f"{self.name} {key}: {error}; scale the data, or use more bits"
                ) from error
            bits.append(pack(frames))
            if (room := room - bits[-1].nbytes) < 0:
                raise DataError(
                    f"{self.name}: {len(bits)} samples of {self.steps} steps and {self.n_inputs} inputs take "
                    "half of this computer's memory; use fewer steps or samples, or pool the inputs"
                )
            labels.append(label)
            keys.append(key)
        return Packed(bits, np.array(labels, np.int64), keys)

    @property
    def labels(self) -> NDArray[np.int64]:
        """int64[N]."""
        return self.packed.labels

    @property
    def keys(self) -> list[str]:
        """N names, each unique in its split, e.g. `train/00001`."""
        return self.packed.keys

    @property
    def facts(self) -> dict[str, Any]:
        """Arguments that make another data set of this kind."""
        names = ("classes", "n_inputs", "steps", "sensor", "class_names")
        more = ("input_map", "channels_last", "notes", "input_bits", "input_fraction")
        return {name: getattr(self, name) for name in (*names, *more)}

    def __len__(self) -> int:
        return len(self.packed.bits)

    def __getitem__(self, index: int) -> Sample:
        frames = unpack(self.packed.bits[index], self.n_inputs)
        return Sample(frames, int(self.labels[index]), self.keys[index])

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {len(self)} samples, {self.classes} classes, "
            f"{self.steps} steps of {self.n_inputs} inputs)"
        )

    def channel_last(self) -> Dataset:
        """The same samples in the order that a convolution wants, (y, x, channel).

        Raises:
            DataError: the frames are no map.
        """
        shape = self.input_map
        if shape is None:
            raise DataError(
                f"{self.name}: its {self.n_inputs} inputs are no map of pixels, so nothing that a "
                "convolution can work on; use fully-connected layers"
            )
        if self.channels_last:
            return self
        turned = [turn(bits, shape) for bits in self.packed.bits]
        samples = self.packed._replace(bits=turned)
        return Dataset(self.name, samples, **self.facts | {"channels_last": True})

    def order(self, epoch: int, seed: int = 0) -> NDArray[np.int64]:
        """Order in which to present the samples: a permutation, int64[N].

        The same epoch, seed and number of samples give the same order on every machine and with
        every NumPy version.
        """
        return np.argsort(random_words(len(self), seed, epoch), kind="stable").astype(np.int64)


def memory_bytes() -> int:
    """Bytes of memory that this computer has; where it does not say so, more than any has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not a Unix
        return 1 << 62


def random_words(count: int, *seed: int) -> NDArray[np.uint64]:
    """`uint64[count]` random words from a tuple of non-negative seeds.

    Raw generator output, because NumPy promises it never changes; its distributions may.

    Raises:
        DataError: a seed is negative.
    """
    if min(seed) < 0:
        raise DataError(f"seed: {seed} holds a negative number; use 0 or more")
    return np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)


def random_uniform(shape: tuple[int, ...], *seed: int) -> NDArray[np.float64]:
    """`float64[shape]` in [0, 1), as reproducible as `random_words`."""
    words = random_words(int(np.prod(shape)), *seed)
    return (words >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53


def missing(name: str, wanted: str, looked: Iterable[Path], get: str) -> DataError:
    """Return the error for missing data: what, where it was looked for, how to get it."""
    places = ", ".join(str(path) for path in looked) or "nowhere (no data folder was given)"
    return DataError(f"{name}: {wanted} not found; looked in {places}; {get}")
