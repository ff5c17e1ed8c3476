"""The passes over a layer: which row is visited in which cycle. Twin of golden/schedule/passes.py.

A pass is one group's way over its layer's rows. The first group of a flat layer takes them from the merge
as it finds them. The others go over the row list, a row a cycle, without a gap between groups. In a layer
whose pixels share weights, every pass visits segments of the row list.
"""

from typing import Any

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from hw.core import kinds
from hw.core.base.layouts import group_bits, layer_bits, layer_entry, slot, visit, word_bits
from hw.core.base.pipeline import later
from hw.core.interfaces import RowListControl
from hw.core.lanes.times import LaneTimes
from hw.core.schedule.segments import LINES, Segments


def step_context(config: CoreConfig) -> data.StructLayout:
    """What all groups of a layer share in a step.

    `fresh`: the sample's first step. `learn`: traces are kept. `teach`: the learning signal is on.
    `flush`: there are no spikes, deferred updates are applied.
    """
    return data.StructLayout(
        {"layer": layer_bits(config), "fresh": 1, "learn": 1, "teach": 1, "flush": 1}
    )


def turn(config: CoreConfig) -> data.StructLayout:
    """What a pass does in a cycle.

    `slot` without its row. Its row is `visit` if it is `merged`; the one that the row list is asked for in
    this cycle if it is `listed`; none if it is the `ending` of its pass.
    """
    return data.StructLayout(
        {"slot": slot(config), "merged": 1, "visit": visit(config), "listed": 1, "ending": 1}
    )


def slots_lacking(config: CoreConfig) -> int:
    """Slots that every pass needs beside its first: one a chunk of lanes; Pool needs two in all."""
    return max(config.chunks - 1, bool(config.map_pixels))


