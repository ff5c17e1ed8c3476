"""The rows of the pass in hand, kept so that further groups of lanes can go over them again."""

from typing import Any

from amaranth import Module
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from hw.core.base.layouts import spiking_row, visit
from hw.core.base.pipeline import later
from hw.core.interfaces import RowListControl


class RowList(Component):
    """Two lists: every row of the pass, and those that spike, for groups without a deferred update.

    control  rows in, indices out
    visit    the row at `control.address`, LATENCY cycles later
    """

    LATENCY = 3

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__({"control": In(RowListControl(config)), "visit": Out(visit(config))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        road, depth = self.control, self.config.list_depth
        m.submodules.visits = visits = Memory(shape=visit(self.config), depth=depth, init=[])
        fired = spiking_row(self.config)
        m.submodules.spikes = spikes = Memory(shape=fired, depth=depth, init=[])
        visit_in, spike_in = visits.write_port(), spikes.write_port()
        visit_out, spike_out = visits.read_port(), spikes.read_port()
        bits = len(visit_in.addr)
        m.d.comb += [
            visit_in.addr.eq(road.rows[:bits]),
            visit_in.data.eq(road.recorded),
            visit_in.en.eq(road.record),
            spike_in.addr.eq(road.spikes[:bits]),
            spike_in.data.row.eq(road.recorded.row),
            *([spike_in.data.value.eq(road.recorded.value)] if self.config.graded else []),
            spike_in.en.eq(road.record & road.recorded.spike),
            visit_out.addr.eq(road.address[:bits]),
            spike_out.addr.eq(road.address[:bits]),
        ]
        with m.If(road.record):
            m.d.sync += road.rows.eq(road.rows + 1)
            m.d.sync += road.spikes.eq(road.spikes + road.recorded.spike)
        with m.If(road.restart):
            m.d.sync += road.rows.eq(0), road.spikes.eq(0)
        visited, spiked = later(m, "visit", visit_out.data, 1), later(m, "spike", spike_out.data, 1)
        m.d.sync += self.visit.eq(visited)
        with m.If(later(m, "spikes_only", road.spikes_only, self.LATENCY - 1)):
            m.d.sync += [
                self.visit.row.eq(spiked.row),
                *([self.visit.value.eq(spiked.value)] if self.config.graded else []),
                self.visit.trace.eq(0),
                self.visit.previous_spike.eq(0),
                self.visit.spike.eq(1),
            ]
        return m
