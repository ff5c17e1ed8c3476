"""What the controller owes the chip: no command early, none out of order, every refresh in time."""

from typing import Any

from amaranth.hdl import Assert, Cat, Elaboratable, Fragment, Module, Mux, Signal, Value
from amaranth.lib.data import ArrayLayout

from golden.spec.sdram import ALL_BANKS, Command, Rule, SdramConfig
from hw.core.base.pipeline import population
from hw.memory.controller import READ_QUEUE, BurstController
from hw.memory.opener import Opener, Step
from hw.memory.refresher import State


class ObeysTheChip(Elaboratable):
    """The rules of `Timing.rules`, followed at the pins, and what must be so whatever the times.

    Bursts, words and waits are anything. Further assertions tie what the controller knows to what was seen at
    the pins, so that induction closes: then all of it holds for ever.
    """

    def __init__(self, unit: BurstController, judged_by: SdramConfig | None = None) -> None:
        """`judged_by` is for tests: the chip has other times than the controller was told."""
        self.unit = unit
        self.timing = (judged_by or unit.sdram).timing

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unit = Fragment.get(self.unit, platform)  # now, as its insides are asked for
        pins, chip = self.unit.pins, self.timing.chip
        self.of_all = Signal()
        m.d.comb += self.of_all.eq(
            self.is_(Command.REFRESH, Command.MODE)
            | (self.is_(Command.PRECHARGE) & (pins.address & ALL_BANKS).any())
        )
        for rule in self.timing.rules:
            for bank in range(chip.banks) if rule.same_bank else (None,):
                self._rule(m, rule, bank)
        self._rows(m)
        self._start(m)
        self._refresh(m)
        return m

    def is_(self, *commands: Command) -> Value:
        """One of these is at the pins."""
        return Cat(*(self.unit.pins.command == command for command in commands)).any()

    def concerns(self, bank: int) -> Value:
        """The command at the pins is of that bank, or of all."""
        return self.of_all | (self.unit.pins.bank == bank)

    def _rule(self, m: Module, rule: Rule, bank: int | None) -> None:
        """Clocks are counted from commands before to those after."""
        name = f"{rule.name}_{bank}".replace("-", "")
        since = Signal(range(rule.clocks + 1), init=rule.clocks, name=name)
        here = Value.cast(1) if bank is None else self.concerns(bank)
        m.d.sync += since.eq(Mux(since == rule.clocks, since, since + 1))
        with m.If(self.is_(*rule.before) & here):
            m.d.sync += since.eq(1)
        early = self.is_(*rule.after) & here & (since != rule.clocks)
        m.d.comb += Assert(~early & (since <= rule.clocks), f"{rule.name}, bank {bank}")

    def _rows(self, m: Module) -> None:
        """Rows are opened when their bank is closed, columns are of the row that is open."""
        pins, chip, opener = self.unit.pins, self.timing.chip, self.unit.opener
        opened, rows = Signal(chip.banks), Signal(ArrayLayout(chip.row_bits, chip.banks))
        row = Signal(chip.row_bits)  # that was meant by what is at the pins now
        m.d.sync += row.eq(opener.now.row)
        after, rows_after = Signal.like(opened), Signal.like(rows)
        m.d.comb += [after.eq(opened), rows_after.eq(rows)]
        for bank in range(chip.banks):
            with m.If(self.concerns(bank)):
                with m.If(self.is_(Command.PRECHARGE)):
                    m.d.comb += after[bank].eq(0)
                with m.If(self.is_(Command.ACTIVATE)):
                    m.d.comb += [after[bank].eq(1), rows_after[bank].eq(pins.address)]
            same = rows_after[bank] == opener.rows[bank]
            m.d.comb += Assert(~after[bank] | same, "the same rows")
        m.d.sync += [opened.eq(after), rows.eq(rows_after)]
        here = opened.bit_select(pins.bank, 1)
        column, rest = self.is_(Command.READ, Command.WRITE), (Command.REFRESH, Command.MODE)
        m.d.comb += [
            Assert(~self.is_(Command.ACTIVATE) | ~here, "ACTIVATE of a closed bank"),
            Assert(~column | (here & (rows[pins.bank] == row)), "columns of the open row"),
            Assert(~column | ~(pins.address & ALL_BANKS).any(), "no precharge behind a word"),
            Assert(~self.is_(*rest) | (opened == 0), "all banks are closed"),
            Assert(pins.drives == self.is_(Command.WRITE), "driven for a WRITE, and only then"),
            Assert(~self.is_(Command.STOP), "no STOP"),
            Assert(after == opener.opened, "the same open banks"),
        ]
        self._pieces(m, after)

    def _pieces(self, m: Module, opened: Signal) -> None:
        """The opener's pieces know how their banks are."""
        opener = self.unit.opener
        now, following, step = opener.now, opener.following, opener.step
        mine, next_ = opened.bit_select(now.bank, 1), opened.bit_select(following.bank, 1)
        right, next_right = (opener.rows[p.bank] == p.row for p in (now, following))
        here, there = opener.valid, opener.there
        m.d.comb += [
            Assert(
                ~(here & (opener.open | opener.opening)) | (mine & right), "the row of the piece"
            ),
            Assert(~(here & ~opener.open & ~opener.opening) | ~mine, "closed by a refresh"),
            Assert(~opener.opening | (here & ~opener.open), "opening"),
            Assert(~there | (step != Step.OPEN) | ~next_, "to be opened"),
            Assert(~there | (step != Step.CLOSE) | next_, "to be closed"),
            Assert(~there | (step != Step.READY) | (next_ & next_right), "ready"),
            Assert(~(there & here & ~opener.open) | (step == Step.LOOK), "the present piece first"),
        ]
        last_words(m, opener)
        self._decided(m)

    def _decided(self, m: Module) -> None:
        """What was decided a cycle before still is what the next piece needs, unless all was closed."""
        opener, refresher = self.unit.opener, self.unit.refresher
        now, following, step = opener.now, opener.following, opener.step
        elsewhere = ~opener.valid | (opener.open & (following.bank != now.bank))
        may = opener.there & elsewhere & ~opener.settle[0]
        closes = may & (step == Step.CLOSE) & ~opener.age[0] & ~opener.recover[0]
        opens = may & (step == Step.OPEN)
        fresh = refresher.state == State.REFRESH
        m.d.comb += [
            Assert(~opener.to_close | closes | fresh, "may be closed"),
            Assert(~opener.to_open | opens | fresh, "may be opened"),
        ]
        for timer in (opener.settle, opener.age, opener.recover, self.unit.turn, self.unit.wrote):
            m.d.comb += Assert((timer & (timer + 1)) == 0, "a row of ones")

    def _start(self, m: Module) -> None:
        """Power-up, a PRECHARGE of all banks, refreshes, the mode: in this order, before anything else."""
        pins, chip = self.unit.pins, self.timing.chip
        power, enough = self.timing.clocks(chip.power_up), chip.refreshes_first
        clocks, refreshes = Signal(range(power + 1)), Signal(range(enough + 1))
        closed, moded = Signal(), Signal()
        mode, first = self.is_(Command.MODE), self.is_(Command.PRECHARGE) & self.of_all
        m.d.sync += [clocks.eq(clocks + (clocks != power)), closed.eq(closed | first)]
        m.d.sync += moded.eq(moded | mode)
        m.d.sync += refreshes.eq(refreshes + (self.is_(Command.REFRESH) & (refreshes != enough)))
        nothing = pins.command == Command.NOP
        m.d.comb += [
            Assert(nothing | (clocks == power), "nothing before it is powered"),
            Assert(nothing | closed | first, "PRECHARGE first"),
            Assert(~mode | (refreshes == enough), "refreshes before MODE"),
            Assert(~mode | (pins.address == self.timing.mode), "the mode"),
            Assert(~self.is_(Command.ACTIVATE) | moded, "MODE before ACTIVATE"),
        ]
        done = refreshes + self.is_(Command.REFRESH)
        self._states(m, clocks, power, closed | first, moded | mode, done, enough)
        m.d.comb += Assert((refreshes <= enough) & (clocks <= power), "counted")
        m.d.comb += Assert((self.unit.refresher.state != State.POWER) | ~closed, "off")

    def _states(
        self,
        m: Module,
        clocks: Value,
        power: int,
        closed: Value,
        moded: Value,
        done: Value,
        enough: int,
    ) -> None:
        """What the refresher's state says of all that was seen."""
        refresher, opener = self.unit.refresher, self.unit.opener
        left, starts = refresher.left, ~refresher.started
        at = {state: refresher.state == state for state in State}
        to_come = (left - 1) * self.unit.sdram.timing.refresh_interval + refresher.until + 1
        ends = at[State.END] & starts
        before = at[State.CLOSE] | at[State.REFRESH]
        resting = at[State.REFRESH] | at[State.MODE] | at[State.END]
        m.d.comb += [
            Assert(refresher.state <= State.RUN, "a state"),
            Assert(~at[State.POWER] | (starts & (left != 0)), "it starts"),
            Assert(~at[State.POWER] | (clocks + to_come >= power), "so long"),
            Assert(at[State.POWER] | (clocks == power), "powered"),
            Assert(~resting | (closed & (opener.opened == 0)), "closed"),
            Assert(~(before & starts) | ((done + left >= enough) & (left != 0)), "some"),
            Assert(~(at[State.MODE] | ends) | (done >= enough), "all"),
            Assert(~at[State.MODE] | starts, "once"),
            Assert(~at[State.END] | moded, "set"),
            Assert(starts | (closed & moded), "started"),
            Assert(starts | ~before | (left == 1), "a single one"),
            Assert(~at[State.RUN] | (~starts & (left == 1)), "runs"),
            Assert(refresher.hold == ~at[State.RUN], "holds"),
            Assert(~starts | ((opener.opened == 0) & ~opener.opening), "no row before the start"),
        ]

    def _refresh(self, m: Module) -> None:
        """From a REFRESH to the next: an interval and what closing rows takes, at most."""
        refresher, timing = self.unit.refresher, self.unit.sdram.timing
        chip, interval = timing.chip, timing.refresh_interval
        closing = max(timing.clocks(t) for t in (chip.active, chip.write_recovery, chip.cycle))
        precharged, refreshed = timing.clocks(chip.precharge), timing.clocks(chip.refresh)
        late = closing + precharged + 3
        assert interval * chip.rows + late <= chip.retention * timing.mhz / 1000, "tREF"
        most = 2 * (interval + late)
        since = Signal(range(most + 1))
        m.d.sync += since.eq(Mux(since == most, most, since + 1))
        with m.If(self.is_(Command.REFRESH, Command.MODE) | ~refresher.started):
            m.d.sync += since.eq(0)
        m.d.comb += Assert(since <= interval + late, "refresh is not starved")
        behind = interval - 1 - refresher.until  # cycles since it was due
        age, wrote = population(self.unit.opener.age), population(self.unit.wrote)
        waits, longest = Mux(age > wrote, age, wrote), max(precharged, refreshed, chip.mode_clocks)
        before = since <= interval + behind + 1
        m.d.comb += [
            Assert(refresher.until < interval, "an interval"),
            Assert(refresher.wait <= longest, "a wait"),
        ]
        with m.If(refresher.started), m.Switch(refresher.state):
            with m.Case(State.CLOSE):
                m.d.comb += Assert((behind + waits <= closing) & before, "rows grow old")
            with m.Case(State.REFRESH):
                limit = closing + precharged
                m.d.comb += Assert((behind + refresher.wait <= limit) & before, "rows are closed")
            with m.Default():
                m.d.comb += Assert((since <= behind + 1) | self.is_(Command.REFRESH), "refreshed")


def last_words(m: Module, opener: Opener) -> None:
    """The opener knows which word of a piece is the last one."""
    now, following, looks = opener.now, opener.following, opener.step == Step.LOOK
    ends, single = (piece.column == piece.last for piece in (now, following))
    m.d.comb += [
        Assert(~opener.valid | (now.column <= now.last), "the present piece has a word"),
        Assert(~opener.there | (following.column <= following.last), "the next one has a word"),
        Assert(~opener.valid | (opener.ends == ends), "the last word of the present piece"),
        Assert(~opener.there | looks | (opener.single == single), "a single one in the next"),
    ]


class KeepsPlaces(Elaboratable):
    """A word read always finds its place in the queue: places are free, taken, or of words on their way."""

    def __init__(self, unit: BurstController) -> None:
        self.unit, self.places = unit, READ_QUEUE

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)  # now, as its insides are asked for
        on_their_way = population(unit.coming)
        m.d.comb += [
            Assert(~unit.queue.w_en | unit.queue.w_rdy, "no word is lost"),
            Assert(
                unit.places + unit.queue.level + on_their_way == self.places, "every place is known"
            ),
            Assert(~unit.room | (unit.places != 0), "room"),
        ]
        return m
