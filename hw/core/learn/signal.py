"""The learning signal: latents, class error, projection, gains. Twin of golden/learn/signal.py.

Works behind the lanes: while a layer integrates, the signal of the one before it is formed. Logits of
all classes grow as the chunks of a layer fire; then a class a cycle for the error, and four classes a
cycle for the projection back on a chunk.
"""

from amaranth import Array, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import (
    GAIN_BITS,
    MEMBRANE_BITS,
    SCORE_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
)
from hw.core.base.chunks import Signs, place, place_bits
from hw.core.base.pipeline import later, taps
from hw.core.base.tokens import context, layer_bits, layer_entry, state_bits
from hw.core.learn.classes import Classes
from hw.core.learn.gain import Gain, winners_ports
from hw.core.learn.latents import Latents


def firing(config: CoreConfig) -> data.StructLayout:
    """A chunk on its way through Fire."""
    return data.StructLayout(
        {"valid": 1, "context": context(config), "chunk": bits_for(config.chunks)}
    )


def pending_asked(config: CoreConfig) -> data.StructLayout:
    """Groups of which the sequencer asks whether they have an update to make up for."""
    group = state_bits(config)
    return data.StructLayout({"layer": layer_bits(config), "group": group, "next_group": group})


class LearningSignal(wiring.Component):
    """Turns fired chunks into gains for the next pass over them.

    Times are cycles after `coming`, with its group of latents `local` and `restart` for the first chunk
    of a layer: 1 `signs_place` · FIRED spikes, potentials and signs. `full` is high from `last_coming`
    (the last group of a layer is on its way) until there is room for another; `busy` has a bit per
    layer, from `claim` until its gains are written. The memories behind the other ports are those of
    `Gain`.
    """

    FIRED = 1 + Signs.LATENCY

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.chunk_lanes
        gains = data.ArrayLayout(signed(GAIN_BITS), lanes)
        super().__init__(
            {
                "class_count": In(16),
                "label": In(8),
                "claim": In(config.layers),
                "last_coming": In(1),
                "full": Out(1),
                "clear": In(1),  # a sample begins: no scores, no spikes counted, nothing pending
                "drop": In(1),  # a sample is done: nothing pending
                "busy": Out(config.layers),
                "asks": In(pending_asked(config)),
                "pending": Out(1),
                "next_pending": Out(1),
                "layer_pending": Out(config.layers),
                "coming": In(firing(config)),
                "local": In(state_bits(config)),
                "restart": In(1),
                "readout": In(1),
                "spikes": In(lanes),
                "potentials": In(data.ArrayLayout(signed(MEMBRANE_BITS), lanes)),
                "layer": Out(layer_bits(config)),
                "entry": In(layer_entry()),
                "signs_place": Out(place_bits(config)),
                "signs": In(data.ArrayLayout(lanes, config.classes)),
                "spikes_place": Out(place_bits(config)),
                "kept_spikes": In(lanes),
                "state_place": Out(place_bits(config)),
                "surrogates": In(data.ArrayLayout(SURROGATE_BITS, lanes)),
                "post": In(data.ArrayLayout(TRACE_BITS, lanes)),
                "write_place": Out(place_bits(config)),
                "gains": Out(gains),
                "write_gains": Out(1),
                "write_post_gains": Out(1),
                "next_post": Out(data.ArrayLayout(TRACE_BITS, lanes)),
                "write_post": Out(1),
                "score_index": In(ceil_log2(config.classes)),
                "score": Out(signed(SCORE_BITS)),
                "spike_index": In(layer_bits(config)),
                "spike_count": Out(16),
                "new_spikes": Out(bits_for(lanes)),
            }
            | winners_ports(config)
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.latents = self.latents = Latents(self.config)
        m.submodules.classes = self.classes = Classes(self.config)
        m.submodules.gain = self.gain = Gain(self.config)
        tokens = taps(m, "token", self.coming, self.FIRED + Latents.LATENCY)
        self._latents(m, tokens)
        self._count_spikes(m, tokens[self.FIRED + Latents.LATENCY - 1])
        self._classes(m, tokens[self.FIRED + Latents.LATENCY])
        self._gain(m)
        finished = Signal.like(self.busy)
        for done, layer in (
            (self.classes.dropped, self.classes.context.layer),
            (self.gain.done, self.gain.layer),
        ):
            with m.If(done):
                m.d.comb += finished.bit_select(layer, 1).eq(1)
        m.d.sync += self.busy.eq((self.busy | self.claim) & ~finished)
        m.d.sync += self.full.eq((self.full | self.last_coming) & ~self.classes.free)
        return m

    def _latents(self, m, tokens):
        latents, gain = self.latents, self.gain
        local = Signal(state_bits(self.config))  # group within its layer
        number = Signal(place_bits(self.config))
        m.d.sync += [
            local.eq(self.local),
            number.eq(local * self.config.chunks + tokens[1].chunk),
        ]
        fired = tokens[self.FIRED]
        number = later(m, "number", number, self.FIRED - 2)
        m.d.comb += [
            gain.blocked.eq(tokens[1].valid),
            self.signs_place.eq(
                Mux(gain.blocked, place(self.config, local, tokens[1].chunk), gain.signs_place)
            ),
            latents.valid.eq(fired.valid),
            latents.readout.eq(self.readout),
            latents.number.eq(number),
            latents.restart.eq(later(m, "restart", self.restart, self.FIRED)),
            latents.spikes.eq(self.spikes),
            latents.potentials.eq(self.potentials),
            latents.signs.eq(self.signs),
        ]

    def _count_spikes(self, m, token):
        counts = Array(Signal(16, name=f"spikes_{n}") for n in range(self.config.layers))
        hidden = later(m, "hidden", ~self.readout, Latents.LATENCY - 1)
        m.d.comb += self.spike_count.eq(counts[self.spike_index])
        with m.If(token.valid & hidden):
            m.d.comb += self.new_spikes.eq(self.latents.ones)
        for layer, count in enumerate(counts):
            total = Signal(17, name=f"total_{layer}")
            m.d.comb += total.eq(count + self.latents.ones)
            with m.If(token.valid & hidden & (token.context.layer == layer)):
                m.d.sync += count.eq(Mux(total[16], 0xFFFF, total))
            with m.If(self.clear):
                m.d.sync += count.eq(0)

    def _classes(self, m, token):
        classes = self.classes
        last = token.context.final & (token.chunk == self.config.chunks - 1)
        m.d.comb += [
            classes.class_count.eq(self.class_count),
            classes.label.eq(self.label),
            classes.clear.eq(self.clear),
            classes.load.eq(token.valid & last),
            classes.loaded.eq(token.context),
            classes.logits.eq(self.latents.logits),
            self.layer.eq(classes.layer),
            classes.entry.eq(self.entry),
            classes.asked.eq(self.score_index),
            self.score.eq(classes.score),
        ]

    def _gain(self, m):
        gain, classes = self.gain, self.classes
        m.d.comb += [
            gain.ready.eq(classes.ready),
            classes.taken.eq(gain.taken),
            gain.context.eq(classes.context),
            gain.parameters.eq(classes.parameters),
            gain.signals.eq(classes.signals),
            gain.any_signal.eq(classes.any_signal),
            gain.class_count.eq(self.class_count),
            gain.signs.eq(self.signs),
            gain.spikes.eq(self.kept_spikes),
            gain.surrogates.eq(self.surrogates),
            gain.post.eq(self.post),
            gain.clear.eq(self.clear | self.drop),
        ]
        for name in ("spikes_place", "state_place", "write_place", "gains", "write_gains"):
            m.d.comb += getattr(self, name).eq(getattr(gain, name))
        for name in ("write_post_gains", "next_post", "write_post"):
            m.d.comb += getattr(self, name).eq(getattr(gain, name))
        marks = gain.marks
        m.d.comb += [
            marks.layer.eq(self.asks.layer),
            marks.group.eq(self.asks.group),
            marks.next_group.eq(self.asks.next_group),
            self.pending.eq(marks.of_group),
            self.next_pending.eq(marks.of_next),
            self.layer_pending.eq(marks.of_layer),
        ]
        if self.config.map_pixels:
            m.d.comb += self.winners_place.eq(gain.winners_place), gain.winners.eq(self.winners)
