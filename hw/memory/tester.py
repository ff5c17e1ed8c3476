"""Tests a memory at its full speed. Twin of golden/memory/tester.py."""

from typing import Any

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import enum
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import Component, In, Out

from golden.spec.memory_test import CONTROL, PAUSE_CLOCKS, RESULTS, STATE, Pass, Pattern
from golden.spec.sdram import MOST_WORDS, Chip
from hw.memory.ports import BurstPort

ASKED = StructLayout({register.name: register.bits for register in CONTROL})
"""What the host asks for. `start` is a pulse, of the passes to run."""

FOUND = StructLayout({register.name: register.bits for register in RESULTS})
"""What came of it."""


class Stage(enum.Enum):
    """What the tester is at."""

    REST = 0
    WRITE = 1
    PAUSE = 2
    CHECK = 3


class MemoryTester(Component):
    """Writes the words of a pattern, checks them, or both.

    Bursts are asked for as soon as they are taken, words are given and taken in every cycle.

    asked    registers; they stand still while a test runs
    found    results
    running  a test runs
    port     the memory
    """

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        super().__init__(
            {
                "asked": In(ASKED),
                "found": Out(FOUND),
                "running": Out(1),
                "port": Out(BurstPort(chip)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        asked, bits, most = self.asked, self.chip.address_bits, self.chip.words
        stage, begin, judging = Signal(Stage), Signal(), Signal()
        left, place = Signal(bits + 1), Signal(bits)  # words to move; address of the next
        count = Mux(asked.words > most, most, asked.words)
        write, read, moves = self.port.write, self.port.read, Signal()
        m.d.comb += [
            self.running.eq(stage != Stage.REST),
            write.valid.eq((stage == Stage.WRITE) & (left != 0)),
            read.ready.eq(stage == Stage.CHECK),
            moves.eq((write.valid & write.ready) | (read.valid & read.ready)),
        ]
        with m.If(moves):
            m.d.sync += [left.eq(left - 1), place.eq(place + 1)]
        with m.If(begin):
            m.d.sync += [left.eq(count), place.eq(asked.address)]
        self._stages(m, stage, begin, left == 0, judging)
        self._ask(m, stage, begin, count)
        self._compare(m, place, self._word(m, begin, moves, place), judging)
        for at, clocks in ((Stage.WRITE, "write_clocks"), (Stage.CHECK, "check_clocks")):
            with m.If((stage == at) & (left != 0)):
                m.d.sync += self.found[clocks].eq(self.found[clocks] + 1)
            with m.If(begin & (self._following(m, stage) == at)):
                m.d.sync += self.found[clocks].eq(0)
        return m

    def _following(self, m: Module, stage: Signal) -> Value:
        """The pass that begins."""
        writes = (stage == Stage.REST) & (self.asked.start & Pass.WRITE).any()
        return Mux(writes, Stage.WRITE, Stage.CHECK)

    def _stages(
        self, m: Module, stage: Signal, begin: Signal, over: Value, judging: Signal
    ) -> None:
        """The passes, one behind the other."""
        check = Signal()
        pause = Signal(len(self.asked.pause) + (PAUSE_CLOCKS - 1).bit_length())
        with m.Switch(stage):
            with m.Case(Stage.REST), m.If(self.asked.start[:2].any()):
                m.d.comb += begin.eq(1)
                m.d.sync += [
                    stage.eq(self._following(m, stage)),
                    check.eq((self.asked.start & Pass.CHECK).any()),
                    pause.eq(self.asked.pause * PAUSE_CLOCKS),
                ]
            with m.Case(Stage.WRITE), m.If(over):
                m.d.sync += stage.eq(Mux(check, Stage.PAUSE, Stage.REST))
            with m.Case(Stage.PAUSE):
                m.d.sync += pause.eq(pause - 1)
                with m.If(pause == 0):
                    m.d.comb += begin.eq(1)
                    m.d.sync += stage.eq(Stage.CHECK)
            with m.Case(Stage.CHECK), m.If(over & ~judging):
                m.d.sync += stage.eq(Stage.REST)

    def _ask(self, m: Module, stage: Signal, begin: Signal, count: Value) -> None:
        """Bursts, until there is one for every word."""
        request, bits = self.port.request, self.chip.address_bits
        left, place, words = Signal(bits + 1), Signal(bits), Signal.like(request.payload.words)
        burst = Signal.like(words)
        written = self.asked.burst
        allowed = (written != 0) & (written <= MOST_WORDS)
        m.d.sync += burst.eq(Mux(allowed, written, MOST_WORDS))
        m.d.comb += words.eq(Mux(left < burst, left, burst))
        with m.If(request.ready):
            m.d.sync += request.valid.eq(0)
        with m.If(~request.valid & (left != 0)):
            m.d.sync += [
                request.valid.eq(1),
                request.payload.words.eq(words),
                request.payload.address.eq(place),
                request.payload.write.eq(stage == Stage.WRITE),
                left.eq(left - words),
                place.eq(place + words),
            ]
        with m.If(begin):
            m.d.sync += [left.eq(count), place.eq(self.asked.address)]

    def _word(self, m: Module, begin: Signal, moves: Signal, place: Signal) -> Signal:
        """What the word that moves has to be."""
        asked, state, odd = self.asked, Signal(32), Signal()
        first, second, third, word = Signal(32), Signal(32), Signal(32), Signal(16)
        m.d.comb += [
            first.eq(state ^ (state << 13)),
            second.eq(first ^ (first >> 17)),
            third.eq(second ^ (second << 5)),
            self.port.write.payload.eq(word),
        ]
        with m.If(moves):
            m.d.sync += [state.eq(third), odd.eq(~odd)]
        with m.If(begin):
            m.d.sync += [state.eq(asked.seed << 16 | STATE), odd.eq(0)]
        with m.Switch(asked.pattern):
            with m.Case(Pattern.RANDOM):
                m.d.comb += word.eq(state)
            with m.Case(Pattern.ADDRESS):
                m.d.comb += word.eq(place ^ (place >> 8) ^ asked.seed)
            with m.Default():
                m.d.comb += word.eq(Mux(odd, ~asked.seed, asked.seed))
        return word

    def _compare(self, m: Module, place: Signal, word: Signal, judging: Signal) -> None:
        """A word that came, a cycle later beside what it has to be, then counted."""
        found, read = self.found, self.port.read
        came, wrong = Signal(), Signal()
        at, wanted, was = Signal.like(place), Signal(16), Signal(16)
        m.d.comb += judging.eq(came | wrong)
        m.d.sync += [came.eq(read.valid & read.ready), wrong.eq(came & (wanted != was))]
        with m.If(read.valid & read.ready):
            m.d.sync += [at.eq(place), wanted.eq(word), was.eq(read.payload)]
        with m.If(wrong):
            m.d.sync += found.errors.eq(found.errors + 1)
        with m.If(came & (wanted != was) & (found.errors == 0) & ~wrong):
            m.d.sync += [found.bad_address.eq(at), found.bad_expected.eq(wanted)]
            m.d.sync += found.bad_found.eq(was)
        with m.If(self.asked.start[:2].any() & ~self.running):
            m.d.sync += [found.errors.eq(0), found.bad_address.eq(0)]
            m.d.sync += [found.bad_expected.eq(0), found.bad_found.eq(0)]
