"""Class signals of a layer from its logits, a class a cycle; scores. Twin of golden/learn/signal.py."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import LOGIT_BITS, SCORE_BITS, SIGNAL_BITS
from hw.core.base.pipeline import later
from hw.core.base.tokens import context, layer_bits, layer_entry
from hw.core.learn.error import Error


class Classes(wiring.Component):
    """Takes a layer's `logits` with `load`; gives `signals`, for as long as `ready` is not `taken`.

    `context` and `parameters` are the layer's. One that does not learn ends in `dropped` instead. Only
    with `free` may the next layer be loaded. A readout's logits are added to the scores: `score` is
    that of class `asked` while none is at work, `clear` forgets all.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        bits = ceil_log2(config.classes)
        super().__init__(
            {
                "class_count": In(16),
                "label": In(8),
                "clear": In(1),
                "load": In(1),
                "loaded": In(context(config)),
                "logits": In(data.ArrayLayout(signed(LOGIT_BITS), config.classes)),
                "layer": Out(layer_bits(config)),
                "entry": In(layer_entry()),
                "context": Out(context(config)),
                "parameters": Out(layer_entry()),
                "signals": Out(data.ArrayLayout(signed(SIGNAL_BITS), config.classes)),
                "any_signal": Out(1),
                "ready": Out(1),
                "taken": In(1),
                "dropped": Out(1),
                "free": Out(1),
                "asked": In(bits),
                "score": Out(signed(SCORE_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        classes, token = self.config.classes, self.context
        index = Signal(range(classes + Error.LATENCY + 2))
        shift = Signal()
        logits = Signal.like(self.logits, reset_less=True)
        m.d.comb += self.layer.eq(token.layer)
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.load):
                    m.d.sync += token.eq(self.loaded), logits.eq(self.logits)
                    m.d.sync += self.any_signal.eq(0)
                    m.d.sync += [self.signals[number].eq(0) for number in range(classes)]
                    m.next = "ENTRY"
            with m.State("ENTRY"):
                m.d.sync += self.parameters.eq(self.entry), index.eq(0)
                m.next = "HAND"
                with m.If(self.entry.flags.readout | token.teach):
                    m.next = "SHIFT"
            with m.State("SHIFT"):
                m.d.comb += shift.eq(1)
                m.d.sync += index.eq(index + 1)
                m.d.sync += [logits[number].eq(logits[number + 1]) for number in range(classes - 1)]
                with m.If(index == self.class_count - 1):
                    m.d.sync += index.eq(0)
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.sync += index.eq(index + 1)
                with m.If(index == Error.LATENCY + 1):
                    m.next = "HAND"
            with m.State("HAND"):
                m.d.comb += self.ready.eq(token.learn), self.dropped.eq(~token.learn)
                with m.If(self.taken | ~token.learn):
                    m.d.comb += self.free.eq(1)
                    m.next = "IDLE"
        self._scores(m, shift & self.parameters.flags.readout, index, logits[0])
        self._signals(m, shift, index, logits[0])
        return m

    def _scores(self, m, add, index, logit):
        classes = self.config.classes
        m.submodules.scores = scores = Memory(
            shape=signed(SCORE_BITS), depth=classes, init=[], attrs={"ram_style": "distributed"}
        )
        port, write = scores.read_port(domain="comb"), scores.write_port()
        scored = Signal(classes)  # classes with a score since the sample began
        before, added = Signal(signed(SCORE_BITS)), Signal.like(logit)
        m.d.comb += [
            port.addr.eq(Mux(add, index, self.asked)),
            self.score.eq(Mux(scored.bit_select(port.addr, 1), port.data, 0)),
            write.data.eq(before + added),
        ]
        m.d.sync += before.eq(self.score), added.eq(logit)
        m.d.sync += write.addr.eq(index), write.en.eq(add)
        with m.If(write.en):
            m.d.sync += scored.bit_select(write.addr, 1).eq(1)
        with m.If(self.clear):
            m.d.sync += scored.eq(0)

    def _signals(self, m, shift, index, logit):
        m.submodules.error = error = Error()
        m.d.comb += [
            error.logit.eq(logit),
            error.target.eq(index == self.label),
            error.gain.eq(self.parameters.error_gain),
            error.rate.eq(self.parameters.rate),
        ]
        number = later(m, "number", index, Error.LATENCY + 1)
        due = later(m, "due", shift & self.context.teach, Error.LATENCY + 1)
        result = later(m, "result", error.signal, 1)
        with m.If(due):
            for own, signal in enumerate(self.signals):
                with m.If(number == own):
                    m.d.sync += signal.eq(result)
            with m.If(result != 0):
                m.d.sync += self.any_signal.eq(1)
