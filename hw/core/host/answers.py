"""What the host reads of the core's memories, picked out of their words."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import MEMBRANE_BITS, TRACE_BITS
from golden.spec.layers import FIELDS
from hw.core.base.chunks import ChunkMemory, place, place_bits
from hw.core.base.memories import LaneSelect
from hw.core.base.pipeline import later, taps
from hw.core.base.tokens import layer_entry
from hw.core.lanes.lanes import WEIGHTS_AT

EARLY = ChunkMemory.LATENCY + LaneSelect.LATENCY  # cycles from address to what a small memory says


def reply_cycles(config: CoreConfig) -> int:
    """Cycles from address to reply: those of the weights, which are chosen chunk by chunk."""
    return WEIGHTS_AT + LaneSelect.LATENCY + config.chunks


class Answers(wiring.Component):
    """Takes `word` and `element` of an access, and what the memories read for it.

    Chunk memories answer with the word at `place` ChunkMemory.LATENCY cycles later, the trace ring
    after one, the layer table at once, the weights of chunk n after WEIGHTS_AT + n. Answers are due
    EARLY cycles after the access, that of `weights` after `reply_cycles`.
    """

    def __init__(self, config: CoreConfig, trace_entry: data.StructLayout, count_bits: int) -> None:
        self.config = config
        lanes = config.chunk_lanes
        weights = data.ArrayLayout(config.weight_bits, lanes)
        super().__init__(
            {
                "word": In(16),
                "element": In(8),
                "place": Out(place_bits(config)),
                "spikes_place": Out(place_bits(config)),
                "signs_place": Out(place_bits(config)),
                "signs_class": Out(ceil_log2(config.classes)),
                "membrane_chunk": In(data.ArrayLayout(signed(MEMBRANE_BITS), lanes)),
                "post_chunk": In(data.ArrayLayout(TRACE_BITS, lanes)),
                "spike_chunk": In(lanes),
                "sign_chunk": In(data.ArrayLayout(lanes, config.classes)),
                "layer": In(layer_entry()),
                "trace": In(trace_entry),
                "count": In(count_bits),
                "weight_chunks": In(data.ArrayLayout(weights, config.chunks)),
                "membranes": Out(16),
                "post_traces": Out(16),
                "spikes": Out(16),
                "signs": Out(16),
                "layers": Out(16),
                "traces": Out(16),
                "trace_counts": Out(16),
                "weights": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, element = self.config, self.element
        class_bits = ceil_log2(config.classes)
        lane_bits = ceil_log2(config.chunk_lanes)
        m.d.comb += [
            self.place.eq(place(config, self.word, element[lane_bits:])),
            self.spikes_place.eq(place(config, self.word, element)),
            self.signs_class.eq(self.word[:class_bits]),
            self.signs_place.eq(place(config, self.word[class_bits:], element)),
        ]
        self._lanes(m, lane_bits)
        self._small(m, class_bits)
        self._weights(m, lane_bits)
        return m

    def _lanes(self, m, lane_bits):
        """One lane of a chunk of membranes or post traces."""
        lane = later(m, "lane", self.element[:lane_bits], ChunkMemory.LATENCY)
        for name, word in (("membranes", self.membrane_chunk), ("post_traces", self.post_chunk)):
            select = LaneSelect(word.shape().elem_shape, self.config.chunk_lanes)
            m.submodules[f"one_{name}"] = select
            m.d.comb += select.word.eq(word), select.lane.eq(lane)
            m.d.comb += getattr(self, name).eq(select.value)

    def _small(self, m, class_bits):
        """Answers that come early enough to be registered on the way."""
        field = later(m, "field", self.element[: ceil_log2(len(FIELDS))], 1)
        entry = later(m, "entry", self.layer.as_value(), 1)
        number = later(m, "number", self.word[:class_bits], ChunkMemory.LATENCY)
        signs = self.sign_chunk.as_value().word_select(number, self.config.chunk_lanes)
        odd = later(m, "odd", self.element[0], 1)
        trace = Mux(odd, self.trace.trace + (self.trace.spiked << 8), self.trace.row)
        m.d.comb += [
            self.layers.eq(later(m, "layers", entry.word_select(field, 16), EARLY - 1)),
            self.signs.eq(later(m, "signs", signs, EARLY - ChunkMemory.LATENCY)),
            self.spikes.eq(later(m, "spikes", self.spike_chunk, EARLY - ChunkMemory.LATENCY)),
            self.traces.eq(later(m, "traces", trace, EARLY - 1)),
            self.trace_counts.eq(later(m, "counts", self.count, EARLY - 1)),
        ]

    def _weights(self, m, lane_bits):
        """The lane out of each chunk; the right one is handed on from chunk to chunk."""
        shape = signed(self.config.weight_bits)
        found = Signal(shape)
        wanted = taps(m, "wanted", self.element, reply_cycles(self.config))
        for number, word in enumerate(self.weight_chunks):
            select = LaneSelect(shape, self.config.chunk_lanes)
            m.submodules[f"one_weight_{number}"] = select
            at = WEIGHTS_AT + number
            m.d.comb += select.word.eq(word), select.lane.eq(wanted[at][:lane_bits])
            here = wanted[at + LaneSelect.LATENCY][lane_bits:] == number
            kept = Signal(shape, name=f"found_{number}")
            m.d.sync += kept.eq(Mux(here, select.value, found))
            found = kept
        m.d.comb += self.weights.eq(found)
