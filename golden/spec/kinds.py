"""The kinds of layers. What sets one kind apart from another is said here.

| kind        | written       | sees                                 | rows of weights                  |
|-------------|---------------|--------------------------------------|----------------------------------|
| flat        | `128`         | all neurons of the layer before      | one for every input              |
| convolution | `16c3`        | a patch of 3 x 3 pixels, padding 1   | 9 x channels, the same at all pixels |
| average     | `128`, behind `16c3g` | the average of a map's pixels | one for every channel           |

`p` behind a convolution is 2 x 2 max pooling, `g` the average over the map (`golden.spec.pooling`). The
order of a kind's passes is in golden/schedule/passes.py and hw/core/schedule/passes.py.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from golden.spec.flags import Flag
from golden.spec.formats import MOST_MAP_INPUTS
from golden.spec.maps import Map
from golden.spec.pooling import cell_rules, pooling_rules
from golden.spec.rules import Rules, Term

if TYPE_CHECKING:
    from golden.spec.config import CoreConfig
    from golden.spec.layers import Layer
    from golden.spec.layout import Placement
    from golden.spec.table_terms import Entry

SIDE = 3
"""Pixels to a side of the patch that a convolution's neuron sees."""

REACH = SIDE // 2
"""Pixels that a patch reaches to every side of its neuron."""

LOW_BITS = MOST_MAP_INPUTS - 1
"""Of a number of inputs, what its word in the layer table holds."""

MAP_FIELDS = (
    *("channels", "width", "height", "cell_shift"),
    *("cell_line", "latents", "line_inputs", "map_inputs"),
)
"""Fields of a layer table entry that describe maps: zero elsewhere."""


class Kind:
    """A kind of layer; this one is flat, that is, fully connected. Other kinds say what they do otherwise.

    `Layer.kind` and `Placement.kind` give the kind of a layer; whoever needs to know asks it.
    """

    name = "flat"
    flag = Flag(0)
    """Its flag in the layer table; the flat kind has none."""
    suffix: str | None = ""
    """What is written behind the number of its outputs; None: it follows from the layer before."""
    pools = False
    """Its map can be pooled."""
    shared = False
    """Pixels of its inputs share rows of weights, so a row of weights is no input."""
    mapped = False
    """Its neurons lie on a map: every pixel has groups of its own, latents are averages over cells."""

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        """A copy is the kind itself, in other processes too: kinds are told apart by identity."""
        return self.name.upper()

    def behind(self, averaged: int) -> Kind:
        """The kind that it is behind a layer of which it sees the average of `averaged` pixels."""
        return AVERAGE if averaged > 1 else self

    def fired(self, outputs: int, inputs: Map) -> Map:
        """The map of its neurons."""
        return Map(outputs)

    def taps(self, inputs: Map) -> int:
        """Pixels that one neuron sees: rows of weights are taps x channels."""
        return inputs.positions

    def patches(self, inputs: Map) -> float:
        """Passes of a group that visit an input, on average: patches that the input is in."""
        return 1

    def sharing(self, placement: Placement) -> int:
        """Pixels that share a row of weights."""
        return 1

    def fields(self, placement: Placement) -> dict[str, int]:
        """Its part of the layer table entry, beside what all kinds have."""
        return {}

    def inputs(self, layer: Layer) -> int:
        """Input neurons of an entry: all rows but the bias."""
        return layer.rows - layer.bias

    def positions(self, layer: Layer) -> int:
        """Pixels at which an entry has neurons."""
        return 1

    def latent_groups(self, layer: Layer) -> int:
        """Groups of latents of an entry. Those of a flat layer are its neurons."""
        return layer.groups

    def rules(self, rules: Rules, entry: Entry, config: CoreConfig) -> None:
        """What its entry must be, beside what all must: a row for every neuron of the layer before."""
        before, rows = entry.before, entry.field("rows")
        rules.most(Term(argument=1), rows - entry.bias, "no inputs")
        if config.map_pixels:
            _unused(rules, entry, MAP_FIELDS)
        with rules.when(before.channels):
            inputs = before.pixels * before.channels
            rules.same(rows, inputs + entry.bias, "rows are not what the layer before shows")


class Average(Kind):
    """Flat, behind a map of which it sees the average: its membranes are sums over all pixels.

    Channel c of every pixel is row c, so the pass visits a row once for each pixel that spikes there.
    """

    name = "average"
    flag = Flag.AVERAGE
    suffix = None
    shared = True

    def sharing(self, placement: Placement) -> int:
        """All pixels of the map."""
        return placement.averaged

    def fields(self, placement: Placement) -> dict[str, int]:
        """Channels and pixels of the map that goes in."""
        own = {"flags": self.flag, "width": 1, "height": 1, "line_inputs": placement.averaged}
        return _map_inputs(placement) | own

    def inputs(self, layer: Layer) -> int:
        """Neurons of the map that goes in."""
        return layer.map_inputs or MOST_MAP_INPUTS

    def rules(self, rules: Rules, entry: Entry, config: CoreConfig) -> None:
        """A row for every channel of the map before."""
        before, channels, inputs = entry.before, entry.field("channels"), entry.field("map_inputs")
        pixels = entry.field("line_inputs")
        rules.most(Term(argument=1), channels, "a map of nothing")
        rules.most(Term(argument=2), pixels, "an average of no map")
        rules.most(pixels, config.map_pixels, "more pixels than the core has")
        with rules.when(before.channels):
            rules.same(channels, before.channels, "channels are not those of the layer before")
            rules.same(pixels, before.pixels, "pixels are not those of the layer before")
        rules.keep(pixels * channels, entry.traces)
        _counted(rules, entry, config)
        rules.same(entry.traces & LOW_BITS, inputs, "map_inputs is not pixels x channels")
        reason = "rows are not the channels of the layer before"
        rules.same(entry.field("rows"), channels + entry.bias, reason)
        for side in ("width", "height"):
            rules.same(entry.field(side), 1, "behind an average width and height are 1")
        _unused(rules, entry, ("cell_shift", "cell_line", "latents"))
        rules.keep(entry.traces + entry.bias, entry.traces)


