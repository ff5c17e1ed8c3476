"""Replies that wait to be sent, and the memory their payloads are read from."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.frames import MAX_READ_WORDS
from golden.spec.registers import Space, memories
from hw.core.ports import ByteStream
from hw.link.ports import HEAD

QUEUE = 4


class ReplyMemory:
    """Where things are in the memory of payloads, in 16-bit words: results first, then a buffer."""

    def __init__(self, config: CoreConfig) -> None:
        results = memories(config)[Space.RESULTS]
        self.slots, self.stride, self.results = results.depth, results.stride, results.size
        self.buffer = results.size
        self.depth = self.buffer + MAX_READ_WORDS
        self.bits = ceil_log2(self.depth)

    def reply(self) -> StructLayout:
        """A reply: header on the wire, and the word where its payload starts."""
        return StructLayout({"head": HEAD, "start": self.bits})


class Replies(Component):
    """Sends the replies put in, in order. Payloads are read from memory while they are sent.

    i        replies to send; a few may wait
    address, data, write: write a 16-bit word of the memory (see `ReplyMemory`)
    head     headers, each followed by its payload
    payload  the bytes, low half of a word first, one a clock
    idle     every reply put in was handed on, payload and all
    """

    def __init__(self, config: CoreConfig) -> None:
        self.store = ReplyMemory(config)
        super().__init__(
            {
                "i": In(stream.Signature(self.store.reply())),
                "address": In(self.store.bits),
                "data": In(16),
                "write": In(1),
                "head": Out(stream.Signature(HEAD)),
                "payload": Out(ByteStream),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=16, depth=self.store.depth, init=[])
        write_port, read_port = memory.write_port(), memory.read_port()
        m.d.comb += [
            write_port.addr.eq(self.address),
            write_port.data.eq(self.data),
            write_port.en.eq(self.write),
        ]
        layout = self.store.reply()
        m.submodules.queue = queue = SyncFIFO(width=layout.size, depth=QUEUE)
        m.d.comb += [
            queue.w_data.eq(self.i.payload),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
        ]
        reply = layout(queue.r_data)
        waiting = Signal(range(QUEUE + 3))
        done = Signal()
        came = self.i.valid & self.i.ready
        m.d.sync += waiting.eq(waiting + came - done)
        m.d.comb += self.idle.eq(waiting == 0)

        position = Signal(self.store.bits + 1)  # in bytes
        unread, left = Signal(16), Signal(16)
        with m.FSM():
            with m.State("FETCH"), m.If(queue.r_rdy):
                m.d.comb += queue.r_en.eq(1)
                m.d.sync += [self.head.payload.eq(reply.head), self.head.valid.eq(1)]
                m.d.sync += [position.eq(reply.start << 1), left.eq(reply.head.length)]
                m.d.sync += unread.eq(reply.head.length)
                m.next = "HEAD"
            with m.State("HEAD"), m.If(self.head.ready):
                m.d.sync += self.head.valid.eq(0)
                m.next = "PAYLOAD"
            with m.State("PAYLOAD"):
                with m.If(self.payload.valid & self.payload.ready):
                    m.d.sync += left.eq(left - 1)
                with m.If(left == 0):
                    m.d.comb += done.eq(1)
                    m.next = "FETCH"

        # address -> block RAM -> word -> byte, all held while the output waits
        advance, some, word = Signal(), Signal(), Signal(16)
        stages = [Signal(2, name=f"stage{n}") for n in range(2)]  # valid, upper half
        m.d.comb += [
            advance.eq(~self.payload.valid | self.payload.ready),
            some.eq(unread != 0),
            read_port.addr.eq(position[1:]),
            read_port.en.eq(advance),
        ]
        with m.If(advance):
            with m.If(some):
                m.d.sync += [position.eq(position + 1), unread.eq(unread - 1)]
            m.d.sync += [stages[0].eq(Cat(some, position[0])), stages[1].eq(stages[0])]
            m.d.sync += [word.eq(read_port.data), self.payload.valid.eq(stages[1][0])]
            m.d.sync += self.payload.payload.eq(word.word_select(stages[1][1], 8))
        return m
