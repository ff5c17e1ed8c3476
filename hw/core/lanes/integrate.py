"""Accumulators: one row of weights a cycle into one sum per lane. Twin of golden/lanes/integrate.py."""

from typing import Any

from amaranth import Module, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from hw.core.base.pipeline import register, when


class Integrate(wiring.Component):
    """sum = (first ? 0 : sum) + (spike ? weights x value : 0), a cycle later, in every lane.

    The sum is wide enough for every row of the largest layer: it cannot overflow. The membrane it
    starts from is added when the neuron fires. A small core without maps multiplies in logic: its multipliers
    are taken by the weight update.

    first    the row is the first of a pass
    spike    the row spikes
    value    of the spike, where input events carry values; else it is 1
    weights  of the row
    sums     with them, LATENCY cycles later
    """

    LATENCY = 1

    def __init__(self, config: CoreConfig, lanes: int) -> None:
        self.config, self.lanes = config, lanes
        value = {"value": In(signed(config.input_bits))} if config.graded else {}
        super().__init__(
            {
                "first": In(1),
                "spike": In(1),
                **value,
                "weights": In(data.ArrayLayout(signed(config.weight_bits), lanes)),
                "sums": Out(data.ArrayLayout(signed(config.accumulator_bits), lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        sums = register(m, self.sums)
        # maps need an FPGA that has multipliers to spare, whatever the number of lanes
        in_logic = self.config.small and not self.config.map_pixels
        for lane in range(self.lanes):
            kept, weight = when(~self.first, sums[lane]), self.weights[lane]
            if self.config.graded:
                weight = times(weight, self.value, in_logic=in_logic)
            m.d.sync += sums[lane].eq(kept + when(self.spike, weight))
        return m


def times(weight: Value, value: Value, *, in_logic: bool) -> Value:
    """weight x value, signed; in logic as shifted weights, added in pairs."""
    if not in_logic:
        return weight * value
    places = [when(value[place], weight << place) for place in range(len(value))]
    places[-1] = -places[-1]  # the sign bit counts negative
    while len(places) > 1:
        odd = places[len(places) // 2 * 2 :]
        places = [a + b for a, b in zip(places[::2], places[1::2], strict=False)] + odd
    return places[0]
