"""The host's registers of the memory. Twin of golden/memory/tester.py."""

from typing import Any

from amaranth import Array, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from golden.spec.memory_test import (
    CONTROL,
    MEMORY_REGISTER_WORDS,
    MEMORY_REGISTERS,
    identity,
    memory_register,
)
from golden.spec.registers import SPACE_SHIFT
from golden.spec.sdram import SdramConfig
from hw.core.ports import BusReply, BusRequest
from hw.memory.tester import ASKED, FOUND


class MemoryRegisters(Component):
    """Space SDRAM: an access every three cycles.

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
        chosen, writable, looked = Signal(16), Signal(), Signal()
        first = memory_register(CONTROL[0].name)[0]
        after = first + sum(register.words for register in CONTROL)
        words = Array(self._words())
        m.d.comb += [
            writable.eq((index >= first) & (index < after)),
            self.request.ready.eq(looked & ~self.reply.valid),
        ]
        m.d.sync += [
            looked.eq(self.request.valid & ~looked & ~self.reply.valid),
            chosen.eq(words[index[: MEMORY_REGISTER_WORDS.bit_length()]]),
            self.asked.start.eq(0),
        ]
        with m.If(self.reply.ready):
            m.d.sync += self.reply.valid.eq(0)
        with m.If(self.request.valid & self.request.ready):
            exists = Mux(request.write, writable, index < MEMORY_REGISTER_WORDS)
            m.d.sync += [
                self.reply.valid.eq(1),
                reply.error.eq(~exists),
                reply.data.eq(Mux(exists, chosen, 0)),
            ]
            with m.If(request.write & ~self.running):
                self._write(m, index, request.data)
        return m

    def _words(self) -> list[Value]:
        """All registers in order, 16 bits a word."""
        fixed, words = identity(self.sdram), []
        for register in MEMORY_REGISTERS:
            if register.name in fixed:
                value: Value = Const(fixed[register.name], register.bits)
            elif register.name == "start":
                value = Value.cast(self.running)
            elif register in CONTROL:
                value = self.asked[register.name]
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
