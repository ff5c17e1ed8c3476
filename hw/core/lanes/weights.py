"""The weight memory: a row of one weight per lane in every cycle, read and written side by side."""

from typing import Any

from amaranth import Array, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.block_ram import bank_depths, lanes_per_block
from golden.spec.config import CoreConfig, ceil_log2
from hw.core.base.layouts import word_bits
from hw.core.base.pipeline import later, register


class Weights(wiring.Component):
    """Weight memory of some lanes.

    A word written is seen by reads from the next cycle on. The schedule never reads a word that is
    still on its way here.

    read_address   a word
    data           its weights, LATENCY cycles later
    write_address  a word
    write_data     its new weights
    write_lanes    a bit for each lane that is written
    """

    LATENCY = 3

    def __init__(self, config: CoreConfig, lanes: int) -> None:
        self.config, self.lanes = config, lanes
        vector = data.ArrayLayout(config.weight_bits, lanes)
        super().__init__(
            {
                "read_address": In(word_bits(config)),
                "data": Out(vector),
                "write_address": In(word_bits(config)),
                "write_data": In(vector),
                "write_lanes": In(lanes),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        depths = bank_depths(config.weight_words, config.weight_bits)
        bank_bits = ceil_log2(max(depths))
        reads = [self._bank(m, number, depth, bank_bits) for number, depth in enumerate(depths)]
        if len(depths) == 1:
            m.d.sync += register(m, self.data).eq(reads[0])
            return m
        bank = self.read_address[bank_bits:]
        m.d.sync += register(m, self.data).eq(
            Array(reads)[later(m, "bank", bank, self.LATENCY - 1)]
        )
        return m

    def _bank(self, m: Module, number: int, depth: int, bank_bits: int) -> Signal:
        """One bank, its read register, and its share of the writes."""
        config = self.config
        share = lanes_per_block(depth, config.weight_bits)
        read = Signal(
            data.ArrayLayout(config.weight_bits, self.lanes), name=f"read_{number}", reset_less=True
        )
        here = Signal(name=f"here_{number}")
        m.d.comb += here.eq(self.write_address[bank_bits:] == number)
        bits = ceil_log2(depth)
        for low in range(0, self.lanes, share):
            count = min(share, self.lanes - low)
            shape = data.ArrayLayout(config.weight_bits, count)
            memory = Memory(shape=shape, depth=depth, init=[], attrs={"ram_style": "block"})
            m.submodules[f"bank{number}_lane{low}"] = memory
            reader = memory.read_port()
            writer = memory.write_port(granularity=1)
            m.d.comb += [
                reader.addr.eq(self.read_address[:bits]),
                writer.addr.eq(self.write_address[:bits]),
            ]
            for lane in range(count):
                m.d.comb += [
                    writer.data[lane].eq(self.write_data[low + lane]),
                    writer.en[lane].eq(self.write_lanes[low + lane] & here),
                ]
                m.d.sync += read[low + lane].eq(reader.data[lane])
        return read
