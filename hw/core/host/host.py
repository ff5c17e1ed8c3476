"""What the host sees of a core: registers, every memory, counters, and the layer table it writes."""

from typing import Any

from amaranth import Module, signed
from amaranth.lib.wiring import Component, In, Member, Out, connect, flipped
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.formats import MEMBRANE_BITS, TRACE_BITS
from hw.core import kinds
from hw.core.base.layouts import INPUTS_BITS
from hw.core.base.pipeline import later
from hw.core.host.answers import Answers
from hw.core.host.checker import Checker
from hw.core.host.counters import Counters
from hw.core.host.layer_table import LayerTable
from hw.core.host.readback import Readback
from hw.core.interfaces import (
    Activity,
    ClassifierAccess,
    HostRead,
    LayerRead,
    NoiseAccess,
    Phase,
    Settings,
    SignAccess,
    Slots,
    TableCheck,
    TracePeek,
    WeightAccess,
)
from hw.core.ports import BusReply, BusRequest


class Host(Component):
    """Owns the registers, the counters and the layer table.

    bus_request                                            accesses, from the link
    bus_reply                                              their answers
    settings                                               registers for the rooms
    check                                                  whether the core can run the layer table
    inputs                                                 input neurons of the first layer
    schedule, fire, learn                                  the layer table, for the room of that name
    counted                                                the same, for classifiers
    membranes, spikes, post, signs, trace, noise, weights  a memory of a room, while the core is at rest
    phase, slots, activity                                 what is counted
    classifiers                                            their weights, where there are classifiers
    event                                                  an input spike was decoded
    new_spikes                                             spikes of this cycle
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        more: dict[str, Member] = {}
        if config.classifier_groups:
            more = {
                "counted": In(LayerRead(config)),
                "classifiers": Out(ClassifierAccess(config)),
            }
        super().__init__(
            more
            | {
                "bus_request": In(BusRequest),
                "bus_reply": Out(BusReply),
                "settings": Out(Settings()),
                "check": In(TableCheck()),
                "inputs": Out(INPUTS_BITS),
                "schedule": In(LayerRead(config)),
                "fire": In(LayerRead(config)),
                "learn": In(LayerRead(config)),
                "membranes": Out(HostRead(config, signed(MEMBRANE_BITS))),
                "spikes": Out(HostRead(config, 1)),
                "post": Out(HostRead(config, TRACE_BITS)),
                "signs": Out(SignAccess(config)),
                "trace": Out(TracePeek(config)),
                "noise": Out(NoiseAccess()),
                "weights": Out(WeightAccess(config)),
                "phase": In(Phase()),
                "slots": In(Slots(config)),
                "activity": In(Activity()),
                "event": In(1),
                "new_spikes": In(bits_for(config.chunk_lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.readback = readback = Readback(self.config)
        m.submodules.answers = answers = Answers(self.config)
        m.submodules.table = table = LayerTable(self.config)
        m.submodules.counters = counters = Counters(self.config)
        connect(m, flipped(self.bus_request), readback.bus_request)
        connect(m, readback.bus_reply, flipped(self.bus_reply))
        connect(m, readback.settings, flipped(self.settings))
        connect(m, readback.noise, flipped(self.noise))
        classifiers = self.config.classifier_groups > 0
        memories = ["membranes", "spikes", "post", "signs", "trace"]
        for name in memories + ["classifiers"] * classifiers:
            connect(m, getattr(answers, name), flipped(getattr(self, name)))
        connect(m, answers.weight_words, flipped(self.weights))
        connect(m, answers.table, table.write)
        connect(m, answers.layer, table.host)
        for name in ["schedule", "fire", "learn"] + ["counted"] * classifiers:
            connect(m, flipped(getattr(self, name)), getattr(table, name))
        for name in ("phase", "slots", "activity"):
            connect(m, flipped(getattr(self, name)), getattr(counters, name))
        self._check(m, readback, answers)
        m.d.comb += [
            readback.early.eq(answers.early),
            readback.weights.eq(answers.weights),
            readback.counters.eq(counters.values),
            counters.clear.eq(readback.clear_counters),
            counters.event.eq(self.event),
            counters.spikes.eq(self.new_spikes),
        ]
        first = later(m, "first_layer", answers.layer.entry, 1)
        m.d.sync += self.inputs.eq(kinds.inputs(self.config, first))
        return m

    def _check(self, m: Module, readback: Readback, answers: Answers) -> None:
        """The checker reads the table on the host's way: while a sample waits to be let in."""
        m.submodules.checker = checker = Checker(self.config)
        connect(m, readback.settings, checker.settings)
        m.d.comb += [
            answers.access.eq(readback.access),
            checker.start.eq(self.check.start),
            checker.value.eq(answers.early.layers),
            self.check.done.eq(checker.done),
            self.check.fault.eq(checker.fault),
            self.check.written.eq(readback.access.writes.layers | readback.counts_written),
        ]
        with m.If(checker.active):
            m.d.comb += [
                answers.access.eq(0),
                answers.access.active.eq(1),
                answers.access.word.eq(checker.layer),
                answers.access.element.eq(checker.field),
            ]
