"""A stream cut in two for the clock's sake."""

from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib.fifo import SyncFIFO

PLACES = 2  # enough for one payload a cycle


def register_slice(m: Module, name: str, source: Any, sink: Any, places: int = PLACES) -> None:
    """`source` to `sink`, a cycle later: neither `valid` nor `ready` reaches past the queue between."""
    queue = SyncFIFO(width=len(Value.cast(source.payload)), depth=places)
    m.submodules[name] = queue
    m.d.comb += [
        queue.w_data.eq(source.payload),
        queue.w_en.eq(source.valid),
        source.ready.eq(queue.w_rdy),
        sink.payload.eq(queue.r_data),
        sink.valid.eq(queue.r_rdy),
        queue.r_en.eq(sink.ready),
    ]
