"""What a layer table must be for a core to run it: bounds of single fields, and fields that must agree.

A core checks its table before the first sample behind a change, by the program that is compiled from these
rules. A table that breaks one is refused (`SampleStatus.BAD_TABLE`). Tables of networks (`Network.layers`)
break none. With what is accepted, a sample ends, stays within the memories, and gives the same bits in
the model and in hardware.
"""

from functools import cache

from golden.spec.config import CoreConfig
from golden.spec.flags import ALL_FLAGS, Flag
from golden.spec.kinds import FLAT, KIND_FLAGS, KINDS, MAP_KINDS
from golden.spec.layers import FIELDS, Field, most_psi_shift
from golden.spec.rules import Program, Rules, Source, Term
from golden.spec.table_terms import Before, Entry, field

LAYERS_LEFT, CLASSES = Term(Source.LAYERS_LEFT), Term(Source.CLASSES)
FLAGS, ROWS, GROUPS, OUTPUTS = (field(name) for name in ("flags", "rows", "groups", "outputs"))


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
    entry = Entry(before, bias, rules.keep(1), rules.keep(ROWS), rules.keep(1))
    _groups(rules, config)
    _kinds(rules, entry, config)
    _places(rules, entry, config)
    _shown(rules, entry, config)
    rules.end()
    return rules.program(value_bits(config))


def _bounds(rules: Rules, each: Field, config: CoreConfig) -> None:
    """What a field may be, whatever the others are."""
    low, high = each.low, each.high
    if each.name == "flags":
        known = ALL_FLAGS - (
            0 if config.map_pixels else int(KIND_FLAGS | Flag.POOL | Flag.CLASSIFIER)
        )
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


def _kinds(rules: Rules, entry: Entry, config: CoreConfig) -> None:
    """What only entries of its kind must be (`Kind.rules`). A core without maps knows the flat kind alone."""
    if not config.map_pixels:
        FLAT.rules(rules, entry, config)
        return
    for kind in KINDS:
        if kind.mapped:
            with rules.when(FLAGS & kind.flag):
                kind.rules(rules, entry, config)
    with rules.unless(FLAGS & MAP_KINDS):
        rules.same(FLAGS & (Flag.POOL | Flag.CLASSIFIER), 0, "a flag of maps on a flat layer")
        rules.most(GROUPS, config.latent_groups, "more groups than there are latents for")
    for kind in KINDS:
        if kind.flag and not kind.mapped:
            with rules.when(FLAGS & kind.flag):
                kind.rules(rules, entry, config)
    with rules.unless(FLAGS & KIND_FLAGS):
        FLAT.rules(rules, entry, config)


def _places(rules: Rules, entry: Entry, config: CoreConfig) -> None:
    """Layers lie one behind the other in every memory."""
    before = entry.before
    weights, states = field("weight_base"), field("state_base")
    rules.most(before.words, weights, "weights over those of the layer before")
    rules.keep(ROWS * GROUPS + weights, before.words)
    rules.most(before.words, config.weight_words, "weights beyond their memory")
    rules.most(before.states, states, "neurons over those of the layer before")
    rules.keep(entry.pixels * GROUPS + states, before.states)
    rules.most(before.states, config.neuron_groups, "neurons beyond their memory")
    if not config.list_rows:  # else lists may be full, and a row's number is all that is bounded
        rules.keep(before.traces + entry.traces, before.traces)
    traces = entry.traces if config.list_rows else before.traces
    rules.most(traces, config.trace_entries, "more inputs than the active lists hold")
    if config.classifier_groups:
        with rules.when(FLAGS & Flag.CLASSIFIER):
            base = field("classifier_base")
            rules.most(before.classifiers, base, "a classifier over that of the layer before")
            rules.keep(base + field("latents"), before.classifiers)
            rules.most(
                before.classifiers, config.classifier_groups, "a classifier beyond its memory"
            )


def _shown(rules: Rules, entry: Entry, config: CoreConfig) -> None:
    """What the next layer sees: of a map whole groups, idle lanes too."""
    before = entry.before
    rules.keep(entry.shown, before.pixels)
    rules.keep(OUTPUTS, before.channels)
    if config.map_pixels:
        with rules.when(FLAGS & MAP_KINDS):
            rules.keep(GROUPS * config.lanes, before.channels)
