"""Every road between the rooms of the core, field by field. hw/core/core.py connects them.

A direction is that of the side that the road begins at: of the room that speaks, or of the reader of a
memory. Where it leads to stands behind the arrow.
"""

from typing import Any

from amaranth import signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Member, Out, Signature
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import (
    CLASSIFIER_BITS,
    FACTOR_BITS,
    GAIN_BITS,
    MEMBRANE_BITS,
    MOVE_BITS,
    SIGNAL_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
)
from golden.spec.layers import FIELDS
from golden.spec.pooling import CORNERS
from hw.core.base.chunks import chunk_address_bits, chunk_bits
from hw.core.base.layouts import (
    HEADER,
    context,
    fired_chunk,
    group_bits,
    layer_bits,
    layer_entry,
    slot,
    trace_entry,
    visit,
)


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


class SampleHead(Signature):
    """rows → schedule, learn, readout: the sample that is coming in.

    header    the first bytes of its payload
    begin     pulse: the header is complete
    finished  the payload is taken whole
    status    what was wrong with it so far (`golden.spec.samples.SampleStatus`)
    """

    def __init__(self) -> None:
        super().__init__(
            {"header": Out(HEADER), "begin": Out(1), "finished": Out(1), "status": Out(4)}
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
        count = config.row_bits + 1
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


class SumRead(Signature):
    """fire → lanes: the sums of a chunk.

    chunk  number of the chunk within its group
    sums   its sums, LATENCY cycles later
    """

    LATENCY = 1

    def __init__(self, config: CoreConfig) -> None:
        sums = data.ArrayLayout(signed(config.accumulator_bits), config.chunk_lanes)
        super().__init__({"chunk": Out(bits_for(config.chunks)), "sums": In(sums)})


class ChunkWrite(Signature):
    """A chunk of values, to the memory that keeps it.

    valid    there is one
    address  its chunk address
    values   one value a lane
    """

    def __init__(self, config: CoreConfig, shape: Any) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "address": Out(chunk_address_bits(config)),
                "values": Out(data.ArrayLayout(shape, config.chunk_lanes)),
            }
        )


class ChunkRead(Signature):
    """A reader → a chunk memory.

    address  a chunk address
    values   the chunk there, ChunkMemory.LATENCY cycles later
    """

    def __init__(self, config: CoreConfig, shape: Any) -> None:
        super().__init__(
            {
                "address": Out(chunk_address_bits(config)),
                "values": In(data.ArrayLayout(shape, config.chunk_lanes)),
            }
        )


class HostRead(Signature):
    """host → a chunk memory: the host reads while the core is at rest.

    active   the memory is the host's
    address  a chunk address
    values   the chunk there, ChunkMemory.LATENCY cycles later
    """

    def __init__(self, config: CoreConfig, shape: Any) -> None:
        super().__init__({"active": Out(1)} | dict(ChunkRead(config, shape).members))


class Seen(Signature):
    """fire → learn, readout: a chunk's spikes as the next layer sees them, behind the pooling.

    coming      the chunk, Firing.SEEN_LEAD cycles ahead of `chunk` and what follows
    latent      with `coming`: its group among the latents of its layer
    restart     with `coming`: it is its layer's first
    chunk       the chunk
    number      its number among the chunks of its layer
    readout     its layer is the readout: it has no spikes, its potentials are logits
    spikes      a bit a lane
    potentials  membranes after the reset, before the leak
    """

    def __init__(self, config: CoreConfig) -> None:
        lanes = config.chunk_lanes
        super().__init__(
            {
                "coming": Out(fired_chunk(config)),
                "latent": Out(group_bits(config)),
                "restart": Out(1),
                "chunk": Out(fired_chunk(config)),
                "number": Out(chunk_address_bits(config)),
                "readout": Out(1),
                "spikes": Out(lanes),
                "potentials": Out(data.ArrayLayout(signed(MEMBRANE_BITS), lanes)),
            }
        )


class LayerRead(Signature):
    """A reader → the layer table.

    layer  index of a layer
    entry  its entry, in the same cycle
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__({"layer": Out(layer_bits(config)), "entry": In(layer_entry())})


class TableWrite(Signature):
    """host → the layer table: a field of an entry.

    valid  there is one
    layer  index of the layer
    field  number of the field (`golden.spec.layers.FIELDS`)
    data   its value
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "layer": Out(layer_bits(config)),
                "field": Out(ceil_log2(len(FIELDS))),
                "data": Out(16),
            }
        )


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


