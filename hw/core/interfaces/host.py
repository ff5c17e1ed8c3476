"""Roads of the host: settings, checks of the layer table, and its ways to the memories."""

from amaranth.lib import data
from amaranth.lib.wiring import In, Out, Signature
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from hw.core.base.layouts import layer_bits, trace_entry


class Settings(Signature):
    """host → schedule, learn, readout: registers of the host, each at least 1 and at most what is there.

    layer_count  layers in use
    class_count  classes in use
    """

    def __init__(self) -> None:
        super().__init__({"layer_count": Out(16), "class_count": Out(16)})


class TableCheck(Signature):
    """gate → host: whether the core can run what the layer table says.

    start    pulse: check the table
    done     pulse: it is checked
    fault    with `done`: the core cannot run it
    written  pulse: the table, or how many layers or classes are in use, was written
    """

    def __init__(self) -> None:
        super().__init__({"start": Out(1), "done": In(1), "fault": In(1), "written": In(1)})


class TracePeek(Signature):
    """host → rows: the active lists, while no pass runs.

    index  of an entry, from the front of the ring on
    entry  that entry, a cycle later
    layer  a layer
    count  length of its list, a cycle later
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "index": Out(config.list_bits),
                "entry": In(trace_entry(config)),
                "layer": Out(layer_bits(config)),
                "count": In(bits_for(config.list_depth)),
            }
        )


class NoiseAccess(Signature):
    """host → lanes: the state of the random numbers, while no slot needs one.

    state      where the sequence stands
    load       16 bits of another state
    load_low   pulse: they are the lower half
    load_high  pulse: they are the upper half
    """

    def __init__(self) -> None:
        super().__init__(
            {"state": In(32), "load": Out(16), "load_low": Out(1), "load_high": Out(1)}
        )


class WeightAccess(Signature):
    """host → lanes: the weight memory, while no slot has a row.

    active   the memory is the host's
    word     a word of the weight memory
    element  a lane of it
    write    write `data` there
    data     a weight
    words    for each chunk: the word's weights, LaneTimes.WEIGHTS_AT cycles later, and one more a chunk
    """

    def __init__(self, config: CoreConfig) -> None:
        weights = data.ArrayLayout(config.weight_bits, config.chunk_lanes)
        super().__init__(
            {
                "active": Out(1),
                "word": Out(16),
                "element": Out(8),
                "write": Out(1),
                "data": Out(config.weight_bits),
                "words": In(data.ArrayLayout(weights, config.chunks)),
            }
        )
