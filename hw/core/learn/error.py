"""Class error of one layer: hard sigmoid of the logit against the label, times the learning rate.

Twin of golden/learn/error.py.
"""

from typing import Any

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.formats import ERROR_ONE, LOGIT_BITS, MOVE_BITS, SIGNAL_BITS
from hw.core.base.formats import round_shift

SCALE_BITS = 8  # fraction bits of gain and rate


class Error(wiring.Component):
    """signal = round((target - clip(offset + logit x gain / 256, 0, 1)) x rate), LATENCY cycles later.

    logit   of the class
    target  it is the sample's class
    gain    error_gain of the layer
    offset  error_offset of the layer
    rate    of the layer
    signal  learning signal of the class
    move    where there are classifiers: error x move_rate in place of rate
    move_rate  classifier_rate of the layer
    """

    LATENCY = 5

    def __init__(self, *, moves: bool = False) -> None:
        self.moves = moves
        more = {"move_rate": In(15), "move": Out(signed(MOVE_BITS))} if moves else {}
        super().__init__(
            more
            | {
                "logit": In(signed(LOGIT_BITS)),
                "target": In(1),
                "gain": In(15),
                "offset": In(ERROR_ONE.bit_length()),
                "rate": In(15),
                "signal": Out(signed(SIGNAL_BITS)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        target = [Signal(name=f"target_{stage}") for stage in range(3)]
        logit = Signal(signed(LOGIT_BITS))
        scaled = Signal(signed(LOGIT_BITS + 16))
        guess = Signal(signed(LOGIT_BITS + 9))
        error = Signal(signed(10))
        product = Signal(signed(26))
        one = ERROR_ONE
        wish = Mux(target[2], one, 0)
        clipped = Mux(guess < 0, 0, Mux(guess > one, one, guess[:9]))
        m.d.sync += [
            target[0].eq(self.target),
            target[1].eq(target[0]),
            target[2].eq(target[1]),
            logit.eq(self.logit),
            scaled.eq(logit * self.gain),
            guess.eq(round_shift(scaled, SCALE_BITS) + self.offset),
            error.eq(wish - clipped),
            product.eq(error * self.rate),
        ]
        m.d.comb += self.signal.eq(round_shift(product, SCALE_BITS))
        if self.moves:
            moved = Signal.like(product)
            m.d.sync += moved.eq(error * self.move_rate)
            m.d.comb += self.move.eq(round_shift(moved, SCALE_BITS))
        return m
