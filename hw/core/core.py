"""The streaming neuron core: its rooms, and the roads between them. Twin of golden/core.py.

    link → gate → rows → schedule → lanes → fire → readout → gate → link
                    ↑                 ↑       ├──→ learn ─┐
                    └─ spikes for ────┼───────┘           │
                       the next layer └─ gains ←──────────┘

`host` reaches into every room while the core is at rest. What travels on a road is in hw/core/interfaces.
"""

from typing import Any

from amaranth import Module, ResetInserter
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from hw.core.fire.firing import Firing
from hw.core.host.gate import Gate
from hw.core.host.host import Host
from hw.core.lanes.array import LaneArray
from hw.core.learn.none import NoLearning
from hw.core.learn.tess import Tess
from hw.core.ports import BusReply, BusRequest, ResultWords, SampleBytes
from hw.core.readout.readout import Readout
from hw.core.rows.rows import Rows
from hw.core.schedule.schedule import Schedule

RULES = (NoLearning, Tess)
"""Learning rules by `CoreConfig.learning`."""


class Core(Component):
    """One core. The host may use the bus only while no sample is in it (`busy` low, result taken).

    bus_request  accesses of the host
    bus_reply    their answers
    sample       payloads of samples
    result       their results
    layer_count  layers in use
    restart      pulse, while the host may use the bus: no sample is under way
    busy         a sample is in the core
    """

    def __init__(self, config: CoreConfig, *, patience: int | None = None) -> None:
        """`patience` is for tests: cycles that a layer may take for a step."""
        self.config = config
        self.patience = patience
        super().__init__(
            {
                "bus_request": In(BusRequest),
                "bus_reply": Out(BusReply),
                "sample": In(SampleBytes),
                "result": Out(ResultWords),
                "layer_count": Out(bits_for(config.layers)),
                "restart": In(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        gate = self._gate(m)
        room = ResetInserter(gate.reset)  # lanes have data alone, which leaves them by itself
        m.submodules.rows = rows = room(Rows(config))
        m.submodules.schedule = schedule = room(Schedule(config))
        m.submodules.lanes = lanes = LaneArray(config)
        m.submodules.fire = fire = room(Firing(config))
        m.submodules.learn = learn = room(RULES[config.learning](config))
        m.submodules.readout = readout = room(Readout(config))
        m.submodules.host = host = Host(config)

        # one sample, from bytes to a result
        connect(m, gate.core_sample, rows.sample)
        connect(m, rows.visits, schedule.visits)
        connect(m, schedule.slots, lanes.slots, host.slots)
        connect(m, lanes.ended, fire.ended)
        connect(m, fire.sums, lanes.sums)
        connect(m, fire.seen, learn.seen, readout.seen)
        connect(m, fire.passed_on, rows.spikes)
        connect(m, readout.result, gate.core_result)
        connect(m, gate.table, host.check)

        # learning
        connect(m, fire.surrogates, learn.surrogates)
        if config.map_pixels:
            connect(m, fire.winners, learn.winners)
        if config.classifier_groups:
            connect(m, learn.counted, host.counted)
            connect(m, learn.votes, readout.votes)
            connect(m, host.classifiers, learn.host_classifiers)
        connect(m, learn.spikes, fire.spikes)
        connect(m, learn.gains, lanes.gains)
        connect(m, schedule.control, learn.control)
        connect(m, schedule.deferred, learn.deferred)

        # what the rooms are told
        connect(m, rows.head, schedule.head, learn.head, readout.head)
        connect(m, schedule.phase, learn.phase, readout.phase, host.phase)
        connect(m, schedule.trace, rows.control)
        connect(m, schedule.result, readout.control)
        connect(m, schedule.activity, host.activity)
        connect(m, host.settings, schedule.settings, learn.settings, readout.settings)
        connect(m, schedule.layer, host.schedule)
        connect(m, fire.layer, host.fire)
        connect(m, learn.layer, host.learn)
        m.d.comb += [
            rows.inputs.eq(host.inputs),
            rows.free.eq(schedule.free),
            schedule.starved.eq(rows.starved),
            host.event.eq(rows.taken),
            host.new_spikes.eq(readout.new_spikes),
            gate.progress.eq(schedule.trace.start),
            self.busy.eq(schedule.phase.busy),
        ]

        self._host(m, rows, lanes, fire, learn, host)
        return m

    def _gate(self, m: Module) -> Gate:
        """The gate, and the link before it."""
        m.submodules.gate = gate = Gate(self.config, cycles=self.patience)
        connect(m, flipped(self.sample), gate.sample)
        connect(m, gate.result, flipped(self.result))
        m.d.comb += gate.restart.eq(self.restart)
        return gate

    def _host(
        self, m: Module, rows: Rows, lanes: LaneArray, fire: Firing, learn: Component, host: Host
    ) -> None:
        """The bus, registers and memories that the host reads and writes."""
        m.d.comb += self.layer_count.eq(host.settings.layer_count)
        connect(m, flipped(self.bus_request), host.bus_request)
        connect(m, host.bus_reply, flipped(self.bus_reply))
        connect(m, host.trace, rows.peek)
        connect(m, host.noise, lanes.host_noise)
        connect(m, host.weights, lanes.host_weights)
        connect(m, host.membranes, fire.host_membranes)
        connect(m, host.spikes, fire.host_spikes)
        connect(m, host.post, learn.host_post)
        connect(m, host.signs, learn.host_signs)
