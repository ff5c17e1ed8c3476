"""Slots on their way to the lanes: of rows as the merge finds them, and of rows that are replayed."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from hw.core.pipeline import later
from hw.core.replay import Replay
from hw.core.tokens import slot, visit


class Issue(wiring.Component):
    """From a `candidate` (its `address` the row's first word, its `update` whether the pass updates)
    to a `slot`; `issued` if that is a row's.

    With `found` the row is that of `visit`, there at once. With `replayed` it is what Replay gives
    as `replay` so many cycles later, and the slot waits for it. A candidate that is `ending` is the
    end of its pass and has no row.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "candidate": In(slot(config)),
                "ending": In(1),
                "found": In(1),
                "visit": In(visit(config)),
                "replayed": In(1),
                "replay": In(visit(config)),
                "slot": Out(slot(config)),
                "issued": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        tail = later(m, "waiting", self.candidate, Replay.LATENCY)
        mark = Cat(self.replayed, self.replayed & ~self.ending)  # slot, row
        mark = later(m, "mark", mark, Replay.LATENCY)
        chosen, row = Signal(slot(self.config)), Signal(visit(self.config))
        valid, is_row = Signal(), Signal()
        with m.If(mark[0]):
            m.d.comb += chosen.eq(tail), row.eq(self.replay)
            m.d.comb += valid.eq(1), is_row.eq(mark[1])
        with m.Else():
            m.d.comb += chosen.eq(self.candidate), row.eq(self.visit)
            m.d.comb += valid.eq(self.found), is_row.eq(self.found & ~self.ending)
        learns = chosen.update & ((row.trace != 0) | row.spiked)
        m.d.sync += [
            self.slot.eq(chosen),
            self.slot.row.eq(is_row & (learns | row.spike)),
            self.slot.update.eq(is_row & learns),
            self.slot.spike.eq(is_row & row.spike),
            self.slot.trace.eq(row.trace),
            self.slot.spiked.eq(row.spiked),
            self.slot.address.eq(chosen.address + row.row),
            self.slot.first.eq(valid & chosen.first),
            self.slot.last.eq(valid & chosen.last),
            self.issued.eq(is_row),
        ]
        return m
