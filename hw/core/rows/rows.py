"""The rows of the layer in hand: input events or spikes of the layer before, merged with its traces."""

from typing import Any

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from golden.spec.config import CoreConfig
from golden.spec.samples import SampleStatus
from hw.core.base.layouts import INPUTS_BITS, spike_word, visit
from hw.core.interfaces import SampleHead, TraceControl, TracePeek
from hw.core.ports import SampleBytes
from hw.core.rows.events import Events
from hw.core.rows.scan import Scan
from hw.core.rows.trace import Trace


class Rows(Component):
    """The first layer takes the host's events, every other one those that Scan finds.

    sample   bytes from the link
    inputs   input neurons of the first layer
    head     the sample that is coming in
    free     pulse: make room for the next payload
    taken    pulse: an input spike was decoded
    spikes   chunks of spikes of the layer before
    control  which layer is in hand
    visits   its rows, and the end of the pass
    starved  the merge waits for a spike
    peek     active lists, for the host
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "sample": In(SampleBytes),
                "inputs": In(INPUTS_BITS),
                "head": Out(SampleHead()),
                "free": In(1),
                "taken": Out(1),
                "spikes": In(stream.Signature(spike_word(config))),
                "control": In(TraceControl(config)),
                "visits": Out(stream.Signature(visit(config))),
                "starved": Out(1),
                "peek": In(TracePeek(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.events = events = Events(self.config)
        m.submodules.scan = scan = Scan(self.config)
        m.submodules.trace = trace = Trace(self.config)
        connect(m, flipped(self.sample), events.sample)
        connect(m, flipped(self.spikes), scan.chunks)
        connect(m, flipped(self.control), trace.control)
        connect(m, flipped(self.peek), trace.peek)
        connect(m, trace.visits, flipped(self.visits))
        self._head(m, events.head, trace.full)
        from_host = Signal()  # a cycle late: no layer takes events as soon as that
        m.d.sync += from_host.eq(self.control.layer == 0)
        m.d.comb += [
            trace.events.payload.eq(Mux(from_host, events.events.payload, scan.events.payload)),
            trace.events.valid.eq(Mux(from_host, events.events.valid, scan.events.valid)),
            events.events.ready.eq(from_host & trace.events.ready),
            scan.events.ready.eq(~from_host & trace.events.ready),
            self.starved.eq(trace.starved),
            events.inputs.eq(self.inputs),
            events.free.eq(self.free),
            self.taken.eq(events.taken),
        ]
        return m

    def _head(self, m: Module, head: Any, full: Value) -> None:
        """What Events knows of the sample, and for which layers the lists were full since it began."""
        m.d.comb += [
            self.head.header.eq(head.header),
            self.head.begin.eq(head.begin),
            self.head.finished.eq(head.finished),
            self.head.status.eq(head.status),
        ]
        if not self.config.list_rows:
            return
        layers = Signal(self.config.layers)
        m.d.comb += self.head.status[SampleStatus.LIST_FULL.bit_length() - 1 :].eq(layers)
        with m.If(full):
            m.d.sync += layers.bit_select(self.control.layer, 1).eq(1)
        with m.If(self.free):
            m.d.sync += layers.eq(0)
