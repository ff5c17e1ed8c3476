"""The host's accesses to the memories of all rooms: addresses out, and answers picked out of their words."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import MEMBRANE_BITS, TRACE_BITS
from golden.spec.layers import FIELDS
from golden.spec.registers import Space, memories
from hw.core.base.chunk_memory import ChunkMemory
from hw.core.base.chunks import chunk_address, chunk_bits
from hw.core.base.pipeline import derived, later, taps
from hw.core.base.read_multiplexer import ReadMultiplexer
from hw.core.interfaces import (
    ClassifierAccess,
    HostRead,
    LayerRead,
    SignAccess,
    TableWrite,
    TracePeek,
    WeightAccess,
)
from hw.core.lanes.times import LaneTimes
from hw.core.learn.signs import Signs


def early_spaces(config: CoreConfig) -> list[Space]:
    """Memories that answer Answers.EARLY cycles after an access. Weights take `reply_cycles`."""
    spaces = [
        Space.LAYERS, Space.SIGNS, Space.MEMBRANES, Space.POST_TRACES,
        Space.SPIKES, Space.TRACES, Space.TRACE_COUNTS,
    ]  # fmt: skip
    return spaces + [Space.CLASSIFIERS] * (config.classifier_groups > 0)


def writable(config: CoreConfig) -> list[Space]:
    """Memories of the core that the host may write."""
    return [space for space, memory in memories(config).items() if memory.access == "rw"]


def access(config: CoreConfig) -> data.StructLayout:
    """One access of the host: a word of a memory, an element of it, and what is written to which memory."""
    writes = data.StructLayout({space.name.lower(): 1 for space in writable(config)})
    return data.StructLayout({"active": 1, "word": 16, "element": 8, "data": 16, "writes": writes})


def early_answers(config: CoreConfig) -> data.StructLayout:
    """An answer of each memory that answers early."""
    return data.StructLayout({space.name.lower(): 16 for space in early_spaces(config)})


def reply_cycles(config: CoreConfig) -> int:
    """Cycles from access to reply: those of the weights, which are chosen chunk by chunk."""
    return LaneTimes.WEIGHTS_AT + ReadMultiplexer.LATENCY + config.chunks


class Answers(Component):
    """Asks every memory for the word of an access. The one that is meant is chosen later.

    access        of the host
    early         answers EARLY cycles after the access
    weights       answer of the weight memory, `reply_cycles` after it
    membranes     reads membranes
    post          reads post traces
    spikes        reads spikes of the step
    signs         reads and writes the random signs
    layer         reads the layer table
    table         writes the layer table
    trace         reads the active lists
    classifiers   reads and writes the weights of classifiers, where there are some
    weight_words  reads and writes the weight memory
    """

    @derived
    def EARLY(cls) -> int:
        return ChunkMemory.LATENCY + ReadMultiplexer.LATENCY

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        more = {"classifiers": Out(ClassifierAccess(config))} if config.classifier_groups else {}
        super().__init__(
            more
            | {
                "access": In(access(config)),
                "early": Out(early_answers(config)),
                "weights": Out(16),
                "membranes": Out(HostRead(config, signed(MEMBRANE_BITS))),
                "post": Out(HostRead(config, TRACE_BITS)),
                "spikes": Out(HostRead(config, 1)),
                "signs": Out(SignAccess(config)),
                "layer": Out(LayerRead(config)),
                "table": Out(TableWrite(config)),
                "trace": Out(TracePeek(config)),
                "weight_words": Out(WeightAccess(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._ask(m)
        self._lanes(m)
        self._small(m)
        self._weights(m)
        return m

    def _ask(self, m: Module) -> None:
        """Addresses, and what is written there."""
        config, ask = self.config, self.access
        word, element, writes = ask.word, ask.element, ask.writes
        class_bits, lane_bits = ceil_log2(config.classes), ceil_log2(config.chunk_lanes)
        chunk = chunk_address(config, word, element[lane_bits:])
        m.d.comb += [
            *(road.active.eq(ask.active) for road in (self.membranes, self.post, self.spikes)),
            self.signs.active.eq(ask.active),
            self.membranes.address.eq(chunk),
            self.post.address.eq(chunk),
            self.spikes.address.eq(chunk_address(config, word, element)),
            self.signs.address.eq(chunk_address(config, word[class_bits:], element)),
            self.signs.number.eq(word[:class_bits]),
            self.signs.write.eq(writes.signs),
            self.signs.data.eq(ask.data),
            self.layer.layer.eq(Mux(ask.active, word, 0)),  # at rest the first layer is looked at
            self.table.valid.eq(writes.layers),
            self.table.layer.eq(word),
            self.table.field.eq(element),
            self.table.data.eq(ask.data),
            self.trace.index.eq(word),
            self.trace.layer.eq(word),
            self.weight_words.active.eq(ask.active),
            self.weight_words.word.eq(word),
            self.weight_words.element.eq(element),
            self.weight_words.write.eq(writes.weights),
            self.weight_words.data.eq(ask.data),
        ]
        if config.classifier_groups:
            road, within = self.classifiers, element[lane_bits:][: chunk_bits(config)]
            m.d.comb += [
                road.active.eq(ask.active),
                road.address.eq(Cat(word[:class_bits], within, word[class_bits:])),
                road.write.eq(writes.classifiers),
                road.lane.eq(element[:lane_bits]),
                road.data.eq(ask.data),
            ]

    def _lanes(self, m: Module) -> None:
        """One lane of a chunk."""
        lanes = self.config.chunk_lanes
        lane = later(m, "lane", self.access.element[: ceil_log2(lanes)], ChunkMemory.LATENCY)
        roads: dict[str, Any] = {"membranes": self.membranes, "post_traces": self.post}
        if self.config.classifier_groups:
            roads["classifiers"] = self.classifiers
        for name, road in roads.items():
            select = ReadMultiplexer(road.values.shape().elem_shape, lanes)
            m.submodules[f"one_{name}"] = select
            m.d.comb += select.word.eq(road.values), select.index.eq(lane)
            m.d.comb += self.early[name].eq(select.value)

    def _small(self, m: Module) -> None:
        """Answers that come early enough to be registered on the way."""
        word, element, early = self.access.word, self.access.element, self.early
        field = later(m, "field", element[: ceil_log2(len(FIELDS))], 1)
        entry = later(m, "entry", self.layer.entry.as_value(), 1)
        number = word[: ceil_log2(self.config.classes)]
        number = later(m, "number", number, Signs.LATENCY)
        signs = self.signs.signs.as_value().word_select(number, self.config.chunk_lanes)
        spikes = self.spikes.values.as_value()
        odd, traced = later(m, "odd", element[0], 1), self.trace.entry
        trace = Mux(odd, Cat(traced.trace, traced.previous_spike), traced.row)
        for name, answer, at in (
            ("layers", entry.word_select(field, 16), 1),
            ("signs", signs, Signs.LATENCY),
            ("spikes", spikes, ChunkMemory.LATENCY),
            ("traces", trace, 1),
            ("trace_counts", self.trace.count, 1),
        ):
            m.d.comb += early[name].eq(later(m, name, answer, self.EARLY - at))

    def _weights(self, m: Module) -> None:
        """The lane out of each chunk; the right one is handed on from chunk to chunk."""
        lanes, shape = self.config.chunk_lanes, signed(self.config.weight_bits)
        lane_bits = ceil_log2(lanes)
        found: Value = Signal(shape)
        wanted = taps(m, "wanted", self.access.element, reply_cycles(self.config))
        for number, word in enumerate(self.weight_words.words):
            select = ReadMultiplexer(shape, lanes)
            m.submodules[f"one_weight_{number}"] = select
            at = LaneTimes.WEIGHTS_AT + number
            m.d.comb += select.word.eq(word), select.index.eq(wanted[at][:lane_bits])
            here = wanted[at + ReadMultiplexer.LATENCY][lane_bits:] == number
            kept = Signal(shape, name=f"found_{number}")
            m.d.sync += kept.eq(Mux(here, select.value, found))
            found = kept
        m.d.comb += self.weights.eq(found)
