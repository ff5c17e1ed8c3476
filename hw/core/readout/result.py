"""What a sample answers: status, prediction, cycles, spikes per layer, scores."""

from typing import Any

from amaranth import Array, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import SCORE_BITS
from hw.core.base.layouts import layer_bits
from hw.core.interfaces import ResultControl
from hw.core.ports import ResultWords


class Result(wiring.Component):
    """Finds the highest score (the first of equals), then sends `golden.spec.samples.Result`.

    control      the sample is done, its result is sent
    busy         the cycle counts as one of the sample
    begin        pulse: a sample begins
    class_count  classes in use
    status       what was wrong with the sample
    score_index  a class
    score        its score
    spike_index  a layer
    spike_count  its spikes
    result       words of the result
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "control": In(ResultControl()),
                "busy": In(1),
                "begin": In(1),
                "class_count": In(16),
                "status": In(16),
                "score_index": Out(ceil_log2(config.classes)),
                "score": In(signed(SCORE_BITS)),
                "spike_index": Out(layer_bits(config)),
                "spike_count": In(16),
                "result": Out(ResultWords),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        index, cycles = Signal(8), Signal(32)
        self.sent = Signal()
        m.d.comb += self.score_index.eq(index), self.spike_index.eq(index)
        with m.If(self.begin):
            m.d.sync += cycles.eq(0)
        with m.Elif(self.busy):
            m.d.sync += cycles.eq(cycles + 1)
        prediction = Signal(ceil_log2(self.config.classes))
        self.taken, self.keeps = Signal(signed(SCORE_BITS)), Signal()  # a score, and it is in use
        with m.If(~self.keeps):
            m.d.sync += self.taken.eq(self.score)
        with m.FSM() as fsm:
            self._compare(m, index)
            self._send(m, index, (self.status, prediction, cycles[:16], cycles[16:]))
        self._best(m, index, fsm.ongoing("COMPARE"), prediction)
        m.d.comb += self.sent.eq(self.result.ready & self.result.valid)
        return m

    def _best(self, m: Module, index: Signal, compare: Value, prediction: Signal) -> None:
        """The class with the highest score, the first of equals, a cycle behind the comparison."""
        best, score = Signal(signed(SCORE_BITS)), self.taken
        scored, comparing = Signal(8), Signal()
        m.d.sync += scored.eq(index), comparing.eq(compare)
        with m.If(comparing & ((scored == 0) | (score > best))):
            m.d.sync += best.eq(score), prediction.eq(scored)

    def _compare(self, m: Module, index: Signal) -> None:
        """A class a cycle, then one more until the last one is compared."""
        with m.State("IDLE"):
            m.d.sync += index.eq(0)
            with m.If(self.control.start):
                m.next = "COMPARE"
        with m.State("COMPARE"):
            m.d.sync += index.eq(index + 1)
            with m.If(index == self.class_count - 1):
                m.d.sync += index.eq(0)
                m.next = "LAST_COMPARE"
        with m.State("LAST_COMPARE"):
            m.next = "HEAD"

    def _send(self, m: Module, index: Signal, head: tuple[Any, ...]) -> None:
        """The words of the result: its head, spikes of each layer, scores in halves."""
        word, sent, last = self.result.payload, self.sent, len(head) - 1
        half, there = Signal(), Signal()  # of a score; it is taken
        with m.State("HEAD"):
            m.d.comb += self.result.valid.eq(1), word.data.eq(Array(head)[index])
            with m.If(sent):
                m.d.sync += index.eq(Mux(index == last, 0, index + 1))
                with m.If(index == last):
                    m.next = "SPIKES"
        with m.State("SPIKES"):
            m.d.comb += self.result.valid.eq(1), word.data.eq(self.spike_count)
            with m.If(sent):
                m.d.sync += index.eq(index + 1)
                with m.If(index == self.config.layers - 1):
                    m.d.sync += index.eq(0)
                    m.next = "SCORES"
        with m.State("SCORES"):  # the index is one ahead of what is sent
            m.d.sync += there.eq(1)
            m.d.comb += [
                self.result.valid.eq(there),
                word.data.eq(Mux(half, self.taken[16:], self.taken[:16])),
                word.last.eq(half & (index == self.config.classes)),
                self.keeps.eq(there & ~(sent & half)),
            ]
            with m.If(sent):
                m.d.sync += half.eq(~half)
            with m.If(~self.keeps):
                m.d.sync += index.eq(index + 1)
            with m.If(sent & word.last):
                m.d.sync += [index.eq(0), there.eq(0)]
                m.d.comb += self.control.done.eq(1)
                m.next = "IDLE"
