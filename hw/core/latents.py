"""Sum of B o for each class: spikes of a group against random signs, a class a cycle."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

PART = 16


def population(bits):
    """Number of ones, as a balanced tree."""
    if len(bits) == 1:
        return bits
    half = len(bits) // 2
    return population(bits[:half]) + population(bits[half:])


class Latents(wiring.Component):
    """ones = lanes set in `spikes` & `mask`, LATENCY cycles later."""

    LATENCY = 3

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__({"spikes": In(lanes), "mask": In(lanes), "ones": Out(bits_for(lanes))})

    def elaborate(self, platform):
        m = Module()
        both = Signal(self.lanes)
        m.d.sync += both.eq(self.spikes & self.mask)
        parts = []
        for low in range(0, self.lanes, PART):
            part = Signal(bits_for(PART), name=f"part_{low}")
            m.d.sync += part.eq(population(both[low : low + PART]))
            parts.append(part)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        m.d.sync += self.ones.eq(total)
        return m


def all_lanes(condition, mask, lanes: int):
    """`mask`, or every lane."""
    return Mux(condition, (1 << lanes) - 1, mask)
