"""Slots on their way to the lanes: of rows as the merge finds them, and of rows of the row list."""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from hw.core.base.layouts import slot, visit
from hw.core.base.pipeline import derived, later
from hw.core.interfaces import Slots
from hw.core.schedule.passes import turn
from hw.core.schedule.row_list import RowList


class Issue(Component):
    """Slots of the row list wait for their row; those of the merge come at once.

    turn   what a pass does in this cycle
    row    from the row list: what was asked for RowList.LATENCY cycles ago
    slots  to the lanes, LATENCY cycles later at most
    """

    @derived
    def LATENCY(cls) -> int:
        return RowList.LATENCY + 1

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {"turn": In(turn(config)), "row": In(visit(config)), "slots": Out(Slots(config))}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        here, out = self.turn, self.slots.slot
        marks = Cat(here.listed, here.listed & ~here.ending)
        listed, has_row = later(m, "marks", marks, RowList.LATENCY)
        listed_slot = later(m, "listed", here.slot, RowList.LATENCY)
        chosen, row = Signal(slot(self.config)), Signal(visit(self.config))
        valid, is_row = Signal(), Signal()
        with m.If(listed):
            m.d.comb += chosen.eq(listed_slot), row.eq(self.row)
            m.d.comb += valid.eq(1), is_row.eq(has_row)
        with m.Else():
            m.d.comb += chosen.eq(here.slot), row.eq(here.visit)
            m.d.comb += valid.eq(here.merged), is_row.eq(here.merged & ~here.ending)
        learns = chosen.update & ((row.trace != 0) | row.previous_spike)
        m.d.sync += [
            out.eq(chosen),
            out.active.eq(is_row & (learns | row.spike)),
            out.update.eq(is_row & learns),
            out.spike.eq(is_row & row.spike),
            out.trace.eq(row.trace),
            out.previous_spike.eq(row.previous_spike),
            *([out.value.eq(row.value)] if self.config.graded else []),
            out.address.eq(chosen.address + row.row),
            out.first.eq(valid & chosen.first),
            out.last.eq(valid & chosen.last),
            self.slots.issued.eq(is_row),
        ]
        return m
