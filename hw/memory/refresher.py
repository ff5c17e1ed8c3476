"""Commands that concern the whole chip: its start, and a refresh in every interval."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import enum
from amaranth.lib.wiring import Component, In, Out

from golden.spec.sdram import ALL_BANKS, Command, Timing


class State(enum.Enum):
    """What the refresher is at."""

    POWER = 0  # the chip gets its voltage and clock
    CLOSE = 1  # all rows will be closed
    REFRESH = 2  # and then refreshed, at the start several times
    MODE = 3  # the chip's mode will be set
    END = 4  # the last command needs its time
    RUN = 5  # others may have the chip


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
        powering = -(-timing.clocks(chip.power_up) // interval)  # in intervals
        precharged, refreshed = timing.clocks(chip.precharge), timing.clocks(chip.refresh)
        self.state = state = Signal(State)
        self.until = until = Signal(range(interval), init=interval - 1)  # the next refresh is due
        self.wait = wait = Signal(range(max(precharged, refreshed, chip.mode_clocks) + 1))
        self.left = left = Signal(range(max(powering, chip.refreshes_first) + 1), init=powering)
        due = Signal()
        m.d.comb += due.eq(until == 0)
        m.d.sync += until.eq(Mux(due, interval - 1, until - 1))
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Switch(state):
            with m.Case(State.POWER), m.If(due):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.d.sync += [left.eq(chip.refreshes_first), state.eq(State.CLOSE)]
            with m.Case(State.CLOSE), m.If(self.quiet):
                m.d.comb += [self.command.eq(Command.PRECHARGE), self.address.eq(ALL_BANKS)]
                m.d.comb += self.closed.eq(1)
                m.d.sync += [wait.eq(precharged - 1), state.eq(State.REFRESH)]
            with m.Case(State.REFRESH), m.If(wait == 0):
                m.d.comb += self.command.eq(Command.REFRESH)
                m.d.sync += [wait.eq(refreshed - 1), left.eq(left - 1)]
                with m.If(left == 1):
                    m.d.sync += state.eq(Mux(self.started, State.END, State.MODE))
            with m.Case(State.MODE), m.If(wait == 0):
                m.d.comb += [self.command.eq(Command.MODE), self.address.eq(timing.mode)]
                m.d.sync += [wait.eq(chip.mode_clocks - 1), state.eq(State.END)]
            with m.Case(State.END), m.If(wait <= 1):  # the next command comes a cycle later
                m.d.sync += [self.started.eq(1), self.hold.eq(0), left.eq(1), state.eq(State.RUN)]
            with m.Case(State.RUN), m.If(due):
                m.d.sync += [self.hold.eq(1), state.eq(State.CLOSE)]
        return m
