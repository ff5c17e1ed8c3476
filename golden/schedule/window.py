"""Passes over a layer: which rows of weights each group of neurons visits.

Twin of hw/core/schedule/window.py.

A flat layer's groups all visit the whole list. A convolution's groups at one pixel visit what is in
the 3 x 3 window around it, as rows of the weights that all pixels share: row 3 (dy + 1) C + (dx + 1) C + c
for channel c of the C input channels. An input neuron's number is pixel x C + c, so a line of a window is
one stretch of the list; beyond the border there is nothing, and nothing is kept of it.

A flat layer that sees the average of a map visits the whole list, too; channel c of every pixel is row c.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from golden.rows.trace import Pass
from golden.spec.layers import Layer

REACH = 1  # pixels that a window reaches to every side


def passes(layer: Layer, visit: Pass) -> Iterator[tuple[int, Pass]]:
    """Group of weights and rows visited, for every group of neurons in the order of their state."""
    if not layer.convolution:
        visit = averaged(layer, visit) if layer.average else visit
        for group in range(layer.groups):
            yield group, visit
        return
    for window in windows(layer, visit):
        for group in range(layer.groups):
            yield group, window


def averaged(layer: Layer, visit: Pass) -> Pass:
    """The list of a map's neurons with rows of channels; a bias, the last row, is behind the last pixel."""
    last = layer.map_inputs // layer.channels - 1
    pixels = np.minimum(visit.rows // layer.channels, last)
    return replace(visit, rows=visit.rows - pixels * layer.channels)


def windows(layer: Layer, visit: Pass) -> Iterator[Pass]:
    """What is in the window of each pixel, pixels in the order of lines."""
    firsts = np.arange(layer.positions + 1) * layer.channels
    starts = np.searchsorted(visit.rows, firsts)
    for y in range(layer.height):
        for x in range(layer.width):
            yield _window(layer, visit, starts, y, x)


def _window(layer: Layer, visit: Pass, starts: np.ndarray, y: int, x: int) -> Pass:
    parts, rows = [], []
    left, right = max(x - REACH, 0), min(x + REACH, layer.width - 1)
    for line in range(max(y - REACH, 0), min(y + REACH, layer.height - 1) + 1):
        place = line * layer.width
        part = slice(starts[place + left], starts[place + right + 1])
        corner = (place + x - REACH) * layer.channels  # the window's first pixel of this line
        parts.append(part)
        rows.append(visit.rows[part] - corner + 3 * (line - y + REACH) * layer.channels)
    return Pass(
        np.concatenate(rows),
        *(
            np.concatenate([values[part] for part in parts])
            for values in (visit.trace, visit.spiked, visit.spikes)
        ),
    )
