"""Accumulators: one row of weights a cycle into one sum per lane. Twin of golden/integrate.py."""

from amaranth import Module, Mux, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import MEMBRANE_BITS
from hw.core.pipeline import when


class Integrate(wiring.Component):
    """sum = (first ? start : sum) + (spike ? weights : 0), a cycle later, in every lane.

    The sum is wide enough for every row of the largest layer: it cannot overflow.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.lanes
        super().__init__(
            {
                "first": In(1),
                "spike": In(1),
                "start": In(data.ArrayLayout(signed(MEMBRANE_BITS), lanes)),
                "weights": In(data.ArrayLayout(signed(config.weight_bits), lanes)),
                "sums": Out(data.ArrayLayout(signed(config.accumulator_bits), lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for lane in range(self.config.lanes):
            base = Mux(self.first, self.start[lane], self.sums[lane])
            m.d.sync += self.sums[lane].eq(base + when(self.spike, self.weights[lane]))
        return m
