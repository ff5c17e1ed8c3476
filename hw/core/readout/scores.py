"""Scores of the classes: membranes of the readout, summed over the steps of a sample."""

from typing import Any

from amaranth import Array, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import MEMBRANE_BITS, SCORE_BITS
from hw.core.base.chunks import chunk_address_bits


class Scores(Component):
    """Adds a chunk of classes a cycle. A sum of 32 bits holds any sample of 65,535 steps.

    clear        pulse: a sample begins
    class_count  classes in use; the score of others stays zero
    valid        there is a chunk of the readout
    number       lane n of it is class number x lanes + n
    potentials   of the chunk
    index        a class
    score        its score, in the same cycle
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        potentials = data.ArrayLayout(signed(MEMBRANE_BITS), config.chunk_lanes)
        super().__init__(
            {
                "clear": In(1),
                "class_count": In(16),
                "valid": In(1),
                "number": In(chunk_address_bits(config)),
                "potentials": In(potentials),
                "index": In(ceil_log2(config.classes)),
                "score": Out(signed(SCORE_BITS)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        lanes = self.config.chunk_lanes
        words = -(-self.config.classes // lanes)
        scores = data.ArrayLayout(signed(SCORE_BITS), lanes)
        m.submodules.words = memory = Memory(
            shape=scores, depth=max(words, 2), init=[], attrs={"ram_style": "distributed"}
        )
        port, write = memory.read_port(domain="comb"), memory.write_port()
        scored = Signal(max(words, 2))  # words that hold something since the sample began
        before = Signal(scores, reset_less=True)
        change = Signal(self.potentials.shape(), reset_less=True)
        there = scored.bit_select(port.addr, 1)
        m.d.comb += [
            port.addr.eq(Mux(self.valid, self.number, self.index // lanes)),
            self.score.eq(Mux(there, Array(port.data)[self.index % lanes], 0)),
        ]
        m.d.sync += [
            before.eq(Mux(there, port.data.as_value(), 0)),
            write.addr.eq(self.number),
            write.en.eq(self.valid),
        ]
        for lane in range(lanes):
            in_use = self.number * lanes + lane < self.class_count
            m.d.sync += change[lane].eq(Mux(in_use, self.potentials[lane], 0))
            m.d.comb += write.data[lane].eq(before[lane] + change[lane])
        with m.If(write.en):
            m.d.sync += scored.bit_select(write.addr, 1).eq(1)
        with m.If(self.clear):
            m.d.sync += scored.eq(0)
        return m
