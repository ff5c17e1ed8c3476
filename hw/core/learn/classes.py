"""Class signals of a layer from its logits, a class a cycle. Twin of golden/learn/error.py."""

from typing import Any

from amaranth import Module, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import LOGIT_BITS
from hw.core.base.layouts import context
from hw.core.base.pipeline import later
from hw.core.interfaces import ClassSignals, LayerRead
from hw.core.learn.classifier import asked
from hw.core.learn.error import Error


class Classes(Component):
    """Holds one layer from `load` until its signals are taken, or dropped: it does not learn.

    class_count  classes in use
    label        the sample's class
    load         pulse: take `logits`; only after `free`
    loaded       context of the layer's last group
    logits       of the layer, a value a class
    layer        reads the layer table
    found        signals of the classes
    classify     pulse: the logits of the layer are those of its classifier; it gives them one by one
    classified   pulse: `logit` is that of the next class
    logit        from the classifier
    dropped      pulse: the layer in hand does not learn
    free         pulse: there is room for another layer
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        more = {"classify": Out(1), "classified": In(1), "logit": In(signed(LOGIT_BITS))}
        super().__init__(
            (more if config.classifier_groups else {})
            | {
                "class_count": In(16),
                "label": In(8),
                "load": In(1),
                "loaded": In(context(config)),
                "logits": In(data.ArrayLayout(signed(LOGIT_BITS), config.classes)),
                "layer": Out(LayerRead(config)),
                "found": Out(ClassSignals(config)),
                "dropped": Out(1),
                "free": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        classes, found = self.config.classes, self.found
        token, entry = found.context, self.layer.entry
        index = Signal(range(classes + Error.LATENCY + 2))
        shift = Signal()
        logits = Signal.like(self.logits, reset_less=True)
        logit = Signal(signed(LOGIT_BITS))
        m.d.comb += self.layer.layer.eq(token.layer), logit.eq(logits[0])
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.load):
                    m.d.sync += token.eq(self.loaded), logits.eq(self.logits)
                    m.d.sync += found.any_signal.eq(0)
                    m.d.sync += [found.signals[number].eq(0) for number in range(classes)]
                    m.next = "ENTRY"
            with m.State("ENTRY"):
                m.d.sync += found.parameters.eq(entry), index.eq(0)
                m.next = "HAND"
                # a readout takes its time whether it learns or not: a step is as long without learning
                with m.If(entry.flags.readout | token.teach):
                    m.next = "SHIFT"
                if self.config.classifier_groups:
                    with m.If(asked(entry, token.teach)):
                        m.d.comb += self.classify.eq(1)
                        m.next = "CLASSIFY"
            with m.State("SHIFT"):
                m.d.comb += shift.eq(1)
                m.d.sync += index.eq(index + 1)
                m.d.sync += [logits[number].eq(logits[number + 1]) for number in range(classes - 1)]
                with m.If(index == self.class_count - 1):
                    m.d.sync += index.eq(0)
                    m.next = "DRAIN"
            if self.config.classifier_groups:
                with m.State("CLASSIFY"):
                    m.d.comb += shift.eq(self.classified), logit.eq(self.logit)
                    with m.If(self.classified):
                        m.d.sync += index.eq(index + 1)
                        with m.If(index == self.class_count - 1):
                            m.d.sync += index.eq(0)
                            m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.sync += index.eq(index + 1)
                with m.If(index == Error.LATENCY + 1):
                    m.next = "HAND"
            with m.State("HAND"):
                m.d.comb += found.ready.eq(token.learn), self.dropped.eq(~token.learn)
                with m.If(found.taken | ~token.learn):
                    m.d.comb += self.free.eq(1)
                    m.next = "IDLE"
        self._signals(m, shift, index, logit)
        return m

    def _signals(self, m: Module, shift: Signal, index: Signal, logit: Any) -> None:
        """The learning signal of each class, when the error of its logit is known."""
        found = self.found
        m.submodules.error = error = Error(moves=self.config.classifier_groups > 0)
        m.d.comb += [
            error.logit.eq(logit),
            error.target.eq(index == self.label),
            error.gain.eq(found.parameters.error_gain),
            error.offset.eq(found.parameters.error_offset),
            error.rate.eq(found.parameters.rate),
        ]
        number = later(m, "number", index, Error.LATENCY + 1)
        due = later(m, "due", shift & found.context.teach, Error.LATENCY + 1)
        result = later(m, "result", error.signal, 1)
        with m.If(due):
            for own, signal in enumerate(found.signals):
                with m.If(number == own):
                    m.d.sync += signal.eq(result)
            with m.If(result != 0):
                m.d.sync += found.any_signal.eq(1)
        if self.config.classifier_groups:
            m.d.comb += error.move_rate.eq(found.parameters.classifier_rate)
            move = later(m, "move", error.move, 1)
            with m.If(due):
                for own, kept in enumerate(found.moves):
                    with m.If(number == own):
                        m.d.sync += kept.eq(move)
