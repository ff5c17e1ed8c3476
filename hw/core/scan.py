"""Spikes of a fired group into events for the next layer. Twin of golden/scan.py."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from golden.spec.registers import CHUNK
from hw.core.tokens import event, event_stream

AHEAD = 32  # events found ahead of the next layer


def spike_word(config: CoreConfig) -> data.StructLayout:
    """Spikes of one group; `last` of its layer."""
    return data.StructLayout({"spikes": config.lanes, "last": 1})


class Scan(wiring.Component):
    """A word of spikes in per group, an event out per cycle: 16 lanes are searched at a time.

    `groups` is never held up: it has room for every group of the largest layer.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "groups": In(stream.Signature(spike_word(config))),
                "events": Out(event_stream(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        word_shape = spike_word(config)
        m.submodules.words = words = fifo.SyncFIFO(
            width=word_shape.size, depth=config.neuron_groups
        )
        m.submodules.found = found = fifo.SyncFIFO(width=event(config).size, depth=AHEAD)
        m.d.comb += [
            words.w_data.eq(self.groups.payload),
            words.w_en.eq(self.groups.valid),
            self.groups.ready.eq(words.w_rdy),
            self.events.payload.eq(found.r_data),
            self.events.valid.eq(found.r_rdy),
            found.r_en.eq(self.events.ready),
        ]
        word = Signal(word_shape)
        m.d.comb += word.eq(words.r_data)
        self._search(m, word, words, found)
        return m

    def _search(self, m, word, words, found):
        config = self.config
        width = min(CHUNK, config.lanes)
        parts = [word.spikes[at : at + CHUNK] for at in range(0, config.lanes, CHUNK)]
        rest = Signal(width)  # spikes of the chunk in hand that are not sent yet
        final = Signal()  # the chunk in hand is the layer's last
        chunk = Signal(range(len(parts)))  # the next one to take
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
        ]
        with m.If(found.w_rdy):
            m.d.sync += rest.eq(remaining)
            with m.If(rest == 0):
                m.d.sync += final.eq(0)
        free = ~final & ((rest == 0) | ((remaining == 0) & found.w_rdy))
        with m.If(free & words.r_rdy):
            m.d.sync += rest.eq(Array(parts)[chunk]), base.eq(next_base)
            with m.If(chunk == len(parts) - 1):
                m.d.comb += words.r_en.eq(1)
                m.d.sync += chunk.eq(0), final.eq(word.last)
                step = config.lanes - (len(parts) - 1) * CHUNK
                m.d.sync += next_base.eq(Mux(word.last, 0, next_base + step))
            with m.Else():
                m.d.sync += chunk.eq(chunk + 1), next_base.eq(next_base + width)
