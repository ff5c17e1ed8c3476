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


class ClockGenerator(Component):
    """Defines `sync` at the frequency of `pll`; its reset ends in step with it, once locked."""

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
        m.d.comb += sync.clk.eq(clock)
        m.submodules.reset = ResetSynchronizer(~locked, domain="sync")
        return m
