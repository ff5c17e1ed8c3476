"""Pooling of maps, and the way back of a learning signal. Maps are flat and channel-last.

All arrays are (..., neurons). The way back is the gradient: to the winner of a maximum, spread evenly
over an average.
"""

from functools import cache

import numpy as np

from golden.reference.equations import Floats
from golden.spec.shape import POOL, Map


def max_pool(o: Floats, fired: Map) -> Floats:
    """Maximum of each 2 x 2 window; an odd map loses its last line."""
    first, *others = corners(o, fired)
    z = first.copy()
    for corner in others:
        np.maximum(z, corner, out=z)
    return z.reshape(*o.shape[:-1], -1)


def to_winners(dz: Floats, o: Floats, z: Floats, fired: Map) -> Floats:
    """``dz`` of the pooled map to the first maximum of each window in row-major order.

    So too where all of a window is zero. ``z`` is ``max_pool(o)``.
    """
    do = np.zeros_like(o)
    sources = corners(o, fired)
    left = dz.reshape(sources[0].shape)
    best = z.reshape(left.shape)
    for source, target in zip(sources, corners(do, fired), strict=True):
        np.multiply(left, source == best, out=target)
        left = left - target
    return do


def corners(o: Floats, fired: Map) -> list[Floats]:
    """Views of the four neurons of every window, in row-major order, (..., H/2, W/2, channels)."""
    height, width = fired.height // POOL * POOL, fired.width // POOL * POOL
    grid = o.reshape(*o.shape[:-1], fired.height, fired.width, fired.channels)
    grid = grid[..., :height, :width, :]
    return [grid[..., y::POOL, x::POOL, :] for y in range(POOL) for x in range(POOL)]


def mean_pool(o: Floats, fired: Map) -> Floats:
    """Average of each channel over the whole map."""
    return o.reshape(*o.shape[:-1], fired.positions, fired.channels).mean(axis=-2)


def from_mean(dz: Floats, fired: Map) -> Floats:
    """``dz`` of the averages, spread evenly over the map."""
    spread = np.repeat(dz[..., None, :] / fired.positions, fired.positions, axis=-2)
    return spread.reshape(*dz.shape[:-1], fired.neurons)


def averages(z: Floats, passed_on: Map, side: int) -> Floats:
    """Adaptive average pooling to ``side`` x ``side`` per channel: the latents a, channel-last.

    Latent row i averages map rows floor(i H / side) to ceil((i + 1) H / side) - 1, columns alike;
    windows overlap by a line where the sizes do not divide. (As adaptive_avg_pool2d of PyTorch.)
    """
    rows, columns = (windows(n, side, z.dtype) for n in (passed_on.height, passed_on.width))
    return _along_both(z, rows, columns, passed_on.channels)


def from_averages(m: Floats, passed_on: Map, side: int, *, divided: bool = True) -> Floats:
    """The latents' signal ``m`` back to the map, spread evenly over each window.

    Not ``divided`` every pixel of a window hears all of it.
    """
    rows, columns = (windows(n, side, m.dtype) for n in (passed_on.height, passed_on.width))
    if not divided:
        rows, columns = ((matrix > 0).astype(m.dtype) for matrix in (rows, columns))
    return _along_both(m, rows.T, columns.T, passed_on.channels)


@cache
def windows(length: int, side: int, dtype: np.dtype) -> Floats:
    """The averaging of one axis as a matrix [side, length]."""
    matrix = np.zeros((side, length), dtype)
    for i in range(side):
        start, stop = i * length // side, -(-(i + 1) * length // side)
        matrix[i, start:stop] = 1 / (stop - start)
    matrix.setflags(write=False)
    return matrix


def _along_both(z: Floats, rows: Floats, columns: Floats, channels: int) -> Floats:
    """A matrix along the height of a map, another along its width."""
    width = columns.shape[1]
    half = rows @ z.reshape(*z.shape[:-1], rows.shape[1], width * channels)
    whole = columns @ half.reshape(*half.shape[:-1], width, channels)
    return whole.reshape(*z.shape[:-1], -1)
