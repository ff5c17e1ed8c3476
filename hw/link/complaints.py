"""What the receiver has to say about frames it did not take, kept until it can be sent."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import Component, In, Out

from golden.spec.frames import Status
from golden.spec.registers import RESULT_SLOTS
from hw.link.ports import COMPLAINT


class Complaints(Component):
    """One go-back request waits, the first; those that come meanwhile would say the same.

    Of duplicates a whole window waits; more are dropped, and the host asks again.

    go_back    the host shall go back to the frame `expected`; `status` says why
    status     DAMAGED, GAP, NO_ROOM or RESTARTED
    expected   sequence number of the frame that the host shall go back to
    duplicate  the frame `sequence` was taken before
    sequence   sequence number of a duplicate
    o          replies to send; the sequence number of a go-back is read late
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "go_back": In(1),
                "status": In(8),
                "expected": In(8),
                "duplicate": In(1),
                "sequence": In(8),
                "o": Out(stream.Signature(COMPLAINT)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.duplicates = duplicates = SyncFIFO(width=8, depth=RESULT_SLOTS)
        waiting, status, free = Signal(), Signal(8), Signal()
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            duplicates.w_data.eq(self.sequence),
            duplicates.w_en.eq(self.duplicate),
            duplicates.r_en.eq(free & ~waiting),
        ]
        with m.If(free):
            m.d.sync += [self.o.valid.eq(waiting | duplicates.r_rdy), waiting.eq(0)]
            with m.If(waiting):
                m.d.sync += self.o.payload.sequence.eq(self.expected)
                m.d.sync += self.o.payload.status.eq(status)
            with m.Else():
                m.d.sync += self.o.payload.sequence.eq(duplicates.r_data)
                m.d.sync += self.o.payload.status.eq(Status.DUPLICATE)
        with m.If(self.go_back):
            m.d.sync += waiting.eq(1)
            with m.If(~waiting | free):
                m.d.sync += status.eq(self.status)
        return m
