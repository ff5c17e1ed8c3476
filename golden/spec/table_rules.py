"""What a layer table must be for a core to run it: bounds of single fields, and fields that must agree.

A core checks its table before the first sample behind a change, by the program that is compiled from these
rules. A table that breaks one is refused (`SampleStatus.BAD_TABLE`). Tables of networks (`Network.layers`)
break none. With what is accepted, a sample ends, stays within the memories, and gives the same bits in
the model and in hardware.
"""

from dataclasses import dataclass
from functools import cache

from golden.spec.config import CoreConfig
from golden.spec.flags import ALL_FLAGS, Flag
from golden.spec.kinds import SIDE
from golden.spec.layers import FIELD_NAMES, FIELDS, Field, most_psi_shift
from golden.spec.pooling import POOL
from golden.spec.rules import Program, Rules, Source, Term

LAYERS_LEFT, CLASSES = Term(Source.LAYERS_LEFT), Term(Source.CLASSES)
MAP_FIELDS = (
    *("channels", "width", "height", "cell_shift"),
    *("cell_line", "latents", "line_inputs", "map_inputs"),
)
"""Fields that describe maps: zero elsewhere."""
MAP_FLAGS = Flag.CONVOLUTION | Flag.POOL | Flag.AVERAGE | Flag.CLASSIFIER


def field(name: str) -> Term:
    """A field of the entry in hand."""
    return Term(Source.FIELD, FIELD_NAMES.index(name))


FLAGS, ROWS, GROUPS, OUTPUTS = (field(name) for name in ("flags", "rows", "groups", "outputs"))
WIDTH, HEIGHT, CHANNELS = (field(name) for name in ("width", "height", "channels"))


@dataclass(frozen=True)
class Before:
    """What the layers so far take, and what the last of them shows to the next: pixels x channels."""

    words: Term
    states: Term
    traces: Term
    classifiers: Term
    pixels: Term
    channels: Term
    """0: there is no layer before."""


@dataclass(frozen=True)
class Now:
    """What is computed of the entry in hand."""

    bias: Term
    pixels: Term
    traces: Term
    """Rows that may be in its active list."""
    shown: Term
    """Pixels that the next layer sees."""


def value_bits(config: CoreConfig) -> int:
    """Bits in which nothing that is computed overflows: rows x groups and a base, pixels x channels."""
    return 30 if config.map_pixels else 26


@cache
def table_program(config: CoreConfig) -> Program:
    """The rules for a core."""
    rules = Rules()
    before = Before(*(rules.variable() for _ in range(6)))
    rules.begin(*vars(before).values())
    for each in FIELDS:
        _bounds(rules, each, config)
    _ends(rules, config)
    bias = rules.keep((FLAGS & Flag.BIAS) >> (Flag.BIAS.bit_length() - 1))
    now = Now(bias, rules.keep(1), rules.keep(ROWS), rules.keep(1))
    _groups(rules, config)
    if config.map_pixels:
        with rules.when(FLAGS & Flag.CONVOLUTION):
            _convolution(rules, before, now, config)
        with rules.unless(FLAGS & Flag.CONVOLUTION):
            rules.same(FLAGS & (Flag.POOL | Flag.CLASSIFIER), 0, "a flag of maps on a flat layer")
            rules.most(GROUPS, config.latent_groups, "more groups than there are latents for")
        with rules.when(FLAGS & Flag.AVERAGE):
            _average(rules, before, now)
        with rules.unless(FLAGS & (Flag.CONVOLUTION | Flag.AVERAGE)):
            _flat(rules, before, now, config)
    else:
        _flat(rules, before, now, config)
    _places(rules, before, now, config)
    _shown(rules, before, now, config)
    rules.end()
    return rules.program(value_bits(config))


