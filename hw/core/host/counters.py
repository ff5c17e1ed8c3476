"""Counters: every cycle by cause, and the work done. Exact, 48 bits, cleared by the host."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.registers import COUNTERS
from hw.core.base.pipeline import later


class Counters(wiring.Component):
    """A port per counter of `golden.spec.registers.COUNTERS`: `add_<name>` in, `<name>` out."""

    def __init__(self, config: CoreConfig) -> None:
        wide = {name: bits_for(config.lanes) for name in ("synops", "updates", "spikes")}
        ports = {"clear": In(1)}
        for counter in COUNTERS:
            ports[f"add_{counter.name}"] = In(wide.get(counter.name, 1))
            ports[counter.name] = Out(counter.bits)
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        clear = later(m, "clear", self.clear, 1)
        for counter in COUNTERS:
            value = getattr(self, counter.name)
            amount = getattr(self, f"add_{counter.name}")
            taken = Signal.like(amount, name=f"taken_{counter.name}")
            m.d.sync += taken.eq(amount), value.eq(value + taken)
            with m.If(clear):
                m.d.sync += taken.eq(0), value.eq(0)
        return m
