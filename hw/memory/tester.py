"""Tests a memory at its full speed. Twin of golden/memory/tester.py."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
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
        self.stage, self.begin, self.clocks = Signal(Stage), Signal(), Signal(self._clock_bits())
        all_of_it = asked.words[bits:].any()
        self.count = count = Mux(all_of_it, most, asked.words[:bits])
        left = Signal(bits + 2)  # words to move, negated: so its sign says that there are some
        place, first, moves = Signal(bits), Signal(), Signal()  # address of the next; a pass begins
        some, judging = left[-1] & ~first, Signal()
        write, read = self.port.write, self.port.read
        m.d.comb += [
            self.running.eq(self.stage != Stage.REST),
            write.valid.eq((self.stage == Stage.WRITE) & some),
            read.ready.eq(self.stage == Stage.CHECK),
            moves.eq((write.valid & write.ready) | (read.valid & read.ready)),
        ]
        m.d.sync += first.eq(self.begin)
        with m.If(moves | first):
            m.d.sync += left.eq(left + 1)
        with m.If(moves):
            m.d.sync += place.eq(place + 1)
        with m.If(self.begin):
            m.d.sync += [left.eq(Cat(~count, 1)), place.eq(asked.address)]  # -count - 1
        self._stages(m, some, ~left[-1] & ~first, judging)
        self._ask(m)
        self._compare(m, place, self._word(m, moves, place), judging)
        return m

    def _clock_bits(self) -> int:
        return len(self.asked.pause) + (PAUSE_CLOCKS - 1).bit_length()

    def _stages(self, m: Module, some: Value, over: Value, judging: Value) -> None:
        """The passes, one behind the other, and the clocks that each takes."""
        stage, begin, clocks, found = self.stage, self.begin, self.clocks, self.found
        check, paused, written = Signal(), Signal(), Signal()
        m.d.sync += paused.eq(
            (stage == Stage.PAUSE) & (clocks >> (PAUSE_CLOCKS - 1).bit_length() == self.asked.pause)
        )
        with m.If(some | (stage == Stage.PAUSE)):
            m.d.sync += clocks.eq(clocks + 1)
        with m.If(begin | written):
            m.d.sync += clocks.eq(0)
        with m.Switch(stage):
            with m.Case(Stage.REST), m.If(self.asked.start[:2].any()):
                writes = (self.asked.start & Pass.WRITE).any()
                m.d.comb += begin.eq(1)
                m.d.sync += stage.eq(Mux(writes, Stage.WRITE, Stage.CHECK))
                m.d.sync += check.eq((self.asked.start & Pass.CHECK).any())
            with m.Case(Stage.WRITE), m.If(over):
                m.d.comb += written.eq(1)
                m.d.sync += stage.eq(Mux(check, Stage.PAUSE, Stage.REST))
                m.d.sync += found.write_clocks.eq(clocks)
            with m.Case(Stage.PAUSE), m.If(paused):
                m.d.comb += begin.eq(1)
                m.d.sync += stage.eq(Stage.CHECK)
            with m.Case(Stage.CHECK), m.If(over & ~judging):
                m.d.sync += [stage.eq(Stage.REST), found.check_clocks.eq(clocks)]

    def _ask(self, m: Module) -> None:
        """Bursts, until there is one for every word: one is measured, then asked for."""
        request, bits = self.port.request, self.chip.address_bits
        left, place = Signal(bits + 1), Signal(bits)
        words, burst = Signal.like(request.payload.words), Signal.like(request.payload.words)
        written, narrow = self.asked.burst, len(burst)
        allowed = (written != 0) & (written <= MOST_WORDS)
        m.d.sync += burst.eq(Mux(allowed, written, MOST_WORDS))
        short = ~left[narrow:].any() & (left[:narrow] < burst)
        m.d.comb += [
            request.payload.words.eq(words),
            request.payload.address.eq(place),
            request.payload.write.eq(self.stage == Stage.WRITE),
        ]
        with m.If(~request.valid):
            m.d.sync += [request.valid.eq(left != 0), words.eq(Mux(short, left, burst))]
        with m.Elif(request.ready):
            m.d.sync += [left.eq(left - words), place.eq(place + words), request.valid.eq(0)]
        with m.If(self.begin):
            m.d.sync += [left.eq(self.count), place.eq(self.asked.address)]

    def _word(self, m: Module, moves: Signal, place: Signal) -> Signal:
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
        with m.If(self.begin):
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
        came, wrong, clean = Signal(), Signal(), Signal()
        errors = Signal(self.chip.address_bits + 1)
        at, wanted, was = Signal.like(place), Signal(16), Signal(16)
        m.d.comb += [judging.eq(came | wrong), found.errors.eq(errors)]
        m.d.sync += [came.eq(read.valid & read.ready), wrong.eq(came & (wanted != was))]
        with m.If(read.valid & read.ready):
            m.d.sync += [at.eq(place), wanted.eq(word), was.eq(read.payload)]
        with m.If(wrong):
            m.d.sync += errors.eq(errors + 1)
        with m.If(came & clean & (wanted != was)):
            m.d.sync += [found.bad_address.eq(at), found.bad_expected.eq(wanted)]
            m.d.sync += [found.bad_found.eq(was), clean.eq(0)]
        with m.If(self.asked.start[:2].any() & ~self.running):
            m.d.sync += [errors.eq(0), clean.eq(1), found.bad_address.eq(0)]
            m.d.sync += [found.bad_expected.eq(0), found.bad_found.eq(0)]
