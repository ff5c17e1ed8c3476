"""What the learning signal keeps per class: logits, scores, class signals. Twin of golden/signal.py.

A hidden layer's logits are its latents, sums of B o; a readout's are its membranes, which are also
added to the scores.
"""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import LOGIT_BITS, MEMBRANE_BITS, SCORE_BITS, SIGNAL_BITS
from hw.core.error import Error
from hw.core.pipeline import later

RAM = {"ram_style": "distributed"}


class Classes(wiring.Component):
    """Three small memories with a word per class.

    `count`: latents of `number` gain 2 `ones` - `everything` (`restart`: from zero). `read`: the
    membrane of readout neuron `number` is its logit and joins its score. `error`: the class signal of
    `number` is computed from its logit, Error.LATENCY + 1 cycles later; `any_signal` tells whether one
    was not zero since `forget`. `signal` is that of class `wanted`, `score` that of class `asked`
    while nothing is read.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        bits = ceil_log2(config.classes)
        super().__init__(
            {
                "clear": In(1),
                "number": In(bits),
                "count": In(1),
                "restart": In(1),
                "ones": In(bits_for(config.lanes)),
                "everything": In(bits_for(config.lanes)),
                "read": In(1),
                "membrane": In(signed(MEMBRANE_BITS)),
                "error": In(1),
                "target": In(1),
                "gain": In(15),
                "rate": In(15),
                "forget": In(1),
                "any_signal": Out(1),
                "wanted": In(bits),
                "signal": Out(signed(SIGNAL_BITS)),
                "asked": In(bits),
                "score": Out(signed(SCORE_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        classes = self.config.classes
        m.submodules.logits = logits = Memory(
            shape=signed(LOGIT_BITS), depth=classes, init=[], attrs=RAM
        )
        logit, write = logits.read_port(domain="comb"), logits.write_port()
        change = (self.ones << 1) - self.everything
        m.d.comb += [
            logit.addr.eq(self.number),
            write.addr.eq(self.number),
            write.en.eq(self.count | self.read),
            write.data.eq(
                Mux(self.read, self.membrane, Mux(self.restart, change, logit.data + change))
            ),
        ]
        self._scores(m, classes)
        self._signals(m, classes, logit.data)
        return m

    def _scores(self, m, classes):
        m.submodules.scores = scores = Memory(
            shape=signed(SCORE_BITS), depth=classes, init=[], attrs=RAM
        )
        port, write = scores.read_port(domain="comb"), scores.write_port()
        scored = Signal(classes)  # classes with a score since the sample began
        value = Signal(signed(SCORE_BITS))
        m.d.comb += [
            port.addr.eq(Mux(self.read, self.number, self.asked)),
            value.eq(Mux(scored.bit_select(port.addr, 1), port.data, 0)),
            self.score.eq(value),
            write.addr.eq(self.number),
            write.en.eq(self.read),
            write.data.eq(value + self.membrane),
        ]
        with m.If(self.read):
            m.d.sync += scored.bit_select(self.number, 1).eq(1)
        with m.If(self.clear):
            m.d.sync += scored.eq(0)

    def _signals(self, m, classes, logit):
        m.submodules.error_unit = error = Error()
        m.submodules.signals = signals = Memory(
            shape=signed(SIGNAL_BITS), depth=classes, init=[], attrs=RAM
        )
        port, write = signals.read_port(domain="comb"), signals.write_port()
        m.d.comb += [
            error.logit.eq(logit),
            error.target.eq(self.target),
            error.gain.eq(self.gain),
            error.rate.eq(self.rate),
            port.addr.eq(self.wanted),
            self.signal.eq(port.data),
        ]
        number = later(m, "number", self.number, Error.LATENCY + 1)
        due = later(m, "due", self.error, Error.LATENCY + 1)
        result = Signal(signed(SIGNAL_BITS))
        m.d.sync += result.eq(error.signal)
        m.d.comb += write.addr.eq(number), write.data.eq(result), write.en.eq(due)
        with m.If(due & (result != 0)):
            m.d.sync += self.any_signal.eq(1)
        with m.If(self.forget):
            m.d.sync += self.any_signal.eq(0)
