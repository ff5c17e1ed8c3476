"""The codes of a step (`golden.spec.samples`), taken apart: a byte or an event a cycle."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from golden.spec.samples import DENSE, SKIP, SPARSE, SPARSE_VALUES, VALUES, SampleStatus
from golden.spec.values import slot_bits
from hw.core.base.layouts import HEADER, INPUTS_BITS
from hw.core.ports import SampleBytes

FAR_BITS = 17  # of a row number before it is checked; the top one, once set, stays


def far_event(input_bits: int) -> data.StructLayout:
    """A spike at `row`, which may lie beyond all rows, or the `end` of a step; the value of a spike."""
    value = {"value": signed(input_bits)} if input_bits > 1 else {}
    return data.StructLayout({"row": FAR_BITS, "end": 1} | value)


class Decoder(Component):
    """Reads the header, then each step. Every step ends, whatever is wrong with the payload.

    sample    bytes of a payload
    inputs    input neurons: a dense code has a bit for each
    header    its first bytes
    begin     pulse: the header is complete
    events    spikes, and ends of steps
    status    what was wrong with the payload
    finished  it is taken whole
    free      pulse, with `finished`: make room for the next one
    """

    def __init__(self, input_bits: int = 1) -> None:
        self.input_bits, self.graded = input_bits, input_bits > 1
        super().__init__(
            {
                "sample": In(SampleBytes),
                "inputs": In(INPUTS_BITS),
                "header": Out(HEADER),
                "begin": Out(1),
                "events": Out(stream.Signature(far_event(input_bits))),
                "status": Out(4),
                "finished": Out(1),
                "free": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self.steps = Signal(16)  # left to decode
        self.ended = Signal()  # the payload has no byte left
        self.count = Signal(16)  # bytes of the header so far; of a sparse code yet to come
        self.row = Signal(FAR_BITS)
        self.byte = self.sample.payload.data
        self.take = self.sample.valid & self.sample.ready
        m.d.comb += self.events.payload.row.eq(self.row)
        if self.graded:
            m.d.comb += self.events.payload.value.eq(1)
            self.carried = Signal()  # behind each distance of the code there is a value
            self.slots = Signal(range(9))  # with values, in the byte in hand
        with m.If(self.take & self.sample.payload.last):
            m.d.sync += self.ended.eq(1)
        bits, lowest = self._lowest(m)
        with m.FSM() as fsm:
            m.d.comb += self.finished.eq(fsm.ongoing("FINISHED"))
            with m.State("HEADER"):
                self._header(m)
            with m.State("BEGIN"):
                m.d.sync += self.begin.eq(0), self.steps.eq(self.header.steps)
                m.next = "STEP"
            with m.State("STEP"):
                self._step(m)
            with m.State("DENSE"):
                self._dense(m, bits, lowest)
            with m.State("LOW"):
                self._next_byte(m, self.count[:8].eq(self.byte), "HIGH")
            with m.State("HIGH"):
                self._next_byte(m, self.count[8:].eq(self.byte), "SPARSE")
            with m.State("SPARSE"):
                self._sparse(m)
            if self.graded:
                with m.State("VALUES"):
                    self._values(m)
                with m.State("VALUE"):
                    self._value(m)
            self._ends(m)
        return m

    @staticmethod
    def _lowest(m: Module) -> tuple[Signal, Signal]:
        """The byte of a dense code in hand, and the place of its lowest bit."""
        bits, lowest = Signal(8), Signal(3)
        for bit in reversed(range(8)):
            with m.If(bits[bit]):
                m.d.comb += lowest.eq(bit)
        return bits, lowest

    def _mark(self, flag: SampleStatus) -> Any:
        """Set one bit of the status."""
        return self.status[flag.bit_length() - 1].eq(1)

    def _emit(self, m: Module, row: Value) -> Value:
        """Offer a spike; whether it is taken."""
        m.d.comb += self.events.valid.eq(1), self.events.payload.row.eq(row)
        return self.events.ready

    def _truncated(self, m: Module) -> None:
        """The payload ended too early: every step that is missing ends."""
        m.d.sync += self._mark(SampleStatus.TRUNCATED)
        m.next = "DEAD"

    def _next_byte(self, m: Module, keep: Any, following: str) -> None:
        """Take a byte and go on, or, if there is none left, end every step that is missing."""
        with m.If(self.ended):
            self._truncated(m)
        with m.Else():
            m.d.comb += self.sample.ready.eq(1)
            with m.If(self.take):
                m.d.sync += keep
                m.next = following

    def _header(self, m: Module) -> None:
        m.d.comb += self.sample.ready.eq(1)
        with m.If(self.take):
            shifted = Cat(self.header.as_value()[8:], self.byte)
            m.d.sync += self.header.eq(shifted), self.count.eq(self.count + 1)
            with m.If(self.count == HEADER.size // 8 - 1):
                m.d.sync += self.begin.eq(1)
                m.next = "BEGIN"

    def _step(self, m: Module) -> None:
        """The code of the next step."""
        m.d.sync += self.row.eq(0), self.count.eq(0)
        if self.graded:
            m.d.sync += self.carried.eq(self.byte == SPARSE_VALUES), self.slots.eq(0)
        with m.If(self.steps == 0):
            m.next = "TRAILING"
        with m.Elif(self.ended):
            self._truncated(m)
        with m.Else():
            m.d.comb += self.sample.ready.eq(1)
            with m.If(self.take):
                with m.If(self.byte == DENSE):
                    m.next = "DENSE"
                with m.Elif(self.byte == SPARSE):
                    m.next = "LOW"
                if self.graded:
                    with m.Elif(self.byte == VALUES):
                        m.next = "VALUES"
                    with m.Elif(self.byte == SPARSE_VALUES):
                        m.next = "LOW"
                with m.Else():
                    m.d.sync += self._mark(SampleStatus.BAD_CODE)
                    m.next = "DROP"

    def _dense(self, m: Module, bits: Signal, lowest: Signal) -> None:
        """A byte holds 8 rows: a spike for its lowest bit each cycle, the next byte with the last."""
        rest, gone = bits & (bits - 1)[:8], Signal()
        with m.If(bits == 0):
            m.d.comb += gone.eq(1)
        with m.Else():
            with m.If(self._emit(m, (self.row - 8 + lowest)[:FAR_BITS])):
                m.d.sync += bits.eq(rest)
                m.d.comb += gone.eq(rest == 0)
        with m.If(gone):
            with m.If(self.row >= self.inputs):
                m.next = "END"
            with m.Else():
                self._next_byte(m, [bits.eq(self.byte), self.row.eq(self.row + 8)], "DENSE")

    def _sparse(self, m: Module) -> None:
        """A byte is the distance to the next spike, or SKIP."""
        with m.If(self.count == 0):
            m.next = "END"
        with m.Elif(self.ended):
            self._truncated(m)
        with m.Else():
            moved, total = Signal(FAR_BITS), self.row[:-1] + self.byte
            m.d.comb += moved.eq(Cat(total[:-1], total[-1] | self.row[-1]))
            following = _behind(moved)
            with m.If(self.byte == SKIP):
                m.d.comb += self.sample.ready.eq(1)
            with m.Elif(self.sample.valid):
                m.d.comb += self.sample.ready.eq(self._emit(m, moved))
            with m.If(self.take):
                m.d.sync += self.count.eq(self.count - 1)
                m.d.sync += self.row.eq(Mux(self.byte == SKIP, moved, following))
            if self.graded:
                with m.If(self.carried):  # the event comes with its value
                    m.d.comb += self.events.valid.eq(0), self.sample.ready.eq(1)
                    with m.If(self.take):
                        m.d.sync += self.row.eq(moved)
                        with m.If(self.byte != SKIP):
                            m.next = "VALUE"

    def _value(self, m: Module) -> None:
        """The value of the event at `row`."""
        value = self.events.payload.value
        with m.If(self.count == 0):
            m.next = "END"
        with m.Elif(self.ended):
            self._truncated(m)
        with m.Else():
            m.d.comb += value.eq(self.byte[: self.input_bits].as_signed())
            with m.If(value == 0):
                m.d.comb += self.sample.ready.eq(1)
            with m.Elif(self.sample.valid):
                m.d.comb += self.sample.ready.eq(self._emit(m, self.row))
            with m.If(self.take):
                m.d.sync += self.count.eq(self.count - 1)
                m.d.sync += self.row.eq(_behind(self.row))
                m.next = "SPARSE"

    def _values(self, m: Module) -> None:
        """A slot holds the value of a row: a row a cycle."""
        bits, held, gone = slot_bits(self.input_bits), Signal(8), Signal()
        value = self.events.payload.value
        with m.If(self.slots == 0):
            with m.If(self.row >= self.inputs):
                m.next = "END"
            with m.Else():
                self._next_byte(m, [held.eq(self.byte), self.slots.eq(8 // bits)], "VALUES")
        with m.Else():
            m.d.comb += value.eq(held[: self.input_bits].as_signed())
            with m.If(value == 0):
                m.d.comb += gone.eq(1)
            with m.Else():
                m.d.comb += gone.eq(self._emit(m, self.row))
            with m.If(gone):
                m.d.sync += held.eq(held >> bits), self.slots.eq(self.slots - 1)
                m.d.sync += self.row.eq(self.row + 1)

    def _ends(self, m: Module) -> None:
        """Ends of steps, of steps that are missing, and of the payload."""
        end, taken = self.events.payload.end, self.events.ready
        with m.State("END"):
            m.d.comb += self.events.valid.eq(1), end.eq(1)
            with m.If(taken):
                m.d.sync += self.steps.eq(self.steps - 1)
                m.next = "STEP"
        with m.State("DROP"):
            m.d.comb += self.sample.ready.eq(~self.ended)
            with m.If(self.ended):
                m.next = "DEAD"
        with m.State("DEAD"):
            m.d.comb += self.events.valid.eq(self.steps != 0), end.eq(1)
            with m.If(self.steps == 0):
                m.next = "FINISHED"
            with m.Elif(taken):
                m.d.sync += self.steps.eq(self.steps - 1)
        with m.State("TRAILING"):
            m.d.comb += self.sample.ready.eq(~self.ended)
            with m.If(self.ended):
                m.next = "FINISHED"
            with m.Else():
                m.d.sync += self._mark(SampleStatus.TRAILING)
        with m.State("FINISHED"):
            with m.If(self.free):
                m.d.sync += self.ended.eq(0), self.status.eq(0), self.count.eq(0)
                m.next = "HEADER"


def _behind(row: Value) -> Value:
    """The row behind `row`; its top bit, once set, stays."""
    return Cat((row[:-1] + 1)[:-1], row[:-1].all() | row[-1])
