"""That the copier moves the words that it was asked for, and no others."""

from typing import Any

from amaranth.hdl import (
    Assert,
    Assume,
    Cat,
    Const,
    Cover,
    Elaboratable,
    Fragment,
    Module,
    Mux,
    Signal,
    Value,
)

from golden.spec.copies import copied
from golden.spec.registers import SPACE_SHIFT, store_memory
from hw.link.copier import Copier
from sim.proofs.rules import kept, streams
from sim.proofs.words import moves

BITS = SPACE_SHIFT + 10
"""Of counted accesses: more than a copy has."""


class Side:
    """Accesses of a copy on one side: those taken, and those of all kinds that are not answered."""

    def __init__(self, m: Module, unit: Copier, name: str) -> None:
        self.request, self.reply = getattr(unit, f"{name}_request"), getattr(unit, f"{name}_reply")
        self.taken, self.open = (
            Signal(BITS, name=f"{name}_taken"),
            Signal(BITS, name=f"{name}_open"),
        )
        self.asks, self.answers = moves(self.request), moves(self.reply)
        m.d.sync += self.open.eq(self.open + self.asks - self.answers)
        m.d.sync += self.taken.eq(
            Mux(moves(unit.asked), 0, self.taken + (self.asks & unit.copying))
        )
        m.d.comb += Assume(~self.reply.valid | (self.open != 0))


