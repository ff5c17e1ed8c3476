"""The learning signal: latents, class error, projection, gains. Twin of golden/signal.py.

Works behind the lanes: while a layer integrates, the signal of the one before it is formed. A class a
cycle for the latents and the error, a class a cycle in every lane for the projection back, then eight
cycles for the gains.
"""

from amaranth import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, fifo, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import (
    GAIN_BITS,
    LOGIT_BITS,
    MEMBRANE_BITS,
    SCORE_BITS,
    SIGNAL_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
)
from hw.core.error import Error
from hw.core.latents import Latents, all_lanes
from hw.core.multiply import SerialMultiply
from hw.core.tokens import context, layer_bits, layer_entry, state_bits

ROUND = 128


class LearningSignal(wiring.Component):
    """Turns fired groups into gains for the next pass over them.

    `fired` queues a group (its spikes, surrogate and readout membranes are in memory by then). The
    unit reads them by `state` in the same cycle, the signs by `sign_address` SIGN_LATENCY cycles later and
    a readout's membranes lane by lane, `lane_value` LANE_LATENCY cycles after `lane`. Gains and post
    traces are written with `write_gains` and `write_post` at `state`.
    """

    SIGN_LATENCY = 2
    LANE_LATENCY = 2

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.lanes
        self.class_bits = ceil_log2(config.classes)
        gains = data.ArrayLayout(signed(GAIN_BITS), lanes)
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
                "gains": Out(gains),
                "post_gains": Out(gains),
                "write_gains": Out(1),
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
        queue = fifo.SyncFIFO(width=context(config).size, depth=config.neuron_groups)
        m.submodules.queue = queue
        m.d.comb += queue.w_data.eq(self.fired_context), queue.w_en.eq(self.fired)
        self.token = token = Signal(context(config))
        self.entry_reg = entry = Signal(layer_entry())
        classes = range(config.classes)
        self.logits = Array(Signal(signed(LOGIT_BITS), name=f"logit_{c}") for c in classes)
        self.signals = Array(Signal(signed(SIGNAL_BITS), name=f"signal_{c}") for c in classes)
        self.scores = Array(Signal(signed(SCORE_BITS), name=f"score_{c}") for c in classes)
        self.counts = Array(Signal(16, name=f"spikes_{n}") for n in range(config.layers))
        self.index = Signal(range(max(config.classes, config.lanes) + 8))  # class, lane, or cycle
        self.class_base = Signal(16)  # class of lane 0 of a readout group
        self.any_signal = Signal()
        self.group = Signal(state_bits(config))
        m.d.comb += [
            self.layer.eq(token.layer),
            self.score.eq(self.scores[self.score_index]),
            self.spike_count.eq(self.counts[self.spike_index]),
        ]
        self._latents(m)
        self._error(m)
        self._project(m)
        done = Signal()
        last_group = self.group == entry.groups - 1

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += queue.r_en.eq(1)
                with m.If(queue.r_rdy):
                    m.d.sync += token.eq(queue.r_data)
                    m.next = "ENTRY"
            with m.State("ENTRY"):
                m.d.sync += entry.eq(self.entry), self.state.eq(token.state), self.index.eq(0)
                m.d.sync += self.group.eq(token.state - self.entry.state_base)
                m.d.sync += self.class_base.eq(
                    ((token.state - self.entry.state_base)[: state_bits(config)] * config.lanes)
                )
                m.next = "LATENTS"
                with m.If(self.entry.flags.readout):
                    m.next = "READ"
            with m.State("LATENTS"):
                m.d.comb += self.latents_go.eq(1)
                m.d.sync += self.index.eq(self.index + 1)
                with m.If(self.index == Mux(token.teach, self.class_count, 0)):
                    m.d.sync += self.index.eq(0)
                    m.next = "LATENTS_DRAIN"
            with m.State("READ"):
                m.d.comb += self.read_go.eq(1)
                m.d.sync += self.index.eq(self.index + 1)
                with m.If((self.index == token.valid - 1)):
                    m.d.sync += self.index.eq(0)
                    m.next = "LATENTS_DRAIN"
            with m.State("LATENTS_DRAIN"):
                m.d.sync += self.index.eq(self.index + 1)
                with m.If(self.index == self.SIGN_LATENCY + Latents.LATENCY):
                    m.d.sync += self.index.eq(0), self.any_signal.eq(0)
                    m.next = "IDLE"
                    with m.If(last_group):
                        m.d.sync += self.group.eq(0), self.state.eq(entry.state_base)
                        m.d.sync += self.class_base.eq(0)
                        with m.If(~token.learn):
                            m.d.comb += done.eq(1)
                        with m.Elif(token.teach):
                            m.next = "ERROR"
                        with m.Else():
                            m.next = "PROJECT"
            with m.State("ERROR"):
                m.d.comb += self.error_go.eq(1)
                m.d.sync += self.index.eq(self.index + 1)
                with m.If(self.index == self.class_count - 1):
                    m.d.sync += self.index.eq(0)
                    m.next = "ERROR_DRAIN"
            with m.State("ERROR_DRAIN"):
                m.d.sync += self.index.eq(self.index + 1)
                with m.If(self.index == Error.LATENCY + 1):
                    m.d.sync += self.index.eq(0)
                    m.next = "PROJECT"
            with m.State("PROJECT"):
                m.d.comb += self.project_first.eq(self.index == 0)
                with m.If(~self.any_signal):
                    m.d.comb += self.nothing.eq(1)
                    m.next = "POST"
                with m.Else():
                    m.d.comb += self.project_go.eq(1)
                    m.d.sync += self.index.eq(self.index + 1)
                    with m.If(self.index == self.class_count - 1):
                        m.d.sync += self.index.eq(0)
                        m.next = "PROJECT_DRAIN"
            with m.State("PROJECT_DRAIN"):
                m.d.sync += self.index.eq(self.index + 1)
                with m.If(self.index == self.SIGN_LATENCY + 2):
                    m.d.comb += self.gain_start.eq(1)
                    m.next = "GAIN"
            with m.State("GAIN"):
                with m.If(self.multiplied):
                    m.d.comb += self.gain_done.eq(1)
                    m.next = "POST"
            with m.State("POST"):
                m.d.sync += self.index.eq(0)
                with m.If(entry.post_gain == 0):
                    m.next = "NEXT"
                with m.Else():
                    m.d.comb += self.post_start.eq(1)
                    m.next = "POST_WAIT"
            with m.State("POST_WAIT"):
                with m.If(self.multiplied):
                    m.d.comb += self.write_post.eq(1)
                    m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += [
                    self.group.eq(self.group + 1),
                    self.state.eq(self.state + 1),
                    self.class_base.eq(self.class_base + config.lanes),
                ]
                m.next = "PROJECT"
                with m.If(last_group):
                    m.d.comb += done.eq(1)
                    m.next = "IDLE"
        finished = Mux(done, 1 << token.layer, 0)
        m.d.sync += self.busy.eq((self.busy | self.claim) & ~finished)
        return m

    def _latents(self, m):
        """Logits of a hidden layer from its spikes, of a readout from its membranes; scores."""
        token = self.token
        self.latents_go, self.read_go = Signal(), Signal()
        m.submodules.latents = latents = Latents(self.config.lanes)
        m.d.comb += [
            self.sign_address.eq(Cat(self._class_address(), self.group)),
            self.lane.eq(self.index),
            latents.spikes.eq(self.spikes),
        ]
        # index 0 counts all spikes, index c + 1 those with a plus for class c
        depth = self.SIGN_LATENCY + Latents.LATENCY
        marks = self._delay(m, "mark", Cat(self.latents_go, self.index == 0), depth)
        index = self._delay(m, "latent", self.index, depth)
        m.d.comb += latents.mask.eq(
            all_lanes(marks[self.SIGN_LATENCY][1], self.signs, self.config.lanes)
        )
        everything = Signal(bits_for(self.config.lanes))
        slot = self.logits[(index[depth] - 1)[: self.class_bits]]
        change = (latents.ones << 1) - everything
        spikes = self.counts[token.layer]
        total = spikes + latents.ones
        with m.If(marks[depth][0]):
            with m.If(marks[depth][1]):
                m.d.sync += everything.eq(latents.ones)
                m.d.sync += spikes.eq(Mux(total > 0xFFFF, 0xFFFF, total))
                m.d.comb += self.new_spikes.eq(latents.ones)
            with m.Else():
                m.d.sync += slot.eq(Mux(self.group == 0, change, slot + change))
        reading = self._delay(m, "reading", self.read_go, self.LANE_LATENCY)[-1]
        label = self.class_base + index[self.LANE_LATENCY]
        number = label[: self.class_bits]
        with m.If(reading & (label < self.class_count)):
            m.d.sync += self.logits[number].eq(self.lane_value)
            score = self.scores[number]
            m.d.sync += score.eq(score + self.lane_value)
        with m.If(self.clear):
            m.d.sync += [value.eq(0) for value in (*self.counts, *self.scores)]

    def _class_address(self):
        """Class whose signs are wanted: latents run one ahead, for their count of all spikes."""
        return Mux(self.latents_go, self.index - 1, self.index)[: self.class_bits]

    def _error(self, m):
        self.error_go = Signal()
        m.submodules.error = error = Error()
        m.d.comb += [
            error.logit.eq(self.logits[self.index[: self.class_bits]]),
            error.target.eq(self.index == self.label),
            error.gain.eq(self.entry_reg.error_gain),
            error.rate.eq(self.entry_reg.rate),
        ]
        ready = self._delay(m, "error", self.error_go, Error.LATENCY)[-1]
        index = self._delay(m, "error_class", self.index, Error.LATENCY)[-1]
        with m.If(ready):
            m.d.sync += self.signals[index[: self.class_bits]].eq(error.signal)
            with m.If(error.signal != 0):
                m.d.sync += self.any_signal.eq(1)

    def _project(self, m):
        """m = sum of +-signal in every lane, saturated; gains and post traces by serial products."""
        entry, lanes = self.entry_reg, self.config.lanes
        for name in ("project_go", "project_first", "nothing", "gain_start", "gain_done"):
            setattr(self, name, Signal(name=name))
        self.post_start, self.multiplied = Signal(), Signal()
        m.submodules.first = first = SerialMultiply(lanes, SIGNAL_BITS)
        m.submodules.second = second = SerialMultiply(lanes, SIGNAL_BITS)
        go = self._delay(m, "project", Cat(self.project_go, self.project_first), self.SIGN_LATENCY)
        index = self._delay(m, "project_class", self.index, self.SIGN_LATENCY - 1)[-1]
        value = Signal(signed(SIGNAL_BITS))
        label = Signal(16)
        posting = Signal()  # the products in hand are those of the post trace
        m.d.sync += value.eq(self.signals[index[: self.class_bits]])
        m.d.sync += label.eq(index - self.class_base)
        with m.If(self.gain_start | self.post_start):
            m.d.sync += posting.eq(self.post_start)
        m.d.comb += [
            first.start.eq(self.gain_start | self.post_start),
            second.start.eq(self.gain_start | self.post_start),
            first.bias.eq(Mux(self.post_start, 0, ROUND)),
            second.bias.eq(ROUND),
            self.multiplied.eq(first.done),
            self.write_gains.eq(self.gain_done),
        ]
        zero = []
        for lane in range(lanes):
            total = Signal(signed(SIGNAL_BITS + 6), name=f"m_{lane}")
            top = 1 << (SIGNAL_BITS - 1)
            m_lane = Mux(total >= top, top - 1, Mux(total < -top, -top, total))
            plus = Mux(self.signs[lane], value, -value)
            term = Mux(entry.flags.readout, Mux(label == lane, value, 0), plus)
            with m.If(go[-1][0]):
                m.d.sync += total.eq(Mux(go[-1][1], 0, total) + term)
            post = Mux(self.token.fresh, 0, self.post[lane])
            is_post = posting | self.post_start
            m.d.comb += [
                first.values[lane].eq(Mux(is_post, post, m_lane)),
                first.factors[lane].eq(
                    Mux(self.post_start, entry.post_decay[:8], self.surrogates[lane])
                ),
                second.values[lane].eq(Mux(is_post, self.surrogates[lane], m_lane)),
                second.factors[lane].eq(Mux(self.post_start, entry.post_gain[:8], post)),
            ]
            non_causal = second.products[lane]
            signed_post = Mux(entry.flags.post_negative, -non_causal, non_causal)
            used = entry.post_gain != 0
            full = (1 << TRACE_BITS) - 1
            post_sum = first.products[lane] + second.products[lane]
            m.d.comb += [
                self.gains[lane].eq(first.products[lane]),
                self.post_gains[lane].eq(Mux(used, signed_post, 0)),
                self.next_post[lane].eq(Mux(post_sum > full, full, post_sum)),
            ]
            zero.append((self.gains[lane] == 0) & (self.post_gains[lane] == 0))
        self._mark_pending(m, ~Cat(*zero).all())

    def _mark_pending(self, m, nonzero):
        """Remember which groups have an update to make up for."""
        layer = self.layer_pending.bit_select(self.token.layer, 1)
        group = self.pending.bit_select(self.state, 1)
        with m.If(self.nothing | self.gain_done):
            change = self.gain_done & nonzero
            m.d.sync += group.eq(change)
            m.d.sync += layer.eq(Mux(self.group == 0, change, layer | change))
        with m.If(self.clear | self.drop):
            m.d.sync += self.pending.eq(0), self.layer_pending.eq(0)

    @staticmethod
    def _delay(m, name, value, depth):
        """[value now, a cycle ago, …]."""
        taps = [value]
        for stage in range(depth):
            tap = Signal(len(value), name=f"{name}_{stage + 1}")
            m.d.sync += tap.eq(taps[-1])
            taps.append(tap)
        return taps
