"""Samples in memory: one bit per input and step, or a byte where inputs carry values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sw.data.binning import Frames

Bits = NDArray[np.uint8 | np.int8]


class Packed(NamedTuple):
    """Samples at one bit per input and step, or a byte."""

    bits: Sequence[Bits]
    """N times uint8[steps, ceil(n_inputs / 8)], as `numpy.packbits` packs; of values
    int8[steps, n_inputs]."""
    labels: NDArray[np.int64]
    """int64[N]."""
    keys: list[str]
    """N names."""


def pack(frames: Frames) -> Bits:
    """One bit per input and step; of a frame that is repeated (a view of one) one copy is kept.

    Values stay as they are.
    """
    if frames.dtype == np.int8:
        return frames.view(np.int8)
    if frames.strides[0] == 0:
        once = np.packbits(frames[:1], axis=1)
        return np.broadcast_to(once, (len(frames), once.shape[1]))
    return np.packbits(frames, axis=1)


def unpack(bits: Bits, n_inputs: int) -> Frames:
    """The inverse of `pack`."""
    if bits.dtype == np.int8:
        return bits.view(np.int8)
    return np.unpackbits(bits.view(np.uint8), axis=1, count=n_inputs).view(np.bool_)
