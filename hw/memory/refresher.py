"""Commands that concern the whole chip: its start, and a refresh in every interval."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from golden.spec.sdram import ALL_BANKS, Command, Timing


class Refresher(Component):
    """Starts the chip, then closes all rows and refreshes once in every interval.

    `hold` stops all other commands. A PRECHARGE of all banks goes out as soon as `quiet` allows it, and the
    refresh behind that, so that no word, wait or conflict makes it late.

    hold     no other command may go out in this cycle
    quiet    all banks may be closed: rows were open long enough, words are written
    command  to the chip, while `hold`
    address  the same
    closed   pulse: all rows are closed now
    started  the chip can be used
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        super().__init__(
            {
                "hold": Out(1, init=1),
                "quiet": In(1),
                "command": Out(3),
                "address": Out(timing.chip.address_pins),
                "closed": Out(1),
                "started": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timing, chip = self.timing, self.timing.chip
        interval = timing.refresh_interval
        powering = -(-timing.clocks(chip.power_up) // interval) + 1  # in intervals
        until, tick = Signal(range(interval), init=interval - 1), Signal()
        m.d.sync += [tick.eq(until == 1), until.eq(Mux(until == 0, interval - 1, until - 1))]
        precharged, refreshed = timing.clocks(chip.precharge), timing.clocks(chip.refresh)
        wait = Signal(range(max(precharged, refreshed, chip.mode_clocks) + 1))
        left = Signal(range(max(powering, chip.refreshes_first) + 1), init=powering)
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.FSM():
            with m.State("POWER"):
                with m.If(tick):
                    m.d.sync += left.eq(left - 1)
                with m.If(left == 0):
                    m.d.sync += left.eq(chip.refreshes_first)
                    m.next = "CLOSE"
            with m.State("CLOSE"), m.If(self.quiet):
                m.d.comb += [self.command.eq(Command.PRECHARGE), self.address.eq(ALL_BANKS)]
                m.d.comb += self.closed.eq(1)
                m.d.sync += wait.eq(precharged - 1)
                m.next = "REFRESH"
            with m.State("REFRESH"), m.If(wait == 0):
                m.d.comb += self.command.eq(Command.REFRESH)
                m.d.sync += [wait.eq(refreshed - 1), left.eq(left - 1)]
                with m.If(left == 1):
                    m.next = "MODE"
                    with m.If(self.started):
                        m.next = "END"
            with m.State("MODE"), m.If(wait == 0):
                m.d.comb += [self.command.eq(Command.MODE), self.address.eq(timing.mode)]
                m.d.sync += wait.eq(chip.mode_clocks - 1)
                m.next = "END"
            with m.State("END"), m.If(wait <= 1):  # the next command comes a cycle later
                m.d.sync += [self.started.eq(1), self.hold.eq(0), left.eq(1)]
                m.next = "RUN"
            with m.State("RUN"), m.If(tick):
                m.d.sync += self.hold.eq(1)
                m.next = "CLOSE"
        return m
