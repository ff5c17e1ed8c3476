"""Gains and post traces of a layer, a chunk of neurons at a time. Twin of golden/learn/signal.py.

One multiplier per lane of a chunk does in turn m Psi and, where a layer has post traces, m h,
lambda h and alpha Psi.
"""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import (
    FACTOR_BITS,
    GAIN_BITS,
    SIGNAL_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
)
from hw.core.base.chunks import ChunkMemory, place, place_bits
from hw.core.base.multiply import Multiply
from hw.core.base.pipeline import later, taps, when
from hw.core.base.tokens import context, layer_bits, layer_entry
from hw.core.learn.map_signal import CORNERS, MapSignal
from hw.core.learn.pending import Pending
from hw.core.learn.project import Project
from hw.core.learn.steps import ADD, CAUSAL, DECAY, NON_CAUSAL, Steps

ROUND = 128
FULL = (1 << TRACE_BITS) - 1


def winners_ports(config: CoreConfig) -> dict[str, wiring.Member]:
    """Ports to Winners, where there are maps."""
    if not config.map_pixels:
        return {}
    word = data.ArrayLayout(config.chunk_lanes, CORNERS)
    return {"winners_place": Out(place_bits(config)), "winners": In(word)}


class Gain(wiring.Component):
    """Walks over the chunks of a layer that Classes is `ready` with.

    Times are cycles after a cycle of the walk: 0 `signs_place`, unless `blocked` · SPIKES_AT
    `spikes_place` · STATE_AT `state_place` · JOB_AT surrogates, post, products begin · WRITE_AT
    `write_<memory>` to `write_place`. `done` pulses with `layer` when all is written. `marks` knows which
    groups have a gain that is not zero, until `clear`.
    """

    SPIKES_AT = Project.SPIKES_AT - ChunkMemory.LATENCY
    STATE_AT = Project.LATENCY - ChunkMemory.LATENCY
    JOB_AT = Project.LATENCY
    WRITE_AT = JOB_AT + Multiply.LATENCY

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.marks = Pending(config)
        lanes = config.chunk_lanes
        gains = data.ArrayLayout(signed(GAIN_BITS), lanes)
        super().__init__(
            {
                "ready": In(1),
                "taken": Out(1),
                "context": In(context(config)),
                "parameters": In(layer_entry()),
                "signals": In(data.ArrayLayout(signed(SIGNAL_BITS), config.classes)),
                "any_signal": In(1),
                "class_count": In(16),
                "blocked": In(1),
                "signs_place": Out(place_bits(config)),
                "signs": In(data.ArrayLayout(lanes, config.classes)),
                "spikes_place": Out(place_bits(config)),
                "spikes": In(lanes),
                "state_place": Out(place_bits(config)),
                "surrogates": In(data.ArrayLayout(SURROGATE_BITS, lanes)),
                "post": In(data.ArrayLayout(TRACE_BITS, lanes)),
                "write_place": Out(place_bits(config)),
                "gains": Out(gains),
                "write_gains": Out(1),
                "write_post_gains": Out(1),
                "next_post": Out(data.ArrayLayout(TRACE_BITS, lanes)),
                "write_post": Out(1),
                "clear": In(1),
                "done": Out(1),
                "layer": Out(layer_bits(config)),
            }
            | winners_ports(config)
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.project = project = Project(self.config)
        m.submodules.pending = self.marks
        m.submodules.walk = walk = Steps(self.config, settles=self.WRITE_AT + 1)
        self.token = Signal(context(self.config))
        self.entry = Signal(layer_entry())
        step = walk.step
        signals = Signal.like(self.signals, reset_less=True)
        cost = Signal(SIGNAL_BITS - 1, reset_less=True)
        with m.If(later(m, "took", self.taken, 1)):  # Project has no use for them before
            m.d.sync += signals.eq(self.signals)
        with m.If(self.taken):
            m.d.sync += self.token.eq(self.context)
            m.d.sync += self.entry.eq(self.parameters)
            teaches = self.context.teach & ~self.parameters.flags.readout
            m.d.sync += cost.eq(when(teaches, self.parameters.rate_cost))
        steps = taps(m, "step", step, self.WRITE_AT + 1)
        m.d.comb += [
            walk.ready.eq(self.ready),
            self.taken.eq(walk.taken),
            walk.parameters.eq(self.parameters),
            walk.entry.eq(self.entry),
            walk.any_signal.eq(self.any_signal),
            walk.class_count.eq(self.class_count),
            walk.blocked.eq(self.blocked),
            self.done.eq(walk.done),
            self.layer.eq(self.token.layer),
            self.signs_place.eq(place(self.config, step.group, step.chunk)),
            project.go.eq(step.go),
            project.part.eq(step.part),
            project.begin.eq(step.begin),
            project.end.eq(step.end),
            project.number.eq(step.number),
            project.readout.eq(self.entry.flags.readout),
            project.signals.eq(signals),
            project.signs.eq(self.signs),
            project.cost.eq(cost),
            project.spikes.eq(self.spikes),
            self.spikes_place.eq(
                place(self.config, steps[self.SPIKES_AT].state, steps[self.SPIKES_AT].chunk)
            ),
            self.state_place.eq(
                place(self.config, steps[self.STATE_AT].state, steps[self.STATE_AT].chunk)
            ),
            self.write_place.eq(
                place(self.config, steps[self.WRITE_AT].state, steps[self.WRITE_AT].chunk)
            ),
        ]
        found = project.m
        if self.config.map_pixels:
            found = self._of_map(m, project, step, steps, cost)
        nonzero = self._products(m, found, steps)
        self._mark_pending(m, steps[self.WRITE_AT + 1], nonzero)
        return m

    def _of_map(self, m, project, step, steps, cost):
        """Learning signals of flat layers as they are, of maps by way of their latents."""
        m.submodules.map_signal = of_map = MapSignal(self.config)
        none = Signal()
        with m.If(self.taken):
            m.d.sync += none.eq(~self.any_signal)
        with m.If(self.entry.flags.convolution):  # the latents pay nothing, neurons do
            m.d.comb += project.cost.eq(0)
        m.d.comb += [
            of_map.step.eq(step),
            of_map.entry.eq(self.entry),
            of_map.none.eq(none),
            of_map.cost.eq(cost),
            of_map.projected.eq(project.m),
            of_map.spikes.eq(self.spikes),
            of_map.winners.eq(self.winners),
            self.winners_place.eq(of_map.winners_place),
        ]
        mapped, found = steps[self.JOB_AT].mapped, Signal.like(project.m)
        m.d.comb += [
            one.eq(Mux(mapped, own, flat))
            for one, own, flat in zip(found, of_map.m, project.m, strict=True)
        ]
        return found

    def _products(self, m, signals, steps):
        """From JOB_AT to WRITE_AT; whether a gain of the chunk was not zero, a cycle later."""
        entry, job = self.entry, steps[self.JOB_AT].job
        m.submodules.multiply = multiply = Multiply(
            self.config.chunk_lanes, SIGNAL_BITS, in_logic=self.config.small
        )
        m.d.comb += multiply.bias.eq(Mux(job == DECAY, 0, ROUND))
        due = steps[self.WRITE_AT]
        no_post = (entry.post_gain == 0) | (not self.config.post_traces)
        m.d.comb += [
            self.write_gains.eq(due.working & (due.job == CAUSAL)),
            self.write_post_gains.eq(
                due.working & ((due.job == NON_CAUSAL) | ((due.job == CAUSAL) & no_post))
            ),
            self.write_post.eq(due.working & (due.job == ADD)),
        ]
        some = []
        for lane in range(self.config.chunk_lanes):
            post = Mux(self.token.fresh, 0, self.post[lane])
            surrogate = self.surrogates[lane]
            values = (signals[lane], signals[lane], post, surrogate)
            factors = (
                surrogate,
                post,
                entry.post_decay[:FACTOR_BITS],
                entry.post_gain[:FACTOR_BITS],
            )
            with m.Switch(job):
                for number, (value, factor) in enumerate(zip(values, factors, strict=True)):
                    with m.Case(number):
                        m.d.comb += multiply.values[lane].eq(value)
                        m.d.comb += multiply.factors[lane].eq(factor)
            product = multiply.products[lane]
            decayed = Signal(TRACE_BITS, name=f"decayed_{lane}", reset_less=True)
            total = Signal(TRACE_BITS + 1, name=f"post_{lane}")
            with m.If(due.job == DECAY):
                m.d.sync += decayed.eq(product)
            flip = entry.flags.post_negative & (due.job == NON_CAUSAL)
            m.d.comb += [
                total.eq(decayed + product[:TRACE_BITS]),
                self.next_post[lane].eq(Mux(total > FULL, FULL, total)),
                self.gains[lane].eq(Mux(flip, -product, product)),
            ]
            some.append(product != 0)
        nonzero = Signal()
        m.d.sync += nonzero.eq(Cat(*some).any())
        return nonzero

    def _mark_pending(self, m, step, nonzero):
        """Remember which groups have an update to make up for."""
        pending = self.marks
        causal = step.working & (step.job == CAUSAL)
        m.d.comb += [
            pending.mark.eq(causal | (step.working & (step.job == NON_CAUSAL))),
            pending.some.eq(nonzero),
            pending.begins_group.eq(causal & (step.chunk == 0)),
            pending.begins_layer.eq(causal & step.first),
            pending.marked_group.eq(step.state),
            pending.marked_layer.eq(self.token.layer),
            pending.clear.eq(self.clear),
        ]
