"""The pins of the memory chip, each with its register at the pad."""

from typing import Any

from amaranth import Const, Module
from amaranth.lib import io
from amaranth.lib.wiring import Component, In

from golden.spec.sdram import SdramConfig
from hw.memory.ports import SdramPins


class SdramPads(Component):
    """Resource `sdram` of a board. Everything changes with domain `memory`, the chip's clock is `memory_pin`.

    The clock goes out through a register as well, so that it and all others have the same way to the pin.

    pins  of the controller
    """

    def __init__(self, sdram: SdramConfig) -> None:
        self.sdram = sdram
        super().__init__({"pins": In(SdramPins(sdram.chip))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        pins, chip = self.pins, self.sdram.chip
        ports = platform.request("sdram", 0, dir="-")
        m.submodules.clock = clock = io.DDRBuffer("o", ports.clk, o_domain="memory_pin")
        m.d.comb += [clock.o[0].eq(1), clock.o[1].eq(0)]
        out = {
            "ras": pins.command[2],
            "cas": pins.command[1],
            "we": pins.command[0],
            "ba": pins.bank,
            "a": pins.address,
            "dqm": pins.mask.replicate(chip.data_bits // 8),
            "cs": Const(1),
            "clk_en": Const(1),
        }
        for name, value in out.items():
            buffer = io.FFBuffer("o", getattr(ports, name), o_domain="memory")
            m.submodules[name] = buffer
            m.d.comb += buffer.o.eq(value)
        m.submodules.dq = dq = io.FFBuffer("io", ports.dq, i_domain="memory", o_domain="memory")
        m.d.comb += [dq.o.eq(pins.data), dq.oe.eq(pins.drives), pins.sampled.eq(dq.i)]
        return m
