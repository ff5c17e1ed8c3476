"""The store of samples in the memory beside the FPGA. Twin of golden/store.py."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib.data import StructLayout
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.registers import KEY_WORDS, store_memory
from golden.spec.sdram import Chip
from hw.core.ports import BusReply, BusRequest
from hw.link.store import KEY_BIT
from hw.memory.ports import BurstPort

BURST = 8
"""Words of a burst at most: longer ones in order would not be faster (docs/memory.md)."""

UNDER_WAY = 32
"""Accesses that may be unanswered: as many as pass while a word comes from the memory."""

GIVEN = BURST
"""Words to write that wait for the memory: a burst's, so that words go on coming while it is asked for."""

ACCESS = StructLayout({"moved": 1, "error": 1, "key": 1, "index": 2})
"""An access that is not answered. `moved`: its word comes from the memory."""


class MemoryStore(Component):
    """Words of a memory off the chip, an access a clock, answered in order as the words come.

    Accesses to one word behind the other become a burst, as long as they come without a pause. A word
    written is answered when it is on its way: an access that comes later finds it there.

    Beside the words there is a key, which the host writes when the store is filled. Whatever changes
    words sets it to zero, before they change.

    request    accesses; the whole `address` is the index of the word, of the key with KEY_BIT
    reply      their answers; `error` past the end
    disturbed  pulse: somebody else is about to change words
    memory     bursts and their words
    """

    def __init__(self, config: CoreConfig, chip: Chip) -> None:
        self.depth = store_memory(config).depth
        assert self.depth <= chip.words, "the memory is that of the configuration"
        super().__init__(
            {
                "request": In(BusRequest),
                "reply": Out(BusReply),
                "disturbed": In(1),
                "memory": Out(BurstPort(chip)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        request, asked = self.request.payload, Signal(ACCESS)
        m.submodules.under_way = queue = SyncFIFO(width=len(Value.cast(asked)), depth=UNDER_WAY)
        m.submodules.given = given = SyncFIFO(width=len(request.data), depth=GIVEN)
        index, of_key = request.address[:KEY_BIT], request.address[KEY_BIT]
        exists, moves, takes, joins = Signal(), Signal(), Signal(), Signal()
        room = Mux(moves, joins & (~request.write | given.w_rdy), 1)
        m.d.comb += [
            exists.eq(index < Mux(of_key, KEY_WORDS, self.depth)),
            moves.eq(exists & ~of_key),
            takes.eq(self.request.valid & self.request.ready),
            self.request.ready.eq(queue.w_rdy & room),
            given.w_data.eq(request.data),
            given.w_en.eq(takes & moves & request.write),
            self.memory.write.payload.eq(given.r_data),
            self.memory.write.valid.eq(given.r_rdy),
            given.r_en.eq(self.memory.write.ready),
            asked.moved.eq(moves & ~request.write),
            asked.error.eq(~exists),
            asked.key.eq(of_key),
            asked.index.eq(index),
            queue.w_data.eq(asked),
            queue.w_en.eq(takes),
        ]
        self._gather(m, index, takes & moves, joins)
        self._answer(m, queue, self._key(m, index, takes, of_key))
        return m

    def _gather(self, m: Module, index: Value, takes: Value, joins: Signal) -> None:
        """Accesses that follow each other, until the next one does not, or none comes."""
        burst, closed = self.memory.request.payload, Signal()
        count, following = Signal(range(BURST + 1)), Signal.like(burst.address)
        follows = (index == following) & (self.request.payload.write == burst.write)
        m.d.comb += [
            joins.eq(~closed & ((count == 0) | follows)),
            self.memory.request.valid.eq(closed),
            burst.words.eq(count),
        ]
        with m.If(takes):
            m.d.sync += [count.eq(count + 1), following.eq(index + 1)]
            m.d.sync += closed.eq(count == BURST - 1)
            with m.If(count == 0):
                m.d.sync += [burst.address.eq(index), burst.write.eq(self.request.payload.write)]
        with m.Elif(~closed):
            m.d.sync += closed.eq(count != 0)
        with m.Elif(self.memory.request.ready):
            m.d.sync += [closed.eq(0), count.eq(0)]

    def _key(self, m: Module, index: Value, takes: Value, of_key: Value) -> list[Signal]:
        """The key: written by the host, and forgotten."""
        words = [Signal(16, name=f"key_{number}") for number in range(KEY_WORDS)]
        request = self.request.payload
        with m.If(takes & request.write & of_key & (index < KEY_WORDS)):
            with m.Switch(index[:2]):
                for number, word in enumerate(words):
                    with m.Case(number):
                        m.d.sync += word.eq(request.data)
        with m.If((takes & request.write & ~of_key) | self.disturbed):
            m.d.sync += Cat(words).eq(0)
        return words

    def _answer(self, m: Module, queue: SyncFIFO, key: list[Signal]) -> None:
        """In order, through a register."""
        asked, reply, read = Signal(ACCESS), self.reply.payload, self.memory.read
        advance, answered = Signal(), Signal()
        m.d.comb += [
            asked.eq(queue.r_data),
            advance.eq(~self.reply.valid | self.reply.ready),
            answered.eq(queue.r_rdy & (~asked.moved | read.valid)),
            queue.r_en.eq(answered & advance),
            read.ready.eq(queue.r_rdy & asked.moved & advance),
        ]
        with m.If(advance):
            m.d.sync += [self.reply.valid.eq(answered), reply.error.eq(asked.error)]
            m.d.sync += reply.data.eq(Mux(asked.key, Array(key)[asked.index], read.payload))
