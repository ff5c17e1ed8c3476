"""What single units owe their neighbours: the receiver, the scan of spikes, the gate of the core."""

from typing import Any

from amaranth.hdl import (
    Assert,
    Assume,
    Cat,
    Const,
    Elaboratable,
    Fragment,
    Module,
    Mux,
    Signal,
    Value,
)

from golden.spec.frames import CRC, HEADER, Command
from golden.spec.registers import RESULT_SLOTS
from hw.core.host.gate import Gate
from hw.core.rows.scan import Scan
from hw.link.crc import INITIAL, POLYNOMIAL, RESIDUE, crc_step
from hw.link.receiver import Part, Receiver

COUNT_BITS = 18
MOST_BYTES = (1 << COUNT_BITS) - 1


class IsTheCrc(Elaboratable):
    """A step of the CRC register is that of the definition, a bit after the other."""

    def __init__(self) -> None:
        self.register, self.byte = Signal(32), Signal(8)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        register: Value = self.register
        for place in range(8):
            bit = Signal(32, name=f"behind{place}")
            odd = register[0] ^ self.byte[place]
            m.d.comb += bit.eq((register >> 1) ^ Mux(odd, Const(POLYNOMIAL, 32), 0))
            register = bit
        m.d.comb += Assert(register == crc_step(self.register, self.byte), "the same")
        return m


class TakesWholeFrames(Elaboratable):
    """The receiver takes a frame only if CRC, length and sequence number are right, and all of it is kept.

    Bytes since the last end are followed beside the receiver, by the definition of a frame. Further
    assertions tie what the receiver knows to that, so that induction closes.
    """

    def __init__(self, unit: Receiver) -> None:
        self.unit = unit

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)  # now, as its insides are asked for
        data, ends = unit.i.payload, unit.i.valid & unit.i.payload.end
        byte = unit.i.valid & ~unit.i.payload.end
        self.count, self.head = Signal(COUNT_BITS), Signal(8 * HEADER.size)
        self.written, self.crc = Signal(COUNT_BITS), Signal(32, init=INITIAL)
        self.wanted, self.begun, self.waiting = Signal(8), Signal(), Signal(8)
        with m.If(ends):
            m.d.sync += [self.count.eq(0), self.written.eq(0), self.crc.eq(INITIAL)]
        with m.Elif(byte):
            m.d.sync += self.count.eq(Mux(self.count == MOST_BYTES, self.count, self.count + 1))
            m.d.sync += self.written.eq(self.written + unit.write)
            m.d.sync += self.crc.eq(crc_step(self.crc, data.data))
            with m.If(self.count < HEADER.size):
                m.d.sync += self.head.eq(Cat(self.head[8:], data.data))
        with m.If(unit.commit):
            m.d.sync += [self.wanted.eq(self.head[:8] + 1), self.begun.eq(1)]
        m.d.sync += self.waiting.eq(self.waiting + unit.commit - unit.done)
        m.d.comb += Assume(~unit.done | (self.waiting != 0))
        self._frame(m, ends & ~data.damaged)
        self._ties(m)
        return m

    def _frame(self, m: Module, ends: Value) -> None:
        """What holds whenever a frame is taken, and of what is written."""
        unit, size = self.unit, HEADER.size + self.head[16:]
        right = self.head[8:16] == Command.SYNC
        right |= self.begun & (self.head[:8] == self.wanted)
        with m.If(unit.commit):
            m.d.comb += [
                Assert(ends, "at an undamaged end"),
                Assert(self.crc == RESIDUE, "with its CRC"),
                Assert(self.count == size + CRC.size, "with its length"),
                Assert(right, "in sequence, or SYNC"),
                Assert(self.written == size, "header and payload are kept, all of them"),
                Assert(self.waiting < RESULT_SLOTS, "no more than there is room for results of"),
            ]
        with m.If(unit.write):
            m.d.comb += Assert(unit.data == unit.i.payload.data, "as they came")
            m.d.comb += Assert(
                unit.i.valid & ~unit.i.payload.end & ~unit.full, "where there is room"
            )

    def _ties(self, m: Module) -> None:
        """What the receiver knows is what was followed."""
        unit, count, size = self.unit, self.count, HEADER.size + self.head[16:]
        head, payload, crc, end, excess = (unit.part == part for part in Part)
        kept = Mux(head | payload, count, size)
        m.d.comb += [
            Assert(head | payload | crc | end | excess, "a part"),
            Assert(unit.crc.value == ~self.crc, "the same CRC"),
            Assert(unit.header == self.head, "the same header"),
            Assert(unit.held == self.waiting, "as many frames"),
            Assert(unit.fresh == ~self.begun, "begun"),
            Assert(~self.begun | (unit.expected == self.wanted), "the same number"),
            Assert(~head | (count == unit.index), "in the header"),
            Assert(~payload | ((count + unit.left == size) & (unit.left != 0)), "in the payload"),
            Assert(~payload | (count >= HEADER.size) & (unit.index == 0), "behind the header"),
            Assert(~crc | (count == size + unit.index), "in the CRC"),
            Assert(~end | (count == size + CRC.size), "at the end"),
            Assert(~excess | (count > HEADER.size), "behind the end"),
            Assert(unit.no_room | (self.written == kept), "all is written"),
            Assert(self.waiting <= RESULT_SLOTS, "places of results"),
        ]


