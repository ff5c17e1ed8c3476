"""What a classifier's logits add to the scores. Twin of `votes` in golden/learn/classifier.py."""

from typing import Any

from amaranth import Module, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import LOGIT_BITS, MEMBRANE_BITS, VOTE_FRACTION
from golden.spec.layers import FIELD_OF
from hw.core.base.formats import round_shift, saturate
from hw.core.base.pipeline import later
from hw.core.interfaces import ClassVotes

GAIN_BITS = FIELD_OF["vote_gain"].high.bit_length()


class Vote(Component):
    """vote = round(logit x gain / 64), saturated, LATENCY cycles later.

    begin  pulse: the next logit is that of class 0
    valid  there is a logit
    logit  of the next class
    gain   vote_gain of the layer
    votes  one for each logit
    """

    LATENCY = 3

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "begin": In(1),
                "valid": In(1),
                "logit": In(signed(LOGIT_BITS)),
                "gain": In(GAIN_BITS),
                "votes": Out(ClassVotes(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        number = Signal.like(self.votes.number)
        logit = Signal.like(self.logit, reset_less=True)
        gain = Signal.like(self.gain, reset_less=True)
        product = Signal(signed(LOGIT_BITS + GAIN_BITS + 1), reset_less=True)
        with m.If(self.valid):
            m.d.sync += number.eq(number + 1)
        with m.If(self.begin):
            m.d.sync += number.eq(0)
        m.d.sync += [
            logit.eq(self.logit),  # it is saturated in its cycle, and goes far
            gain.eq(self.gain),
            product.eq(logit * gain),
            self.votes.vote.eq(saturate(round_shift(product, VOTE_FRACTION), MEMBRANE_BITS)),
        ]
        m.d.comb += [
            self.votes.valid.eq(later(m, "valid", self.valid, self.LATENCY)),
            self.votes.number.eq(later(m, "number", number, self.LATENCY)),
        ]
        return m
