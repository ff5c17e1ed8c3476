"""That a pass, and a sample, come to an end: the gate's watchdog, and what the sequencer counts."""

from typing import Any

from amaranth.hdl import (
    Assert,
    Assume,
    Cover,
    Elaboratable,
    Fragment,
    Module,
    Mux,
    ResetInserter,
    Signal,
)

from golden.spec.samples import SampleStatus
from hw.core.host.gate import Gate
from hw.core.schedule.sequencer import Sequencer
from sim.proofs.rules import kept

GIVING = ("GIVE LABEL", "GIVE FLAGS")
"""States of the gate in which the core takes the first bytes of a sample."""


class PassesEnd(Elaboratable):
    """Gate and sequencer, whatever the other rooms do: with a sample in the core, something happens in time.

    Something: the passes of a layer begin, a word of a result is there, the sample has left the core, or the
    gate resets the core and answers STUCK. As no passes begin while others are under way, those end in time,
    or are reported. Nothing is said of the sequencer's state: induction begins with any. Further assertions
    tie the gate's counters to its state.
    """

    def __init__(self, gate: Gate, sequencer: Sequencer) -> None:
        self.unit, self.sequencer = gate, sequencer

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        unit, sequencer = self.unit, self.sequencer
        m.submodules.sequencer = ResetInserter(unit.reset)(Fragment.get(sequencer, platform))
        m.submodules.unit = Fragment.get(unit, platform)
        m.d.comb += unit.progress.eq(sequencer.trace.start)
        at, of = unit.fsm.ongoing, sequencer.fsm.ongoing
        m.d.comb += Assume(~unit.core_result.valid | (unit.inside & of("RESULT")))
        m.d.comb += Assume(kept(m, "core_result", unit.core_result) | unit.reset)
        m.d.comb += Assert(kept(m, "result", unit.result), "a word of a result stays until taken")
        self.still, self.passing = (Signal(32, name=name) for name in ("still", "passing"))
        happens = sequencer.start | unit.core_result.valid
        with m.If(unit.inside & ~happens):
            m.d.sync += self.still.eq(self.still + 1)
        with m.Else():
            m.d.sync += self.still.eq(0)
        m.d.sync += self.passing.eq(Mux(unit.inside & of("PASSES"), self.passing + 1, 0))
        later = Mux(at("GIVE LABEL"), 0, Mux(at("GIVE FLAGS"), 1, 2))
        m.d.comb += [
            Assert(~of("PASSES") | ~sequencer.start, "one layer's passes at a time"),
            Assert(self.still <= unit.patience + 3, "something happens in time"),
            Assert(self.passing <= self.still, "passes end in time"),
            Assert(~unit.inside | (self.still <= unit.waited + later), "the gate counts them, too"),
            Assert(~unit.inside | at("OPEN") | at(GIVING[0]) | at(GIVING[1]), "it looks"),
            Assert(~(at(GIVING[1])) | unit.inside, "the label was given"),
            Assert(unit.inside | (unit.waited == 0), "from 0"),
            Assert(unit.waited <= unit.patience, "to its patience"),
        ]
        self._reported(m, at)
        return m

    def _reported(self, m: Module, at: Any) -> None:
        """A sample that is taken out of the core without its result is answered STUCK, behind a reset."""
        unit, sequencer = self.unit, self.sequencer
        inside, ended, stuck = Signal(), Signal(), Signal()
        word, taken = unit.result.payload, unit.result.valid & unit.result.ready
        last = unit.core_result.valid & unit.core_result.ready & unit.core_result.payload.last
        m.d.sync += [inside.eq(unit.inside), ended.eq(last)]
        taken_out = inside & ~unit.inside & ~ended
        with m.If(taken_out):
            m.d.sync += stuck.eq(1)
        with m.Elif(taken & word.last):
            m.d.sync += stuck.eq(0)
        owed = stuck | taken_out
        reset = Signal(range(unit.reset_cycles + 2))
        before = at("CHECK") | at("LABEL") | at("FLAGS") | at(GIVING[0]) | at(GIVING[1])
        m.d.sync += reset.eq(Mux(unit.reset, reset + 1, 0))
        first = unit.result.valid & (unit.index == 0) & at("ANSWER")
        passes = Signal()  # were under way when the sample was taken out
        m.d.sync += passes.eq(sequencer.fsm.ongoing("PASSES"))
        m.d.comb += Cover(taken_out & passes, "passes that do not end")
        m.d.comb += Cover(stuck & taken, "the answer")
        answers = at("RESET") | at("SWALLOW") | at("ANSWER")
        m.d.comb += [
            Assert(~taken_out | at("RESET"), "the core is reset"),
            Assert(~owed | answers, "nothing else comes before the answer"),
            Assert(~owed | (unit.status == SampleStatus.STUCK), "which is STUCK"),
            Assert(~(owed & first) | (word.data == SampleStatus.STUCK), "in its first word"),
            Assert(~(reset != 0) | sequencer.fsm.ongoing("IDLE"), "the sequencer is at rest"),
            Assert(~at("RESET") | (unit.index < unit.reset_cycles), "for a time that ends"),
            Assert(~at("RESET") | owed, "for no other reason"),
            Assert(~before | (unit.index == 0), "counted from 0"),
            Assert(~at("RESET") | (reset + 1 == unit.index + (unit.index == 0)), "reset counts"),
        ]


class LayersAreCounted(Elaboratable):
    """The sequencer begins the passes of so many layers at most, and comes to the result of the sample.

    What is left is a number that is a function of its state: it never grows but for a sample that begins, and
    every layer's passes take one from it. Given: as many layers are in use as there are, or fewer, and that
    does not change. Nothing is said of the state.
    """

    def __init__(self, unit: Sequencer) -> None:
        self.unit = unit

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)
        at, bits = unit.fsm.ongoing, len(unit.layer.layer)
        used = unit.settings.layer_count
        known, was, started, rested = (Signal(n) for n in (1, 16 + bits + 2, 1, 1))
        layers = Signal(16)
        m.d.sync += [known.eq(1), layers.eq(used)]
        m.d.comb += Assume((used != 0) & (used <= unit.config.layers) & (~known | (used == layers)))
        ahead, steps = Signal(bits), Signal(17)  # behind the layer and the step in hand
        m.d.comb += [ahead.eq(used - 1 - unit.layer.layer), steps.eq((unit.steps_left - 1)[:16])]
        flush, left = Signal(), Signal(16 + bits + 2)
        m.d.comb += flush.eq(unit.flush)
        whole = 1 << bits  # layers, at least
        behind = Mux(flush, 0, (steps + 1) << bits)  # steps to come, and the flush
        with m.If(at("STEP")):
            m.d.comb += left.eq(Mux(flush, whole, (unit.steps_left + 1) << bits))
        with m.Elif(at("LAYER") | at("WAIT")):
            m.d.comb += left.eq(behind + ahead + 1)
        with m.Elif(at("PASSES") | at("NEXT")):
            m.d.comb += left.eq(behind + ahead)
        with m.Elif(at("SETTLE")):
            m.d.comb += left.eq(Mux(flush, 0, whole))
        m.d.sync += [was.eq(left), started.eq(unit.start), rested.eq(at("IDLE"))]
        with m.If(known & ~rested):
            m.d.comb += Assert(left + started <= was, "every layer takes one")
        with m.If(known & rested):
            begun = (unit.steps_left + 1) << bits
            m.d.comb += Assert(left <= Mux(at("IDLE"), 0, begun), "a sample's steps, and one")
        return m
