"""Accumulators: one row of weights a cycle into one sum per lane. Twin of golden/lanes/integrate.py."""

from typing import Any

from amaranth import Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from hw.core.base.pipeline import register, when


class Integrate(wiring.Component):
    """sum = (first ? 0 : sum) + (spike ? weights : 0), a cycle later, in every lane.

    The sum is wide enough for every row of the largest layer: it cannot overflow. The membrane it
    starts from is added when the neuron fires.

    first    the row is the first of a pass
    spike    the row spikes
    weights  of the row
    sums     with them, LATENCY cycles later
    """

    LATENCY = 1

    def __init__(self, config: CoreConfig, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(
            {
                "first": In(1),
                "spike": In(1),
                "weights": In(data.ArrayLayout(signed(config.weight_bits), lanes)),
                "sums": Out(data.ArrayLayout(signed(config.accumulator_bits), lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        sums = register(m, self.sums)
        for lane in range(self.lanes):
            kept = when(~self.first, sums[lane])
            m.d.sync += sums[lane].eq(kept + when(self.spike, self.weights[lane]))
        return m
