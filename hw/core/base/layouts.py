"""What travels between the units of the core, as structs."""

from amaranth import Shape, signed, unsigned
from amaranth.lib import data, stream
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.flags import FLAG_NAMES
from golden.spec.formats import MOST_MAP_INPUTS
from golden.spec.layers import FIELDS

HEADER = data.StructLayout({"label": 8, "flags": 8, "steps": 16, "learn_from": 16})
"""Header of a sample's payload (`golden.spec.samples`)."""

INPUTS_BITS = bits_for(MOST_MAP_INPUTS)
"""Of a number of inputs."""


def layer_entry() -> data.StructLayout:
    """An entry of the layer table; `flags` taken apart."""
    fields: dict[str, data.ShapeLike] = {field.name: 16 for field in FIELDS}
    fields["flags"] = data.StructLayout(
        {name: 1 for name in FLAG_NAMES} | {"unused": 16 - len(FLAG_NAMES)}
    )
    return data.StructLayout(fields)


def layer_bits(config: CoreConfig) -> int:
    """Bits of an index into the layer table."""
    return ceil_log2(config.layers)


def group_bits(config: CoreConfig) -> int:
    """Bits of a group's number among those of all layers: its address in the state memories."""
    return ceil_log2(config.neuron_groups)


def word_bits(config: CoreConfig) -> int:
    """Bits of an address in the weight memory."""
    return ceil_log2(config.weight_words)


def values(config: CoreConfig) -> dict[str, Shape]:
    """The field for the value x of a spike, where input events carry values; else it is 1."""
    return {"value": signed(config.input_bits)} if config.graded else {}


def trace_shape(config: CoreConfig) -> Shape:
    """Of a pre trace."""
    return signed(config.trace_bits) if config.graded else unsigned(config.trace_bits)


def event(config: CoreConfig) -> data.StructLayout:
    """A spike at `row`, or the `end` of a step."""
    return data.StructLayout({"row": config.row_bits, "end": 1} | values(config))


def event_stream(config: CoreConfig) -> stream.Signature:
    """Spikes of one layer, ascending, each step closed by an end."""
    return stream.Signature(event(config))


def visit(config: CoreConfig) -> data.StructLayout:
    """A row that a pass visits, or the `end` of the pass.

    `trace` is the row's pre trace q[t-1], `previous_spike` says that it spiked at t-1, `spike` that it does
    now.
    """
    fields = {"row": config.row_bits, "trace": trace_shape(config), "previous_spike": 1}
    return data.StructLayout(fields | {"spike": 1, "end": 1} | values(config))


def spiking_row(config: CoreConfig) -> data.StructLayout:
    """A visit of which nothing counts but the spike."""
    return data.StructLayout({"row": config.row_bits} | values(config))


def trace_entry(config: CoreConfig) -> data.StructLayout:
    """An entry of an active list: a row, its pre trace, and whether it spiked in the step before."""
    fields = {"row": config.row_bits, "trace": trace_shape(config), "previous_spike": 1}
    return data.StructLayout(fields)


def spike_word(config: CoreConfig) -> data.StructLayout:
    """Spikes of one chunk; `last` of its layer."""
    return data.StructLayout({"spikes": config.chunk_lanes, "last": 1})


def context(config: CoreConfig) -> data.StructLayout:
    """Which group in which step a slot belongs to, and what is to be done with it."""
    return data.StructLayout(
        {
            "layer": layer_bits(config),
            "group": group_bits(config),  # among those of all layers
            "neurons": bits_for(config.lanes),  # lanes of the group that are neurons
            "final": 1,  # last group of its layer
            "fresh": 1,  # first step of a sample: state counts as zero
            "learn": 1,  # traces are kept
            "teach": 1,  # the learning signal is on
        }
    )


def slot(config: CoreConfig) -> data.StructLayout:
    """One cycle of the lanes: a row to update and integrate, or, without `active`, nothing."""
    return data.StructLayout(
        {
            "active": 1,  # the word at `address` is updated, or integrated, or both
            "address": word_bits(config),
            "trace": trace_shape(config),
            "previous_spike": 1,
            **values(config),
            "spike": 1,  # integrate
            "update": 1,  # apply the deferred update
            "first": 1,  # of a pass: accumulators start over
            "last": 1,  # of a pass: the group fires
            "context": context(config),
        }
    )


def fired_chunk(config: CoreConfig) -> data.StructLayout:
    """A chunk on its way through Fire and behind it."""
    return data.StructLayout(
        {"valid": 1, "context": context(config), "chunk": bits_for(config.chunks)}
    )
