"""How often the neurons of each hidden layer spike, as the next layer sees it."""

from typing import Any

from amaranth import Array, Module, Signal
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from hw.core.base.formats import saturate_unsigned
from hw.core.base.layouts import layer_bits
from hw.core.base.pipeline import population

COUNT_BITS = 16


class SpikeCounts(Component):
    """A saturating counter a layer.

    clear       pulse: a sample begins
    valid       there is a chunk of a hidden layer
    layer       its layer
    spikes      a bit a lane
    index       a layer
    count       spikes of it in the sample, in the same cycle
    new_spikes  spikes that are being counted in this cycle
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "layer": In(layer_bits(config)),
                "spikes": In(config.chunk_lanes),
                "index": In(layer_bits(config)),
                "count": Out(COUNT_BITS),
                "new_spikes": Out(bits_for(config.chunk_lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        counts = Array(Signal(COUNT_BITS, name=f"spikes_{n}") for n in range(self.config.layers))
        layer = Signal.like(self.layer)
        m.d.sync += layer.eq(self.layer), self.new_spikes.eq(0)
        with m.If(self.valid):
            m.d.sync += self.new_spikes.eq(population(self.spikes))
        m.d.comb += self.count.eq(counts[self.index])
        for number, count in enumerate(counts):
            total = Signal(COUNT_BITS + 1, name=f"total_{number}")
            m.d.comb += total.eq(count + self.new_spikes)
            with m.If(layer == number):
                m.d.sync += count.eq(saturate_unsigned(total, COUNT_BITS))
            with m.If(self.clear):
                m.d.sync += count.eq(0)
        return m