class Convolution(Kind):
    """3 x 3, stride 1, padding 1: every pixel has its own groups and passes, all share the weights.

    Row 3 (dy + 1) C + (dx + 1) C + c of the weights is channel c of the C at offset (dy, dx).
    """

    name = "convolution"
    flag = Flag.CONVOLUTION
    suffix = f"c{SIDE}"
    pools = True
    shared = True
    mapped = True

    def behind(self, averaged: int) -> Kind:
        """Itself: behind an average there is no map for it."""
        return self

    def fired(self, outputs: int, inputs: Map) -> Map:
        """A map as large as the one that goes in."""
        return Map(outputs, inputs.height, inputs.width)

    def taps(self, inputs: Map) -> int:
        """Those of a patch."""
        return SIDE * SIDE

    def patches(self, inputs: Map) -> float:
        """Nine, but for the pixels at the border."""
        lost = 2 * REACH
        whole = (SIDE * inputs.height - lost) * (SIDE * inputs.width - lost)
        return whole / inputs.positions

    def sharing(self, placement: Placement) -> int:
        """All pixels of the map."""
        return placement.inputs.positions

    def fields(self, placement: Placement) -> dict[str, int]:
        """The map, its cells of latents and its pooling."""
        inputs, pool = placement.inputs, placement.stage.pool
        return _map_inputs(placement) | {
            "flags": self.flag | pool.flag,
            "width": inputs.width,
            "height": inputs.height,
            "cell_shift": pool.cell_shift(placement.cell, inputs),
            "cell_line": placement.cell_grid[1] * placement.groups,
            "latents": placement.latent_groups,
            "line_inputs": inputs.width * placement.channels,
        }

    def inputs(self, layer: Layer) -> int:
        """Neurons of the map that goes in."""
        return self.positions(layer) * layer.channels

    def positions(self, layer: Layer) -> int:
        """Pixels of the map."""
        return layer.width * layer.height

    def latent_groups(self, layer: Layer) -> int:
        """Groups of all cells."""
        return layer.latents

    def rules(self, rules: Rules, entry: Entry, config: CoreConfig) -> None:
        """A map like the one that goes in; its cells; its pooling."""
        flags, before = entry.field("flags"), entry.before
        width, height, channels = (entry.field(name) for name in ("width", "height", "channels"))
        flat_flags = Flag.READOUT | Flag.BIAS | (KIND_FLAGS & ~self.flag)
        rules.same(flags & flat_flags, 0, "a flag of flat layers on a convolution")
        for side in (width, height, channels):
            rules.most(Term(argument=1), side, "a map of nothing")
        rules.keep(width * height, entry.pixels)
        rules.most(entry.pixels, config.map_pixels, "more pixels than the core has")
        rules.keep(entry.pixels * channels, entry.traces)
        map_inputs, line_inputs = entry.field("map_inputs"), entry.field("line_inputs")
        _counted(rules, entry, config)
        reason = "map_inputs is not width x height x channels"
        rules.same(entry.traces & LOW_BITS, map_inputs, reason)
        rules.same(width * channels, line_inputs, "line_inputs is not width x channels")
        reason = f"rows are not {SIDE**2} x channels"
        rules.same(channels * SIDE**2, entry.field("rows"), reason)
        with rules.when(before.channels):
            rules.same(channels, before.channels, "channels are not those of the layer before")
            rules.same(entry.pixels, before.pixels, "pixels are not those of the layer before")
        rules.keep(entry.pixels, entry.shown)
        across, down = rules.keep(width), rules.keep(height)
        with rules.when(flags & Flag.POOL):
            pooling_rules(rules, entry, (across, down), config)
        cell_rules(rules, entry, (across, down), config)


FLAT, CONVOLUTION, AVERAGE = Kind(), Convolution(), Average()
KINDS: tuple[Kind, ...] = (FLAT, CONVOLUTION, AVERAGE)
"""Every kind there is."""

KIND_FLAGS = reduce(or_, (kind.flag for kind in KINDS))
"""All flags of kinds; the flat kind has none of them."""

MAP_KINDS = reduce(or_, (kind.flag for kind in KINDS if kind.mapped))
"""Flags of kinds whose neurons lie on a map."""


def kind_of(flags: int) -> Kind:
    """The kind of a layer table entry with these flags."""
    return next((kind for kind in KINDS if flags & kind.flag), FLAT)


def _map_inputs(placement: Placement) -> dict[str, int]:
    """The map that goes in, its idle channels included."""
    inputs = placement.traces - placement.readout
    return {"channels": placement.channels, "map_inputs": inputs & LOW_BITS}


def _counted(rules: Rules, entry: Entry, config: CoreConfig) -> None:
    """The inputs of a map are no more than their word stands for. Few cores have the traces for so many."""
    if config.trace_entries > MOST_MAP_INPUTS:
        rules.most(entry.traces, MOST_MAP_INPUTS, "more inputs than map_inputs can count")


def _unused(rules: Rules, entry: Entry, names: tuple[str, ...]) -> None:
    """Fields that have no meaning in such a layer."""
    for name in names:
        rules.same(entry.field(name), 0, f"{name} of a layer that has none")
