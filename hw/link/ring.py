"""Receive ring: a queue of bytes that enter frame by frame, or not at all."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import ceil_log2
from hw.core.ports import ByteStream


class Ring(Component):
    """Bytes written become readable with `commit`, or are forgotten with `discard`.

    data     byte to write
    write    writes it; must stay low while `full`
    full     no room for another byte
    commit   what was written since the last commit may be read
    discard  what was written since the last commit never was
    o        the committed bytes, one a clock; a byte gives its room back on the way here
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        super().__init__(
            {
                "data": In(8),
                "write": In(1),
                "full": Out(1),
                "commit": In(1),
                "discard": In(1),
                "o": Out(ByteStream),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=self.depth, init=[])
        write_port, read_port = memory.write_port(), memory.read_port()
        bits = ceil_log2(self.depth)
        # one bit more than an address: tells a full ring from an empty one
        writing, committed, reading = (Signal(bits + 1, name=n) for n in ("wr", "committed", "rd"))
        m.d.comb += [
            self.full.eq(writing == reading ^ (1 << bits)),
            write_port.addr.eq(writing[:bits]),
            write_port.data.eq(self.data),
            write_port.en.eq(self.write),
        ]
        with m.If(self.discard):
            m.d.sync += writing.eq(committed)
        with m.Elif(self.write):
            m.d.sync += writing.eq(writing + 1)
        with m.If(self.commit):
            m.d.sync += committed.eq(writing)

        # address -> block RAM -> output register, all three held while the output waits
        advance, some, fetched = Signal(), Signal(), Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            some.eq(reading != committed),
            read_port.addr.eq(reading[:bits]),
            read_port.en.eq(advance),
        ]
        with m.If(advance):
            m.d.sync += [reading.eq(reading + some), fetched.eq(some)]
            m.d.sync += [self.o.valid.eq(fetched), self.o.payload.eq(read_port.data)]
        return m