class NeverHeldUp(Elaboratable):
    """Scan takes every chunk at once.

    Given: a layer has no more chunks than its neurons can have, and the next layer fires when it has had the
    end of this one, as its first pass needs that.
    """

    def __init__(self, unit: Scan) -> None:
        self.unit = unit
        self.most = unit.config.neuron_groups * unit.config.chunks

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        most = self.most
        fired, whole = Signal(range(most + 2)), Signal()
        comes = unit.chunks.valid
        m.d.comb += Assume(~comes | (~whole & (fired < most)))
        m.d.comb += Assume(~comes | unit.chunks.payload.last | (fired < most - 1))
        with m.If(comes):
            m.d.sync += [fired.eq(fired + 1), whole.eq(unit.chunks.payload.last)]
        with m.If(unit.events.valid & unit.events.ready & unit.events.payload.end):
            m.d.sync += [fired.eq(0), whole.eq(0)]
        m.d.comb += Assert(unit.chunks.ready, "never held up")
        return m


class Watched(Elaboratable):
    """Whatever the core does, a sample is answered, or the gate waits for the link, or a layer begins.

    Cycles are counted in which none of that is so. Given: the checker ends (its program has no way back); the
    link gives the next sample, or changes the table, when it has the result of this one; a payload is longer
    than a label and flags.
    """

    def __init__(self, unit: Gate) -> None:
        self.unit = unit
        self.bound = unit.patience + unit.reset_cycles + 6

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        owed, flags, whole, still = Signal(), Signal(), Signal(), Signal(range(self.bound + 2))
        sample, result = (stream.valid & stream.ready for stream in (unit.sample, unit.result))
        with m.If(sample):
            m.d.sync += [owed.eq(1), whole.eq(unit.sample.payload.last)]
        with m.If(result & unit.result.payload.last):
            m.d.sync += [owed.eq(0), whole.eq(0)]
        begins = ~owed | (unit.sample.valid & flags)
        m.d.sync += flags.eq(Mux(sample, ~owed, flags))
        m.d.comb += Assume(~(whole & unit.sample.valid))
        m.d.comb += Assume(~(begins & unit.sample.payload.last))
        m.d.comb += Assume(~(owed & (unit.restart | unit.table.written)))
        link = (unit.sample.ready & ~unit.sample.valid & ~whole) | (
            unit.result.valid & ~unit.result.ready
        )
        moves = sample | result | unit.progress | unit.core_result.valid | unit.table.start
        with m.If(moves | link | ~(owed | unit.sample.valid)):
            m.d.sync += still.eq(0)
        with m.Else():
            m.d.sync += still.eq(still + 1)
        checking, waited = Signal(), Signal(range(4))
        with m.If(unit.table.start):
            m.d.sync += [checking.eq(1), waited.eq(0)]
        with m.Elif(unit.table.done):
            m.d.sync += checking.eq(0)
        with m.Elif(checking):
            m.d.sync += waited.eq(waited + 1)
        m.d.comb += Assume(~checking | unit.table.done | (waited < 2))
        m.d.comb += Assert(still <= self.bound, "answered, or reset and answered")
        return m
