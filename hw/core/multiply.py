"""Multiplication by shifting and adding, a bit a cycle, for what a step needs once per group.

The multipliers of the FPGA are all taken by the weight update; these products are hidden behind the
next pass.
"""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.formats import FACTOR_BITS


class SerialMultiply(wiring.Component):
    """product = (value x factor + bias) >> 8 in every lane, with 8-bit unsigned factors.

    `start` takes `factors` and `bias` (128 rounds to nearest, 0 rounds down); `values` must stay until
    `done`, FACTOR_BITS cycles later, when `products` are right and stay.
    """

    def __init__(self, lanes: int, value_bits: int) -> None:
        self.lanes, self.value_bits = lanes, value_bits
        shape = signed(value_bits + 1)
        super().__init__(
            {
                "start": In(1),
                "bias": In(FACTOR_BITS),
                "values": In(data.ArrayLayout(signed(value_bits), lanes)),
                "factors": In(data.ArrayLayout(FACTOR_BITS, lanes)),
                "products": Out(data.ArrayLayout(shape, lanes)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(FACTOR_BITS + 1))
        busy = Signal()
        m.d.comb += busy.eq(left != 0)
        m.d.sync += self.done.eq(left == 1)
        with m.If(self.start):
            m.d.sync += left.eq(FACTOR_BITS)
        with m.Elif(busy):
            m.d.sync += left.eq(left - 1)
        for lane in range(self.lanes):
            factor = Signal(FACTOR_BITS, name=f"factor_{lane}")
            total = self.products[lane] + Mux(factor[0], self.values[lane], 0)
            with m.If(self.start):
                m.d.sync += factor.eq(self.factors[lane]), self.products[lane].eq(self.bias)
            with m.Elif(busy):
                m.d.sync += factor.eq(factor >> 1), self.products[lane].eq(total >> 1)
        return m
