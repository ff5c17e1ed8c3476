"""The host's way into the core: registers and memories by address. Twin of golden/host/memory.py.

A pipeline that takes an access a cycle while the core is at rest: decode · address · memories · reply.
"""

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import registers
from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.registers import COUNTERS, REGISTERS, SPACE_SHIFT, Space, memories
from hw.core.base.pipeline import later
from hw.core.host.answers import EARLY, reply_cycles
from hw.core.ports import BUS_REPLY, BUS_REQUEST, BusReply, BusRequest

QUEUE = 32
BLOCK_BITS = 3  # registers are chosen from in blocks of 8


class Readback(wiring.Component):
    """Serves `bus_request` in order, one `bus_reply` each.

    `active` holds memories for the host; `word` and `element` address them in the cycle of
    `write_<space>`. `early_<space>` answers EARLY cycles later, `weights` with the reply.
    """

    EARLY_SPACES = (
        Space.LAYERS, Space.SIGNS, Space.MEMBRANES, Space.POST_TRACES,
        Space.SPIKES, Space.TRACES, Space.TRACE_COUNTS,
    )  # fmt: skip

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.reply = reply_cycles(config)
        assert self.reply + 4 <= QUEUE  # an access a cycle
        ports = {
            "bus_request": In(BusRequest),
            "bus_reply": Out(BusReply),
            "active": Out(1),
            "word": Out(16),
            "element": Out(8),
            "data": Out(16),
            "weights": In(16),
            "layer_count": Out(16),
            "class_count": Out(16),
            "noise_state": In(32),
            "load_noise_low": Out(1),
            "load_noise_high": Out(1),
            "clear_counters": Out(1),
        }
        for space in self.EARLY_SPACES:
            ports[f"early_{space.name.lower()}"] = In(16)
        for space in self._writable():
            ports[f"write_{space.name.lower()}"] = Out(1)
        for counter in COUNTERS:
            ports[counter.name] = In(counter.bits)
        super().__init__(ports)

    def _writable(self):
        return [s for s, memory in memories(self.config).items() if memory.access == "rw"]

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = fifo.SyncFIFO(width=BUS_REPLY.size, depth=QUEUE)
        under_way = Signal(range(QUEUE + 1))
        request = Signal(BUS_REQUEST)
        valid = Signal()
        take = self.bus_request.valid & self.bus_request.ready
        sent = self.bus_reply.valid & self.bus_reply.ready
        m.d.comb += [
            self.bus_request.ready.eq(under_way < QUEUE),
            self.bus_reply.payload.eq(queue.r_data),
            self.bus_reply.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.bus_reply.ready),
        ]
        m.d.sync += [
            self.active.eq(under_way != 0),  # from the cycle in which `word` holds an address
            under_way.eq(under_way + take - sent),
            request.eq(self.bus_request.payload),
            valid.eq(take),
        ]
        space, good = self._decode(m, request, valid)
        early = self._early(m, space)
        early = later(m, "early", early, self.reply - EARLY - 1)
        spaces = later(m, "space", space, self.reply)
        goods = later(m, "good", good, self.reply)
        is_weight = spaces == Space.WEIGHTS
        reply = Signal(BUS_REPLY)
        m.d.comb += [
            reply.error.eq(~goods[0]),
            reply.data.eq(Mux(goods[0], Mux(is_weight, self.weights, early), 0)),
            queue.w_data.eq(reply),
            queue.w_en.eq(goods[1]),
        ]
        return m

    def _decode(self, m, request, valid):
        """Space, word and element of a request; whether there is such a place."""
        index = request.address[:SPACE_SHIFT]
        wanted = request.address[SPACE_SHIFT:]
        space, good = Signal(8), Signal(2)  # good: allowed, there was a request
        exists = Signal()
        element, word = Signal(8), Signal(16)
        m.d.comb += word.eq(index), element.eq(0)
        with m.Switch(wanted):
            with m.Case(Space.REGISTERS):
                m.d.comb += exists.eq(self._register_allowed(index, request.write))
            for number, memory in memories(self.config).items():
                if number == Space.RESULTS:
                    continue
                bits = ceil_log2(memory.elements)
                with m.Case(number):
                    m.d.comb += exists.eq(index < memory.size)
                    if memory.access == "r":
                        m.d.comb += exists.eq((index < memory.size) & ~request.write)
                    m.d.comb += word.eq(index[bits:]), element.eq(index[:bits])
        writing = valid & request.write & exists
        m.d.sync += [
            space.eq(wanted),
            good.eq(Cat(exists, valid)),
            self.word.eq(word),
            self.element.eq(element),
            self.data.eq(request.data),
        ]
        for number in self._writable():
            m.d.sync += getattr(self, f"write_{number.name.lower()}").eq(
                writing & (wanted == number)
            )
        self._write_registers(m, index, writing & (wanted == Space.REGISTERS), request.data)
        return space, good

    @staticmethod
    def _register_allowed(index, write):
        places = registers.CONTROL
        first = registers.register_address(places[0].name)
        after = first + sum(register.words for register in places)
        return (index < registers.REGISTER_WORDS) & (~write | ((index >= first) & (index < after)))

    def _write_registers(self, m, index, write, data):
        def at(name, part=0):
            return write & (index == registers.register_address(name) + part)

        for name in ("layer_count", "class_count"):
            stored = self._stored[name] = Signal(16, name=f"{name}_stored")
            most = self.config.layers if name == "layer_count" else self.config.classes
            clamped = Mux(stored == 0, 1, Mux(stored > most, most, stored))
            m.d.sync += getattr(self, name).eq(clamped)
            with m.If(at(name)):
                m.d.sync += stored.eq(data)
        m.d.sync += [
            self.load_noise_low.eq(at("noise_state")),
            self.load_noise_high.eq(at("noise_state", 1)),
            self.clear_counters.eq(at("clear_counters")),
        ]

    @property
    def _stored(self):
        if not hasattr(self, "_stored_registers"):
            object.__setattr__(self, "_stored_registers", {})
        return self._stored_registers

    def _register_words(self):
        fixed = self.config.as_dict() | {
            "magic": registers.MAGIC,
            "version": registers.VERSION,
            "fingerprint": registers.fingerprint(self.config),
            "clear_counters": 0,
        }
        words = []
        for register in REGISTERS:
            if register.name in fixed:
                value = Const(fixed[register.name], register.bits)
            elif register.name in self._stored:
                value = self._stored[register.name]
            else:
                value = getattr(self, register.name)
            words += [value[at : at + 16] for at in range(0, register.bits, 16)]
        return words

    def _register(self, m, row):
        """The word of registers at `row`, two cycles later: one out of each block, one of the blocks."""
        words = self._register_words()
        chosen, block = [], later(m, "block", row[BLOCK_BITS:], 1)
        for first in range(0, len(words), 1 << BLOCK_BITS):
            word = Signal(16, name=f"registers_{first}", reset_less=True)
            m.d.sync += word.eq(Array(words[first : first + (1 << BLOCK_BITS)])[row[:BLOCK_BITS]])
            chosen.append(word)
        register = Signal(16, reset_less=True)
        m.d.sync += register.eq(0)
        with m.Switch(block):
            for number, word in enumerate(chosen):
                with m.Case(number):
                    m.d.sync += register.eq(word)
        return register

    def _early(self, m, space):
        """Answer of registers and small memories, EARLY + 1 cycles after the address."""
        row = Signal(8)
        m.d.sync += row.eq(self.word)
        register = later(m, "register", self._register(m, row), EARLY - 3)
        at_space = later(m, "early_space", space, EARLY)
        answer = Signal(16)
        with m.Switch(at_space):
            with m.Case(Space.REGISTERS):
                m.d.sync += answer.eq(register)
            for number in self.EARLY_SPACES:
                with m.Case(number):
                    m.d.sync += answer.eq(getattr(self, f"early_{number.name.lower()}"))
        return answer
