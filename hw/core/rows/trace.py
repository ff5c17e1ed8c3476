"""Pre traces and the active list. Twin of golden/rows/trace.py.

The active lists of all layers live in one ring, in the order in which layers are run. A pass takes
its layer's entries out at the front, merges them with the new spikes, and puts those that keep a trace
back in at the end. No address is ever computed, no trace is kept for a silent row.

A ring of `trace_entries` is full only when every row of every layer is in it. A shorter one (`list_rows`) may
be full before. So a row that spikes and has no entry takes one of the places that were free when the pass
began, or is left out. Then what a pass has still to take out and what it has put back always fit.
"""

from typing import Any

from amaranth import Array, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.formats import FACTOR_BITS, TRACE_BITS
from hw.core.base.formats import saturate, saturate_unsigned
from hw.core.base.layouts import event, event_stream, layer_bits, trace_entry, visit
from hw.core.base.pipeline import later, when
from hw.core.interfaces import TraceControl, TracePeek

AHEAD = 8  # entries fetched ahead of the merge


class Trace(wiring.Component):
    """Merges a layer's active list with its spikes into `visits`, one row a cycle, ascending.

    control  which layer's list, and how
    events   its spikes
    visits   the rows of both, and the end of the pass
    starved  the merge waits for an event
    full     pulse: a row was left out
    peek     the lists, for the host
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.entry = trace_entry(config)
        self.counter = bits_for(config.list_depth)
        super().__init__(
            {
                "control": In(TraceControl(config)),
                "events": In(event_stream(config)),
                "visits": Out(stream.Signature(visit(config))),
                "starved": Out(1),
                "full": Out(1),
                "peek": In(TracePeek(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        memory = Memory(shape=self.entry, depth=config.list_depth, init=[])
        m.submodules.ring = memory
        m.submodules.ahead = ahead = fifo.SyncFIFO(width=self.entry.size, depth=AHEAD)
        lengths = Array(
            Signal(self.counter, name=f"length_{layer}") for layer in range(config.layers)
        )
        left = Signal(self.counter)  # entries of this pass still in the ring or fetched
        self.kept = Signal()  # pulse: an entry is put into the ring
        self.new = Signal()  # the merge takes a spike of a row that has no entry
        self.leaves_out = self._room(m, lengths) if config.list_rows else Const(0)
        self._fetch(m, memory.read_port(), ahead, lengths, left)
        self._merge(m, ahead, left)
        self._keep(m, memory.write_port(), lengths)
        with m.If(self.control.start):
            m.d.sync += left.eq(lengths[self.control.layer]), lengths[self.control.layer].eq(0)
        with m.If(self.control.skip):
            m.d.sync += lengths[self.control.layer].eq(0)
        with m.If(self.control.clear):
            m.d.sync += [length.eq(0) for length in lengths]
        m.d.sync += self.peek.count.eq(lengths[self.peek.layer])
        return m

    def _room(self, m: Module, lengths: Array) -> Value:
        """Whether the spike of a row without an entry is left out: no place is left that was free."""
        depth = self.config.list_depth
        free = Signal(self.counter, init=depth)  # places that are in no list
        room = Signal(self.counter)  # those left of what was free when the pass began
        with m.If(self.control.start | self.control.skip):
            m.d.sync += free.eq(free + lengths[self.control.layer]), room.eq(free)
        with m.Elif(self.kept):
            m.d.sync += free.eq(free - 1)
        with m.If(self.control.clear):
            m.d.sync += free.eq(depth)
        leaves_out = self.new & (room == 0)
        with m.If(self.new & ~leaves_out):
            m.d.sync += room.eq(room - 1)
        return leaves_out

    def _next(self, pointer: Value) -> Value:
        """The following place of the ring."""
        last = self.config.list_depth - 1
        return Mux(pointer == last, 0, pointer + 1)

    def _wrap(self, place: Value) -> Value:
        """A place at most one turn beyond the end of the ring."""
        entries = self.config.list_depth
        return Mux(place >= entries, place - entries, place)

    def _fetch(
        self, m: Module, port: Any, ahead: fifo.SyncFIFO, lengths: Array, left: Signal
    ) -> None:
        """Read entries before the merge asks for them."""
        config = self.config
        head = Signal(config.list_bits)
        unread = Signal(self.counter)
        fetched, arrived = Signal(), Signal()
        room = (ahead.level + fetched + arrived) < AHEAD
        fetch = (unread != 0) & room
        peeked = Signal(config.list_bits + 1)
        m.d.comb += peeked.eq(head + self.peek.index)
        m.d.comb += [
            port.addr.eq(Mux(unread != 0, head, self._wrap(peeked))),
            ahead.w_data.eq(later(m, "arrived", port.data, 1)),
            ahead.w_en.eq(arrived),
            self.peek.entry.eq(port.data),
        ]
        m.d.sync += fetched.eq(fetch), arrived.eq(fetched)
        with m.If(fetch):
            m.d.sync += head.eq(self._next(head)), unread.eq(unread - 1)
        with m.If(self.control.start):
            m.d.sync += unread.eq(lengths[self.control.layer])
        with m.If(self.control.skip):
            beyond = Signal(config.list_bits + 1)
            m.d.comb += beyond.eq(head + lengths[self.control.layer])
            m.d.sync += head.eq(self._wrap(beyond))
        with m.If(self.control.clear):
            m.d.sync += head.eq(0)

    def _merge(self, m: Module, ahead: fifo.SyncFIFO, left: Signal) -> None:
        """The smaller of list front and spike front; both, where they are the same row."""
        running, bias_due = Signal(), Signal()
        old = Signal(self.entry)
        spike = Signal(event(self.config))
        m.d.comb += old.eq(ahead.r_data), spike.eq(self.events.payload)
        ended = self.control.flush | (self.events.valid & spike.end)
        spike_row = Mux(ended, self.control.last_row, spike.row)
        has_spike = Mux(ended, bias_due, self.events.valid)
        no_spike = ended & ~bias_due
        has_old, no_old = ahead.r_rdy, left == 0
        take_old = has_old & ((has_spike & (old.row <= spike_row)) | no_spike)
        take_spike = has_spike & ((has_old & (spike_row <= old.row)) | no_old)
        end = no_spike & no_old
        go = running & (~self.visits.valid | self.visits.ready)
        out = self.visits.payload
        m.d.comb += [
            ahead.r_en.eq(go & take_old),
            self.events.ready.eq(go & ((take_spike & ~ended) | (end & ~self.control.flush))),
            self.starved.eq(running & ~self.control.flush & ~self.events.valid),
            self.new.eq(go & take_spike & ~take_old),
            self.full.eq(self.leaves_out),
        ]
        with m.If(self.visits.ready):
            m.d.sync += self.visits.valid.eq(0)
        with m.If(go):
            m.d.sync += [
                self.visits.valid.eq((take_old | take_spike | end) & ~self.leaves_out),
                out.row.eq(Mux(take_old, old.row, spike_row)),
                out.trace.eq(Mux(take_old, old.trace, 0)),
                out.previous_spike.eq(take_old & old.previous_spike),
                out.spike.eq(take_spike),
                out.end.eq(end),
            ]
            if self.config.graded:
                value = Mux(ended, 1, spike.value)
                m.d.sync += out.value.eq(when(take_spike, value))
            with m.If(take_old):
                m.d.sync += left.eq(left - 1)
            with m.If(take_spike & ended):
                m.d.sync += bias_due.eq(0)
            with m.If(end):
                m.d.sync += running.eq(0)
        with m.If(self.control.start):
            m.d.sync += running.eq(1), bias_due.eq(self.control.bias & ~self.control.flush)

    def _keep(self, m: Module, port: Any, lengths: Array) -> None:
        """q[t] = lambda q[t-1] + gain x[t]; back into the ring unless there is nothing left of it."""
        out = self.visits.payload
        tail = Signal(self.config.list_bits)
        visited, kept = Signal(), self.kept
        layer = [Signal(layer_bits(self.config), name=f"layer_{stage}") for stage in range(2)]
        row = Signal(self.config.row_bits)
        spike = Signal()
        entry = Signal(self.entry)
        total, trace = self._grown(m, spike)
        m.d.sync += [
            visited.eq(
                self.visits.valid
                & self.visits.ready
                & ~out.end
                & self.control.keep
                & ~self.control.flush
            ),
            layer[0].eq(self.control.layer),
            row.eq(out.row),
            spike.eq(out.spike),
            kept.eq(visited & ((total != 0) | spike)),
            layer[1].eq(layer[0]),
            entry.row.eq(row),
            entry.trace.eq(trace),
            entry.previous_spike.eq(spike),
        ]
        m.d.comb += port.addr.eq(tail), port.data.eq(entry), port.en.eq(kept)
        with m.If(kept):
            m.d.sync += tail.eq(self._next(tail))
            m.d.sync += lengths[layer[1]].eq(lengths[layer[1]] + 1)
        with m.If(self.control.clear):
            m.d.sync += tail.eq(0)

    def _grown(self, m: Module, spike: Signal) -> tuple[Signal, Value]:
        """The visited row's new trace, a cycle later: in full, and saturated."""
        out, bits = self.visits.payload, self.config.trace_bits
        if not self.config.graded:
            product, total = Signal(bits + FACTOR_BITS), Signal(bits + 1)
            m.d.sync += product.eq(out.trace * self.control.decay)
            m.d.comb += total.eq((product >> FACTOR_BITS) + when(spike, self.control.gain))
            return total, saturate_unsigned(total, bits)
        decayed, added = Signal(signed(bits + FACTOR_BITS)), Signal(signed(TRACE_BITS + bits))
        whole = Signal(signed(TRACE_BITS + bits + 1))
        m.d.sync += [
            decayed.eq(out.trace * self.control.decay),
            added.eq(out.value * self.control.gain),
        ]
        upwards = when(decayed < 0, (1 << FACTOR_BITS) - 1)  # towards zero, from below too
        m.d.comb += whole.eq(((decayed + upwards) >> FACTOR_BITS) + added)
        return whole, saturate(whole, bits)
