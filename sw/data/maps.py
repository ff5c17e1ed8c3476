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
from sw.data.events import DataError


def channel_last(frames: Frames, shape: Map) -> Frames:
    """Frames of a data set in the order of a convolution.

    Args:
        frames: `bool[..., shape.neurons]`, the last axis in the order (channel, y, x).
        shape: the map that a frame is.

    Returns:
        The same spikes, `bool[..., shape.neurons]`, the last axis in the order (y, x, channel).

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
