"""A stream cut in two for the clock's sake."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.fifo import SyncFIFO

PLACES = 2  # enough for one payload a cycle


def register_slice(m: Module, name: str, source: Any, sink: Any, places: int = PLACES) -> None:
    """`source` to `sink`, a cycle later: neither `valid` nor `ready` reaches past the queue between."""
    m.submodules[name] = inner = Module()
    if places == PLACES:
        _two_places(inner, source, sink)
        return
    inner.submodules.queue = queue = SyncFIFO(width=len(Value.cast(source.payload)), depth=places)
    inner.d.comb += [
        queue.w_data.eq(source.payload),
        queue.w_en.eq(source.valid),
        source.ready.eq(queue.w_rdy),
        sink.payload.eq(queue.r_data),
        sink.valid.eq(queue.r_rdy),
        queue.r_en.eq(sink.ready),
    ]


def _two_places(m: Module, source: Any, sink: Any) -> None:
    """Of registers: half the logic of a queue in RAM, and what leaves comes straight from a register."""
    first, second = (Signal(len(Value.cast(source.payload)), name=n) for n in ("first", "second"))
    waits, full = Signal(), Signal()
    m.d.comb += [source.ready.eq(~full), sink.valid.eq(waits), sink.payload.eq(first)]
    with m.If(~full):
        m.d.sync += second.eq(source.payload)
    with m.If(~waits | sink.ready):
        m.d.sync += [first.eq(Mux(full, second, source.payload))]
        m.d.sync += [waits.eq(full | source.valid), full.eq(0)]
    with m.Elif(source.valid):
        m.d.sync += full.eq(1)
