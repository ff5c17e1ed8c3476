"""Who has the controller: the sample store, or the tester."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from golden.spec.sdram import Chip
from hw.memory.ports import BurstPort

OUTSTANDING_BITS = 8
"""Of the words of bursts that were taken: a few bursts of the store."""


class Arbiter(Component):
    """The store has the controller, but for as long as a test runs.

    A test waits for the words of all bursts that the store has asked for by then. Bursts that come later wait
    until it is over. So the words of both never mix, and come in the order in which they were asked for.

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
        self.testing = testing = Signal()
        closed = Signal()
        self.left = left = Signal(OUTSTANDING_BITS)  # words of the store
        self.owed = owed = Signal(OUTSTANDING_BITS)  # those to write
        writes, reads = port.write.valid & port.write.ready, port.read.valid & port.read.ready
        asks = store.request.valid & store.request.ready
        more, early = store.request.payload, store.write.valid & (owed == 0)
        rests = self.running & ~store.request.valid & ~early  # a word may come before its burst
        with m.If(testing):
            m.d.sync += [testing.eq(self.running), closed.eq(self.running)]
        with m.Else():
            m.d.sync += [
                left.eq(left + Mux(asks, more.words, 0) - writes - reads),
                owed.eq(owed + Mux(asks & more.write, more.words, 0) - writes),
                closed.eq(self.running & (closed | rests)),
                testing.eq(self.running & (closed | rests) & self._done()),
            ]
        gates = {"request": ~closed, "write": owed != 0}
        for stream in ("request", "write"):
            one, other, out = (getattr(side, stream) for side in (store, tester, port))
            m.d.comb += [
                out.valid.eq(Mux(testing, other.valid, one.valid & gates[stream])),
                out.payload.eq(Mux(testing, other.payload, one.payload)),
                one.ready.eq(out.ready & gates[stream] & ~testing),
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

    def _done(self) -> Value:
        """The words of all bursts of the store have moved."""
        return self.left == 0