def passes_told_apart(config: CoreConfig) -> int:
    """Passes after which LaneTimes.REUSE is over for sure: no pass is shorter than its slots."""
    return -(-(LaneTimes.REUSE - 1) // (slots_lacking(config) + 1))


class Passes(Component):
    """Goes over all groups of the layer of `entry`.

    start         pulse: a layer begins; `entry` and `step` stay until `done`
    done          pulse: its last pass ends
    entry         of the layer
    step          of the sample
    visits        its rows, from the merge
    starved       the merge waits for an event
    list          the row list
    group         a group that may have a deferred update
    updates       it has; where there are maps, a cycle later
    next_group    another one, where there are maps
    next_updates  it has, a cycle later
    full          no learning signal can be formed for the layer yet: its last pass must wait
    last          pulse: the layer's last group is on its way
    turn          what is done in this cycle
    wait_input    waiting for the host's events
    wait_spikes   waiting for the spikes of the layer before
    wait_signal   waiting for a learning signal
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "done": Out(1),
                "entry": In(layer_entry()),
                "step": In(step_context(config)),
                "visits": In(stream.Signature(visit(config))),
                "starved": In(1),
                "list": Out(RowListControl(config)),
                "group": Out(group_bits(config)),
                "updates": In(1),
                "next_group": Out(group_bits(config)),
                "next_updates": In(1),
                "full": In(1),
                "last": Out(1),
                "turn": Out(turn(config)),
                "wait_input": Out(1),
                "wait_spikes": Out(1),
                "wait_signal": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        # the pass in hand
        self.at = Signal(config.list_bits + 1)  # next row of the row list
        self.lacking = Signal(range(slots_lacking(config) + 1))  # slots it needs yet
        self.final = Signal()  # it is the layer's last
        self.offset, self.applies = Signal(word_bits(config)), Signal()
        # this cycle
        self.ends, self.held = Signal(), Signal()  # the pass could end; it has to wait
        self.goes_on = Signal()  # the pass ends
        self.pixel_ends = Signal()  # and it is the last one of its pixel
        self.idle = Signal()
        waits = self.final & ~self.step.flush & self.full
        m.d.comb += [
            self.held.eq(self.ends & ((self.lacking != 0) | waits)),
            self.goes_on.eq(self.ends & ~self.held),
            self.done.eq(self.goes_on & self.final),
            self.last.eq(self.done & ~self.step.flush),
            self.wait_signal.eq(self.held & (self.lacking == 0) & self.turn.ending),
            self.turn.visit.eq(self.visits.payload),
            self.turn.ending.eq(self.ends),
            self.list.recorded.eq(self.visits.payload),
            self.list.restart.eq(self.start),
        ]
        self._slot(m)
        if config.map_pixels:
            m.submodules.segments = segments = self._find_segments(m)
            self.visited = Signal()  # a row of a segment is
            self.lately = self._written_lately(m, segments.segments.payload)
        with m.FSM() as fsm:
            m.d.comb += self.idle.eq(fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                with m.If(self.start):
                    m.next = "MERGE"
                    if config.map_pixels:
                        with m.If(kinds.shares_rows(self.entry)):
                            m.next = "SEGMENTS"
            with m.State("MERGE"):
                self._merge(m)
            with m.State("LIST"):
                self._list(m)
            if config.map_pixels:
                with m.State("SEGMENTS"):
                    self._segments(m, segments)
        return m

    def _slot(self, m: Module) -> None:
        """The group of the pass in hand, and what its slots say of it."""
        config, entry, out = self.config, self.entry, self.turn.slot
        number, group = Signal(16), Signal(range(config.neuron_groups + 1))
        base, neurons_left = Signal(word_bits(config)), Signal(16)
        first, last_group = Signal(), Signal()
        applies = self._deferred(m, group)
        there = self.turn.listed | self.turn.merged
        m.d.comb += [
            self.final.eq(last_group),
            self.offset.eq(base),
            self.applies.eq(applies),
            out.address.eq(self.offset),
            out.update.eq(self.applies),
            out.first.eq(first),
            out.last.eq(self.goes_on & ~self.step.flush),
            out.context.layer.eq(self.step.layer),
            out.context.group.eq(group),
            out.context.neurons.eq(Mux(neurons_left > config.lanes, config.lanes, neurons_left)),
            out.context.final.eq(self.final),
            out.context.fresh.eq(self.step.fresh),
            out.context.learn.eq(self.step.learn),
            out.context.teach.eq(self.step.teach),
        ]
        with m.If(there):
            m.d.sync += first.eq(0)
        with m.If((there | ~first) & (self.lacking != 0)):
            m.d.sync += self.lacking.eq(self.lacking - 1)
        with m.If(self.goes_on):
            m.d.sync += [
                number.eq(number + 1),
                last_group.eq(number + 2 == entry.groups),
                base.eq(base + entry.rows),
                group.eq(group + 1),
                neurons_left.eq(Mux(self.pixel_ends, entry.outputs, neurons_left - config.lanes)),
                first.eq(1),
                self.lacking.eq(slots_lacking(config)),
            ]
        with m.If(self.start):
            m.d.sync += [
                number.eq(0),
                last_group.eq(entry.groups == 1),
                base.eq(entry.weight_base),
                group.eq(entry.state_base),
                neurons_left.eq(entry.outputs),
                first.eq(1),
                self.lacking.eq(slots_lacking(config)),
            ]

    def _deferred(self, m: Module, group: Signal) -> Signal:
        """Whether the flat group in hand has a deferred update; asked for a pass ahead."""
        applies, start = Signal(), self.start
        m.d.comb += self.group.eq(Mux(self.idle, self.entry.state_base, group + 1))
        if self.config.map_pixels:
            # answered a cycle later: no row is there before, no pass is shorter than two
            start = later(m, "started", start, 1)
        with m.If(start | self.goes_on):
            m.d.sync += applies.eq(self.updates)
        return applies

    def _wait(self, m: Module, empty: Value) -> None:
        """What a cycle without a row waits for."""
        waits = empty & self.starved
        m.d.comb += self.wait_input.eq(waits & (self.step.layer == 0))
        m.d.comb += self.wait_spikes.eq(waits & (self.step.layer != 0))

    def _merge(self, m: Module) -> None:
        """The first group: rows as the merge finds them."""
        there, end = self.visits.valid, self.visits.payload.end
        m.d.comb += [
            self.visits.ready.eq(~self.held),
            self.turn.merged.eq(there),
            self.ends.eq(there & end),
            self.list.record.eq(there & ~end),
        ]
        self._wait(m, ~there)
        with m.If(self.goes_on):
            m.d.sync += self.at.eq(0)
            m.next = "LIST"
        with m.If(self.done):
            m.next = "IDLE"

    def _list(self, m: Module) -> None:
        """Further groups: every row again, or the spikes alone if there is no deferred update."""
        m.d.comb += [
            self.list.address.eq(self.at),
            self.list.spikes_only.eq(~self.applies),
            self.turn.listed.eq(1),
            self.ends.eq(self.at == Mux(self.applies, self.list.rows, self.list.spikes)),
        ]
        with m.If(~self.ends):
            m.d.sync += self.at.eq(self.at + 1)
        with m.If(self.goes_on):
            m.d.sync += self.at.eq(0)
        with m.If(self.done):
            m.next = "IDLE"

    def _segments(self, m: Module, segments: Segments) -> None:
        """Pixels that share weights: the list is recorded while one pass after the other visits it."""
        token, road = segments.segments.payload, self.list
        there, soon, last = Signal(), Signal(), Signal()
        within, last_next = Signal(), Signal()  # a segment has begun; its next row is the last one
        rest, bare = Signal(), Signal()  # of a segment the end of its pass alone is left; no row is
        address = Signal.like(self.at)
        m.d.comb += [
            bare.eq(token.empty | rest),
            soon.eq(~bare & ~within & self.lately),
            there.eq(segments.segments.valid & ~soon),
            self.visited.eq(there & ~bare),
            last.eq(Mux(within, last_next, token.single)),
            segments.visits.valid.eq(self.visits.valid),
            self.visits.ready.eq(segments.visits.ready),
            road.record.eq(segments.record),
            address.eq(Mux(within, self.at, token.first)),
            road.address.eq(address),
            road.spikes_only.eq(~token.updates),
            self.turn.listed.eq(there),
            self.turn.ending.eq(bare),
            self.ends.eq(there & token.end & (bare | last)),
            self.offset.eq(token.offset),
            self.applies.eq(token.updates),
            self.final.eq(token.final),
            self.pixel_ends.eq(token.pixel_end),
            segments.segments.ready.eq(~soon & (bare | last) & ~self.held),
        ]
        self._wait(m, ~there)
        with m.If(self.visited):
            m.d.sync += [
                self.at.eq(address + 1),
                last_next.eq(address + 2 == token.beyond),
                within.eq(~last),
                rest.eq(self.held),
            ]
        with m.If(self.goes_on):
            m.d.sync += self.at.eq(0), rest.eq(0)
        with m.If(self.done):
            m.next = "IDLE"

    def _written_lately(self, m: Module, token: Any) -> Value:
        """A row of the segment may have been written by a visit whose new word cannot be read yet.

        Groups have words of their own, and so have lines of a patch. So that is a visit to the same line, one
        that the group of the last pixel made, or to the last pixel of an average.
        """
        config, entry = self.config, self.entry
        apart = passes_told_apart(config)
        by_pixel = kinds.segmentation(entry).by_pixel
        group = Signal(range(apart))  # of the pixel, where it has no more than are told apart
        few, busy = Signal(), Signal()
        m.d.sync += few.eq(entry.groups <= apart)
        with m.If(self.goes_on):
            m.d.sync += group.eq(Mux(self.pixel_ends | by_pixel | ~few, 0, group + 1))
        with m.If(self.start):
            m.d.sync += group.eq(0)
        for number in range(apart):
            for line in range(LINES):
                left = Signal(range(LaneTimes.REUSE), name=f"left_{number}_{line}")
                here = (group == number) & (token.line == line)
                with m.If(self.visited & token.updates & here):
                    m.d.sync += left.eq(LaneTimes.REUSE - 1)
                with m.Elif(left != 0):
                    m.d.sync += left.eq(left - 1)
                with m.If(here):
                    m.d.comb += busy.eq(left != 0)
        return busy & (few | by_pixel)

    def _find_segments(self, m: Module) -> Segments:
        """The unit that finds them, beside the row list."""
        segments = Segments(self.config)
        m.d.comb += [
            segments.start.eq(self.start & kinds.shares_rows(self.entry)),
            segments.entry.eq(self.entry),
            segments.visits.payload.eq(self.visits.payload),
            segments.rows.eq(self.list.rows),
            segments.spikes.eq(self.list.spikes),
            self.next_group.eq(segments.group),
            segments.updates.eq(self.next_updates),
        ]
        return segments
