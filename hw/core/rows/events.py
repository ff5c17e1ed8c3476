"""Sample payloads into events. Twin of golden/rows/events.py."""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import fifo
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.memory_map import EVENTS_AHEAD
from golden.spec.samples import SampleStatus
from hw.core.base.layouts import INPUTS_BITS, event, event_stream
from hw.core.base.pipeline import front
from hw.core.base.register_slice import register_slice
from hw.core.interfaces import SampleHead
from hw.core.ports import SampleBytes
from hw.core.rows.decoder import Decoder

SLICE = 4  # places of the queues that only keep paths from running through, before and after


class Events(Component):
    """Decodes one SAMPLE payload at a byte or an event a cycle, ahead of the core.

    Every step ends in an event with `end`, whatever is wrong with the payload.

    sample  bytes of a payload
    inputs  input neurons: a row beyond them is dropped, and told in the status
    head    what is known of the payload
    free    pulse: make room for the next one
    events  spikes of the input
    taken   pulse: an input spike was decoded
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "sample": In(SampleBytes),
                "inputs": In(INPUTS_BITS),
                "head": Out(SampleHead()),
                "free": In(1),
                "events": Out(event_stream(config)),
                "taken": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.decoder = decoder = Decoder(self.config.input_bits)
        register_slice(m, "intake", self.sample, decoder.sample, SLICE)
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(
            width=event(self.config).size, depth=EVENTS_AHEAD
        )
        near = front(m, queue, SLICE)
        m.d.comb += [
            self.events.payload.eq(near.r_data),
            self.events.valid.eq(near.r_rdy),
            near.r_en.eq(self.events.ready),
            self.head.header.eq(decoder.header),
            self.head.begin.eq(decoder.begin),
            decoder.inputs.eq(self.inputs),
            decoder.free.eq(self.free),
        ]
        self._check(m, decoder, queue)
        return m

    def _check(self, m: Module, decoder: Decoder, queue: fifo.SyncFIFOBuffered) -> None:
        """What was decoded, a cycle later, into the queue, unless there is no such row."""
        held, valid = Signal.like(decoder.events.payload, reset_less=True), Signal()
        fits, unknown_row = held.row < self.inputs, Signal()
        with m.If(decoder.events.ready):
            m.d.sync += held.eq(decoder.events.payload), valid.eq(decoder.events.valid)
        with m.If(valid & ~held.end & ~fits):
            m.d.sync += unknown_row.eq(1)
        with m.If(self.free):
            m.d.sync += unknown_row.eq(0)
        queued = Signal(event(self.config))
        m.d.comb += [
            decoder.events.ready.eq(~valid | queue.w_rdy),
            queued.row.eq(held.row),
            queued.end.eq(held.end),
            *([queued.value.eq(held.value)] if self.config.graded else []),
            queue.w_data.eq(queued),
            queue.w_en.eq(valid & (held.end | fits)),
            self.taken.eq(valid & queue.w_rdy & ~held.end & fits),
            self.head.finished.eq(decoder.finished & ~valid),
            self.head.status.eq(decoder.status),
            self.head.status[SampleStatus.ROW_RANGE.bit_length() - 1].eq(unknown_row),
        ]
