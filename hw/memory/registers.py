"""The host's registers of the memory. Twin of golden/memory/tester.py."""

from typing import Any

from amaranth import Const, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.memory_test import (
    CONTROL,
    MEMORY_REGISTER_WORDS,
    MEMORY_REGISTERS,
    RESULTS,
    identity,
    memory_register,
)
from golden.spec.registers import SPACE_SHIFT
from golden.spec.sdram import SdramConfig
from hw.core.base.read_multiplexer import ReadMultiplexer
from hw.core.ports import BusReply, BusRequest
from hw.memory.tester import ASKED, FOUND

NEAR = (MEMORY_REGISTER_WORDS - 1).bit_length()
"""Bits of a register's number, of those that exist."""

CONTROL_WORDS = range(memory_register(CONTROL[0].name)[0], memory_register(RESULTS[0].name)[0])
"""Numbers of the words that can be written."""

KEPT = 1 << (len(CONTROL_WORDS) - 1).bit_length()
"""Places of a RAM in which no two of them meet: it gives them back, at less than a choice among registers."""


class MemoryRegisters(Component):
    """Space SDRAM: an access every four cycles.

    request  accesses
    reply    their answers; `error`: no such register, or not one that can be written
    asked    what the host wrote; `start` is a pulse
    found    results
    running  a test runs: nothing that is written is kept
    """

    def __init__(self, sdram: SdramConfig) -> None:
        self.sdram = sdram
        super().__init__(
            {
                "request": In(BusRequest),
                "reply": Out(BusReply),
                "asked": Out(ASKED),
                "found": In(FOUND),
                "running": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        request, reply = self.request.payload, self.reply.payload
        index = request.address[:SPACE_SHIFT]
        m.submodules.kept = kept = Memory(shape=16, depth=KEPT, init=[])
        read, write = kept.read_port(domain="comb"), kept.write_port()
        words = self._words(read.data)
        m.submodules.one_of = one = ReadMultiplexer(16, len(words))
        waited = Signal(range(ReadMultiplexer.LATENCY + 1))
        exists, takes = Signal(), Signal()
        far, near = index[NEAR:].any(), index[:NEAR]
        written = Const(sum(1 << at for at in CONTROL_WORDS), 1 << NEAR).bit_select(near, 1)
        m.d.sync += exists.eq(~far & Mux(request.write, written, near < len(words)))
        m.d.comb += [place.eq(word) for place, word in zip(one.word, words, strict=True)]
        m.d.comb += [
            one.index.eq(index),
            read.addr.eq(index),
            write.addr.eq(index),
            write.data.eq(request.data),
            self.request.ready.eq((waited == ReadMultiplexer.LATENCY) & ~self.reply.valid),
            takes.eq(self.request.valid & self.request.ready),
        ]
        m.d.sync += self.asked.start.eq(0)
        with m.If(takes | ~self.request.valid):
            m.d.sync += waited.eq(0)
        with m.Elif(waited != ReadMultiplexer.LATENCY):
            m.d.sync += waited.eq(waited + 1)
        with m.If(self.reply.ready):
            m.d.sync += self.reply.valid.eq(0)
        with m.If(takes):
            data = Mux(exists & ~request.write, one.value, 0)
            m.d.sync += [self.reply.valid.eq(1), reply.error.eq(~exists), reply.data.eq(data)]
            with m.If(request.write & exists & ~self.running):
                m.d.comb += write.en.eq(1)
                self._write(m, near, request.data)
        return m

    def _words(self, kept: Value) -> list[Value]:
        """All registers in order, 16 bits a word. What was written is `kept` under the same number."""
        fixed, words = identity(self.sdram), []
        for register in MEMORY_REGISTERS:
            if register.name in fixed:
                value: Value = Const(fixed[register.name], register.bits)
            elif register.name == "start":
                value = Value.cast(self.running)
            elif register in CONTROL:
                words += [kept] * register.words
                continue
            else:
                value = self.found[register.name]
            words += [value[at : at + 16] for at in range(0, register.bits, 16)]
        return words

    def _write(self, m: Module, index: Value, data: Value) -> None:
        """A word of a register."""
        with m.Switch(index):
            for register in CONTROL:
                at = memory_register(register.name)[0]
                for part in range(register.words):
                    with m.Case(at + part):
                        m.d.sync += self.asked[register.name][16 * part : 16 * part + 16].eq(data)
