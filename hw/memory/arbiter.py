"""Who has the controller: the sample store, or the tester."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from golden.spec.sdram import Chip
from hw.memory.ports import BurstPort

OUTSTANDING_BITS = 8
"""Of the words of bursts that were taken: a few bursts of the store."""


class Arbiter(Component):
    """The store has the controller, but for as long as a test runs.

    A test waits until the words of all bursts that the store asked for have moved. From then until it is
    over the store waits. So the words of both never mix, and a test is over for all that comes later.

    store    of the sample store
    tester   of the tester
    running  a test runs
    port     the controller
    """

    def __init__(self, chip: Chip) -> None:
        ports: dict[str, Any] = {side: In(BurstPort(chip)) for side in ("store", "tester")}
        super().__init__({**ports, "running": In(1), "port": Out(BurstPort(chip))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        store, tester, port = self.store, self.tester, self.port
        testing, left = Signal(), Signal(OUTSTANDING_BITS)
        moves = (port.write.valid & port.write.ready) | (port.read.valid & port.read.ready)
        asks = store.request.valid & store.request.ready
        with m.If(testing):
            m.d.sync += testing.eq(self.running)
        with m.Else():
            m.d.sync += left.eq(left + Mux(asks, store.request.payload.words, 0) - moves)
            offers = store.request.valid | store.write.valid  # a word may come before its burst
            m.d.sync += testing.eq(self.running & ~offers & (left == 0))
        for stream in ("request", "write"):
            one, other, out = (getattr(side, stream) for side in (store, tester, port))
            m.d.comb += [
                out.valid.eq(Mux(testing, other.valid, one.valid)),
                out.payload.eq(Mux(testing, other.payload, one.payload)),
                one.ready.eq(out.ready & ~testing),
                other.ready.eq(out.ready & testing),
            ]
        m.d.comb += [
            store.read.valid.eq(port.read.valid & ~testing),
            tester.read.valid.eq(port.read.valid & testing),
            store.read.payload.eq(port.read.payload),
            tester.read.payload.eq(port.read.payload),
            port.read.ready.eq(Mux(testing, tester.read.ready, store.read.ready)),
        ]
        return m
