"""What every loader takes and returns: a `Request`, and a `Dataset` of binned samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sw.data.binning import DEFAULT_WINDOW_US, Frames, Window, check_binning
from sw.data.events import DataError, Sensor


class Sample(NamedTuple):
    """One sample: `frames` bool[steps, n_inputs], `label` 0..classes-1, `key` its name."""

    frames: Frames
    label: int
    key: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to load; the arguments that all loaders share, checked once.

    Attributes:
        root: folder or file with the data; None for data that needs none.
        train: the training samples, else the test samples.
        limit: load at most this many samples, None for all.
        steps: time steps per sample.
        pool: OR-pooling factor of the sensor's pixels, 1 for none.
        window_us: part of a recording to use (start, end) in microseconds; later events drop.
        seed: seed of generated data and of random spike coding.

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

    def __post_init__(self) -> None:
        check_binning(self.steps, self.window_us)
        if self.limit is not None and self.limit < 1:
            raise DataError(f"limit: {self.limit} samples is no data set; use 1 or more")
        if self.pool < 1:
            raise DataError(f"pool: {self.pool} is not a pooling factor; use 1 (none) or more")
        if self.seed < 0:
            raise DataError(f"seed: {self.seed} is negative; use 0 or more")

    @property
    def split(self) -> str:
        """`train` or `test`."""
        return "train" if self.train else "test"


class Dataset:
    """Samples in memory, one bit per input and step.

    Attributes:
        name: name of the data set.
        classes: number of classes.
        n_inputs: input addresses of a frame.
        steps: frames per sample.
        labels: int64[N].
        keys: N names, each unique in its split, e.g. `train/00001`.
        sensor: its sensor, before pooling, or None.
        class_names: what the classes are called, or None: their numbers.
        notes: what a user should know of how it was loaded, a line each.
    """

    def __init__(
        self,
        name: str,
        samples: Iterable[Sample],
        *,
        classes: int,
        n_inputs: int,
        steps: int,
        sensor: Sensor | None = None,
        class_names: Sequence[str] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        """Take in the samples one by one.

        Raises:
            DataError: there is none, a label is not below `classes`, or frames have another shape.
        """
        self.name, self.classes, self.n_inputs, self.steps = name, classes, n_inputs, steps
        self.sensor, self.class_names = sensor, class_names and tuple(class_names)
        self.keys: list[str] = []
        labels: list[int] = []
        packed: list[NDArray[np.uint8]] = []
        for frames, label, key in samples:
            if not 0 <= label < classes:
                raise DataError(
                    f"{name} {key}: label {label} is not one of the {classes} classes "
                    f"0..{classes - 1}; correct the data or choose the right data set"
                )
            if frames.shape != (steps, n_inputs):
                raise DataError(
                    f"{name} {key}: frames have shape {frames.shape}, not {(steps, n_inputs)}; "
                    "check the steps and the sensor size of its loader"
                )
            packed.append(np.packbits(frames, axis=1))
            labels.append(label)
            self.keys.append(key)
        if not packed:
            raise DataError(f"{name}: no samples; check the folder and the limit")
        self.labels: NDArray[np.int64] = np.array(labels, np.int64)
        self.notes = tuple(notes)  # after the samples: reading them may add some
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, index: int) -> Sample:
        bits = np.unpackbits(self._packed[index], axis=1, count=self.n_inputs)
        return Sample(bits.view(np.bool_), int(self.labels[index]), self.keys[index])

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {len(self)} samples, {self.classes} classes, "
            f"{self.steps} steps of {self.n_inputs} inputs)"
        )

    def order(self, epoch: int, seed: int = 0) -> NDArray[np.int64]:
        """Order in which to present the samples: a permutation, int64[N].

        The same epoch, seed and number of samples give the same order on every machine and with
        every NumPy version.
        """
        return np.argsort(random_words(len(self), seed, epoch), kind="stable").astype(np.int64)


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


TEST_SHARE = 0.2


def seeded_share(count: int, *, train: bool, seed: int, label: int) -> list[int]:
    """Numbers of a class's samples in a split, for sets that are not divided: a fifth to test.

    One sample alone trains. The same seed, label and count give the same split everywhere.
    """
    order = np.argsort(random_words(count, seed, label), kind="stable")
    test = set(order[: max(1, round(count * TEST_SHARE)) if count > 1 else 0].tolist())
    return [i for i in range(count) if (i in test) != train]


def split_note(name: str, seed: int) -> str:
    """What to tell the user of `seeded_share`."""
    return (
        f"{name}: not divided into train and test: of each class {1 - TEST_SHARE:.0%} are to "
        f"train and {TEST_SHARE:.0%} to test, chosen by split seed {seed}"
    )


def missing(name: str, wanted: str, looked: Iterable[Path], get: str) -> DataError:
    """Return the error for missing data: what, where it was looked for, how to get it."""
    places = ", ".join(str(path) for path in looked) or "nowhere (no data folder was given)"
    return DataError(f"{name}: {wanted} not found; looked in {places}; {get}")
