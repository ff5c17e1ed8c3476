"""The one clock of a board: oscillator, PLL, and the start that waits for it.

Everything runs in domain `sync`, but for the start, which the oscillator counts. What crosses: the lock of
the PLL and the start (here), and the serial input (`hw.link.uart`, registered twice there).
"""

from typing import Any

from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import Component

from boards.board import Board
from boards.pll import Pll

START_CYCLES = 64


class ClockGenerator(Component):
    """Defines `sync` at the frequency of `pll`, once that is locked, and START_CYCLES of the oscillator more.

    Where the clock can be held, it starts then, and nothing is reset: every register has its initial
    value from the bitstream, and no wire reaches all of them. Elsewhere a reset ends then: registers of
    data have none of their own, and what they hold has left every pipeline in that time. A PLL that loses
    its lock begins anew: the clock stops meanwhile, or all is reset.
    """

    def __init__(self, board: Board, pll: Pll) -> None:
        self.board = board
        self.pll = pll
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        clock = Signal(name="core_clock")
        locked = Signal(name="pll_locked")
        pin = io.Buffer("i", platform.request(self.board.clock, dir="-"))
        m.submodules.pin = pin
        m.submodules.pll = self.pll.instance(clock=pin.i, output=clock, locked=locked)
        m.domains.start = start = ClockDomain("start", local=True)
        m.d.comb += start.clk.eq(pin.i)
        m.submodules.unlocked = ResetSynchronizer(~locked, domain="start")
        left, started = Signal(range(START_CYCLES), init=START_CYCLES - 1), Signal()
        with m.If(left != 0):
            m.d.start += left.eq(left - 1)
        m.d.start += started.eq(left == 0)

        held = Signal(name="held_clock")
        gate = self.pll.gate(clock=clock, enable=started, output=held)
        m.domains.sync = sync = ClockDomain("sync", reset_less=gate is not None)
        m.d.comb += sync.clk.eq(held if gate else clock)
        if gate:
            m.submodules.gate = gate
        else:
            m.submodules.reset = ResetSynchronizer(~started, domain="sync")
        return m
