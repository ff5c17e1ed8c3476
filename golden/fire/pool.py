"""Max pooling of spikes, and the cells of a map's latents. Twin of hw/core/fire/pool.py.

Of spikes, the maximum of a 2 x 2 pooling window is whether one of them fired. The learning signal goes
back to the first maximum in the order of lines (TESS, arXiv 2502.01837): the first neuron that fired, or
the first of the window when none did. A last line or column without a partner is not pooled: nobody sees it.
"""

from typing import NamedTuple

import numpy as np

from golden.spec.formats import Ints
from golden.spec.layers import Layer
from golden.spec.pooling import POOL


class Pooled(NamedTuple):
    """`spikes` that the next layer sees, [pixels, channels]; `winners`, 0/1 [positions, channels]."""

    spikes: Ints
    winners: Ints


def pool(spikes: Ints, layer: Layer) -> Pooled:
    """Spikes 0/1 [positions, channels] of a layer, pooled if the layer says so."""
    if not layer.pool:
        return Pooled(spikes, np.ones_like(spikes))
    lines, columns = layer.height // POOL, layer.width // POOL
    grid = spikes.reshape(layer.height, layer.width, -1)
    corners = [(dy, dx) for dy in range(POOL) for dx in range(POOL)]
    quarters = [grid[_windows(layer, dy, dx)] for dy, dx in corners]
    winners = np.zeros_like(grid)
    fired = np.zeros_like(quarters[0])
    for (dy, dx), quarter in zip(corners, quarters, strict=True):
        winners[_windows(layer, dy, dx)] = quarter & ~fired
        fired = fired | quarter
    winners[_windows(layer)] |= 1 - fired
    return Pooled(fired.reshape(lines * columns, -1), winners.reshape(spikes.shape))


def _windows(layer: Layer, dy: int = 0, dx: int = 0) -> tuple[slice, slice]:
    """One corner of every pooling window, as lines and columns of the map."""
    lines, columns = layer.height // POOL * POOL, layer.width // POOL * POOL
    return slice(dy, lines, POOL), slice(dx, columns, POOL)


def cell_numbers(layer: Layer) -> Ints:
    """The cell of every pixel of the map before pooling, i64[positions]."""
    y, x = np.divmod(np.arange(layer.positions), max(layer.width, 1))
    return (y >> layer.cell_shift) * layer.cell_columns + (x >> layer.cell_shift)


def cell_sums(pooled: Ints, layer: Layer) -> Ints:
    """Spikes that the next layer sees, summed over each cell: [cells, channels]."""
    cells = cell_numbers(layer).reshape(layer.height, layer.width)
    if layer.pool:
        cells = cells[_windows(layer)]
    sums = np.zeros((layer.cells, pooled.shape[1]), np.int64)
    np.add.at(sums, cells.reshape(-1), pooled)
    return sums
