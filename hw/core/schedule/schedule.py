"""From the rows of a layer to slots for the lanes, and from one layer to the next."""

from typing import Any

from amaranth import Module
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from golden.spec.config import CoreConfig
from hw.core.base.layouts import visit
from hw.core.interfaces import (
    Activity,
    DeferredQuery,
    LayerRead,
    Phase,
    ResultControl,
    SampleHead,
    Settings,
    SignalControl,
    Slots,
    TraceControl,
)
from hw.core.schedule.issue import Issue
from hw.core.schedule.passes import Passes
from hw.core.schedule.row_list import RowList
from hw.core.schedule.sequencer import Sequencer


class Schedule(Component):
    """Owns the row list, and the list of segments where there are maps.

    settings  layers in use
    head      the sample that is coming in
    free      pulse: make room for the next payload
    phase     where in the sample the core is
    trace     the active list of the layer in hand
    visits    its rows
    starved   the merge waits for a spike
    layer     reads the layer table
    slots     to the lanes
    control   whose learning signal is formed
    deferred  whether there is a deferred update
    result    the sample is done
    activity  what a cycle without a row waits for, what is done
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "settings": In(Settings()),
                "head": In(SampleHead()),
                "free": Out(1),
                "phase": Out(Phase()),
                "trace": Out(TraceControl(config)),
                "visits": In(stream.Signature(visit(config))),
                "starved": In(1),
                "layer": Out(LayerRead(config)),
                "slots": Out(Slots(config)),
                "control": Out(SignalControl(config)),
                "deferred": Out(DeferredQuery(config)),
                "result": Out(ResultControl()),
                "activity": Out(Activity()),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        assert RowList.LATENCY < Sequencer.TURN, "rows of the merge would meet rows of the list"
        m.submodules.sequencer = sequencer = Sequencer(self.config)
        m.submodules.passes = passes = Passes(self.config)
        m.submodules.row_list = row_list = RowList(self.config)
        m.submodules.issue = issue = Issue(self.config)
        connect(m, flipped(self.settings), sequencer.settings)
        connect(m, flipped(self.head), sequencer.head)
        connect(m, sequencer.phase, flipped(self.phase))
        connect(m, sequencer.trace, flipped(self.trace))
        connect(m, sequencer.layer, flipped(self.layer))
        connect(m, sequencer.result, flipped(self.result))
        connect(m, flipped(self.visits), passes.visits)
        connect(m, passes.list, row_list.control)
        connect(m, issue.slots, flipped(self.slots))
        m.d.comb += [
            self.free.eq(sequencer.free),
            passes.start.eq(sequencer.start),
            sequencer.done.eq(passes.done),
            passes.entry.eq(sequencer.entry),
            passes.step.eq(sequencer.step),
            passes.starved.eq(self.starved),
            issue.turn.eq(passes.turn),
            issue.row.eq(row_list.visit),
        ]
        self._learning(m, sequencer, passes)
        activity = self.activity
        m.d.comb += [
            activity.wait_input.eq(passes.wait_input),
            activity.wait_spikes.eq(passes.wait_spikes),
            activity.wait_signal.eq(passes.wait_signal | sequencer.wait_signal),
            activity.step_done.eq(sequencer.step_done),
            activity.sample_done.eq(sequencer.sample_done),
        ]
        return m

    def _learning(self, m: Module, sequencer: Sequencer, passes: Passes) -> None:
        """What the room `learn` is told and asked: by layers the sequencer, by groups the passes."""
        control, deferred = self.control, self.deferred
        m.d.comb += [
            control.claim.eq(sequencer.claim),
            control.last.eq(passes.last),
            sequencer.signal_busy.eq(control.busy),
            passes.full.eq(control.full),
            deferred.layer.eq(sequencer.layer.layer),
            sequencer.deferred_layers.eq(deferred.of_layer),
            deferred.group.eq(passes.group),
            passes.updates.eq(deferred.of_group),
            deferred.next_group.eq(passes.next_group),
            passes.next_updates.eq(deferred.of_next),
        ]