class MovesInOrder(Elaboratable):
    """A COPY within both sides reads each of its words once, in order, and writes it once, to its place.

    Another one is refused, and nothing of it reaches either side. While nothing is copied, accesses and
    answers pass unchanged. What the copier gives keeps the stream rules.

    The neighbours: core and store answer accesses alone, as often as they were asked. Nobody else has one
    under way from the first word of a COPY until it is over.
    """

    def __init__(self, unit: Copier) -> None:
        self.unit = unit

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)  # now, as its insides are asked for
        for name, interface, leaves in streams(unit):
            holds = kept(m, name, interface)
            m.d.comb += Assert(holds, name) if leaves else Assume(holds)
            m.d.comb += Cover(moves(interface), name)
        self.core, self.store = Side(m, unit, "core"), Side(m, unit, "store")
        self.words = [Signal(32, name=f"word_{number}") for number in range(3)]
        self._asked(m)
        self._moved(m)
        self._ties(m)
        self._passes(m)
        return m

    def _asked(self, m: Module) -> None:
        """The words of the COPY, and what they ask for."""
        unit = self.unit
        with m.If(moves(unit.asked)), m.Switch(unit.number):
            for number, word in enumerate(self.words):
                with m.Case(number):
                    m.d.sync += word.eq(unit.asked.payload)
        first, place, self.count = self.words
        self.first, self.to_core, self.index = first[:31], first[31], place[:SPACE_SHIFT]
        self.address = place
        self.fits = Signal()
        depth = store_memory(unit.config).depth
        sizes = {memory.space: memory.size for memory in copied(unit.config)}
        for space, size in sizes.items():
            with m.If(place[SPACE_SHIFT:] == space):
                m.d.comb += self.fits.eq(
                    (self.index + self.count <= size) & (self.first + self.count <= depth)
                )
        begun = unit.asked.valid | unit.copying | (unit.number != 0)
        others = unit.host_request.valid | unit.user_request.valid
        m.d.comb += Assume(~begun | ~others)
        m.d.comb += Assume(~begun | unit.copying | ((self.core.open == 0) & (self.store.open == 0)))

    def _moved(self, m: Module) -> None:
        """What reaches either side while it copies."""
        unit, core, store = self.unit, self.core, self.store
        done = unit.copying & unit.fsm.ongoing("MOVE") & (unit.left == 0)
        for source, sink, here in ((store, core, self.to_core), (core, store, ~self.to_core)):
            copies, from_, to = unit.copying & here, source.request.payload, sink.request.payload
            m.d.comb += [
                Assert(~(copies & source.request.valid) | (self.fits & ~from_.write), "reads"),
                Assert(~(copies & sink.request.valid) | (self.fits & to.write), "writes"),
                Assert(~copies | (sink.asks == source.answers), "a word that came is written"),
                Assert(~(copies & sink.asks) | (to.data == source.reply.payload.data), "unchanged"),
                Assert(~copies | (source.taken + source.asks <= self.count), "no other is read"),
                Assert(~(done & here) | (source.taken == self.count), "all were read"),
                Assert(~(done & here) | (sink.taken == self.count), "all were written"),
            ]
        m.d.comb += [
            self._place(core, self.address),
            self._place(store, self.first),
            Assert(~done | ((core.open == 0) & (store.open == 0)), "all are answered"),
            Assert(
                ~unit.refused | (unit.copying & ~self.fits & (core.taken == 0) & (store.taken == 0))
            ),
            Cover(done & (self.count == 2), "over"),
            Cover(unit.refused, "refused"),
        ]

    def _place(self, side: Side, first: Value) -> Value:
        """An access is the next one from `first` on."""
        there = side.request.payload.address == (first + side.taken)[:32]
        return Assert(~(self.unit.copying & side.request.valid) | there, "in order")

    def _ties(self, m: Module) -> None:
        """What the copier knows is what was followed, so that induction closes."""
        unit, core, store, state = self.unit, self.core, self.store, self.unit.fsm.ongoing
        checks, moving, count = state("ENDS") | state("CHECK"), state("MOVE"), self.count
        begun = (unit.number != 0) | checks
        none = (core.taken == 0) & (store.taken == 0) & (core.open == 0) & (store.open == 0)
        within, bits = len(unit.index), len(unit.kept)
        place = Cat(unit.index, Const(0, SPACE_SHIFT - within), unit.space)
        far, beyond = self.first[bits:].any(), self.index[within:].any()
        huge = far | ((unit.number != 1) & beyond) | (checks & count[within:].any())
        m.d.comb += [
            Assert(state("IDLE") | checks | moving, "a state"),
            Assert(unit.copying == ~state("IDLE"), "copies"),
            Assert((unit.number < 3) & (state("IDLE") | (unit.number == 0)), "a word of three"),
            Assert(
                state("IDLE") & (unit.number == 0) | (unit.to_core == self.to_core), "direction"
            ),
            Assert(~begun | far | (unit.kept == self.first), "in the store"),
            Assert(~begun | (unit.number == 1) | beyond | (place == self.address), "in the core"),
            Assert(~begun | (unit.huge == huge), "too far, or too many"),
            Assert(~begun | none, "not yet"),
            Assert(~checks | (unit.left == unit.unasked), "none was moved"),
            Assert(~checks | (unit.left == count[:within]), "all are left"),
            Assert(~state("CHECK") | unit.huge | ((unit.there & unit.within) == self.fits), "fits"),
            Assert(~moving | self.fits, "was checked"),
        ]
        with m.If(moving):
            m.d.comb += [
                Assert(place == (self.address + core.taken)[:32], "next in the core"),
                Assert(unit.kept == (self.first + store.taken)[:31], "next in the store"),
            ]
        for source, sink, here in ((store, core, self.to_core), (core, store, ~self.to_core)):
            with m.If(moving & here):
                m.d.comb += [
                    Assert(source.taken + unit.unasked == count, "those to read"),
                    Assert(source.taken == sink.taken + source.open, "those on their way"),
                    Assert(unit.left + sink.taken == count + sink.open, "those to be written"),
                ]

    def _passes(self, m: Module) -> None:
        """Others' accesses and answers."""
        unit = self.unit
        roads = [
            (unit.host_request, unit.core_request), (unit.user_request, unit.store_request),
            (unit.core_reply, unit.host_reply), (unit.store_reply, unit.user_reply),
        ]  # fmt: skip
        for come, go in roads:
            same = Value.cast(come.payload) == Value.cast(go.payload)
            passes = (come.valid == go.valid) & (come.ready == go.ready) & (~go.valid | same)
            m.d.comb += Assert(unit.copying | passes, "passes")
