"""Mirrored and shifted samples: others in every epoch, the same for the same seed on every machine.

A sample is mirrored left to right with a probability of one half, and shifted by up to `crop` pixels down or
up and right or left, as an image is that was cut out of a padded one. What comes in from the edge is zero.
All steps of a sample are moved alike. Nothing is kept: a sample is moved when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from golden.spec.shape import Map
from sw.data.bits import Bits, pack, unpack
from sw.data.dataset import Dataset, random_words
from sw.data.events import DataError

WORDS = 3
"""Random words of a sample: mirrored or not, lines, columns."""
STREAM = 1
"""Keeps these words apart from those of the order of an epoch."""


@dataclass(frozen=True)
class Augmentation:
    """How training samples are changed in every epoch. Nothing is changed by the default."""

    mirror: bool = False
    """Half of the samples left to right."""
    crop: int = 0
    """Pixels by which a sample is shifted at most, along each side."""

    def __bool__(self) -> bool:
        return self.mirror or self.crop > 0

    def check(self, samples: Dataset) -> None:
        """Raise DataError when samples cannot be changed so."""
        if not self:
            return
        shape = samples.input_map
        if shape is None:
            raise DataError(
                f"{samples.name}: its {samples.n_inputs} inputs are no map of pixels, which mirror and crop "
                "need; leave them out"
            )
        if self.crop >= min(shape.height, shape.width):
            raise DataError(
                f"{samples.name}: crop is {self.crop}, which shifts a map of {shape.height} x {shape.width} "
                "pixels out of sight; use less"
            )

    def of(self, samples: Dataset, epoch: int, seed: int) -> Dataset:
        """The samples of an epoch, from 0 on. Raises DataError as `check`."""
        self.check(samples)
        if not self:
            return samples
        words = random_words(WORDS * len(samples), seed, epoch, STREAM).reshape(-1, WORDS)
        mirrored = (words[:, 0] >> np.uint64(63) != 0) & self.mirror
        shifts = (words[:, 1:] >> np.uint64(32)).astype(np.int64) * (2 * self.crop + 1) >> 32
        bits = _Moved(samples, mirrored, shifts - self.crop)
        return Dataset(samples.name, samples.packed._replace(bits=bits), **samples.facts)


UNCHANGED = Augmentation()


class _Moved(Sequence[Bits]):
    """The packed samples of an epoch."""

    def __init__(
        self, samples: Dataset, mirrored: NDArray[np.bool_], shifts: NDArray[np.int64]
    ) -> None:
        assert samples.input_map is not None
        self.samples, self.mirrored, self.shifts = samples, mirrored, shifts
        self.shape: Map = samples.input_map

    def __len__(self) -> int:
        return len(self.mirrored)

    @overload
    def __getitem__(self, index: int) -> Bits: ...
    @overload
    def __getitem__(self, index: slice) -> list[Bits]: ...
    def __getitem__(self, index: int | slice) -> Bits | list[Bits]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        bits = self.samples.packed.bits[index]
        once = bits[:1] if bits.strides[0] == 0 else bits  # a frame that is repeated is moved once
        frames = unpack(once, self.samples.n_inputs)
        moved = np.zeros_like(frames)
        here, there = (self._pixels(each) for each in (moved, frames))
        if self.mirrored[index]:
            there = there[:, :, ::-1]
        (to_y, from_y), (to_x, from_x) = map(_parts, self.shifts[index].tolist())
        here[:, to_y, to_x] = there[:, from_y, from_x]
        return pack(np.broadcast_to(moved, (len(bits), moved.shape[1])))

    def _pixels(self, frames: NDArray[np.bool_ | np.int8]) -> NDArray[np.bool_ | np.int8]:
        """A view [steps, height, width, channels] of frames."""
        shape, steps = self.shape, len(frames)
        if self.samples.channels_last:
            return frames.reshape(steps, shape.height, shape.width, shape.channels)
        planes = frames.reshape(steps, shape.channels, shape.height, shape.width)
        return np.moveaxis(planes, 1, -1)


def _parts(shift: int) -> tuple[slice, slice]:
    """Where pixels go to along a side, and where they come from."""
    if shift < 0:
        return slice(None, shift), slice(-shift, None)
    return slice(shift, None), slice(None, -shift or None)
