"""What passes between the units of the core."""

from amaranth.lib import data, stream
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.flags import FLAG_NAMES
from golden.spec.formats import TRACE_BITS
from golden.spec.layers import FIELDS


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


def state_bits(config: CoreConfig) -> int:
    """Bits of a group's address in the state memories."""
    return ceil_log2(config.neuron_groups)


def word_bits(config: CoreConfig) -> int:
    """Bits of an address in the weight memory."""
    return ceil_log2(config.weight_words)


def event(config: CoreConfig) -> data.StructLayout:
    """A spike at `row`, or the `end` of a step."""
    return data.StructLayout({"row": config.row_bits, "end": 1})


def event_stream(config: CoreConfig) -> stream.Signature:
    """Spikes of one layer, ascending, each step closed by an end."""
    return stream.Signature(event(config))


def visit(config: CoreConfig) -> data.StructLayout:
    """A row that a pass visits: q[t-1], x[t-1] and x[t]; or the `end` of the pass."""
    return data.StructLayout(
        {"row": config.row_bits, "trace": TRACE_BITS, "spiked": 1, "spike": 1, "end": 1}
    )


def context(config: CoreConfig) -> data.StructLayout:
    """Which group in which step a slot belongs to, and what is to be done with it."""
    return data.StructLayout(
        {
            "layer": layer_bits(config),
            "state": state_bits(config),
            "valid": bits_for(config.lanes),  # lanes that are neurons
            "final": 1,  # last group of its layer
            "fresh": 1,  # first step of a sample: state counts as zero
            "learn": 1,  # traces are kept
            "teach": 1,  # the learning signal is on
        }
    )


def slot(config: CoreConfig) -> data.StructLayout:
    """One cycle of the lanes: a row to update and integrate, or nothing (`row` = 0)."""
    return data.StructLayout(
        {
            "row": 1,
            "address": word_bits(config),
            "trace": TRACE_BITS,
            "spiked": 1,
            "spike": 1,
            "update": 1,
            "first": 1,  # of a pass: accumulators start over
            "last": 1,  # of a pass: the group fires
            "context": context(config),
        }
    )
