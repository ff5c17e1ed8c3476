"""Learning signal and gains of every lane. Twin of `golden.signal.learning_signal` and `gains`.

One serial multiplier per lane does what a group needs in turn: m Psi, and, where a layer has post
traces, m h, lambda h and alpha Psi.
"""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import (
    FACTOR_BITS,
    GAIN_BITS,
    SIGNAL_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
)
from hw.core.multiply import SerialMultiply

ROUND = 128
CAUSAL, NON_CAUSAL, DECAY, ADD = range(4)  # products, in this order


class Gain(wiring.Component):
    """Lanes of the learning signal.

    `clear` sets m to zero; each cycle with `project` adds +-`value` by `signs`, or, for a `readout`,
    `value` to lane `own` alone. `start` begins the product `job`; when `done`, a gain is in
    `products` (`nonzero` if any lane has one), after ADD the new post trace in `next_post`.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.lanes
        super().__init__(
            {
                "clear": In(1),
                "project": In(1),
                "value": In(signed(SIGNAL_BITS)),
                "signs": In(lanes),
                "readout": In(1),
                "own": In(ceil_log2(max(lanes, 2)) + 1),
                "start": In(1),
                "job": In(2),
                "done": Out(1),
                "negative": In(1),
                "surrogates": In(data.ArrayLayout(SURROGATE_BITS, lanes)),
                "post": In(data.ArrayLayout(TRACE_BITS, lanes)),
                "fresh": In(1),
                "post_decay": In(FACTOR_BITS),
                "post_gain": In(FACTOR_BITS),
                "products": Out(data.ArrayLayout(signed(GAIN_BITS), lanes)),
                "nonzero": Out(1),
                "next_post": Out(data.ArrayLayout(TRACE_BITS, lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.multiply = multiply = SerialMultiply(self.config.lanes, SIGNAL_BITS)
        job = Signal(2)
        minus = Signal(signed(SIGNAL_BITS + 1))
        m.d.comb += minus.eq(-self.value)
        with m.If(self.start):
            m.d.sync += job.eq(self.job)
        m.d.comb += [
            multiply.start.eq(self.start),
            multiply.bias.eq(Mux(self.job == DECAY, 0, ROUND)),
            self.done.eq(multiply.done),
        ]
        nonzero = [self._lane(m, lane, multiply, job, minus) for lane in range(self.config.lanes)]
        m.d.comb += self.nonzero.eq(Cat(*nonzero).any())
        return m

    def _lane(self, m, lane, multiply, job, minus):
        total = Signal(signed(SIGNAL_BITS + 6), name=f"m_{lane}")
        plus_minus = Mux(self.signs[lane], self.value, minus)
        term = Mux(self.readout, Mux(self.own == lane, self.value, 0), plus_minus)
        with m.If(self.project):
            m.d.sync += total.eq(total + term)
        with m.If(self.clear):
            m.d.sync += total.eq(0)
        top = 1 << (SIGNAL_BITS - 1)
        signal = Mux(total >= top, top - 1, Mux(total < -top, -top, total))
        surrogate = self.surrogates[lane]
        post = Mux(self.fresh, 0, self.post[lane])
        product = multiply.products[lane]
        with m.Switch(job):
            with m.Case(DECAY):
                m.d.comb += multiply.values[lane].eq(post)
            with m.Case(ADD):
                m.d.comb += multiply.values[lane].eq(surrogate)
            with m.Default():
                m.d.comb += multiply.values[lane].eq(signal)
        with m.Switch(self.job):
            for number, factor in enumerate((surrogate, post, self.post_decay, self.post_gain)):
                with m.Case(number):
                    m.d.comb += multiply.factors[lane].eq(factor)
        decayed = Signal(TRACE_BITS, name=f"decayed_{lane}")
        post_sum = Signal(TRACE_BITS + 1, name=f"post_{lane}")
        with m.If(self.done & (job == DECAY)):
            m.d.sync += decayed.eq(product)
        full = (1 << TRACE_BITS) - 1
        flip = (job == NON_CAUSAL) & self.negative
        m.d.comb += [
            post_sum.eq(decayed + product[:TRACE_BITS]),
            self.next_post[lane].eq(Mux(post_sum > full, full, post_sum)),
            self.products[lane].eq(Mux(flip, -product, product)),
        ]
        return product != 0
