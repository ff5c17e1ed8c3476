"""Which layer runs when: samples, steps, layers. The order of things is that of golden/core.py."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.samples import FIRST, LAST, LEARN
from hw.core import kinds
from hw.core.base.layouts import layer_entry
from hw.core.base.pipeline import derived
from hw.core.fire.fire import Fire
from hw.core.fire.pool import Pool
from hw.core.interfaces import LayerRead, Phase, ResultControl, SampleHead, Settings, TraceControl
from hw.core.lanes.times import LaneTimes
from hw.core.learn.latents import Latents
from hw.core.schedule.issue import Issue
from hw.core.schedule.passes import step_context


class Sequencer(Component):
    """Runs samples: for each step, for each layer, its passes.

    settings         layers in use
    head             the sample that is coming in
    free             pulse: make room for the next payload
    phase            where in the sample the core is
    trace            the active list of the layer in hand
    layer            reads the layer table
    entry            of the layer in hand
    step             of the sample, as the layer in hand sees it
    start            pulse: the passes of a layer begin
    done             pulse: its last pass ends
    claim            bits of layers whose learning signal is about to be formed
    signal_busy      a bit for each layer whose learning signal is not formed yet
    deferred_layers  a bit for each layer with a deferred update
    result           the sample is done
    wait_signal      waiting for a learning signal
    step_done        pulse: a step of all layers is done
    sample_done      pulse: a sample is done
    """

    TURN = 5
    """Cycles from a layer's last turn to the first row of the next layer, at least: NEXT, LAYER, WAIT, and
    two of the merge."""

    @derived
    def DRAIN(cls) -> int:
        """Cycles after which nothing of a pass is on its way, and one a chunk besides.

        The longest roads behind one another: to the lanes, through them, fired, pooled, summed up.
        """
        behind = Fire.LEAKED + Pool.LATENCY + Latents.LATENCY
        return Issue.LATENCY + LaneTimes.FIRE_AT + behind

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "settings": In(Settings()),
                "head": In(SampleHead()),
                "free": Out(1),
                "phase": Out(Phase()),
                "trace": Out(TraceControl(config)),
                "layer": Out(LayerRead(config)),
                "entry": Out(layer_entry()),
                "step": Out(step_context(config)),
                "start": Out(1),
                "done": In(1),
                "claim": Out(config.layers),
                "signal_busy": In(config.layers),
                "deferred_layers": In(config.layers),
                "result": Out(ResultControl()),
                "wait_signal": Out(1),
                "step_done": Out(1),
                "sample_done": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self.at = Signal(16)  # step of the sample
        self.steps_left = Signal(16)  # of the payload
        self.flush = Signal()
        drain = self.DRAIN + self.config.chunks
        self.drain = Signal(range(drain + 1))
        layer = self.layer.layer
        self._parameters(m, layer)
        with m.FSM() as self.fsm:
            resting = self.fsm.ongoing("IDLE") | self.fsm.ongoing("RESULT")
            m.d.comb += self.phase.busy.eq(~resting)
            # what is cleared is cleared a cycle later, and not looked at before
            m.d.sync += [self.trace.clear.eq(0), self.phase.clear.eq(0), self.phase.drop.eq(0)]
            with m.State("IDLE"):
                m.d.sync += self.flush.eq(0)
                with m.If(self.head.begin):
                    m.d.sync += self.steps_left.eq(self.head.header.steps), layer.eq(0)
                    with m.If((self.head.header.flags & FIRST).any()):
                        m.d.sync += self.at.eq(0)
                        m.d.sync += self.trace.clear.eq(1), self.phase.clear.eq(1)
                    m.next = "STEP"
            with m.State("STEP"):
                m.d.sync += layer.eq(0)
                m.next = "SETTLE"
                with m.If(self.steps_left != 0):
                    m.next = "LAYER"
            with m.State("LAYER"):
                m.d.sync += self.entry.eq(self.layer.entry)
                m.next = "WAIT"
            with m.State("WAIT"):
                self._begin_layer(m, layer)
            with m.State("PASSES"):
                with m.If(self.done):
                    m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += self.drain.eq(drain)
                self._next_layer(m, layer)
            with m.State("SETTLE"):
                self._settle(m, layer)
            with m.State("RESULT"):
                with m.If(self.result.done):
                    m.d.comb += self.free.eq(1)
                    m.next = "IDLE"
        return m

    def _parameters(self, m: Module, layer: Signal) -> None:
        """What the layer in hand is told of itself and of the step."""
        entry, header, trace, step = self.entry, self.head.header, self.trace, self.step
        learns = (header.flags & LEARN).any() & entry.flags.plastic & bool(self.config.learning)
        m.d.comb += [
            step.layer.eq(layer),
            step.fresh.eq(self.at == 0),
            step.learn.eq(learns),
            step.teach.eq(step.learn & (self.at >= header.learn_from)),
            step.flush.eq(self.flush),
            trace.layer.eq(layer),
            trace.flush.eq(self.flush),
            trace.keep.eq(step.learn),
            trace.bias.eq(entry.flags.bias),
            trace.last_row.eq(kinds.last_row(self.config, entry)),
            trace.decay.eq(entry.pre_decay),
            trace.gain.eq(entry.pre_gain),
            trace.start.eq(self.start),
        ]

    def _begin_layer(self, m: Module, layer: Signal) -> None:
        """Its first pass, once its learning signal is formed. A flush skips layers without updates."""
        skip = self.flush & ~self.deferred_layers.bit_select(layer, 1)
        with m.If(self.signal_busy.bit_select(layer, 1)):
            m.d.comb += self.wait_signal.eq(1)
        with m.Elif(skip):
            m.d.comb += self.trace.skip.eq(1)
            m.next = "NEXT"
        with m.Else():
            m.d.comb += self.start.eq(1)
            m.d.comb += self.claim.eq(Mux(self.flush, 0, 1 << layer))
            m.next = "PASSES"

    def _next_layer(self, m: Module, layer: Signal) -> None:
        """After the last one the next step, or, of a flush, the end of the sample."""
        m.d.sync += layer.eq(layer + 1)
        m.next = "LAYER"
        with m.If(layer == self.settings.layer_count - 1):
            with m.If(self.flush):
                m.next = "SETTLE"
            with m.Else():
                m.d.sync += self.steps_left.eq(self.steps_left - 1)
                m.d.sync += self.at.eq(self.at + 1)
                m.d.comb += self.step_done.eq(1)
                m.next = "STEP"

    def _settle(self, m: Module, layer: Signal) -> None:
        """The end of the payload; of a sample's last one, deferred updates are applied first."""
        with m.If(self.signal_busy.any()):
            m.d.comb += self.wait_signal.eq(1)
        with m.Elif((self.head.header.flags & LAST).any() & ~self.flush):
            m.d.sync += self.flush.eq(1), layer.eq(0)
            m.next = "LAYER"
        with m.Elif(self.drain != 0):
            m.d.sync += self.drain.eq(self.drain - 1)
        with m.Elif(self.head.finished):
            with m.If(self.flush):
                m.d.comb += self.sample_done.eq(1)
                m.d.sync += self.trace.clear.eq(1), self.phase.drop.eq(1)
            m.d.comb += self.result.start.eq(1)
            m.next = "RESULT"
