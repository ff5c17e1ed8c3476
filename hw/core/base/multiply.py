"""Products that a step needs once per neuron, a chunk of lanes a cycle."""

from typing import Any

from amaranth import Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.formats import FACTOR_BITS
from hw.core.base.pipeline import later, register

FACTOR = FACTOR_BITS + 1  # 256, which leaves a value as it is, included


class Multiply(wiring.Component):
    """products = (values x factors + bias) >> 8 in every lane, LATENCY cycles later.

    With `in_logic` it adds shifted values, for an FPGA whose multipliers are taken by the weight update.

    values    signed
    factors   0 … 256
    bias      128 rounds to nearest, 0 rounds down
    products  rounded
    """

    LATENCY = 3

    def __init__(self, lanes: int, value_bits: int, *, in_logic: bool = False) -> None:
        self.lanes, self.value_bits, self.in_logic = lanes, value_bits, in_logic
        super().__init__(
            {
                "values": In(data.ArrayLayout(signed(value_bits), lanes)),
                "factors": In(data.ArrayLayout(FACTOR, lanes)),
                "bias": In(FACTOR_BITS),
                "products": Out(data.ArrayLayout(signed(value_bits + 1), lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bias = later(m, "bias", self.bias, 2)
        products = register(m, self.products)
        build = self._shifts if self.in_logic else self._product
        for lane in range(self.lanes):
            m.d.sync += products[lane].eq((build(m, lane) + bias) >> FACTOR_BITS)
        return m

    def _product(self, m: Module, lane: int) -> Signal:
        value = Signal(signed(self.value_bits), name=f"value_{lane}", reset_less=True)
        factor = Signal(FACTOR, name=f"factor_{lane}", reset_less=True)
        product = Signal(signed(self.value_bits + FACTOR), name=f"product_{lane}", reset_less=True)
        m.d.sync += value.eq(self.values[lane]), factor.eq(self.factors[lane])
        m.d.sync += product.eq(value * factor)
        return product

    def _shifts(self, m: Module, lane: int) -> Value:
        """Four partial sums of two bits each, then their sum; 256 is added on its own."""
        value, factor = self.values[lane], self.factors[lane]
        partial = []
        for bit in range(0, FACTOR_BITS, 2):
            pair = Signal(signed(self.value_bits + 2), name=f"pair_{lane}_{bit}", reset_less=True)
            m.d.sync += pair.eq(Mux(factor[bit], value, 0) + (Mux(factor[bit + 1], value, 0) << 1))
            partial.append(pair << bit)
        whole = Signal(signed(self.value_bits), name=f"whole_{lane}", reset_less=True)
        low = Signal(signed(self.value_bits + 4), name=f"low_{lane}", reset_less=True)
        high = Signal(signed(self.value_bits + 9), name=f"high_{lane}", reset_less=True)
        m.d.sync += whole.eq(Mux(factor[FACTOR_BITS], value, 0))
        m.d.sync += low.eq(partial[0] + partial[1])
        m.d.sync += high.eq(partial[2] + partial[3] + (whole << FACTOR_BITS))
        return low + high
