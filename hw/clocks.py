"""The clocks of a board: oscillator, PLLs, the start that waits for them, and all that crosses.

Everything runs in domain `sync`, but for the start, which the oscillator counts, and the memory beside the
FPGA, which has domain `memory`. What crosses: the locks of the PLLs and the starts (here), streams to and
from the memory (`Crossing`), and the serial input (`hw.link.uart`, registered twice there).
"""

from typing import Any

from amaranth.hdl import ClockDomain, Module, Signal, Value
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import Component, In, Out

from boards.board import Board
from boards.pll import Pll

START_CYCLES = 64
CROSSING_PLACES = 8


class ClockGenerator(Component):
    """Defines `sync` at the frequency of `pll`, once that is locked, and START_CYCLES of the oscillator more.

    Where the clock can be held, it starts then, and nothing is reset: every register has its initial
    value from the bitstream, and no wire reaches all of them. Elsewhere a reset ends then: registers of
    data have none of their own, and what they hold has left every pipeline in that time. A PLL that loses
    its lock begins anew: the clock stops meanwhile, or all is reset.

    With a memory, `memory` is defined in the same way by `memory_pll`, and `memory_pin`, the clock of the
    chip, which is `memory_phase` degrees behind and never held.
    """

    def __init__(
        self, board: Board, pll: Pll, memory_pll: Pll | None = None, memory_phase: float = 0.0
    ) -> None:
        self.board = board
        self.pll = pll
        self.memory_pll, self.memory_phase = memory_pll, memory_phase
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        pin = io.Buffer("i", platform.request(self.board.clock, dir="-"))
        m.submodules.pin = pin
        self._clock(m, "sync", self.pll, pin.i)
        if self.memory_pll:
            m.domains.memory_pin = chip = ClockDomain("memory_pin", reset_less=True)
            self._clock(m, "memory", self.memory_pll, pin.i, (chip.clk, self.memory_phase))
        return m

    @staticmethod
    def _clock(
        m: Module,
        name: str,
        pll: Pll,
        oscillator: Value,
        second: tuple[Signal, float] | None = None,
    ) -> None:
        """A domain, its PLL, and the start of it."""
        prefix = "" if name == "sync" else f"{name}_"
        clock = Signal(name="core_clock" if name == "sync" else f"{name}_clock")
        locked = Signal(name=f"{prefix}pll_locked")
        m.submodules[f"{prefix}pll"] = pll.instance(
            clock=oscillator, output=clock, locked=locked, second=second
        )
        start = ClockDomain(f"{prefix}start", local=True)
        m.domains += start
        m.d.comb += start.clk.eq(oscillator)
        m.submodules[f"{prefix}unlocked"] = ResetSynchronizer(~locked, domain=start.name)
        left, started = Signal(range(START_CYCLES), init=START_CYCLES - 1), Signal()
        with m.If(left != 0):
            m.d[start.name] += left.eq(left - 1)
        m.d[start.name] += started.eq(left == 0)

        held = Signal(name=f"held_{prefix}clock")
        gate = pll.gate(clock=clock, enable=started, output=held)
        domain = ClockDomain(name, reset_less=gate is not None)
        m.domains += domain
        m.d.comb += domain.clk.eq(held if gate else clock)
        if gate:
            m.submodules[f"{prefix}gate"] = gate
        else:
            m.submodules[f"{prefix}reset"] = ResetSynchronizer(~started, domain=name)


class Crossing(Component):
    """A stream from one clock to another: what goes in comes out, in order, some cycles of both clocks later.

    i  payloads, in domain `source`
    o  the same, in domain `sink`
    """

    def __init__(self, stream: Any, source: str, sink: str) -> None:
        self.source, self.sink = source, sink
        super().__init__({"i": In(stream), "o": Out(stream)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        width = len(Value.cast(self.i.payload))
        m.submodules.crossing = queue = AsyncFIFO(  # the build knows it by this name (COLLISIONS)
            width=width, depth=CROSSING_PLACES, w_domain=self.source, r_domain=self.sink
        )
        m.d.comb += [
            queue.w_data.eq(self.i.payload),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        return m
