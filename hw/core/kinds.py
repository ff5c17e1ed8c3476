"""What the hardware asks of a layer's kind. Twin of golden/spec/kinds.py.

A kind is known from the flags of the layer's entry while the core runs. All that differs from kind to kind
is here; every other file asks.
"""

from dataclasses import dataclass
from typing import Any

from amaranth import Cat, Const, Mux, Value

from golden.spec.config import CoreConfig
from golden.spec.formats import MOST_MAP_INPUTS


def is_map(entry: Any) -> Value:
    """It has neurons at every pixel of a map; else its neurons are one group after the other."""
    return entry.flags.convolution


def shares_rows(entry: Any) -> Value:
    """Pixels of its input share weights: passes visit segments of the row list, else the whole list."""
    return entry.flags.convolution | entry.flags.average


def map_inputs(config: CoreConfig, entry: Any) -> Value:
    """Inputs of a map, where there is one: the word 0 stands for MOST_MAP_INPUTS, on cores with so many."""
    word = entry.map_inputs
    return Cat(word, word == 0) if config.trace_entries >= MOST_MAP_INPUTS else word


def inputs(config: CoreConfig, entry: Any) -> Value:
    """Input neurons, if it is the first layer."""
    flat = entry.rows - entry.flags.bias
    return Mux(shares_rows(entry), map_inputs(config, entry), flat) if config.map_pixels else flat


def last_row(config: CoreConfig, entry: Any) -> Value:
    """Where a bias is in its row list: behind all inputs."""
    last = entry.rows - 1
    return Mux(entry.flags.average, map_inputs(config, entry), last) if config.map_pixels else last


def latent_groups(config: CoreConfig, entry: Any) -> Value:
    """Groups of latents: the learning signal tells these apart."""
    return Mux(is_map(entry), entry.latents, entry.groups) if config.map_pixels else entry.groups


def of_map(config: CoreConfig, entry: Any) -> Value:
    """`is_map`, on a core that has maps."""
    return is_map(entry) if config.map_pixels else Const(0)


@dataclass(frozen=True)
class Segmentation:
    """Which segments of the row list the passes of a layer visit that shares rows.

    A pass of a convolution visits a segment for each line of its patch, one behind an average a segment
    for each pixel.
    """

    by_pixel: Any
    """Segments of a pass are the pixels of the whole map; else the three lines of a patch."""
    above: Any
    """Pixels from the middle of a pass's first segment to the pass's own pixel."""
    offset_step: Any
    """What is added to the offset of the weights from a segment to the next one of its pass."""
    corner: Any
    """Offset of the weights of the layer's first segment."""


def segmentation(entry: Any) -> Segmentation:
    """Of a layer that shares rows."""
    average = entry.flags.average
    return Segmentation(
        by_pixel=average,
        above=Mux(average, 0, entry.width),
        offset_step=Mux(average, -entry.channels, 3 * entry.channels - entry.line_inputs),
        corner=entry.weight_base + Mux(average, 0, entry.line_inputs + entry.channels),
    )
