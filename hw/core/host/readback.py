"""The host's way into the core: registers and memories by address. Twin of golden/host/memory.py.

A pipeline that takes an access a cycle while the core is at rest: decode · address · memories · reply.
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import fifo
from amaranth.lib.wiring import Component, In, Out

from golden.spec import registers
from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.registers import REGISTERS, SPACE_SHIFT, Space, memories
from hw.core.base.pipeline import later
from hw.core.base.read_multiplexer import ReadMultiplexer
from hw.core.host.answers import (
    Answers,
    access,
    early_answers,
    early_spaces,
    reply_cycles,
    writable,
)
from hw.core.host.counters import counter_values
from hw.core.interfaces import NoiseAccess, Settings
from hw.core.ports import BUS_REPLY, BUS_REQUEST, BusReply, BusRequest

QUEUE = 32  # accesses under way at a time


class Readback(Component):
    """Serves accesses in order, a reply each. Owns the registers that the host may write.

    bus_request     from the link
    bus_reply       to the link
    access          to the memories, while one is `active`
    early           their answers, Answers.EARLY cycles later
    weights         answer of the weight memory, with the reply
    settings        registers for the rooms
    noise           state of the random numbers
    clear_counters  pulse
    counts_written  pulse: how many layers or classes are in use was written
    counters        values of the counters
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "bus_request": In(BusRequest),
                "bus_reply": Out(BusReply),
                "access": Out(access(config)),
                "early": In(early_answers(config)),
                "weights": In(16),
                "settings": Out(Settings()),
                "noise": Out(NoiseAccess()),
                "clear_counters": Out(1),
                "counts_written": Out(1),
                "counters": In(counter_values()),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        reply_at = reply_cycles(self.config)
        assert reply_at + 4 <= QUEUE, "an access a cycle needs room for all that are under way"
        m.submodules.queue = queue = fifo.SyncFIFO(width=BUS_REPLY.size, depth=QUEUE)
        under_way, valid = Signal(range(QUEUE + 1)), Signal()
        request = Signal(BUS_REQUEST)
        take = self.bus_request.valid & self.bus_request.ready
        sent = self.bus_reply.valid & self.bus_reply.ready
        m.d.comb += [
            self.bus_request.ready.eq(under_way < QUEUE),
            self.bus_reply.payload.eq(queue.r_data),
            self.bus_reply.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.bus_reply.ready),
        ]
        m.d.sync += [
            self.access.active.eq(under_way != 0),  # from the cycle in which `word` is an address
            under_way.eq(under_way + take - sent),
            request.eq(self.bus_request.payload),
            valid.eq(take),
        ]
        space, good, stored = self._decode(m, request, valid)
        early = later(m, "early", self._early(m, space, stored), reply_at - Answers.EARLY - 1)
        is_weight = later(m, "space", space, reply_at) == Space.WEIGHTS
        exists, asked = later(m, "good", good, reply_at)
        reply = Signal(BUS_REPLY)
        m.d.comb += [
            reply.error.eq(~exists),
            reply.data.eq(Mux(exists, Mux(is_weight, self.weights, early), 0)),
            queue.w_data.eq(reply),
            queue.w_en.eq(asked),
        ]
        return m

    def _decode(
        self, m: Module, request: Any, valid: Signal
    ) -> tuple[Signal, Signal, dict[str, Signal]]:
        """A request's space; whether it is allowed and whether there is one; what registers hold."""
        index, wanted = request.address[:SPACE_SHIFT], request.address[SPACE_SHIFT:]
        space, good, exists, real = Signal(8), Signal(2), Signal(), Signal(init=1)
        element, word = Signal(8), Signal(16)
        m.d.comb += word.eq(index)
        with m.Switch(wanted):
            with m.Case(Space.REGISTERS):
                m.d.comb += exists.eq(self._register_allowed(index, request.write))
            for number, memory in memories(self.config).items():
                if number == Space.RESULTS:
                    continue
                bits = ceil_log2(memory.elements)
                with m.Case(number):
                    allowed = Const(1) if memory.access == "rw" else ~request.write
                    m.d.comb += exists.eq((index < memory.size) & allowed)
                    m.d.comb += word.eq(index[bits:]), element.eq(index[:bits])
                    m.d.comb += real.eq(index[:bits] < memory.elements)
        writing = valid & request.write & exists & real  # what pads a word is not kept
        m.d.sync += [
            space.eq(wanted),
            good.eq(Cat(exists, valid)),
            self.access.word.eq(word),
            self.access.element.eq(element),
            self.access.data.eq(request.data),
        ]
        for number in writable(self.config):
            m.d.sync += self.access.writes[number.name.lower()].eq(writing & (wanted == number))
        m.d.comb += self.noise.load.eq(self.access.data)
        to_registers = writing & (wanted == Space.REGISTERS)
        return space, good, self._write_registers(m, index, to_registers, request.data)

    @staticmethod
    def _register_allowed(index: Value, write: Value) -> Value:
        places = registers.CONTROL
        first = registers.register_address(places[0].name)
        after = first + sum(register.words for register in places)
        return (index < registers.REGISTER_WORDS) & (~write | ((index >= first) & (index < after)))

    def _write_registers(
        self, m: Module, index: Value, write: Value, value: Value
    ) -> dict[str, Signal]:
        """Registers as they were written, by name."""

        def at(name: str, part: int = 0) -> Value:
            return write & (index == registers.register_address(name) + part)

        stored = {}
        most = {"layer_count": self.config.layers, "class_count": self.config.classes}
        for name, limit in most.items():
            stored[name] = Signal(16, name=f"{name}_stored")
            least = Mux(stored[name] == 0, 1, stored[name])
            m.d.sync += getattr(self.settings, name).eq(Mux(least > limit, limit, least))
            with m.If(at(name)):
                m.d.sync += stored[name].eq(value)
        m.d.sync += [
            self.noise.load_low.eq(at("noise_state")),
            self.noise.load_high.eq(at("noise_state", 1)),
            self.clear_counters.eq(at("clear_counters")),
            self.counts_written.eq(at("layer_count") | at("class_count")),
        ]
        return stored

    def _register_words(self, stored: dict[str, Signal]) -> list[Value]:
        """All registers in order, 16 bits a word."""
        fixed = self.config.as_dict() | {
            "magic": registers.MAGIC,
            "version": registers.VERSION,
            "fingerprint": registers.fingerprint(self.config),
            "clear_counters": 0,
        }
        changing = stored | {"noise_state": self.noise.state}
        words = []
        for register in REGISTERS:
            name, bits = register.name, register.bits
            if name in fixed:
                value = Const(fixed[name], bits)
            else:
                value = changing[name] if name in changing else self.counters[name]
            words += [value[at : at + 16] for at in range(0, bits, 16)]
        return words

    def _early(self, m: Module, space: Signal, stored: dict[str, Signal]) -> Signal:
        """Answer of registers and small memories, Answers.EARLY + 1 cycles after the address."""
        words = self._register_words(stored)
        m.submodules.one_register = one = ReadMultiplexer(16, len(words))
        m.d.comb += [place.eq(word) for place, word in zip(one.word, words, strict=True)]
        m.d.sync += one.index.eq(self.access.word)
        wait = Answers.EARLY - 1 - ReadMultiplexer.LATENCY
        register = later(m, "register", one.value, wait)
        at_space = later(m, "early_space", space, Answers.EARLY)
        answer = Signal(16)
        with m.Switch(at_space):
            with m.Case(Space.REGISTERS):
                m.d.sync += answer.eq(register)
            for number in early_spaces(self.config):
                with m.Case(number):
                    m.d.sync += answer.eq(self.early[number.name.lower()])
        return answer
