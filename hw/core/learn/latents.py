"""Logits of the layer that is firing, all classes side by side, a chunk of neurons a cycle.

A hidden layer's logits are its latents, sums of B o; a readout's are its membranes. Twin of
golden/learn/latents.py.
"""

from typing import Any

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.formats import LOGIT_BITS, MEMBRANE_BITS
from hw.core.base.chunks import chunk_address_bits
from hw.core.base.pipeline import later, population, register


class Latents(wiring.Component):
    """Adds a chunk of neurons to the logits of its layer.

    valid       there is a chunk
    restart     it is its layer's first
    readout     lane n of chunk `number` is class number x lanes + n
    number      number of the chunk in its layer
    spikes      of the chunk
    potentials  of the chunk
    signs       for each class a bit a lane
    logits      with the chunk, LATENCY cycles later
    """

    LATENCY = 3

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.chunk_lanes
        super().__init__(
            {
                "valid": In(1),
                "restart": In(1),
                "readout": In(1),
                "number": In(chunk_address_bits(config)),
                "spikes": In(lanes),
                "potentials": In(data.ArrayLayout(signed(MEMBRANE_BITS), lanes)),
                "signs": In(data.ArrayLayout(lanes, config.classes)),
                "logits": Out(data.ArrayLayout(signed(LOGIT_BITS), config.classes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        lanes = self.config.chunk_lanes
        spikes = later(m, "spikes", self.spikes, 1)
        everything = Signal(bits_for(lanes), reset_less=True)
        logits = register(m, self.logits)
        m.d.sync += everything.eq(population(spikes))
        hidden = later(m, "hidden", self.valid & ~self.readout, 2)
        restart = later(m, "restart", self.restart, 2)
        for number in range(self.config.classes):
            plus = Signal(lanes, name=f"plus_{number}", reset_less=True)
            ones = Signal(bits_for(lanes), name=f"ones_{number}", reset_less=True)
            logit = logits[number]
            m.d.sync += plus.eq(self.spikes & self.signs[number]), ones.eq(population(plus))
            change = (ones << 1) - everything
            with m.If(hidden):
                m.d.sync += logit.eq(Mux(restart, 0, logit) + change)
            with m.If(self.valid & self.readout & (self.number == number // lanes)):
                m.d.sync += logit.eq(self.potentials[number % lanes])
        return m
