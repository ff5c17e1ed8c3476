"""Passes over a layer: which rows of weights each group of neurons visits, in which order.

Twin of hw/core/schedule/passes.py. ORDERS has an entry for every kind of layer (`golden.spec.kinds`).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from golden.rows.trace import Pass, Rows
from golden.spec.kinds import AVERAGE, CONVOLUTION, FLAT, REACH, SIDE, Kind
from golden.spec.layers import Layer


def passes(layer: Layer, visit: Pass) -> Iterator[tuple[int, Pass]]:
    """Group of weights and rows visited, for every group of neurons in the order of their state."""
    for visited in ORDERS[layer.kind](layer, visit):
        for group in range(layer.groups):
            yield group, visited


def whole(layer: Layer, visit: Pass) -> Iterator[Pass]:
    """The whole list, once."""
    yield visit


def averaged(layer: Layer, visit: Pass) -> Iterator[Pass]:
    """The list of a map's neurons, once, with channels for rows.

    A bias, the last row, counts to the last pixel.
    """
    last = layer.inputs // layer.channels - 1
    pixels = np.minimum(visit.rows // layer.channels, last)
    yield replace(visit, rows=visit.rows - pixels * layer.channels)


def patches(layer: Layer, visit: Pass) -> Iterator[Pass]:
    """What is in the patch around each pixel, pixels in the order of lines.

    Rows are those of the weights that all pixels share: row 3 (dy + 1) C + (dx + 1) C + c for channel c of
    the C input channels. An input neuron's number is pixel x C + c, so a line of a patch is one segment
    of the list. Beyond the border there is nothing, and no row is visited for it.
    """
    firsts = np.arange(layer.positions + 1) * layer.channels
    starts = np.searchsorted(visit.rows, firsts)
    for y in range(layer.height):
        for x in range(layer.width):
            yield _patch(layer, visit, starts, y, x)


ORDERS: dict[Kind, Callable[[Layer, Pass], Iterator[Pass]]] = {
    FLAT: whole,
    AVERAGE: averaged,
    CONVOLUTION: patches,
}
"""How each kind goes over the list of a layer's active rows: what its passes visit, in order."""


def _patch(layer: Layer, visit: Pass, starts: Rows, y: int, x: int) -> Pass:
    parts, rows = [], []
    left, right = max(x - REACH, 0), min(x + REACH, layer.width - 1)
    for line in range(max(y - REACH, 0), min(y + REACH, layer.height - 1) + 1):
        first = line * layer.width
        part = slice(starts[first + left], starts[first + right + 1])
        corner = (first + x - REACH) * layer.channels  # the patch's first pixel of this line
        parts.append(part)
        rows.append(visit.rows[part] - corner + SIDE * (line - y + REACH) * layer.channels)
    return Pass(
        np.concatenate(rows),
        *(
            np.concatenate([values[part] for part in parts])
            for values in (visit.trace, visit.previous_spikes, visit.values)
        ),
    )
