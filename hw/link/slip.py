"""Framing of RFC 1055: finds and marks the ends of frames in a byte stream."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from golden.spec.frames import END, ESC, ESC_END, ESC_ESC
from hw.core.ports import ByteStream
from hw.link.ports import BODY_BYTE, FRAME_BYTE


class Unstuffer(Component):
    """Takes the escapes out. An empty frame is silence: no end is passed on for it.

    i  bytes from the wire
    o  bytes of frames and their ends, a clock later, one a clock
    """

    def __init__(self) -> None:
        super().__init__({"i": In(ByteStream), "o": Out(stream.Signature(FRAME_BYTE))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        seen, damaged, escaping = Signal(), Signal(), Signal()
        byte, o = self.i.payload, self.o
        m.d.comb += self.i.ready.eq(~o.valid | o.ready)
        with m.If(self.i.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += [o.payload.data.eq(byte), o.payload.end.eq(0), seen.eq(1), escaping.eq(0)]
            with m.If(byte == END):
                m.d.sync += [o.valid.eq(seen), o.payload.end.eq(1), seen.eq(0)]
                m.d.sync += [o.payload.damaged.eq(damaged | escaping), damaged.eq(0)]
            with m.Elif(escaping):
                m.d.sync += o.payload.data.eq(Mux(byte == ESC_END, END, ESC))
                with m.If((byte == ESC_END) | (byte == ESC_ESC)):
                    m.d.sync += o.valid.eq(1)
                with m.Else():
                    m.d.sync += damaged.eq(1)
            with m.Elif(byte == ESC):
                m.d.sync += escaping.eq(1)
            with m.Else():
                m.d.sync += o.valid.eq(1)
        return m


class Stuffer(Component):
    """Puts escapes and ends in.

    i  bytes of frames and their ends
    o  bytes for the wire, a clock later, one a clock
    """

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(BODY_BYTE)), "o": Out(ByteStream)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        byte, o = self.i.payload, self.o
        free, special, escaped = Signal(), Signal(), Signal()
        m.d.comb += [
            free.eq(~o.valid | o.ready),
            special.eq(~byte.end & ((byte.data == END) | (byte.data == ESC))),
            self.i.ready.eq(free & (~special | escaped)),
        ]
        with m.If(free):
            m.d.sync += o.valid.eq(self.i.valid)
        with m.If(free & self.i.valid):
            m.d.sync += escaped.eq(special & ~escaped)
            with m.If(special & ~escaped):
                m.d.sync += o.payload.eq(ESC)
            with m.Elif(special):
                m.d.sync += o.payload.eq(Mux(byte.data == END, ESC_END, ESC_ESC))
            with m.Else():
                m.d.sync += o.payload.eq(Mux(byte.end, END, byte.data))
        return m
