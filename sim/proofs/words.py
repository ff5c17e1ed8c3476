"""That store and tester share the controller, and no word goes astray."""

from typing import Any

from amaranth.hdl import (
    Assert,
    Assume,
    Const,
    Cover,
    Elaboratable,
    Fragment,
    Module,
    Mux,
    Signal,
    Value,
)

from hw.core.base.pipeline import population
from hw.memory.arbiter import OUTSTANDING_BITS, Arbiter
from hw.memory.controller import READ_QUEUE, BurstController
from hw.memory.tester import MemoryTester
from sim.proofs.rules import kept
from sim.proofs.sdram import last_words

WORD_BITS = 26
"""Of counted words: more than a chip has."""

HELD_BITS = 13
"""Of words of bursts that the controller has: a whole burst, two pieces, a full queue."""


def moves(stream: Any) -> Value:
    """Something passes in this cycle."""
    return stream.valid & stream.ready


class UnderWay:
    """Words of a side's bursts that were taken, and have not moved."""

    def __init__(self, m: Module, name: str, side: Any, bits: int = WORD_BITS) -> None:
        self.to_read, self.to_write = (
            Signal(bits, name=f"{name}_{what}") for what in ("to_read", "to_write")
        )
        asks, burst = moves(side.request), side.request.payload
        self.come = Mux(asks, burst.words, 0)
        m.d.sync += [
            self.to_read.eq(self.to_read + Mux(burst.write, 0, self.come) - moves(side.read)),
            self.to_write.eq(self.to_write + Mux(burst.write, self.come, 0) - moves(side.write)),
        ]
        self.all = self.to_read + self.to_write


class KeepsApart(Elaboratable):
    """Both sides never have words under way at once, so the next word at the port is of the side that has.

    What passes at the port passes on that side in the same cycle, unchanged, and on no other. The controller
    gives and takes words in the order of the bursts, so each side has its own, in order, once.

    The controller is anything that gives and takes no words but those of bursts that it has. A test runs
    until all its words have moved, and the store has few enough under way to be counted.
    """

    def __init__(self, unit: Arbiter) -> None:
        self.unit = unit

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)  # now, as its insides are asked for
        self._streams(m)
        store, tester = UnderWay(m, "store", unit.store), UnderWay(m, "tester", unit.tester)
        to_write = store.to_write + tester.to_write
        m.d.comb += [
            Assume(~unit.port.write.ready | (to_write != 0)),
            Assume(~unit.port.read.valid | (store.to_read + tester.to_read != 0)),
            Assume(store.all + store.come < 1 << OUTSTANDING_BITS),
            Assume(tester.all + tester.come < 1 << WORD_BITS - 1),
            Assume(unit.running | (tester.all == 0)),
            Assume(unit.running | ~(unit.tester.request.valid | unit.tester.write.valid)),
        ]
        testing = unit.testing
        m.d.comb += [
            Assert((store.all == 0) | (tester.all == 0), "one has words under way"),
            Assert(Mux(testing, store.all, tester.all) == 0, "it is who may ask"),
            Assert((unit.left == store.all) & (unit.owed == store.to_write), "counted"),
        ]
        self._passes(m, store, tester)
        return m

    def _streams(self, m: Module) -> None:
        """Neighbours keep the stream rules, and so does the arbiter."""
        unit = self.unit
        for name in ("store", "tester", "port"):
            for way in ("request", "write", "read"):
                stream = getattr(getattr(unit, name), way)
                holds = kept(m, f"{name}_{way}", stream)
                leaves = (name == "port") != (way == "read")
                m.d.comb += Assert(holds, f"{name}.{way}") if leaves else Assume(holds)
                m.d.comb += Cover(moves(stream), f"{name}.{way}")

    def _passes(self, m: Module, store: UnderWay, tester: UnderWay) -> None:
        """What passes at the port is what passes on one side."""
        unit = self.unit
        for way in ("request", "write", "read"):
            port, one, other = (getattr(side, way) for side in (unit.port, unit.store, unit.tester))
            same_one, same_other = (
                Value.cast(side.payload) == Value.cast(port.payload) for side in (one, other)
            )
            m.d.comb += [
                Assert(moves(port) == (moves(one) ^ moves(other)), f"{way}: on one side"),
                Assert(~(moves(one) & moves(other)), f"{way}: not on both"),
                Assert(~moves(one) | same_one, f"{way}: the same of the store"),
                Assert(~moves(other) | same_other, f"{way}: the same of the tester"),
            ]
        for side, here in ((unit.store, store), (unit.tester, tester)):
            m.d.comb += [
                Assert(~moves(side.read) | (here.to_read != 0), "asked for"),
                Assert(~moves(side.write) | (here.to_write != 0), "awaited"),
            ]


class MovesWhatIsAsked(Elaboratable):
    """Every word of a burst that was taken, and no other, is in one place until it moves.

    It is of a burst or piece that waits, of the present piece, on its way from the chip, or in the queue. So
    the controller takes and gives no word but those of bursts that it has, and forgets none.
    """

    def __init__(self, unit: BurstController) -> None:
        self.unit = unit

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)  # now, as its insides are asked for
        port, words = unit.port, UnderWay(m, "words", unit.port, HELD_BITS)
        cutter, opener, queue = unit.cutter, unit.opener, unit.queue
        places: list[tuple[Value, Value, Value]] = [(cutter.busy, cutter.write, cutter.more + 1)]
        for there, piece in ((opener.valid, opener.now), (opener.there, opener.following)):
            places.append((there, piece.write, piece.last - piece.column + 1))
        last_words(m, opener)
        on_their_way = population(unit.coming) + queue.level
        to_read = sum(
            (Mux(there & ~write, count, 0) for there, write, count in places), on_their_way
        )
        to_write = sum((Mux(there & write, count, 0) for there, write, count in places), Const(0))
        m.d.comb += [
            Assert(words.to_read == to_read, "those to read"),
            Assert(words.to_write == to_write, "those to write"),
            Assert(~port.write.ready | (words.to_write != 0), "takes a word of a burst"),
            Assert(~port.read.valid | (words.to_read != 0), "gives a word of a burst"),
            Assert(unit.places + on_their_way == READ_QUEUE, "there is room for it"),
            Assert(~unit.room | (unit.places != 0), "room"),
        ]
        return m


class RunsUntilMoved(Elaboratable):
    """A test is not over before the words of all its bursts have moved, and begins with none."""

    def __init__(self, unit: MemoryTester) -> None:
        self.unit = unit

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        port, words = unit.port, UnderWay(m, "words", unit.port)
        began = Signal()
        m.d.sync += began.eq(began | moves(port.request))
        m.d.comb += [
            Assume(~port.write.ready | (words.to_write != 0)),
            Assume(~port.read.valid | (words.to_read != 0)),
            Assert(unit.running | (words.all == 0), "all have moved"),
            Assert(unit.running | ~(port.request.valid | port.write.valid), "none to come"),
            Cover(began & ~unit.running, "over"),
        ]
        return m
