"""Frames as maps of channels: the order of a data set, and the order of a convolution.

The frames of every data set that has a map are in the order (channel, y, x)::

    input = (channel * height + y) * width + x

A convolution wants the channels of a pixel side by side, (y, x, channel)::

    input = (y * width + x) * channels + channel
"""

from __future__ import annotations

import numpy as np

from golden.spec.shape import Map
from sw.data.binning import Frames
from sw.data.bits import Bits, pack, unpack
from sw.data.events import DataError


def channel_last(frames: Frames, shape: Map) -> Frames:
    """Frames of a data set in the order of a convolution.

    Args:
        frames: `bool[..., shape.neurons]`, the last axis in the order (channel, y, x).
        shape: the map that a frame is.

    Returns:
        The same, `[..., shape.neurons]`, the last axis in the order (y, x, channel).

    Raises:
        DataError: the frames have another number of inputs.
    """
    if frames.shape[-1] != shape.neurons:
        raise DataError(
            f"frames have {frames.shape[-1]} inputs, a {shape} map {shape.neurons}; "
            "give the map after pooling"
        )
    planes = frames.reshape(*frames.shape[:-1], shape.channels, shape.positions)
    return np.ascontiguousarray(np.swapaxes(planes, -1, -2)).reshape(frames.shape)


def turn(bits: Bits, shape: Map) -> Bits:
    """`channel_last` of a packed sample."""
    once = bits[:1] if bits.strides[0] == 0 else bits  # a frame that is repeated is turned once
    frames = unpack(once, shape.neurons)
    return pack(np.broadcast_to(channel_last(frames, shape), (len(bits), shape.neurons)))
