"""Gains and post traces of a layer, a chunk of neurons at a time. Twin of golden/signal.py.

One multiplier per lane of a chunk does in turn m Psi and, where a layer has post traces, m h,
lambda h and alpha Psi.
"""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.formats import (
    FACTOR_BITS,
    GAIN_BITS,
    SIGNAL_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
)
from hw.core.chunks import ChunkMemory, place, place_bits
from hw.core.multiply import Multiply
from hw.core.pipeline import taps, when
from hw.core.project import AT_ONCE, Project, parts
from hw.core.tokens import context, layer_bits, layer_entry, state_bits

ROUND = 128
CAUSAL, NON_CAUSAL, DECAY, ADD = range(4)  # products, in this order
FULL = (1 << TRACE_BITS) - 1


class Gain(wiring.Component):
    """Walks over the chunks of a layer that Classes is `ready` with.

    Times are cycles after a cycle of the walk: 0 `signs_place`, unless `blocked` · SPIKES_AT
    `spikes_place` · STATE_AT `state_place` · JOB_AT surrogates, post, products begin · WRITE_AT
    `write_<memory>` to `write_place`. `pending` has a bit per group with a gain that is not zero,
    `layer_pending` one per layer; `clear` forgets them. `done` pulses with `layer` when all is written.
    """

    SPIKES_AT = Project.SPIKES_AT - ChunkMemory.LATENCY
    STATE_AT = Project.LATENCY - ChunkMemory.LATENCY
    JOB_AT = Project.LATENCY
    WRITE_AT = JOB_AT + Multiply.LATENCY

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
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
                "pending": Out(config.neuron_groups),
                "layer_pending": Out(config.layers),
                "done": Out(1),
                "layer": Out(layer_bits(config)),
            }
        )

    def step_layout(self):
        """What one cycle of the walk is for."""
        config = self.config
        return data.StructLayout(
            {
                "go": 1,
                "part": bits_for(parts(config.classes)),
                "begin": 1,
                "end": 1,
                "job": 2,
                "working": 1,
                "group": state_bits(config),
                "state": state_bits(config),
                "chunk": bits_for(config.chunks),
                "number": place_bits(config),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.project = project = Project(self.config)
        self.token = Signal(context(self.config))
        self.entry = Signal(layer_entry())
        self.step = Signal(self.step_layout())
        signals = Signal.like(self.signals, reset_less=True)
        cost = Signal(SIGNAL_BITS - 1, reset_less=True)
        with m.If(self.taken):
            m.d.sync += signals.eq(self.signals), self.token.eq(self.context)
            m.d.sync += self.entry.eq(self.parameters)
            teaches = self.context.teach & ~self.parameters.flags.readout
            m.d.sync += cost.eq(when(teaches, self.parameters.rate_cost))
        steps = taps(m, "step", self.step, self.WRITE_AT + 1)
        m.d.comb += [
            self.layer.eq(self.token.layer),
            self.signs_place.eq(place(self.config, self.step.group, self.step.chunk)),
            project.go.eq(self.step.go),
            project.part.eq(self.step.part),
            project.begin.eq(self.step.begin),
            project.end.eq(self.step.end),
            project.number.eq(self.step.number),
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
        self._walk(m)
        nonzero = self._products(m, project.m, steps)
        self._mark_pending(m, steps[self.WRITE_AT + 1], nonzero)
        return m

    def _walk(self, m):
        """Every part of every chunk of every group, then as many cycles as products are left to do."""
        step, entry = self.step, self.entry
        last_part = Signal(range(parts(self.config.classes) + 1))
        at, last = Signal(range(parts(self.config.classes) + ADD + 1)), Signal()
        group, state = Signal(state_bits(self.config)), Signal(state_bits(self.config))
        chunk = Signal(bits_for(self.config.chunks))
        number = Signal(place_bits(self.config))
        drain = Signal(range(self.WRITE_AT + 2))
        has_post = entry.post_gain != 0
        m.d.comb += [
            last.eq(at == last_part + Mux(has_post, ADD, 0)),
            step.part.eq(at),
            step.begin.eq(at == 0),
            step.end.eq(at == last_part),
            step.job.eq(at - last_part),
            step.group.eq(group),
            step.state.eq(state),
            step.chunk.eq(chunk),
            step.number.eq(number),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.taken.eq(self.ready)
                m.d.sync += last_part.eq(0), at.eq(0), group.eq(0), chunk.eq(0), number.eq(0)
                with m.If(self.ready):
                    m.d.sync += state.eq(self.parameters.state_base)
                    with m.If(self.any_signal & ~self.parameters.flags.readout):
                        m.d.sync += last_part.eq(
                            (self.class_count - 1) >> (AT_ONCE - 1).bit_length()
                        )
                    m.next = "WALK"
            with m.State("WALK"):
                m.d.comb += step.go.eq(~self.blocked & (at <= last_part))
                m.d.comb += step.working.eq(~self.blocked & (at >= last_part))
                m.d.sync += drain.eq(self.WRITE_AT + 1)
                with m.If(~self.blocked):
                    m.d.sync += at.eq(at + 1)
                    with m.If(last):
                        m.d.sync += at.eq(0), chunk.eq(chunk + 1), number.eq(number + 1)
                        with m.If(chunk == self.config.chunks - 1):
                            m.d.sync += chunk.eq(0), group.eq(group + 1), state.eq(state + 1)
                            with m.If(group == entry.groups - 1):
                                m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.sync += drain.eq(drain - 1)
                with m.If(drain == 0):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"

    def _products(self, m, signals, steps):
        """From JOB_AT to WRITE_AT; whether a gain of the chunk was not zero, a cycle later."""
        entry, job = self.entry, steps[self.JOB_AT].job
        m.submodules.multiply = multiply = Multiply(
            self.config.chunk_lanes, SIGNAL_BITS, in_logic=self.config.small
        )
        m.d.comb += multiply.bias.eq(Mux(job == DECAY, 0, ROUND))
        due = steps[self.WRITE_AT]
        no_post = entry.post_gain == 0
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
        causal = step.working & (step.job == CAUSAL)
        change = nonzero & step.working & ((step.job == CAUSAL) | (step.job == NON_CAUSAL))
        for own, restart, where in (
            (self.pending, step.chunk == 0, step.state),
            (self.layer_pending, step.number == 0, self.token.layer),
        ):
            bit = own.bit_select(where, 1)
            with m.If(causal & restart):
                m.d.sync += bit.eq(change)
            with m.Elif(change):
                m.d.sync += bit.eq(1)
        with m.If(self.clear):
            m.d.sync += self.pending.eq(0), self.layer_pending.eq(0)
