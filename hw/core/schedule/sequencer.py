"""Which group runs when: steps, layers, groups, rows, and what each cycle was spent on.

A pass is one group's way over its layer's rows. Group 0 takes them from the merge as it finds them;
the others replay them at a row a cycle, without a gap between groups. The order of things is that of
golden/core.py.
"""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import FACTOR_BITS, TRACE_BITS
from golden.spec.samples import FIRST, LAST, LEARN
from hw.core.base.pipeline import later
from hw.core.base.tokens import layer_bits, layer_entry, slot, state_bits, visit, word_bits
from hw.core.rows.events import HEADER
from hw.core.schedule import passes
from hw.core.schedule.issue import issue
from hw.core.schedule.replay import Replay
from hw.core.schedule.window import Window

DRAIN = 28  # cycles, and one a chunk, after which nothing is on its way through the lanes any more


class Sequencer(wiring.Component):
    """Runs samples: takes visits, gives slots.

    `slot` is valid with `issued`; the other outputs say, for the counters, what a cycle without a row
    was waiting for. `signal_busy` has a bit per layer whose learning signal is not formed yet,
    `layer_pending` one per layer with updates to make up for. A pass has
    at least a slot per chunk of lanes, and the last one of a layer ends (`signal_last`) only when
    the learning signal is not `signal_full`.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "layer_count": In(16),
                "header": In(HEADER),
                "begin": In(1),
                "events_finished": In(1),
                "events_free": Out(1),
                "layer": Out(layer_bits(config)),
                "entry": In(layer_entry()),
                "trace_clear": Out(1),
                "trace_start": Out(1),
                "trace_skip": Out(1),
                "flush": Out(1),
                "keep": Out(1),
                "bias": Out(1),
                "last_row": Out(config.row_bits),
                "decay": Out(FACTOR_BITS),
                "gain": Out(TRACE_BITS),
                "visits": In(stream.Signature(visit(config))),
                "starved": In(1),
                "signal_busy": In(config.layers),
                "signal_claim": Out(config.layers),
                "signal_last": Out(1),
                "signal_full": In(1),
                "signal_clear": Out(1),
                "signal_drop": Out(1),
                "asked_state": Out(state_bits(config)),
                "pending": In(1),  # of group `asked_state`; where there are maps, a cycle later
                "next_state": Out(state_bits(config)),
                "next_pending": In(1),  # a cycle after `next_state`, where there are maps
                "layer_pending": In(config.layers),
                "slot": Out(slot(config)),
                "issued": Out(1),  # the slot belongs to a visited row
                "busy": Out(1),
                "wait_input": Out(1),
                "wait_spikes": Out(1),
                "wait_signal": Out(1),
                "step_done": Out(1),
                "sample_done": Out(1),
                "result_start": Out(1),
                "result_done": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.replay = self.replay = Replay(self.config)
        config = self.config
        self.entry_reg = Signal(layer_entry())
        self.step = Signal(16)
        self.steps_left = Signal(16)
        self.group = Signal(16)
        self.base = Signal(word_bits(config))
        self.state = Signal(range(config.neuron_groups + 1))
        self.outputs_left = Signal(16)
        self.first = Signal()
        self.short = Signal(range(passes.slots_lacking(config) + 1))  # slots a pass lacks yet
        self.gap = Signal(range(passes.GAP + 2))
        self.at = Signal(config.row_bits + 1)
        self.drain = Signal(range(DRAIN + config.chunks + 1))
        self.learn = Signal()
        m.d.comb += [
            self.learn.eq((self.header.flags & LEARN).any() & self.entry_reg.flags.plastic),
            self.keep.eq(self.learn),
            self.bias.eq(self.entry_reg.flags.bias),
            self.last_row.eq(self._last_row()),
            self.decay.eq(self.entry_reg.pre_decay),
            self.gain.eq(self.entry_reg.pre_gain),
        ]
        # candidate for the slot register, built by the FSM or by the replay pipeline
        self.fresh_visit = Signal(visit(config))
        self.fresh_valid = Signal()
        self.replayed = Signal()
        self.ending = Signal()  # the candidate is the end of its pass
        self.held = Signal()  # which has to wait: a slot without a row goes out
        self.final = Signal()  # the pass in hand is the layer's last
        self.last_group = Signal()  # of a flat layer
        self.offset, self.updates = Signal(word_bits(config)), Signal()  # of the pass in hand
        waits = self.final & ~self.flush & self.signal_full
        m.d.comb += [
            self.offset.eq(self.base),
            self.updates.eq(self._pending(m)),
            self.final.eq(self.last_group),
            self.held.eq(self.ending & ((self.short != 0) | (self.gap != 0) | waits)),
            self.signal_last.eq(self.ending & ~self.held & self.final & ~self.flush),
        ]
        with m.If(self.gap != 0):
            m.d.sync += self.gap.eq(self.gap - 1)
        if config.map_pixels:
            m.submodules.window = self.window = Window(config)
            self.within = Signal()  # a stretch has begun
        m.d.comb += self.replay.recorded.eq(self.visits.payload)
        if config.map_pixels:
            m.d.comb += [
                self.window.entry.eq(self.entry_reg),
                self.window.visits.payload.eq(self.visits.payload),
                self.window.visited.eq(self.replay.visited),
                self.window.spiked.eq(self.replay.spiked),
                self.next_state.eq(self.window.state),
                self.window.pending.eq(self.next_pending),
            ]
        self._control(m)
        issue(m, self)
        return m

    def _last_row(self):
        """Where a bias is in the list: behind all inputs."""
        entry = self.entry_reg
        last = entry.rows - 1
        return Mux(entry.flags.average, entry.map_inputs, last) if self.config.map_pixels else last

    def _pending(self, m):
        """Whether the flat group in hand has an update to make up for; looked up in time."""
        self.begins, self.goes_on = Signal(), Signal()  # a layer's first pass, the next one
        self.waiting = Signal()  # for the first one
        pending = Signal()
        m.d.comb += self.asked_state.eq(
            Mux(self.waiting, self.entry_reg.state_base, self.state + 1)
        )
        begins = self.begins
        if self.config.map_pixels:
            # a cycle later: no row is there before, no pass is shorter than two
            begins = later(m, "begun", begins, 1)
        with m.If(begins | self.goes_on):
            m.d.sync += pending.eq(self.pending)
        return pending

    def _control(self, m):
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE") & ~fsm.ongoing("RESULT"))
            # what is cleared is cleared a cycle later, and not looked at before
            m.d.sync += [self.trace_clear.eq(0), self.signal_clear.eq(0), self.signal_drop.eq(0)]
            with m.State("IDLE"):
                m.d.sync += self.flush.eq(0)
                with m.If(self.begin):
                    m.d.sync += self.steps_left.eq(self.header.steps), self.layer.eq(0)
                    with m.If((self.header.flags & FIRST).any()):
                        m.d.sync += self.step.eq(0)
                        m.d.sync += self.trace_clear.eq(1), self.signal_clear.eq(1)
                    m.next = "STEP"
            with m.State("STEP"):
                m.d.sync += self.layer.eq(0)
                with m.If(self.steps_left != 0):
                    m.next = "LAYER"
                with m.Else():
                    m.next = "SETTLE"
            with m.State("LAYER"):
                m.d.sync += self.entry_reg.eq(self.entry)
                m.next = "WAIT"
            with m.State("WAIT"):
                self._begin_layer(m)
            with m.State("MERGE"):
                passes.merged_rows(m, self)
            with m.State("REPLAY"):
                passes.replayed_rows(m, self)
            if self.config.map_pixels:
                with m.State("WINDOW"):
                    passes.windows(m, self)
            with m.State("NEXT"):
                self._next_layer(m)
            with m.State("SETTLE"):
                self._settle(m)
            with m.State("RESULT"):
                with m.If(self.result_done):
                    m.d.comb += self.events_free.eq(1)
                    m.next = "IDLE"

    def _begin_layer(self, m):
        """Its first pass, once its learning signal is formed; a flush skips layers without updates."""
        entry = self.entry_reg
        skip = self.flush & ~self.layer_pending.bit_select(self.layer, 1)
        m.d.comb += self.waiting.eq(1)
        with m.If(self.signal_busy.bit_select(self.layer, 1)):
            m.d.comb += self.wait_signal.eq(1)
        with m.Elif(skip):
            m.d.comb += self.trace_skip.eq(1)
            m.next = "NEXT"
        with m.Else():
            m.d.comb += self.trace_start.eq(1), self.replay.restart.eq(1)
            m.d.comb += self.signal_claim.eq(Mux(self.flush, 0, 1 << self.layer))
            m.d.comb += self.begins.eq(1)
            m.d.sync += [
                self.group.eq(0),
                self.base.eq(entry.weight_base),
                self.outputs_left.eq(entry.outputs),
                self.state.eq(entry.state_base),
                self.first.eq(1),
                self.last_group.eq(entry.groups == 1),
                self.short.eq(passes.slots_lacking(self.config)),
            ]
            m.next = "MERGE"
            if self.config.map_pixels:
                with m.If(entry.flags.convolution | entry.flags.average):
                    m.d.comb += self.window.start.eq(1)
                    m.next = "WINDOW"

    def _next_layer(self, m):
        """After the last one the next step, or, of a flush, the end of the sample."""
        m.d.sync += self.layer.eq(self.layer + 1)
        m.next = "LAYER"
        with m.If(self.layer == self.layer_count - 1):
            with m.If(self.flush):
                m.next = "SETTLE"
            with m.Else():
                m.d.sync += self.steps_left.eq(self.steps_left - 1)
                m.d.sync += self.step.eq(self.step + 1)
                m.d.comb += self.step_done.eq(1)
                m.next = "STEP"
        m.d.sync += self.drain.eq(DRAIN + self.config.chunks)

    def _settle(self, m):
        """The end of the frame: of a sample's last one, updates are made up for before the results go."""
        with m.If(self.signal_busy.any()):
            m.d.comb += self.wait_signal.eq(1)
        with m.Elif((self.header.flags & LAST).any() & ~self.flush):
            m.d.sync += self.flush.eq(1), self.layer.eq(0)
            m.next = "LAYER"
        with m.Elif(self.drain != 0):
            m.d.sync += self.drain.eq(self.drain - 1)
        with m.Elif(self.events_finished):
            with m.If(self.flush):
                m.d.comb += self.sample_done.eq(1)
                m.d.sync += self.trace_clear.eq(1), self.signal_drop.eq(1)
            m.d.comb += self.result_start.eq(1)
            m.next = "RESULT"
