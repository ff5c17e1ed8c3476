"""Sample payloads into events. Twin of golden/rows/events.py."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, fifo, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from golden.spec.memory_map import EVENTS_AHEAD
from golden.spec.samples import DENSE, SKIP, SPARSE, SampleStatus
from hw.core.base.pipeline import front
from hw.core.base.tokens import event, event_stream
from hw.core.ports import SAMPLE_BYTE, SampleBytes

HEADER = data.StructLayout({"label": 8, "flags": 8, "steps": 16, "learn_from": 16})
SLICE = 4  # places of the queues that only keep paths from running through, before and after
FAR = 17  # bits of a row number before it is checked; the top one, once set, stays


class Events(wiring.Component):
    """Decodes one SAMPLE payload at a byte or an event a cycle, ahead of the core.

    `begin` pulses when `header` is complete. Every step ends in an event with `end`, whatever is
    wrong with the payload; `status` tells what was. `finished` is high once the payload is taken
    whole; `free` then makes room for the next one.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self._bytes = SampleBytes.create()
        self._decoded = Signal()  # the payload is taken whole
        super().__init__(
            {
                "sample": In(SampleBytes),
                "inputs": In(16),
                "header": Out(HEADER),
                "begin": Out(1),
                "finished": Out(1),
                "free": In(1),
                "status": Out(4),
                "events": Out(event_stream(config)),
                "taken": Out(1),  # an input spike was decoded
            }
        )

    def elaborate(self, platform):
        m = Module()
        queue = fifo.SyncFIFOBuffered(width=event(self.config).size, depth=EVENTS_AHEAD)
        m.submodules.queue = queue
        m.submodules.intake = intake = fifo.SyncFIFO(width=SAMPLE_BYTE.size, depth=SLICE)
        near = front(m, queue, SLICE)
        m.d.comb += [
            intake.w_data.eq(self.sample.payload),
            intake.w_en.eq(self.sample.valid),
            self.sample.ready.eq(intake.w_rdy),
            self._bytes.payload.eq(intake.r_data),
            self._bytes.valid.eq(intake.r_rdy),
            intake.r_en.eq(self._bytes.ready),
            self.events.payload.eq(near.r_data),
            self.events.valid.eq(near.r_rdy),
            near.r_en.eq(self.events.ready),
        ]
        out, push = Signal(data.StructLayout({"row": FAR, "end": 1})), Signal()
        room = self._check(m, queue, out, push)
        self._decode(m, out, push, room)
        return m

    def _mark(self, flag: SampleStatus):
        """Set one bit of the status, whatever else sets another in the same cycle."""
        return self.status[flag.bit_length() - 1].eq(1)

    def _check(self, m, queue, out, push):
        """What was decoded, a cycle later, into the queue, unless there is no such row; room for more."""
        held, valid = Signal.like(out, reset_less=True), Signal()
        room, fits = Signal(), held.row < self.inputs
        with m.If(room):
            m.d.sync += held.eq(out), valid.eq(push)
        with m.If(valid & ~held.end & ~fits):
            m.d.sync += self._mark(SampleStatus.ROW_RANGE)
        queued = Signal(event(self.config))
        m.d.comb += [
            room.eq(~valid | queue.w_rdy),
            queued.row.eq(held.row),
            queued.end.eq(held.end),
            queue.w_data.eq(queued),
            queue.w_en.eq(valid & (held.end | fits)),
            self.taken.eq(valid & queue.w_rdy & ~held.end & fits),
            self.finished.eq(self._decoded & ~valid),
        ]
        return room

    def _decode(self, m, out, push, room):
        steps = Signal(16)
        ended = Signal()  # the payload has no byte left
        count = Signal(16)
        bits = Signal(8)
        row = Signal(FAR)
        byte = self._bytes.payload.data
        m.d.comb += out.row.eq(row)
        lowest = Signal(3)
        for bit in reversed(range(8)):
            with m.If(bits[bit]):
                m.d.comb += lowest.eq(bit)
        take = self._bytes.valid & self._bytes.ready
        with m.If(take & self._bytes.payload.last):
            m.d.sync += ended.eq(1)

        def truncated():
            return self._mark(SampleStatus.TRUNCATED)

        def emit(far_row):
            m.d.comb += push.eq(1), out.row.eq(far_row)
            return room

        with m.FSM() as fsm:
            m.d.comb += self._decoded.eq(fsm.ongoing("FINISHED"))
            with m.State("HEADER"):
                m.d.comb += self._bytes.ready.eq(1)
                with m.If(take):
                    shifted = Cat(self.header.as_value()[8:], byte)
                    m.d.sync += self.header.eq(shifted), count.eq(count + 1)
                    with m.If(count == HEADER.size // 8 - 1):
                        m.d.sync += self.begin.eq(1)
                        m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += self.begin.eq(0), steps.eq(self.header.steps)
                m.next = "STEP"
            with m.State("STEP"):
                m.d.sync += row.eq(0), count.eq(0)
                with m.If(steps == 0):
                    m.next = "TRAILING"
                with m.Elif(ended):
                    m.d.sync += truncated()
                    m.next = "DEAD"
                with m.Else():
                    m.d.comb += self._bytes.ready.eq(1)
                    with m.If(take):
                        with m.If(byte == DENSE):
                            m.next = "DENSE"
                        with m.Elif(byte == SPARSE):
                            m.next = "LOW"
                        with m.Else():
                            m.d.sync += self._mark(SampleStatus.BAD_CODE)
                            m.next = "DROP"
            self._dense(m, ended, take, byte, row, bits, lowest, emit, truncated)
            for name, following, part in (
                ("LOW", "HIGH", count[:8]),
                ("HIGH", "SPARSE", count[8:]),
            ):
                with m.State(name):
                    with m.If(ended):
                        m.d.sync += truncated()
                        m.next = "DEAD"
                    with m.Else():
                        m.d.comb += self._bytes.ready.eq(1)
                        with m.If(take):
                            m.d.sync += part.eq(byte)
                            m.next = following
            with m.State("SPARSE"):
                with m.If(count == 0):
                    m.next = "END"
                with m.Elif(ended):
                    m.d.sync += truncated()
                    m.next = "DEAD"
                with m.Else():
                    moved, total = Signal(FAR), row[:-1] + byte
                    m.d.comb += moved.eq(Cat(total[:-1], total[-1] | row[-1]))
                    following = Cat((moved[:-1] + 1)[:-1], moved[:-1].all() | moved[-1])
                    done = Signal()
                    with m.If(byte == SKIP):
                        m.d.comb += done.eq(1)
                    with m.Elif(self._bytes.valid):
                        m.d.comb += done.eq(emit(moved))
                    m.d.comb += self._bytes.ready.eq(done)
                    with m.If(take):
                        m.d.sync += count.eq(count - 1)
                        m.d.sync += row.eq(Mux(byte == SKIP, moved, following))
            with m.State("END"):
                m.d.comb += push.eq(1), out.end.eq(1)
                with m.If(room):
                    m.d.sync += steps.eq(steps - 1)
                    m.next = "STEP"
            with m.State("DROP"):
                m.d.comb += self._bytes.ready.eq(~ended)
                with m.If(ended):
                    m.next = "DEAD"
            with m.State("DEAD"):
                m.d.comb += push.eq(steps != 0), out.end.eq(1)
                with m.If(steps == 0):
                    m.next = "FINISHED"
                with m.Elif(room):
                    m.d.sync += steps.eq(steps - 1)
            with m.State("TRAILING"):
                m.d.comb += self._bytes.ready.eq(~ended)
                with m.If(ended):
                    m.next = "FINISHED"
                with m.Else():
                    m.d.sync += self._mark(SampleStatus.TRAILING)
            with m.State("FINISHED"):
                with m.If(self.free):
                    m.d.sync += ended.eq(0), self.status.eq(0), count.eq(0)
                    m.next = "HEADER"

    def _dense(self, m, ended, take, byte, row, bits, lowest, emit, truncated):
        """A byte holds 8 rows: emit its lowest bit each cycle, and take the next byte with the last."""
        rest = bits & (bits - 1)[:8]
        with m.State("DENSE"):
            gone = Signal()
            with m.If(bits == 0):
                m.d.comb += gone.eq(1)
            with m.Else():
                with m.If(emit((row - 8 + lowest)[:FAR])):
                    m.d.sync += bits.eq(rest)
                    m.d.comb += gone.eq(rest == 0)
            with m.If(gone):
                with m.If(row >= self.inputs):
                    m.next = "END"
                with m.Elif(ended):
                    m.d.sync += truncated()
                    m.next = "DEAD"
                with m.Else():
                    m.d.comb += self._bytes.ready.eq(1)
                    with m.If(take):
                        m.d.sync += bits.eq(byte), row.eq(row + 8)
