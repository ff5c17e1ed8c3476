"""The learning signal: latents, class error, projection, gains. Twin of golden/signal.py.

Works behind the lanes: while a layer integrates, the signal of the one before it is formed. A class a
cycle for the latents and the error, a class a cycle in every lane for the projection back, then eight
cycles for a gain.
"""

from amaranth import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, fifo, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import (
    GAIN_BITS,
    MEMBRANE_BITS,
    SCORE_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
)
from hw.core.classes import Classes
from hw.core.error import Error
from hw.core.gain import ADD, CAUSAL, DECAY, NON_CAUSAL, Gain
from hw.core.latents import Latents, all_lanes
from hw.core.pipeline import later, taps
from hw.core.tokens import context, layer_bits, layer_entry, state_bits


class LearningSignal(wiring.Component):
    """Turns fired groups into gains for the next pass over them.

    `fired` queues a group (its spikes, surrogate and readout membranes are in memory by then). The
    unit reads them by `state` in the same cycle, the signs by `sign_address` SIGN_LATENCY cycles
    later and a readout's membranes lane by lane, `lane_value` LANE_LATENCY cycles after `lane`.
    Gains and post traces are written with `write_gains`, `write_post_gains` (zeros with `no_post`) and
    `write_post` at `state`.
    """

    SIGN_LATENCY = 2
    LANE_LATENCY = 2

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.lanes
        self.class_bits = ceil_log2(config.classes)
        super().__init__(
            {
                "class_count": In(16),
                "label": In(8),
                "fired": In(1),
                "fired_context": In(context(config)),
                "claim": In(config.layers),
                "clear": In(1),  # a sample begins: no scores, no spikes counted, nothing pending
                "drop": In(1),  # a sample is done: nothing pending
                "busy": Out(config.layers),
                "pending": Out(config.neuron_groups),
                "layer_pending": Out(config.layers),
                "layer": Out(layer_bits(config)),
                "entry": In(layer_entry()),
                "state": Out(state_bits(config)),
                "spikes": In(lanes),
                "surrogates": In(data.ArrayLayout(SURROGATE_BITS, lanes)),
                "post": In(data.ArrayLayout(TRACE_BITS, lanes)),
                "sign_address": Out(state_bits(config) + self.class_bits),
                "signs": In(lanes),
                "lane": Out(ceil_log2(max(lanes, 2))),
                "lane_value": In(signed(MEMBRANE_BITS)),
                "gains": Out(data.ArrayLayout(signed(GAIN_BITS), lanes)),
                "no_post": Out(1),
                "write_gains": Out(1),
                "write_post_gains": Out(1),
                "next_post": Out(data.ArrayLayout(TRACE_BITS, lanes)),
                "write_post": Out(1),
                "score_index": In(ceil_log2(config.classes)),
                "score": Out(signed(SCORE_BITS)),
                "spike_index": In(layer_bits(config)),
                "spike_count": Out(16),
                "new_spikes": Out(bits_for(lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.queue = self.queue = fifo.SyncFIFO(
            width=context(config).size, depth=config.neuron_groups
        )
        m.submodules.classes = self.classes = Classes(config)
        m.submodules.gain = self.gain = Gain(config)
        m.d.comb += self.queue.w_data.eq(self.fired_context), self.queue.w_en.eq(self.fired)
        self.token = Signal(context(config))
        self.entry_reg = Signal(layer_entry())
        self.index = Signal(range(max(config.classes, config.lanes) + 8))  # class, lane, or cycle
        self.class_base = Signal(16)  # class of lane 0 of a readout group
        self.group = Signal(state_bits(config))
        self.done = Signal()
        for name in ("latents_go", "read_go", "error_go", "project_go", "settled"):
            setattr(self, name, Signal(name=name))
        m.d.comb += self.layer.eq(self.token.layer)
        self._control(m)
        self._mark_pending(m)
        self._latents(m)
        self._class_ports(m)
        self._gain_ports(m)
        finished = Mux(self.done, 1 << self.token.layer, 0)
        m.d.sync += self.busy.eq((self.busy | self.claim) & ~finished)
        return m

    def _control(self, m):
        token, entry, gain = self.token, self.entry_reg, self.gain
        last_group = self.group == entry.groups - 1
        local = (token.state - self.entry.state_base)[: state_bits(self.config)]

        def count_to(last, following):
            """Stay here for cycles 0 … last."""
            m.d.sync += self.index.eq(self.index + 1)
            with m.If(self.index == last):
                m.d.sync += self.index.eq(0)
                m.next = following

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.queue.r_en.eq(1)
                with m.If(self.queue.r_rdy):
                    m.d.sync += token.eq(self.queue.r_data)
                    m.next = "ENTRY"
            with m.State("ENTRY"):
                m.d.sync += entry.eq(self.entry), self.state.eq(token.state), self.index.eq(0)
                m.d.sync += self.group.eq(local), self.class_base.eq(local * self.config.lanes)
                m.d.comb += self.classes.forget.eq(1)
                m.next = "LATENTS"
                with m.If(self.entry.flags.readout):
                    m.next = "READ"
            with m.State("LATENTS"):
                m.d.comb += self.latents_go.eq(1)
                count_to(Mux(token.teach, self.class_count, 0), "LATENTS_DRAIN")
            with m.State("READ"):
                m.d.comb += self.read_go.eq(1)
                count_to(token.valid - 1, "LATENTS_DRAIN")
            with m.State("LATENTS_DRAIN"):
                drained = self.SIGN_LATENCY + Latents.LATENCY
                count_to(drained, "IDLE")
                with m.If((self.index == drained) & last_group):
                    m.d.sync += self.group.eq(0), self.state.eq(entry.state_base)
                    m.d.sync += self.class_base.eq(0)
                    m.d.comb += self.done.eq(~token.learn)
                    with m.If(token.learn):
                        m.next = "PROJECT"
                    with m.If(token.teach):
                        m.next = "ERROR"
            with m.State("ERROR"):
                m.d.comb += self.error_go.eq(1)
                count_to(self.class_count - 1, "ERROR_DRAIN")
            with m.State("ERROR_DRAIN"):
                count_to(Error.LATENCY + 2, "PROJECT")
            with m.State("PROJECT"):
                m.d.comb += gain.clear.eq(self.index == 0), gain.job.eq(CAUSAL)
                with m.If(self.classes.any_signal):
                    m.d.comb += self.project_go.eq(1)
                    count_to(self.class_count - 1, "PROJECT_DRAIN")
                with m.Else():
                    m.next = "AFTER"
            with m.State("PROJECT_DRAIN"):
                count_to(self.SIGN_LATENCY + 1, "START_0")
            self._products(m)
            with m.State("NEXT"):
                m.d.comb += self.settled.eq(1)
                m.d.sync += [
                    self.group.eq(self.group + 1),
                    self.state.eq(self.state + 1),
                    self.class_base.eq(self.class_base + self.config.lanes),
                ]
                m.next = "PROJECT"
                with m.If(last_group):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"

    def _products(self, m):
        """START_n, WAIT_n: the products of a group in turn; AFTER: where m is zero everywhere."""
        gain, has_post = self.gain, self.entry_reg.post_gain != 0
        with m.State("AFTER"):
            m.next = "NEXT"
            with m.If(has_post):
                m.next = f"START_{DECAY}"
        following = {CAUSAL: NON_CAUSAL, NON_CAUSAL: DECAY, DECAY: ADD}
        for job in (CAUSAL, NON_CAUSAL, DECAY, ADD):
            with m.State(f"START_{job}"):
                m.d.comb += gain.start.eq(1), gain.job.eq(job)
                m.next = f"WAIT_{job}"
            with m.State(f"WAIT_{job}"):
                with m.If(gain.done):
                    m.next = f"START_{following[job]}" if job in following else "NEXT"
                    if job == CAUSAL:
                        m.d.comb += self.write_gains.eq(1)
                        with m.If(~has_post):
                            m.d.comb += self.no_post.eq(1), self.write_post_gains.eq(1)
                            m.next = "NEXT"
                    elif job == NON_CAUSAL:
                        m.d.comb += self.write_post_gains.eq(1)
                    elif job == ADD:
                        m.d.comb += self.write_post.eq(1)

    def _mark_pending(self, m):
        """Remember which groups have an update to make up for."""
        change = Signal()  # a gain of the group in hand is not zero
        written = self.write_gains | (self.write_post_gains & ~self.no_post)
        with m.If(written & self.gain.nonzero):
            m.d.sync += change.eq(1)
        layer = self.layer_pending.bit_select(self.token.layer, 1)
        with m.If(self.settled):
            m.d.sync += change.eq(0), self.pending.bit_select(self.state, 1).eq(change)
            m.d.sync += layer.eq(Mux(self.group == 0, change, layer | change))
        with m.If(self.clear | self.drop):
            m.d.sync += self.pending.eq(0), self.layer_pending.eq(0)

    def _latents(self, m):
        """Index 0 counts all spikes of a group, index c + 1 those with a plus for class c."""
        m.submodules.latents = latents = Latents(self.config.lanes)
        counts = Array(Signal(16, name=f"spikes_{n}") for n in range(self.config.layers))
        depth = self.SIGN_LATENCY + Latents.LATENCY
        marks = taps(m, "mark", Cat(self.latents_go, self.index == 0), depth)
        everything = Signal(bits_for(self.config.lanes))
        spikes_reg = Signal.like(self.spikes)
        m.d.sync += spikes_reg.eq(self.spikes)  # there before the signs are
        m.d.comb += [
            latents.spikes.eq(spikes_reg),
            latents.mask.eq(all_lanes(marks[self.SIGN_LATENCY][1], self.signs, self.config.lanes)),
            self.classes.ones.eq(latents.ones),
            self.classes.everything.eq(everything),
            self.classes.restart.eq(self.group == 0),
            self.spike_count.eq(counts[self.spike_index]),
        ]
        spikes = counts[self.token.layer]
        total = spikes + latents.ones
        with m.If(marks[depth][0]):
            with m.If(marks[depth][1]):
                m.d.sync += everything.eq(latents.ones)
                m.d.sync += spikes.eq(Mux(total > 0xFFFF, 0xFFFF, total))
                m.d.comb += self.new_spikes.eq(latents.ones)
            with m.Else():
                m.d.comb += self.classes.count.eq(1)
        with m.If(self.clear):
            m.d.sync += [count.eq(0) for count in counts]

    def _class_ports(self, m):
        classes, entry = self.classes, self.entry_reg
        index = taps(m, "index", self.index, self.SIGN_LATENCY + Latents.LATENCY)
        reading = later(m, "reading", self.read_go, self.LANE_LATENCY)
        neuron = self.class_base + index[self.LANE_LATENCY - 1]
        exists = Signal()
        read_class, latent_class = Signal.like(classes.number), Signal.like(classes.number)
        m.d.sync += [
            read_class.eq(neuron),
            exists.eq(neuron < self.class_count),
            latent_class.eq(index[-2] - 1),
        ]
        with m.If(self.error_go):
            m.d.comb += classes.number.eq(self.index)
        with m.Elif(reading):
            m.d.comb += classes.number.eq(read_class)
        with m.Else():
            m.d.comb += classes.number.eq(latent_class)
        m.d.comb += [
            self.lane.eq(self.index),
            classes.clear.eq(self.clear),
            classes.read.eq(reading & exists),
            classes.membrane.eq(self.lane_value),
            classes.error.eq(self.error_go),
            classes.target.eq(self.index == self.label),
            classes.gain.eq(entry.error_gain),
            classes.rate.eq(entry.rate),
            classes.asked.eq(self.score_index),
            self.score.eq(classes.score),
        ]

    def _gain_ports(self, m):
        gain, entry = self.gain, self.entry_reg
        wanted = Mux(self.latents_go, self.index - 1, self.index)[: self.class_bits]
        project = later(m, "project", self.project_go, self.SIGN_LATENCY)
        index = later(m, "class", self.index, self.SIGN_LATENCY - 1)
        value = Signal.like(gain.value)
        own = Signal(16)
        surrogates, post = Signal.like(self.surrogates), Signal.like(self.post)
        m.d.sync += surrogates.eq(self.surrogates), post.eq(self.post)  # `state` stands for longer
        m.d.comb += self.sign_address.eq(Cat(wanted, self.group)), self.classes.wanted.eq(index)
        m.d.sync += value.eq(self.classes.signal), own.eq(index - self.class_base)
        m.d.comb += [
            gain.project.eq(project),
            gain.value.eq(value),
            gain.signs.eq(self.signs),
            gain.readout.eq(entry.flags.readout),
            gain.own.eq(Mux(own < self.config.lanes, own, self.config.lanes)),
            gain.negative.eq(entry.flags.post_negative),
            gain.surrogates.eq(surrogates),
            gain.post.eq(post),
            gain.fresh.eq(self.token.fresh),
            gain.post_decay.eq(entry.post_decay),
            gain.post_gain.eq(entry.post_gain),
            self.gains.eq(gain.products),
            self.next_post.eq(gain.next_post),
        ]
