"""The gains of the pass in hand: looked up once, when its first slot comes."""

from typing import Any

from amaranth import Module, signed
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import GAIN_BITS
from hw.core.base.chunks import ram_style
from hw.core.base.layouts import group_bits
from hw.core.base.pipeline import register


class Gains(Component):
    """A memory of one chunk of gains per group, and a register for the group in hand.

    group          of the slot that is looked up
    first          a cycle after `group`: a pass begins, the register takes what was looked up
    used           the register: with `first`, the gains of `group` LATENCY cycles after it
    write          replace gains
    written_group  the group whose gains are replaced
    written        its new gains
    """

    LATENCY = 2

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        gains = data.ArrayLayout(signed(GAIN_BITS), config.chunk_lanes)
        super().__init__(
            {
                "group": In(group_bits(config)),
                "first": In(1),
                "used": Out(gains),
                "write": In(1),
                "written_group": In(group_bits(config)),
                "written": In(gains),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        depth = self.config.neuron_groups
        m.submodules.words = words = Memory(
            shape=self.used.shape(), depth=depth, init=[], attrs=ram_style(depth)
        )
        reader, writer = words.read_port(), words.write_port()
        m.d.comb += [
            reader.addr.eq(self.group),
            writer.addr.eq(self.written_group),
            writer.data.eq(self.written),
            writer.en.eq(self.write),
        ]
        used = register(m, self.used)
        with m.If(self.first):
            m.d.sync += used.eq(reader.data)
        return m
