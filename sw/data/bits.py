"""Samples in memory: one bit per input and step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sw.data.binning import Frames


class Packed(NamedTuple):
    """Samples at one bit per input and step."""

    bits: Sequence[NDArray[np.uint8]]
    """N times uint8[steps, ceil(n_inputs / 8)], as `numpy.packbits` packs."""
    labels: NDArray[np.int64]
    """int64[N]."""
    keys: list[str]
    """N names."""


def pack(frames: Frames) -> NDArray[np.uint8]:
    """One bit per input and step; of a frame that is repeated (a view of one) one copy is kept."""
    if frames.strides[0] == 0:
        once = np.packbits(frames[:1], axis=1)
        return np.broadcast_to(once, (len(frames), once.shape[1]))
    return np.packbits(frames, axis=1)
