"""The one clock of a board: oscillator, PLL and the reset that waits for it.

Everything runs in domain `sync`. What crosses into it: the lock of the PLL (here) and the serial
input (`hw.link.uart`, registered twice there).
"""

from typing import Any

from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import Component

from boards.board import Board
from boards.pll import Pll

RESET_CYCLES = 64


class ClockGenerator(Component):
    """Defines `sync` at the frequency of `pll`; its reset ends in step with it, once locked.

    It lasts RESET_CYCLES more: registers of data have no reset of their own, and what they hold has
    left every pipeline by then.
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
        m.domains.sync = sync = ClockDomain("sync")
        m.domains.start = start = ClockDomain("start", local=True)
        m.d.comb += sync.clk.eq(clock), start.clk.eq(clock)
        m.submodules.reset = ResetSynchronizer(~locked, domain="start")
        left, reset = Signal(range(RESET_CYCLES), init=RESET_CYCLES - 1), Signal(init=1)
        with m.If(left != 0):
            m.d.start += left.eq(left - 1)
        m.d.start += reset.eq(left != 0)
        m.d.comb += sync.rst.eq(reset)
        return m
