"""Frames of the device: header, payload and CRC, whole frame by whole frame."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from golden.spec.frames import CRC, HEADER
from hw.core.ports import ByteStream
from hw.link.crc import Crc32
from hw.link.ports import BODY_BYTE, COMPLAINT, HEAD


class Transmitter(Component):
    """Complaints go first: the host waits for them.

    complaint  replies of the receiver, without payload
    head       headers of the replies of the executor
    payload    their payloads, `length` bytes for each header
    o          bytes and ends of frames, one a clock within a frame
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "complaint": In(stream.Signature(COMPLAINT)),
                "head": In(stream.Signature(HEAD)),
                "payload": In(ByteStream),
                "o": Out(stream.Signature(BODY_BYTE)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.crc = crc = Crc32()
        header = Signal(8 * HEADER.size)
        left = Signal(16)
        index = Signal(2)
        free = Signal()
        give, byte = Signal(), Signal(8)
        m.d.comb += [free.eq(~self.o.valid | self.o.ready), crc.data.eq(byte)]
        with m.If(free):
            m.d.sync += [self.o.valid.eq(give), self.o.payload.data.eq(byte)]
            m.d.sync += self.o.payload.end.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                head, complaint = self.head.payload, self.complaint.payload
                m.d.comb += [self.complaint.ready.eq(1), crc.clear.eq(1)]
                m.d.comb += self.head.ready.eq(~self.complaint.valid)
                m.d.sync += left.eq(Mux(self.complaint.valid, 0, head.length))
                m.d.sync += header.eq(
                    Mux(
                        self.complaint.valid,
                        Cat(complaint.sequence, complaint.status, Const(0, 16)),
                        head,
                    )
                )
                with m.If(self.complaint.valid | self.head.valid):
                    m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += [give.eq(1), byte.eq(header[:8]), crc.enable.eq(free)]
                with m.If(free):
                    m.d.sync += [header.eq(header >> 8), index.eq(index + 1)]
                    with m.If(index == HEADER.size - 1):
                        m.next = "PAYLOAD"
                        with m.If(left == 0):
                            m.next = "CRC"
            with m.State("PAYLOAD"):
                m.d.comb += [self.payload.ready.eq(free), give.eq(self.payload.valid)]
                m.d.comb += [byte.eq(self.payload.payload), crc.enable.eq(free & give)]
                with m.If(free & give):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.next = "CRC"
            with m.State("CRC"):
                m.d.comb += [give.eq(1), byte.eq(crc.value.word_select(index, 8))]
                with m.If(free):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == CRC.size - 1):
                        m.next = "END"
            with m.State("END"):
                m.d.comb += give.eq(1)
                with m.If(free):
                    m.d.sync += self.o.payload.end.eq(1)
                    m.next = "IDLE"
        return m
