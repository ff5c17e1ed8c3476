"""3 x 3 convolution, padding 1, stride 1, as matrix products over patches.

Layout, the same everywhere and that of the chip. Maps are flat and channel-last: the neuron of channel c
at (y, x) of a channels x height x width map has the number (y * width + x) * channels + c. So do inputs:
frames of data sets, which count channel by channel, go through `sw.data.channel_last` first. Weights are
[9 * input channels, output channels]: row k * input channels + ci holds what input channel ci at
(y + dy, x + dx) sends to the neurons at (y, x), k = 3 * (dy + 1) + (dx + 1).
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from golden.reference.equations import Floats
from golden.spec.shape import Map

KERNEL = 3
BLOCK_VALUES = 1 << 20
"""Patches are 9 times their map: this many values of them exist at a time."""


class Convolution:
    """Synapses on a map; arrays are (..., input neurons) and (..., output neurons)."""

    def __init__(self, inputs: Map) -> None:
        self.inputs = inputs

    def integrate(self, w: Floats, x: Floats) -> Floats:
        """Weighted sums of the patch around each position."""
        maps, outputs = x.reshape(-1, self.inputs.neurons), w.shape[1]
        sums = np.empty((len(maps) * self.inputs.positions, outputs), np.result_type(x, w))
        for maps_of, rows_of in self._blocks(len(maps)):
            np.matmul(patches(maps[maps_of], self.inputs), w, out=sums[rows_of])
        return sums.reshape(*x.shape[:-1], self.inputs.positions * outputs)

    def gather(self, rows: Floats, columns: Floats) -> Floats:
        """Shared weights: outer products of patches and neurons, summed over all positions.

        With ``rows`` the pre traces q and ``columns`` m Psi this is the causal part of the update.
        """
        maps = rows.reshape(-1, self.inputs.neurons)
        sides = columns.reshape(len(maps) * self.inputs.positions, -1)
        total = np.zeros((KERNEL**2 * self.inputs.channels, sides.shape[1]), sides.dtype)
        for maps_of, rows_of in self._blocks(len(maps)):
            total += patches(maps[maps_of], self.inputs).T @ sides[rows_of]
        return total

    def back(self, w: Floats, columns: Floats) -> Floats:
        """Neuron-side ``columns`` back to the inputs: a convolution with the kernels turned by 180."""
        kernels = w.reshape(KERNEL**2, self.inputs.channels, -1)
        turned = kernels[::-1].swapaxes(1, 2).reshape(-1, self.inputs.channels)
        outputs = Map(w.shape[1], self.inputs.height, self.inputs.width)
        return Convolution(outputs).integrate(turned, columns)

    def seen(self, x: Floats) -> Floats:
        """What the neurons of each pixel see, (samples * positions, 9 * input channels)."""
        return patches(x.reshape(-1, self.inputs.neurons), self.inputs)

    def add(self, w: Floats, rows: Floats, columns: Floats) -> None:
        """w += gather."""
        if columns.any():
            w += self.gather(rows, columns)

    def _blocks(self, count: int) -> Iterator[tuple[slice, slice]]:
        """Parts of ``count`` maps: which maps, and which of their positions."""
        positions = self.inputs.positions
        size = max(1, BLOCK_VALUES // (KERNEL**2 * self.inputs.neurons))
        for start in range(0, count, size):
            stop = min(start + size, count)
            yield slice(start, stop), slice(start * positions, stop * positions)


def patches(x: Floats, inputs: Map) -> Floats:
    """What each position sees, zero beyond the border: (maps, neurons) to (maps * positions, 9 C)."""
    height, width, channels = inputs.height, inputs.width, inputs.channels
    padded = np.zeros((len(x), height + 2, width + 2, channels), x.dtype)
    padded[:, 1:-1, 1:-1] = x.reshape(-1, height, width, channels)
    windows = sliding_window_view(padded, (KERNEL, KERNEL), axis=(1, 2))
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, KERNEL**2 * channels)
