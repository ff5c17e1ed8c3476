"""Roads of the schedule: what it tells the rooms, and what they tell it."""

from amaranth.lib.wiring import In, Out, Signature

from golden.spec.config import CoreConfig
from golden.spec.formats import FACTOR_BITS, TRACE_BITS
from hw.core.base.layouts import HEADER, context, group_bits, layer_bits, slot, visit


class SampleHead(Signature):
    """rows → schedule, learn, readout: the sample that is coming in.

    header    the first bytes of its payload
    begin     pulse: the header is complete
    finished  the payload is taken whole
    status    what was wrong with it so far (`golden.spec.samples.SampleStatus`)
    """

    def __init__(self) -> None:
        super().__init__(
            {"header": Out(HEADER), "begin": Out(1), "finished": Out(1), "status": Out(16)}
        )


class Phase(Signature):
    """schedule → learn, readout, host: where in a sample the core is.

    busy   from the header to the last cycle before the result
    clear  pulse: a sample begins; what is known of one before is void
    drop   pulse: a sample is done; no deferred update is left
    """

    def __init__(self) -> None:
        super().__init__({"busy": Out(1), "clear": Out(1), "drop": Out(1)})


class TraceControl(Signature):
    """schedule → rows: a pass over a layer's active list, with the layer's parameters.

    clear     pulse: all lists are empty
    start     pulse: the list of `layer` is merged with its new spikes; the rest stays until the end
    skip      pulse: the list of `layer`, at the front of the ring, is dropped unvisited
    flush     there are no spikes, and nothing is kept
    keep      traces are kept
    layer     index of the layer
    bias      its last row is driven by a spike in every step
    last_row  that row
    decay     lambda_pre x 256
    gain      what a spike adds to a trace, or 1 of a value
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "clear": Out(1),
                "start": Out(1),
                "skip": Out(1),
                "flush": Out(1),
                "keep": Out(1),
                "layer": Out(layer_bits(config)),
                "bias": Out(1),
                "last_row": Out(config.row_bits),
                "decay": Out(FACTOR_BITS),
                "gain": Out(TRACE_BITS),
            }
        )


class RowListControl(Signature):
    """Passes → RowList: rows are recorded, and read again by index.

    restart      pulse: nothing is recorded
    record       append `recorded`
    recorded     a visited row
    rows         number of rows recorded
    spikes       number of those that spike in this step
    address      index of the row to read
    spikes_only  of the list of spikes; else of that of all rows
    """

    def __init__(self, config: CoreConfig) -> None:
        count = config.list_bits + 1
        super().__init__(
            {
                "restart": Out(1),
                "record": Out(1),
                "recorded": Out(visit(config)),
                "rows": In(count),
                "spikes": In(count),
                "address": Out(count),
                "spikes_only": Out(1),
            }
        )


class Slots(Signature):
    """schedule → lanes, host: what the lanes do, a slot a cycle.

    slot    the work of this cycle
    issued  it belongs to a visited row
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__({"slot": Out(slot(config)), "issued": Out(1)})


class Activity(Signature):
    """schedule → host: what a cycle without a row waits for, and what is done.

    wait_input   for the host's events
    wait_spikes  for the spikes of the layer before
    wait_signal  for the learning signal
    step_done    pulse: a step of all layers is done
    sample_done  pulse: a sample is done
    """

    def __init__(self) -> None:
        names = ("wait_input", "wait_spikes", "wait_signal", "step_done", "sample_done")
        super().__init__({name: Out(1) for name in names})


class PassEnd(Signature):
    """lanes → fire: a group's rows are all on their way, Firing.LEAD cycles before its sums.

    last     pulse
    context  of the group
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__({"last": Out(1), "context": Out(context(config))})


class SignalControl(Signature):
    """schedule → learn: whose learning signal is formed, and whether there is room for another.

    claim  bits of layers whose signal is about to be formed
    last   pulse: the last group of a layer is on its way
    busy   a bit for each layer, from `claim` until its gains are written
    full   from `last` until there is room for another layer
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "claim": Out(config.layers),
                "last": Out(1),
                "busy": In(config.layers),
                "full": In(1),
            }
        )


class DeferredQuery(Signature):
    """schedule → learn: whether there is a deferred update to apply.

    layer       index of the layer in hand
    group       a group of it: `of_group` answers at once; where there are maps, a cycle later
    next_group  another one, where there are maps: `of_next` answers a cycle later
    of_layer    a bit for each layer
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "layer": Out(layer_bits(config)),
                "group": Out(group_bits(config)),
                "of_group": In(1),
                "next_group": Out(group_bits(config)),
                "of_next": In(1),
                "of_layer": In(config.layers),
            }
        )


class DeferredMarks(Signature):
    """Gain → Deferred: a chunk of gains is being written.

    valid         there is one
    nonzero       one of its gains is not zero: its group has an update to apply
    begins_group  it is its group's first
    begins_layer  it is its layer's first
    group         its group
    layer         its layer
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "nonzero": Out(1),
                "begins_group": Out(1),
                "begins_layer": Out(1),
                "group": Out(group_bits(config)),
                "layer": Out(layer_bits(config)),
            }
        )


class ResultControl(Signature):
    """schedule → readout: the sample is done.

    start  pulse: send its result
    done   pulse: it is sent
    """

    def __init__(self) -> None:
        super().__init__({"start": Out(1), "done": In(1)})
