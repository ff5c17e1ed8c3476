"""The rows of the pass in hand, kept so that further groups of lanes can go over them again."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from hw.core.base.pipeline import later
from hw.core.base.tokens import visit


class Replay(wiring.Component):
    """Two lists: every row of the pass, and those that spike, for groups with nothing to update.

    `record` appends a visit, `restart` forgets all. `address` of either list, LATENCY cycles later,
    is `visit`; `visited` and `spiked` are the lengths.
    """

    LATENCY = 3

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.bits = config.row_bits + 1
        super().__init__(
            {
                "restart": In(1),
                "record": In(1),
                "recorded": In(visit(config)),
                "visited": Out(self.bits),
                "spiked": Out(self.bits),
                "address": In(self.bits),
                "spikes_only": In(1),
                "visit": Out(visit(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        depth = self.config.trace_entries
        m.submodules.visits = visits = Memory(shape=visit(self.config), depth=depth, init=[])
        m.submodules.spikes = spikes = Memory(shape=self.config.row_bits, depth=depth, init=[])
        visit_in, spike_in = visits.write_port(), spikes.write_port()
        visit_out, spike_out = visits.read_port(), spikes.read_port()
        bits = len(visit_in.addr)
        m.d.comb += [
            visit_in.addr.eq(self.visited[:bits]),
            visit_in.data.eq(self.recorded),
            visit_in.en.eq(self.record),
            spike_in.addr.eq(self.spiked[:bits]),
            spike_in.data.eq(self.recorded.row),
            spike_in.en.eq(self.record & self.recorded.spike),
            visit_out.addr.eq(self.address[:bits]),
            spike_out.addr.eq(self.address[:bits]),
        ]
        with m.If(self.record):
            m.d.sync += self.visited.eq(self.visited + 1)
            m.d.sync += self.spiked.eq(self.spiked + self.recorded.spike)
        with m.If(self.restart):
            m.d.sync += self.visited.eq(0), self.spiked.eq(0)
        visited, spiked = later(m, "visit", visit_out.data, 1), later(m, "spike", spike_out.data, 1)
        m.d.sync += self.visit.eq(visited)
        with m.If(later(m, "spikes_only", self.spikes_only, self.LATENCY - 1)):
            m.d.sync += [
                self.visit.row.eq(spiked),
                self.visit.trace.eq(0),
                self.visit.spiked.eq(0),
                self.visit.spike.eq(1),
            ]
        return m