def _bounds(rules: Rules, each: Field, config: CoreConfig) -> None:
    """What a field may be, whatever the others are."""
    low, high = each.low, each.high
    if each.name == "flags":
        known = ALL_FLAGS - (0 if config.map_pixels else int(MAP_FLAGS))
        if config.map_pixels and not config.classifier_groups:
            known -= int(Flag.CLASSIFIER)
        rules.same(FLAGS & (0xFFFF - known), 0, "a flag that the core does not know")
        return
    if each.name == "groups":  # so that groups x lanes has 16 bits
        high = min(high, config.neuron_groups, 0xFFFF // config.lanes)
    if each.name == "psi_shift":
        high = most_psi_shift(config)
    value, reason = field(each.name), f"{each.name} is not {low} to {high}"
    if low:
        rules.most(Term(argument=low), value, reason)
    if high < 0xFFFF:
        rules.most(value, high, reason)


def _ends(rules: Rules, config: CoreConfig) -> None:
    """The last layer in use is the readout, and no other is."""
    with rules.when(LAYERS_LEFT):
        rules.same(FLAGS & Flag.READOUT, 0, "a readout that is not the last layer in use")
    with rules.unless(LAYERS_LEFT):
        rules.same(FLAGS & Flag.READOUT, Flag.READOUT, "the last layer in use is no readout")
        rules.most(CLASSES, OUTPUTS, "fewer outputs than classes in use")
        rules.most(OUTPUTS, config.classes, "more outputs than the core has classes")


def _groups(rules: Rules, config: CoreConfig) -> None:
    """Groups for all outputs, and none too many."""
    reason = f"outputs do not fill their groups of {config.lanes}"
    rules.most(OUTPUTS, GROUPS * config.lanes, reason)
    rules.most((GROUPS - 1) * config.lanes + 1, OUTPUTS, reason)


def _flat(rules: Rules, before: Before, now: Now, config: CoreConfig) -> None:
    """A row for every neuron of the layer before."""
    rules.most(Term(argument=1), ROWS - now.bias, "no inputs")
    if config.map_pixels:
        _unused(rules, MAP_FIELDS)
    with rules.when(before.channels):
        inputs = before.pixels * before.channels
        rules.same(ROWS, inputs + now.bias, "rows are not what the layer before shows")


def _convolution(rules: Rules, before: Before, now: Now, config: CoreConfig) -> None:
    """A map like the one that goes in; its cells; its pooling."""
    flat_flags = Flag.READOUT | Flag.BIAS | Flag.AVERAGE
    rules.same(FLAGS & flat_flags, 0, "a flag of flat layers on a convolution")
    for side in (WIDTH, HEIGHT, CHANNELS):
        rules.most(Term(argument=1), side, "a map of nothing")
    rules.keep(WIDTH * HEIGHT, now.pixels)
    rules.most(now.pixels, config.map_pixels, "more pixels than the core has")
    rules.keep(now.pixels * CHANNELS, now.traces)
    rules.same(now.traces, field("map_inputs"), "map_inputs is not width x height x channels")
    rules.same(WIDTH * CHANNELS, field("line_inputs"), "line_inputs is not width x channels")
    rules.same(CHANNELS * SIDE**2, ROWS, f"rows are not {SIDE**2} x channels")
    with rules.when(before.channels):
        rules.same(CHANNELS, before.channels, "channels are not those of the layer before")
        rules.same(now.pixels, before.pixels, "pixels are not those of the layer before")
    rules.keep(now.pixels, now.shown)
    across, down = rules.keep(WIDTH), rules.keep(HEIGHT)
    with rules.when(FLAGS & Flag.POOL):
        rules.keep(_halves(WIDTH) * _halves(HEIGHT), now.shown)
        rules.most(Term(argument=1), now.shown, "a map too small to pool")
        windows = _halves(WIDTH) * GROUPS
        rules.most(
            windows, config.latent_groups, "more pooling windows in a line than there is room for"
        )
        rules.most(Term(argument=1), field("cell_shift"), "cells smaller than pooling windows")
        rules.keep(_halves(WIDTH) * POOL, across)
        rules.keep(_halves(HEIGHT) * POOL, down)
    columns, lines = (((side - 1) >> field("cell_shift")) + 1 for side in (across, down))
    rules.same(columns * GROUPS, field("cell_line"), "cell_line is not that of cells this large")
    rules.same(
        lines * field("cell_line"), field("latents"), "latents are not those of cells this large"
    )
    rules.most(field("latents"), config.latent_groups, "more latents than there is room for")


def _halves(side: Term) -> Term:
    """Pooling windows along a side."""
    return side >> (POOL.bit_length() - 1)


def _average(rules: Rules, before: Before, now: Now) -> None:
    """A row for every channel of the map before."""
    rules.most(Term(argument=2), before.pixels, "an average of no map")
    rules.same(CHANNELS, before.channels, "channels are not those of the layer before")
    rules.same(before.pixels * CHANNELS, field("map_inputs"), "map_inputs is not pixels x channels")
    rules.same(ROWS, CHANNELS + now.bias, "rows are not the channels of the layer before")
    for side in (WIDTH, HEIGHT):
        rules.same(side, 1, "behind an average width and height are 1")
    _unused(rules, ("cell_shift", "cell_line", "latents", "line_inputs"))
    rules.keep(field("map_inputs") + now.bias, now.traces)


def _unused(rules: Rules, names: tuple[str, ...]) -> None:
    """Fields that have no meaning in such a layer."""
    for name in names:
        rules.same(field(name), 0, f"{name} of a layer that has none")


def _places(rules: Rules, before: Before, now: Now, config: CoreConfig) -> None:
    """Layers lie one behind the other in every memory."""
    weights, states = field("weight_base"), field("state_base")
    rules.most(before.words, weights, "weights over those of the layer before")
    rules.keep(ROWS * GROUPS + weights, before.words)
    rules.most(before.words, config.weight_words, "weights beyond their memory")
    rules.most(before.states, states, "neurons over those of the layer before")
    rules.keep(now.pixels * GROUPS + states, before.states)
    rules.most(before.states, config.neuron_groups, "neurons beyond their memory")
    rules.keep(before.traces + now.traces, before.traces)
    rules.most(before.traces, config.trace_entries, "more inputs than the active lists hold")
    if config.classifier_groups:
        with rules.when(FLAGS & Flag.CLASSIFIER):
            base = field("classifier_base")
            rules.most(before.classifiers, base, "a classifier over that of the layer before")
            rules.keep(base + field("latents"), before.classifiers)
            rules.most(
                before.classifiers, config.classifier_groups, "a classifier beyond its memory"
            )


def _shown(rules: Rules, before: Before, now: Now, config: CoreConfig) -> None:
    """What the next layer sees: of a map whole groups, idle lanes too."""
    rules.keep(now.shown, before.pixels)
    rules.keep(OUTPUTS, before.channels)
    if config.map_pixels:
        with rules.when(FLAGS & Flag.CONVOLUTION):
            rules.keep(GROUPS * config.lanes, before.channels)
