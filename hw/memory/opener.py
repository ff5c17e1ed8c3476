"""Rows are opened ahead: when the present piece of a burst ends, the row of the next one is open."""

from typing import Any

from amaranth import Const, Module, Signal, Value
from amaranth.lib import enum, stream
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import Component, In, Out

from golden.spec.sdram import Command, Timing
from hw.memory.ports import segment


class Step(enum.Enum):
    """What the next piece waits for."""

    LOOK = 0  # which row is open in its bank
    CLOSE = 1  # another one: PRECHARGE
    OPEN = 2  # none: ACTIVATE
    READY = 3  # its own, which settles


class Opener(Component):
    """Holds two pieces: the present one, whose columns are read or written, and the next one.

    The next piece looks up the row that is open in its bank, has that closed if it is another one, and its
    own opened, while the present piece goes on in another bank. In the same bank it waits for the end of
    the present piece. A refresh closes everything: then the row of the present piece is opened first.

    Times between two commands are kept by four timers for all banks together, as commands come one after
    the other: an opened row settles before anything else is done (tRCD, tRRD), a closed one before it is
    opened (tRP); no row is closed until the last that was opened is old enough (tRAS, tRC), nor until the
    last word of the piece before is written (tWR).

    Whether the next piece's bank is closed or opened is decided a cycle before, and what is compared is kept
    as a bit. So the way from a register to `goes`, and on to the next piece, is short.

    i        pieces of bursts
    now      the present piece
    valid    there is one
    open     its row is open
    columns  a column of it may go out in this cycle
    goes     one does
    hold     no command may go out
    closed   pulse: all rows are closed in this cycle
    command  PRECHARGE or ACTIVATE, or NOP
    bank     of that
    row      of that
    old      all rows have been open long enough to be closed
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        chip = timing.chip
        super().__init__(
            {
                "i": In(stream.Signature(segment(chip))),
                "now": Out(segment(chip)),
                "valid": Out(1),
                "open": Out(1),
                "columns": Out(1),
                "goes": In(1),
                "hold": In(1),
                "closed": In(1),
                "command": Out(3),
                "bank": Out(chip.bank_bits),
                "row": Out(chip.row_bits),
                "old": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timing, chip, now = self.timing, self.timing.chip, self.now
        self.ends = Signal()  # the present piece has one word left
        self.following = following = Signal(segment(chip))
        self.there, self.step, self.opening = Signal(), Signal(Step), Signal()
        there, step, opening = self.there, self.step, self.opening
        close, open_next, open_now, advance = Signal(), Signal(), Signal(), Signal()
        clocks = timing.clocks
        settles = max(clocks(chip.activate_to_column), clocks(chip.other_bank))
        ages = max(clocks(chip.active), clocks(chip.cycle) - clocks(chip.precharge))
        opens, done = open_next | open_now, self.goes & self.ends
        self.settle = settle = timer(m, "settle", (close, clocks(chip.precharge)), (opens, settles))
        self.age = age = timer(m, "age", (opens, ages))
        self.recover = recover = timer(
            m, "recover", (done & now.write, clocks(chip.write_recovery))
        )

        self.to_close, self.to_open = to_close, to_open = Signal(), Signal()
        settled = over_next(settle)
        m.d.comb += [
            self.old.eq(~age[0]),
            self.columns.eq(self.valid & self.open & ~self.hold & ~to_close & ~to_open),
            close.eq(to_close & ~self.hold),
            open_next.eq(to_open & ~self.hold),
            open_now.eq(~self.hold & self.valid & ~self.open & ~opening & ~settle[0]),
            advance.eq(there & (step == Step.READY) & settled & (~self.valid | done)),
            self.i.ready.eq(~there | advance),
        ]
        free = there & settled & (self.open | ~self.valid)
        elsewhere = ~self.valid | done | (following.bank != now.bank)
        written = over_next(recover) & ~(done & now.write)
        m.d.sync += [
            to_close.eq(
                free & elsewhere & (step == Step.CLOSE) & ~close & over_next(age) & written
            ),
            to_open.eq(free & elsewhere & (step == Step.OPEN) & ~open_next),
        ]
        m.d.comb += [self.bank.eq(following.bank), self.row.eq(following.row)]
        with m.If(open_now):
            m.d.comb += [self.bank.eq(now.bank), self.row.eq(now.row)]
        with m.If(close):
            m.d.comb += self.command.eq(Command.PRECHARGE)
        with m.Elif(opens):
            m.d.comb += self.command.eq(Command.ACTIVATE)

        self._pieces(m, done, opening & settled, open_now, advance)
        found = self._found(m, following, close, opens)
        self._steps(m, step, found, close, open_next)
        return m

    def _pieces(self, m: Module, done: Value, opened: Value, opens: Value, advance: Value) -> None:
        """The next piece comes in; the present one loses its columns, and the next one takes its place."""
        now, following = self.now, self.following
        with m.If(self.i.ready):
            m.d.sync += [following.eq(self.i.payload), self.there.eq(self.i.valid)]
        self.single = single = Signal()  # the next piece is one word: known when it was looked up
        m.d.sync += single.eq(following.column == following.last)
        with m.If(self.goes):
            m.d.sync += now.column.eq(now.column + 1)
            m.d.sync += self.ends.eq(now.column + 1 == now.last)
        with m.If(done):
            m.d.sync += self.valid.eq(0)
        with m.If(opened):
            m.d.sync += [self.open.eq(1), self.opening.eq(0)]
        with m.If(opens):
            m.d.sync += self.opening.eq(1)
        with m.If(advance):
            m.d.sync += [now.eq(following), self.valid.eq(1), self.open.eq(1)]
            m.d.sync += self.ends.eq(single)
        with m.If(self.closed):
            m.d.sync += [self.open.eq(0), self.opening.eq(0)]

    def _found(self, m: Module, following: Any, close: Value, opens: Value) -> Value:
        """The step after LOOK, by the rows that are open."""
        chip, found = self.timing.chip, Signal(Step)
        self.opened = opened = Signal(chip.banks)
        self.rows = rows = Signal(ArrayLayout(chip.row_bits, chip.banks))
        m.d.comb += found.eq(Step.CLOSE)
        with m.If(~opened.bit_select(following.bank, 1)):
            m.d.comb += found.eq(Step.OPEN)
        with m.Elif(rows[following.bank] == following.row):
            m.d.comb += found.eq(Step.READY)
        with m.If(opens):
            m.d.sync += [opened.bit_select(self.bank, 1).eq(1), rows[self.bank].eq(self.row)]
        with m.If(close):
            m.d.sync += opened.bit_select(self.bank, 1).eq(0)
        with m.If(self.closed):
            m.d.sync += opened.eq(0)
        return found

    def _steps(self, m: Module, step: Signal, found: Value, close: Value, opens: Value) -> None:
        """Of the next piece. What it found stays so: only its own commands, or a refresh, change its bank."""
        with m.If((step == Step.LOOK) & (self.open | ~self.valid)):
            m.d.sync += step.eq(found)
        with m.If(close):
            m.d.sync += step.eq(Step.OPEN)
        with m.If(opens):
            m.d.sync += step.eq(Step.READY)
        with m.If(self.closed | self.i.ready):
            m.d.sync += step.eq(Step.LOOK)


def timer(m: Module, name: str, *starts: tuple[Value, int]) -> Signal:
    """Counts down to 0, which it reaches so many cycles behind a start.

    As many ones as cycles are left, so that a bit says whether it runs, and no value is compared.
    """
    left = Signal(max(1, *(cycles - 1 for _, cycles in starts)), name=name)
    m.d.sync += left.eq(left >> 1)
    for start, cycles in starts:
        with m.If(start):
            m.d.sync += left.eq((1 << cycles - 1) - 1)
    return left


def over_next(timer: Signal) -> Value:
    """It runs no longer when the next cycle has come, unless it starts."""
    return ~timer[1] if len(timer) > 1 else Const(1)
