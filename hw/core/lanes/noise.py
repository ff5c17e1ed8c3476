"""Random words for stochastic rounding. Twin of golden/lanes/noise.py."""

from typing import Any

from amaranth import C, Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.lanes.noise import ROUND_KEYS, WEYL, lane_flip, lane_rotation
from golden.spec.formats import NOISE_BITS
from hw.core.interfaces import NoiseAccess


class Noise(wiring.Component):
    """A 32-bit word for every cycle with `advance`, LATENCY cycles later.

    advance  a word is needed
    word     the word
    host     the number that the sequence stands at; the host sets it while nothing advances
    """

    LATENCY = 2 * len(ROUND_KEYS)

    def __init__(self) -> None:
        super().__init__({"advance": In(1), "word": Out(32), "host": In(NoiseAccess())})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        state = self.host.state
        with m.If(self.host.load_low):
            m.d.sync += state[:16].eq(self.host.load)
        with m.Elif(self.host.load_high):
            m.d.sync += state[16:].eq(self.host.load)
        with m.Elif(self.advance):
            m.d.sync += state.eq(state + WEYL)

        left, right = state[16:], state[:16]
        for number, key in enumerate(ROUND_KEYS):
            kept_left = Signal(16, name=f"kept_left_{number}", reset_less=True)
            kept_right = Signal(16, name=f"kept_right_{number}", reset_less=True)
            product = Signal(32, name=f"product_{number}", reset_less=True)
            next_left = Signal(16, name=f"left_{number}", reset_less=True)
            next_right = Signal(16, name=f"right_{number}", reset_less=True)
            m.d.sync += [
                product.eq(right * C(key, 16)),
                kept_left.eq(left),
                kept_right.eq(right),
                next_left.eq(kept_right),
                next_right.eq(kept_left ^ product[8:24]),
            ]
            left, right = next_left, next_right
        m.d.comb += self.word.eq(Cat(right, left))
        return m


def lane_noise(word: Value, lane: int) -> Value:
    """The 16 bits of `word` that a lane uses."""
    return word.rotate_left(lane_rotation(lane))[:NOISE_BITS] ^ C(lane_flip(lane), NOISE_BITS)
