"""Spikes of a fired chunk into events for the next layer. Twin of golden/rows/scan.py."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from hw.core.base.layouts import event, event_stream, spike_word
from hw.core.base.pipeline import front

AHEAD = 32  # events found ahead of the next layer


class Scan(wiring.Component):
    """A chunk of spikes in per cycle, an event out per cycle.

    chunks  never held up: there is room for every chunk of the largest layer
    events  its spikes, one by one
    """

    def __init__(self, config: CoreConfig, *, ahead: int = AHEAD) -> None:
        """`ahead` is for tests: events found ahead."""
        self.config, self.ahead = config, ahead
        super().__init__(
            {
                "chunks": In(stream.Signature(spike_word(config))),
                "events": Out(event_stream(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        shape = spike_word(config)
        m.submodules.words = words = fifo.SyncFIFO(
            width=shape.size, depth=config.neuron_groups * config.chunks
        )
        m.submodules.found = found = fifo.SyncFIFO(width=event(config).size, depth=self.ahead)
        m.d.comb += [
            words.w_data.eq(self.chunks.payload),
            words.w_en.eq(self.chunks.valid),
            self.chunks.ready.eq(words.w_rdy),
            self.events.payload.eq(found.r_data),
            self.events.valid.eq(found.r_rdy),
            found.r_en.eq(self.events.ready),
        ]
        if config.map_pixels:  # the words fill block RAMs: a few of them wait near the search
            words = front(m, words, 2)
        word = Signal(shape)
        m.d.comb += word.eq(words.r_data)
        self._search(m, word, words, found)
        return m

    def _search(self, m: Module, word: Any, words: fifo.SyncFIFO, found: fifo.SyncFIFO) -> None:
        config, width = self.config, self.config.chunk_lanes
        rest = Signal(width)  # spikes of the chunk in hand that are not sent yet
        final = Signal()  # the chunk in hand is the layer's last
        base = Signal(config.row_bits + 1)  # row of bit 0 of the chunk in hand
        next_base = Signal(config.row_bits + 1)
        lowest = Signal(range(width))
        for bit in reversed(range(width)):
            with m.If(rest[bit]):
                m.d.comb += lowest.eq(bit)
        out = Signal(event(config))
        remaining = (rest & (rest - 1))[:width]
        m.d.comb += [
            found.w_data.eq(out),
            found.w_en.eq((rest != 0) | final),
            out.row.eq(base + lowest),
            out.end.eq(rest == 0),
            *([out.value.eq(1)] if config.graded else []),
        ]
        with m.If(found.w_rdy):
            m.d.sync += rest.eq(remaining)
            with m.If(rest == 0):
                m.d.sync += final.eq(0)
        free = ~final & ((rest == 0) | ((remaining == 0) & found.w_rdy))
        with m.If(free & words.r_rdy):
            m.d.comb += words.r_en.eq(1)
            m.d.sync += rest.eq(word.spikes), final.eq(word.last), base.eq(next_base)
            m.d.sync += next_base.eq(Mux(word.last, 0, next_base + width))
