"""Gains and post traces of a layer, a chunk of neurons at a time. Twin of golden/learn/gain.py.

One multiplier per lane of a chunk does in turn m Psi and, where a layer has post traces, m h,
lambda h and alpha Psi.
"""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Member, Out, connect, flipped

from golden.spec.config import CoreConfig
from golden.spec.formats import FACTOR_BITS, MOVE_BITS, SIGNAL_BITS, SURROGATE_BITS, TRACE_BITS
from golden.spec.pooling import CORNERS
from hw.core import kinds
from hw.core.base.chunk_memory import ChunkMemory
from hw.core.base.chunks import chunk_address
from hw.core.base.formats import half, saturate_unsigned
from hw.core.base.layouts import context, layer_bits, layer_entry
from hw.core.base.multiply import Multiply
from hw.core.base.pipeline import derived, later, taps, when
from hw.core.interfaces import (
    ChunkRead,
    ChunkWrite,
    ClassSignals,
    DeferredMarks,
    GainWrite,
    SignRead,
)
from hw.core.learn.map_signal import MapSignal
from hw.core.learn.project import Project
from hw.core.learn.steps import ADD, CAUSAL, DECAY, NON_CAUSAL, Steps, step


class Gain(Component):
    """Walks over the chunks of the layer whose class signals are ready.

    Times are cycles after a step of the walk.

    classes      signals of a layer's classes
    class_count  classes in use
    blocked      the signs are not read for the walk in this cycle
    signs        reads the signs at 0
    spikes       reads the spikes of the step at SPIKES_AT
    surrogates   reads Psi at STATE_AT
    post         reads post traces at STATE_AT
    winners      reads winners of pooling windows, where there are maps
    walk         where there are classifiers: the step of the walk, for the classifier
    walks, base  it is of a layer with a classifier, whose first group this is
    signals      of the classes of that layer
    moves        of the classes of that layer
    latents      learning signals of a chunk of its latents, at Project.LATENCY
    gains        written at WRITE_AT
    new_post     post traces, written at WRITE_AT
    marks        what is written, a cycle later
    done         pulse: all of `layer` is written
    layer        the layer in hand
    """

    @derived
    def SPIKES_AT(cls) -> int:
        return Project.SPIKES_AT - ChunkMemory.LATENCY

    @derived
    def STATE_AT(cls) -> int:
        return cls.JOB_AT - ChunkMemory.LATENCY

    @derived
    def JOB_AT(cls) -> int:
        """The learning signals of the chunk are there, and the products begin."""
        return Project.LATENCY

    @derived
    def WRITE_AT(cls) -> int:
        return cls.JOB_AT + Multiply.LATENCY

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        ports: dict[str, Member] = {
            "classes": In(ClassSignals(config)),
            "class_count": In(16),
            "blocked": In(1),
            "signs": Out(SignRead(config)),
            "spikes": Out(ChunkRead(config, 1)),
            "surrogates": Out(ChunkRead(config, SURROGATE_BITS)),
            "post": Out(ChunkRead(config, TRACE_BITS)),
            "gains": Out(GainWrite(config)),
            "new_post": Out(ChunkWrite(config, TRACE_BITS)),
            "marks": Out(DeferredMarks(config)),
            "done": Out(1),
            "layer": Out(layer_bits(config)),
        }
        if config.map_pixels:
            ports["winners"] = Out(ChunkRead(config, CORNERS))
        if config.classifier_groups:
            lanes = data.ArrayLayout(signed(SIGNAL_BITS), config.chunk_lanes)
            ports |= {
                "walk": Out(step(config)),
                "walks": Out(1),
                "base": Out(16),
                "signals": Out(data.ArrayLayout(signed(SIGNAL_BITS), config.classes)),
                "moves": Out(data.ArrayLayout(signed(MOVE_BITS), config.classes)),
                "latents": In(lanes),
            }
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, classes = self.config, self.classes
        m.submodules.project = project = Project(config)
        m.submodules.walk = walk = Steps(config, settles=self.WRITE_AT + 1)
        self.token, self.entry = Signal(context(config)), Signal(layer_entry())
        now = walk.step
        signals = Signal.like(classes.signals, reset_less=True)
        cost = Signal(SIGNAL_BITS - 1, reset_less=True)
        with m.If(later(m, "took", walk.taken, 1)):  # Project has no use for them before
            m.d.sync += signals.eq(classes.signals)
        with m.If(walk.taken):
            m.d.sync += self.token.eq(classes.context), self.entry.eq(classes.parameters)
            teaches = classes.context.teach & ~classes.parameters.flags.readout
            m.d.sync += cost.eq(when(teaches, classes.parameters.rate_cost))
        steps = taps(m, "step", now, self.WRITE_AT + 1)
        m.d.comb += [
            walk.ready.eq(classes.ready),
            classes.taken.eq(walk.taken),
            walk.parameters.eq(classes.parameters),
            walk.entry.eq(self.entry),
            walk.any_signal.eq(classes.any_signal),
            walk.classifies.eq(self._classifies()),
            walk.class_count.eq(self.class_count),
            walk.blocked.eq(self.blocked),
            self.done.eq(walk.done),
            self.layer.eq(self.token.layer),
            project.go.eq(now.go),
            project.part.eq(now.part),
            project.begin.eq(now.begin),
            project.end.eq(now.end),
            project.number.eq(now.number),
            project.readout.eq(self.entry.flags.readout),
            project.signals.eq(signals),
            project.signs.eq(self.signs.signs),
            project.cost.eq(cost),
            project.spikes.eq(self.spikes.values),
        ]
        self._addresses(m, steps)
        found = self._of_map(m, project, steps, cost) if config.map_pixels else project.m
        nonzero = self._products(m, found, steps)
        self._mark(m, steps[self.WRITE_AT + 1], nonzero)
        return m

    def _classifies(self) -> Any:
        """The layer that is ready learns from a classifier of its own in this step."""
        if not self.config.classifier_groups:
            return 0
        return self.classes.parameters.flags.classifier & self.classes.context.teach

    def _addresses(self, m: Module, steps: list[Any]) -> None:
        """Every memory is read and written in its own time."""
        config = self.config
        m.d.comb += self.signs.address.eq(chunk_address(config, steps[0].group, steps[0].chunk))
        for road, at in (
            (self.spikes, self.SPIKES_AT),
            (self.surrogates, self.STATE_AT),
            (self.post, self.STATE_AT),
            (self.gains, self.WRITE_AT),
            (self.new_post, self.WRITE_AT),
        ):
            m.d.comb += road.address.eq(chunk_address(config, steps[at].state, steps[at].chunk))

    def _of_map(self, m: Module, project: Project, steps: list[Any], cost: Signal) -> Any:
        """Learning signals of flat layers as they are, of maps by way of their latents."""
        m.submodules.map_signal = of_map = MapSignal(self.config)
        connect(m, of_map.winners, flipped(self.winners))
        none = Signal()
        with m.If(self.classes.taken):
            m.d.sync += none.eq(~self.classes.any_signal)
        with m.If(kinds.is_map(self.entry)):  # the latents pay nothing, neurons do
            m.d.comb += project.cost.eq(0)
        m.d.comb += [
            of_map.step.eq(steps[0]),
            of_map.entry.eq(self.entry),
            of_map.none.eq(none),
            of_map.cost.eq(cost),
            of_map.projected.eq(self._projected(m, project, steps[0])),
            of_map.spikes.eq(self.spikes.values),
        ]
        mapped, found = steps[self.JOB_AT].mapped, Signal.like(project.m)
        m.d.comb += [
            one.eq(Mux(mapped, own, flat))
            for one, own, flat in zip(found, of_map.m, project.m, strict=True)
        ]
        return found

    def _projected(self, m: Module, project: Project, walk: Any) -> Any:
        """Learning signals of latents: through signs, or through the layer's own classifier."""
        if not self.config.classifier_groups:
            return project.m
        classes = self.classes
        moves = Signal.like(classes.moves, reset_less=True)
        with m.If(later(m, "moved", classes.taken, 1)):
            m.d.sync += moves.eq(classes.moves)
        m.d.comb += [
            self.walk.eq(walk),
            self.walks.eq(self.entry.flags.classifier & self.token.teach),
            self.base.eq(self.entry.classifier_base),
            self.signals.eq(project.signals),
            self.moves.eq(moves),
        ]
        return Mux(self.walks, self.latents.as_value(), project.m.as_value())

    def _products(self, m: Module, signals: Any, steps: list[Any]) -> Signal:
        """From JOB_AT to WRITE_AT; whether a gain of the chunk was not zero, a cycle later."""
        entry, job, due = self.entry, steps[self.JOB_AT].job, steps[self.WRITE_AT]
        m.submodules.multiply = multiply = Multiply(
            self.config.chunk_lanes, SIGNAL_BITS, in_logic=self.config.small
        )
        no_post = (entry.post_gain == 0) | (not self.config.post_traces)
        causal, non_causal = due.job == CAUSAL, due.job == NON_CAUSAL
        m.d.comb += [
            multiply.bias.eq(Mux(job == DECAY, 0, half(FACTOR_BITS))),
            self.gains.causal.eq(due.working & causal),
            self.gains.non_causal.eq(due.working & (non_causal | (causal & no_post))),
            self.new_post.valid.eq(due.working & (due.job == ADD)),
        ]
        some = []
        for lane in range(self.config.chunk_lanes):
            post = when(~self.token.fresh, self.post.values[lane])
            surrogate = self.surrogates.values[lane]
            decay, gain = entry.post_decay[:FACTOR_BITS], entry.post_gain[:FACTOR_BITS]
            values = (signals[lane], signals[lane], post, surrogate)
            factors = (surrogate, post, decay, gain)
            with m.Switch(job):
                for number, (value, factor) in enumerate(zip(values, factors, strict=True)):
                    with m.Case(number):
                        m.d.comb += multiply.values[lane].eq(value)
                        m.d.comb += multiply.factors[lane].eq(factor)
            product = multiply.products[lane]
            decayed = Signal(TRACE_BITS, name=f"decayed_{lane}", reset_less=True)
            with m.If(due.job == DECAY):
                m.d.sync += decayed.eq(product)
            total = Signal(TRACE_BITS + 1, name=f"post_{lane}")
            m.d.comb += [
                total.eq(decayed + product[:TRACE_BITS]),
                self.new_post.values[lane].eq(saturate_unsigned(total, TRACE_BITS)),
                self.gains.gains[lane].eq(
                    Mux(entry.flags.post_negative & non_causal, -product, product)
                ),
            ]
            some.append(product != 0)
        nonzero = Signal()
        m.d.sync += nonzero.eq(Cat(*some).any())
        return nonzero

    def _mark(self, m: Module, step: Any, nonzero: Signal) -> None:
        """Tell which groups have an update to apply."""
        marks = self.marks
        causal = step.working & (step.job == CAUSAL)
        m.d.comb += [
            marks.valid.eq(causal | (step.working & (step.job == NON_CAUSAL))),
            marks.nonzero.eq(nonzero),
            marks.begins_group.eq(causal & (step.chunk == 0)),
            marks.begins_layer.eq(causal & step.first),
            marks.group.eq(step.state),
            marks.layer.eq(self.token.layer),
        ]
