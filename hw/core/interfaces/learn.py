"""Roads of learning: signals, gains, signs and classifiers, and the room as a whole."""

from amaranth import signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Member, Out, Signature

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import (
    CLASSIFIER_BITS,
    GAIN_BITS,
    MEMBRANE_BITS,
    MOVE_BITS,
    SIGNAL_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
)
from golden.spec.pooling import CORNERS
from hw.core.base.chunks import chunk_address_bits, chunk_bits
from hw.core.base.layouts import context, layer_entry
from hw.core.interfaces.fire import ChunkRead, ChunkWrite, HostRead, LayerRead, Seen
from hw.core.interfaces.host import Settings
from hw.core.interfaces.schedule import DeferredQuery, Phase, SampleHead, SignalControl


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