class ClassSignals(Signature):
    """Classes → Gain: the learning signals of a layer's classes.

    ready       they are there, until `taken`
    taken       pulse
    context     of the layer's last group
    parameters  entry of the layer
    signals     a learning signal a class
    any_signal  one of them is not zero
    moves       where there are classifiers: what each class's weights move by, times a count
    """

    def __init__(self, config: CoreConfig) -> None:
        moves = data.ArrayLayout(signed(MOVE_BITS), config.classes)
        super().__init__(
            ({"moves": Out(moves)} if config.classifier_groups else {})
            | {
                "ready": Out(1),
                "taken": In(1),
                "context": Out(context(config)),
                "parameters": Out(layer_entry()),
                "signals": Out(data.ArrayLayout(signed(SIGNAL_BITS), config.classes)),
                "any_signal": Out(1),
            }
        )


class GainWrite(Signature):
    """learn → lanes: gains of a chunk of neurons, for the next pass over their group.

    address     its chunk address
    gains       a gain a lane
    causal      they are those of the causal term
    non_causal  they are those of the non-causal term; with both, the non-causal gains become zero
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "address": Out(chunk_address_bits(config)),
                "gains": Out(data.ArrayLayout(signed(GAIN_BITS), config.chunk_lanes)),
                "causal": Out(1),
                "non_causal": Out(1),
            }
        )


class SignRead(Signature):
    """Gain and Latents → Signs: the random signs B of a chunk's lanes.

    address  a chunk address, counted in latents
    signs    for each class a bit a lane, Signs.LATENCY cycles later
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "address": Out(chunk_address_bits(config)),
                "signs": In(data.ArrayLayout(config.chunk_lanes, config.classes)),
            }
        )


class SignAccess(Signature):
    """host → learn: the random signs B, while the core is at rest.

    active   the memory is the host's
    address  as in SignRead
    signs    as in SignRead
    write    replace the signs of class `number` at `address` by `data`
    number   of a class
    data     a bit a lane
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "active": Out(1),
                **SignRead(config).members,
                "write": Out(1),
                "number": Out(ceil_log2(config.classes)),
                "data": Out(config.chunk_lanes),
            }
        )


class ClassifierAccess(Signature):
    """host → learn: the weights of classifiers, while the core is at rest.

    active   the memory is the host's
    address  chunk address of latents, and a class as its lowest bits
    values   the weights there, ChunkMemory.LATENCY cycles later
    write    replace that of `lane` by `data`
    lane     a lane of the chunk
    data     a weight
    """

    def __init__(self, config: CoreConfig) -> None:
        depth = (config.classifier_groups << chunk_bits(config)) << ceil_log2(config.classes)
        super().__init__(
            {
                "active": Out(1),
                "address": Out(ceil_log2(depth)),
                "values": In(data.ArrayLayout(signed(CLASSIFIER_BITS), config.chunk_lanes)),
                "write": Out(1),
                "lane": Out(range(config.chunk_lanes)),
                "data": Out(CLASSIFIER_BITS),
            }
        )


class ClassVotes(Signature):
    """learn → readout: what a layer's classifier adds to the score of a class.

    valid   there is a vote
    number  of the class
    vote    as much as a membrane of the readout
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "number": Out(ceil_log2(config.classes)),
                "vote": Out(signed(MEMBRANE_BITS)),
            }
        )


class ResultControl(Signature):
    """schedule → readout: the sample is done.

    start  pulse: send its result
    done   pulse: it is sent
    """

    def __init__(self) -> None:
        super().__init__({"start": Out(1), "done": In(1)})


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
                "index": Out(config.row_bits),
                "entry": In(trace_entry(config)),
                "layer": Out(layer_bits(config)),
                "count": In(bits_for(config.trace_entries)),
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


class LearningRule(Signature):
    """The room `learn`, whatever the rule: fired chunks in, gains out.

    settings, head, phase      what all rooms are told
    control, deferred          the schedule's questions
    seen, surrogates, winners  what the neurons did; winners of pooling windows where there are maps
    layer                      reads the layer table
    spikes                     reads the spikes of the step
    gains                      to the lanes
    host_post, host_signs      the host's reads of post traces, its reads and writes of signs
    counted, host_classifiers  where there are classifiers: reads the layer table, the host's accesses
    votes                      where there are classifiers: what they add to the scores
    """

    def __init__(self, config: CoreConfig) -> None:
        members: dict[str, Member] = {
            "settings": In(Settings()),
            "head": In(SampleHead()),
            "phase": In(Phase()),
            "control": In(SignalControl(config)),
            "deferred": In(DeferredQuery(config)),
            "seen": In(Seen(config)),
            "surrogates": In(ChunkWrite(config, SURROGATE_BITS)),
            "layer": Out(LayerRead(config)),
            "spikes": Out(ChunkRead(config, 1)),
            "gains": Out(GainWrite(config)),
            "host_post": In(HostRead(config, TRACE_BITS)),
            "host_signs": In(SignAccess(config)),
        }
        if config.map_pixels:
            members["winners"] = In(ChunkWrite(config, CORNERS))
        if config.classifier_groups:
            members["counted"] = Out(LayerRead(config))
            members["host_classifiers"] = In(ClassifierAccess(config))
            members["votes"] = Out(ClassVotes(config))
        super().__init__(members)
