"""Takes frames in sequence into the receive ring, and asks for those that are missing."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import enum, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from golden.spec.frames import CRC, HEADER, Command, Status
from golden.spec.registers import RESULT_SLOTS
from hw.link.complaints import Complaints
from hw.link.crc import Crc32
from hw.link.ports import COMPLAINT, FRAME_BYTE


class Part(enum.Enum):
    """What the next byte of a frame belongs to. END: nothing more should come. EXCESS: it did."""

    HEADER = 0
    PAYLOAD = 1
    CRC = 2
    END = 3
    EXCESS = 4


class Receiver(Component):
    """Header and payload go to the ring as they arrive; the end of the frame decides.

    No room: the ring is full, or RESULT_SLOTS frames wait to be run.

    A frame with the wrong length or CRC is DAMAGED and always answered (as long as the answer waits
    to be sent, for all that come meanwhile). So is every frame before the first SYNC, RESTARTED. GAP and
    NO_ROOM are answered only if no go-back was asked for since a frame was taken last: the frames behind
    a lost one do not each ask again.

    i          bytes and ends of frames, never made to wait
    data, write, full, commit, discard: the write side of the ring
    complaint  replies to send for frames that were not taken
    done       pulse: a frame that was taken has run
    taken      pulse: a frame was taken
    damaged    pulse: a frame was damaged
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(FRAME_BYTE, always_ready=True)),
                "data": Out(8),
                "write": Out(1),
                "full": In(1),
                "commit": Out(1),
                "discard": Out(1),
                "complaint": Out(stream.Signature(COMPLAINT)),
                "done": In(1),
                "taken": Out(1),
                "damaged": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.crc = self.crc = crc = Crc32()
        m.submodules.complaints = complaints = Complaints()
        connect(m, complaints.o, flipped(self.complaint))
        byte, end = Signal(), Signal()
        self.header = header = Signal(8 * HEADER.size)  # sequence, code, length from the lowest bit
        m.d.comb += [
            byte.eq(self.i.valid & ~self.i.payload.end),
            end.eq(self.i.valid & self.i.payload.end),
            crc.data.eq(self.i.payload.data),
            crc.enable.eq(byte),
            crc.clear.eq(end),
        ]
        part = self.follow(m, byte, end, header)

        self.held = held = Signal(range(RESULT_SLOTS + 1))  # frames taken that have not run
        m.d.sync += held.eq(held + self.commit - self.done)
        self.no_room = no_room = Signal()
        kept = (part == Part.HEADER) | (part == Part.PAYLOAD)
        m.d.comb += self.data.eq(self.i.payload.data)
        m.d.comb += self.write.eq(byte & kept & ~self.full & ~no_room)
        with m.If(end):
            m.d.sync += no_room.eq(0)
        with m.Elif(byte & kept & self.full):
            m.d.sync += no_room.eq(1)

        whole = (part == Part.END) & crc.good & ~self.i.payload.damaged
        refused = no_room | (held == RESULT_SLOTS)
        self.decide(m, end, whole, header, refused, complaints)
        m.d.comb += self.discard.eq(end & ~self.commit)
        m.d.sync += self.taken.eq(self.commit)
        return m

    def follow(self, m: Module, byte: Signal, end: Signal, header: Signal) -> Signal:
        """Follow the parts of a frame and keep its header. Returns the part of the next byte."""
        self.part = part = Signal(Part)
        self.index = index = Signal(2)
        self.left = left = Signal(16)
        length = Cat(header[-8:], self.i.payload.data)
        with m.If(end):
            m.d.sync += [part.eq(Part.HEADER), index.eq(0)]
        with m.Elif(byte), m.Switch(part):
            with m.Case(Part.HEADER):
                m.d.sync += [header.eq(Cat(header[8:], self.i.payload.data)), index.eq(index + 1)]
                with m.If(index == HEADER.size - 1):
                    m.d.sync += [left.eq(length), part.eq(Part.PAYLOAD)]
                    with m.If(length == 0):
                        m.d.sync += part.eq(Part.CRC)
            with m.Case(Part.PAYLOAD):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.d.sync += part.eq(Part.CRC)
            with m.Case(Part.CRC):
                m.d.sync += index.eq(index + 1)
                with m.If(index == CRC.size - 1):
                    m.d.sync += part.eq(Part.END)
            with m.Default():
                m.d.sync += part.eq(Part.EXCESS)
        return part

    def decide(
        self,
        m: Module,
        end: Signal,
        whole: Any,
        header: Signal,
        refused: Any,
        complaints: Complaints,
    ) -> None:
        """At the end of a frame: take it, or say why not."""
        sequence, code = header[:8], header[8:16]
        self.expected = expected = Signal(8)
        ahead = Signal(8)
        self.fresh = fresh = Signal(init=1)
        """No SYNC came since power-on."""
        asked = Signal()
        """A go-back was asked for and the frame it asks for has not come."""
        m.d.comb += [
            ahead.eq(sequence - expected),
            complaints.expected.eq(expected),
            complaints.sequence.eq(sequence),
        ]
        m.d.sync += self.damaged.eq(end & ~whole)
        with m.If(end):
            with m.If(~whole):
                m.d.comb += [complaints.go_back.eq(1), complaints.status.eq(Status.DAMAGED)]
            with m.Elif(fresh & (code != Command.SYNC)):
                m.d.comb += [complaints.go_back.eq(1), complaints.status.eq(Status.RESTARTED)]
            with m.Elif((code == Command.SYNC) | (ahead == 0)):
                m.d.comb += self.commit.eq(~refused)
                m.d.comb += complaints.go_back.eq(refused & ~asked)
                m.d.comb += complaints.status.eq(Status.NO_ROOM)
            with m.Elif(ahead[-1]):
                m.d.comb += complaints.duplicate.eq(1)
            with m.Else():
                m.d.comb += [complaints.go_back.eq(~asked), complaints.status.eq(Status.GAP)]
        with m.If(self.commit):
            m.d.sync += [asked.eq(0), expected.eq(sequence + 1), fresh.eq(0)]
        with m.Elif(complaints.go_back):
            m.d.sync += asked.eq(1)
