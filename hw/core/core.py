"""The streaming neuron core: units wired in the order data flows. Twin of golden/core.py.

Stages of a row, in cycles after its slot (tests and the units' docstrings rely on these):

0 slot · 3 gains and traces · 4 weight address, products · 6 noise · 7 weights · 8 new weights:
written back, and integrated · 9 sums
"""

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import GAIN_BITS, MEMBRANE_BITS, SURROGATE_BITS, TRACE_BITS
from golden.spec.registers import COUNTERS
from hw.core.counters import Counters
from hw.core.events import Events
from hw.core.fire import Fire
from hw.core.integrate import Integrate
from hw.core.memories import LaneMemory, LaneSelect, LayerTable, Signs
from hw.core.noise import Noise
from hw.core.pipeline import later, taps
from hw.core.ports import BusReply, BusRequest, ResultWords, SampleBytes
from hw.core.readback import Readback
from hw.core.result import Result
from hw.core.scan import Scan
from hw.core.sequencer import Sequencer
from hw.core.signal import LearningSignal
from hw.core.trace import Trace
from hw.core.update import Update
from hw.core.weights import Weights, spread

GAINS_AT, ADDRESS_AT, NOISE_AT, NEW_AT, SUMS_AT = 3, 4, 6, 8, 9
assert NOISE_AT == Noise.LATENCY
assert ADDRESS_AT + Weights.LATENCY + 1 == NEW_AT == ADDRESS_AT + Update.LATENCY


class Core(wiring.Component):
    """One core. The host may use the bus only while no sample is in it (`busy` low, result taken)."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "bus_request": In(BusRequest),
                "bus_reply": Out(BusReply),
                "sample": In(SampleBytes),
                "result": Out(ResultWords),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, lanes = self.config, self.config.lanes
        m.submodules.events = self.events = Events(config)
        m.submodules.scan = self.scan = Scan(config)
        m.submodules.trace = self.trace = Trace(config)
        m.submodules.sequencer = self.sequencer = Sequencer(config)
        m.submodules.weights = self.weights = Weights(config)
        m.submodules.noise = self.noise = Noise()
        m.submodules.update = self.update = Update(config)
        m.submodules.integrate = self.integrate = Integrate(config)
        m.submodules.fire = self.fire = Fire(config)
        m.submodules.signal = self.signal = LearningSignal(config)
        m.submodules.result = self.results = Result(config)
        m.submodules.counters = self.counters = Counters(config)
        m.submodules.readback = self.readback = Readback(config)
        m.submodules.table = self.table = LayerTable(config, reads=5)
        m.submodules.membranes = self.membranes = LaneMemory(config, signed(MEMBRANE_BITS), reads=2)
        m.submodules.surrogates = self.surrogates = LaneMemory(config, SURROGATE_BITS)
        m.submodules.post = self.post = LaneMemory(config, TRACE_BITS)
        m.submodules.gains = self.gains = LaneMemory(config, signed(GAIN_BITS))
        m.submodules.post_gains = self.post_gains = LaneMemory(config, signed(GAIN_BITS))
        m.submodules.spikes = self.spikes = LaneMemory(config, 1)
        m.submodules.signs = self.signs = Signs(config)
        shape = signed(MEMBRANE_BITS)
        m.submodules.one_membrane = self.one_membrane = LaneSelect(shape, lanes)
        m.submodules.one_weight = self.one_weight = LaneSelect(signed(config.weight_bits), lanes)
        m.submodules.one_post = self.one_post = LaneSelect(TRACE_BITS, lanes)

        host = self.readback.active
        m.d.comb += self.busy.eq(self.sequencer.busy)
        self._wire_sequence(m)
        stages = self._wire_rows(m, host)
        self._wire_fire(m, stages)
        self._wire_signal(m, host)
        self._wire_host(m)
        self._wire_counters(m)
        return m

    def _wire_sequence(self, m):
        """Sample bytes to events, events and active lists to visits, visits to slots; the result."""
        events, scan, trace, run = self.events, self.scan, self.trace, self.sequencer
        wiring.connect(m, wiring.flipped(self.sample), events.sample)
        wiring.connect(m, trace.visits, run.visits)
        from_host = run.layer == 0
        m.d.comb += [
            trace.events.payload.eq(Mux(from_host, events.events.payload, scan.events.payload)),
            trace.events.valid.eq(Mux(from_host, events.events.valid, scan.events.valid)),
            events.events.ready.eq(from_host & trace.events.ready),
            scan.events.ready.eq(~from_host & trace.events.ready),
            run.starved.eq(trace.starved),
            run.header.eq(events.header),
            run.begin.eq(events.begin),
            run.events_finished.eq(events.finished),
            events.free.eq(run.events_free),
            self.table.layer_0.eq(run.layer),
            run.entry.eq(self.table.entry_0),
            trace.clear.eq(run.trace_clear),
            trace.start.eq(run.trace_start),
            trace.skip.eq(run.trace_skip),
            trace.flush.eq(run.flush),
            trace.keep.eq(run.keep),
            trace.layer.eq(run.layer),
            trace.bias.eq(run.bias),
            trace.last_row.eq(run.last_row),
            trace.decay.eq(run.decay),
            trace.gain.eq(run.gain),
            run.signal_busy.eq(self.signal.busy),
            run.pending.eq(self.signal.pending),
            run.layer_pending.eq(self.signal.layer_pending),
            run.layer_count.eq(self.readback.layer_count),
        ]
        first_entry = self.table.entry_3
        m.d.comb += self.table.layer_3.eq(Mux(self.readback.active, self.readback.word, 0))
        m.d.sync += events.inputs.eq(first_entry.rows - first_entry.flags.bias)
        results = self.results
        wiring.connect(m, results.result, wiring.flipped(self.result))
        m.d.comb += [
            results.start.eq(run.result_start),
            run.result_done.eq(results.done),
            results.busy.eq(run.busy),
            results.begin.eq(events.begin),
            results.class_count.eq(self.readback.class_count),
            results.status.eq(events.status),
            self.signal.score_index.eq(results.score_index),
            results.score.eq(self.signal.score),
            self.signal.spike_index.eq(results.spike_index),
            results.spike_count.eq(self.signal.spike_count),
        ]

    def _wire_rows(self, m, host):
        """The row pipeline: gains, products, noise, weights, new weights, sums."""
        config = self.config
        stages = taps(m, "slot", self.sequencer.slot, SUMS_AT)
        gains = Signal(data.ArrayLayout(signed(GAIN_BITS), config.lanes))
        post_gains = Signal.like(gains)
        state = stages[GAINS_AT].context.state
        m.d.comb += self.gains.address_0.eq(state), self.post_gains.address_0.eq(state)
        with m.If(stages[GAINS_AT].first):
            m.d.sync += gains.eq(self.gains.read_0), post_gains.eq(self.post_gains.read_0)

        update, weights, noise = self.update, self.weights, self.noise
        m.d.comb += [
            noise.advance.eq(stages[0].update),
            update.pre_trace.eq(stages[ADDRESS_AT].trace),
            update.spiked.eq(stages[ADDRESS_AT].spiked),
            update.gains.eq(gains),
            update.post_gains.eq(post_gains),
            update.noise.eq(noise.word),
            update.update.eq(stages[NOISE_AT].update),
            update.weights.eq(weights.data),
            weights.read_address.eq(Mux(host, self.readback.word, stages[ADDRESS_AT].address)),
        ]
        writing, written = stages[NEW_AT], Signal(weights.write_address.shape())
        host_write = self.readback.write_weights
        m.d.comb += written.eq(Mux(host_write, self.readback.word, writing.address))
        m.d.comb += [
            weights.write_address.eq(written),
            weights.write_lanes.eq(
                Mux(host_write, 1 << self.readback.element, spread(writing.update, config.lanes))
            ),
        ]
        for lane in range(config.lanes):
            m.d.comb += weights.write_data[lane].eq(
                Mux(host_write, self.readback.data, update.new[lane])
            )

        integrate = self.integrate
        start = Signal(data.ArrayLayout(signed(MEMBRANE_BITS), config.lanes))
        before = stages[NEW_AT - 1]
        m.d.comb += [
            self.table.layer_1.eq(before.context.layer),
            self.membranes.address_0.eq(before.context.state),
            integrate.first.eq(stages[NEW_AT].first),
            integrate.spike.eq(stages[NEW_AT].row & stages[NEW_AT].spike),
            integrate.start.eq(start),
            integrate.weights.eq(update.new),
        ]
        nothing = before.context.fresh | self.table.entry_1.flags.readout
        for lane in range(config.lanes):
            m.d.sync += start[lane].eq(Mux(nothing, 0, self.membranes.read_0[lane]))
        return stages

    def _wire_fire(self, m, stages):
        """Sums to spikes, surrogates and membranes; spikes on to the next layer."""
        fire, scan, lanes = self.fire, self.scan, self.config.lanes
        done = stages[SUMS_AT]
        context = fire.fired_context
        m.d.comb += [
            fire.start.eq(done.last),
            fire.context.eq(done.context),
            fire.sums.eq(self.integrate.sums),
            self.table.layer_4.eq(fire.layer),
            fire.entry.eq(self.table.entry_4),
            self.spikes.write_address.eq(context.state),
            self.spikes.write_data.eq(fire.spikes),
            self.spikes.write_lanes.eq(spread(fire.fired, lanes)),
            self.surrogates.write_address.eq(context.state),
            self.surrogates.write_data.eq(fire.surrogates),
            self.surrogates.write_lanes.eq(spread(fire.fired, lanes)),
            scan.groups.valid.eq(fire.fired & ~fire.readout),
            scan.groups.payload.spikes.eq(fire.spikes),
            scan.groups.payload.last.eq(context.final),
        ]
        store = (fire.fired & fire.readout) | fire.leaked
        read = self.readback
        host_write = read.write_membranes
        m.d.comb += [
            self.membranes.write_address.eq(Mux(host_write, read.word, context.state)),
            self.membranes.write_lanes.eq(Mux(host_write, 1 << read.element, spread(store, lanes))),
        ]
        for lane in range(lanes):
            m.d.comb += self.membranes.write_data[lane].eq(
                Mux(host_write, read.data.as_signed(), fire.membranes[lane])
            )

    def _wire_signal(self, m, host):
        """Fired groups to gains."""
        signal, fire, read, lanes = self.signal, self.fire, self.readback, self.config.lanes
        state = signal.state
        m.d.sync += signal.fired.eq(fire.fired)
        m.d.comb += [
            signal.class_count.eq(read.class_count),
            signal.label.eq(self.events.header.label),
            signal.fired_context.eq(fire.fired_context),
            signal.claim.eq(self.sequencer.signal_claim),
            signal.clear.eq(self.sequencer.signal_clear),
            signal.drop.eq(self.sequencer.signal_drop),
            self.table.layer_2.eq(signal.layer),
            signal.entry.eq(self.table.entry_2),
            self.spikes.address_0.eq(Mux(host, read.word, state)),
            signal.spikes.eq(self.spikes.read_0.as_value()),
            self.surrogates.address_0.eq(state),
            signal.surrogates.eq(self.surrogates.read_0),
            self.post.address_0.eq(Mux(host, read.word, state)),
            signal.post.eq(self.post.read_0),
            self.signs.address.eq(Mux(host, read.word, signal.sign_address)),
            signal.signs.eq(self.signs.signs),
            self.membranes.address_1.eq(Mux(host, read.word, state)),
            self.one_membrane.word.eq(self.membranes.read_1),
            self.one_membrane.lane.eq(Mux(host, read.element, signal.lane)),
            signal.lane_value.eq(self.one_membrane.value),
            self.gains.write_address.eq(state),
            self.gains.write_data.eq(signal.gains),
            self.gains.write_lanes.eq(spread(signal.write_gains, lanes)),
            self.post_gains.write_address.eq(state),
            self.post_gains.write_data.eq(Mux(signal.no_post, 0, signal.gains.as_value())),
            self.post_gains.write_lanes.eq(spread(signal.write_post_gains, lanes)),
            self.post.write_address.eq(Mux(read.write_post_traces, read.word, state)),
            self.post.write_lanes.eq(
                Mux(read.write_post_traces, 1 << read.element, spread(signal.write_post, lanes))
            ),
        ]
        for lane in range(lanes):
            m.d.comb += self.post.write_data[lane].eq(
                Mux(read.write_post_traces, read.data, signal.next_post[lane])
            )

    def _wire_host(self, m):
        """Memories to the host, each at the cycle Readback expects it."""
        read = self.readback
        wiring.connect(m, wiring.flipped(self.bus_request), read.bus_request)
        wiring.connect(m, read.bus_reply, wiring.flipped(self.bus_reply))
        m.d.comb += [
            read.noise_state.eq(self.noise.state),
            self.noise.load.eq(read.data),
            self.noise.load_low.eq(read.load_noise_low),
            self.noise.load_high.eq(read.load_noise_high),
            self.table.write.eq(read.write_layers),
            self.table.write_layer.eq(read.word),
            self.table.write_field.eq(read.element),
            self.table.write_data.eq(read.data),
            self.signs.write.eq(read.write_signs),
            self.signs.write_address.eq(read.word),
            self.signs.write_chunk.eq(read.element),
            self.signs.write_data.eq(read.data),
            self.trace.peek.eq(read.word),
            self.trace.peek_layer.eq(read.word),
            self.one_weight.word.eq(self.weights.data),
            self.one_post.word.eq(self.post.read_0),
            self.one_post.lane.eq(read.element),
            read.weights.eq(self.one_weight.value),
            read.early_membranes.eq(self.one_membrane.value),
            read.early_post_traces.eq(self.one_post.value),
        ]
        m.d.comb += self.one_weight.lane.eq(later(m, "weight_lane", read.element, Weights.LATENCY))
        element = Signal(8)
        m.d.sync += element.eq(read.element)
        self._early_words(m, element)

    def _early_words(self, m, element):
        """Words that need one more register to be in time."""
        read, config = self.readback, self.config
        entry = Signal(self.table.entry_3.shape().size)
        spikes = Signal(config.lanes)
        signs_element = Signal(8)
        count = Signal(16)
        m.d.sync += [
            entry.eq(self.table.entry_3),
            spikes.eq(self.spikes.read_0),
            signs_element.eq(element),
            count.eq(self.trace.peek_count),
            read.early_layers.eq(entry.word_select(element[:4], 16)),
        ]
        chunk_bits = ceil_log2(max(1, self.signs.chunks))
        padded = 16 << chunk_bits

        def chunk(bits, index):
            wide = Cat(bits, Const(0, padded - len(bits)))
            return wide.word_select(index[:chunk_bits], 16) if chunk_bits else wide

        m.d.sync += read.early_spikes.eq(chunk(spikes, element))
        m.d.comb += read.early_signs.eq(chunk(self.signs.signs, signs_element))
        trace = self.trace.peek_entry
        m.d.sync += read.early_traces.eq(
            Mux(element[0], trace.trace + (trace.spiked << 8), trace.row)
        )
        m.d.comb += read.early_trace_counts.eq(count)

    def _wire_counters(self, m):
        """Every cycle has one cause; work is counted where it is done."""
        count, run, signal = self.counters, self.sequencer, self.signal
        row = run.slot
        both = row.update & row.spike
        kinds = {
            "rows_both": both,
            "rows_integrate": row.row & row.spike & ~row.update,
            "rows_update": row.row & row.update & ~row.spike,
            "rows_trace": ~row.row,
        }
        for name, kind in kinds.items():
            m.d.comb += getattr(count, f"add_{name}").eq(run.issued & kind)
        waits = ("wait_input", "wait_spikes", "wait_signal")
        waiting = [getattr(run, name) for name in waits]
        idle = run.busy & ~run.issued
        for name, wait in zip(waits, waiting, strict=True):
            m.d.comb += getattr(count, f"add_{name}").eq(idle & wait)
        m.d.comb += [
            count.clear.eq(self.readback.clear_counters),
            count.add_cycles.eq(run.busy),
            count.add_turnaround.eq(idle & ~(waiting[0] | waiting[1] | waiting[2])),
            count.add_samples.eq(run.sample_done),
            count.add_steps.eq(run.step_done),
            count.add_events.eq(self.events.taken),
            count.add_spikes.eq(signal.new_spikes),
            count.add_synops.eq(Mux(row.row & row.spike, row.context.valid, 0)),
            count.add_updates.eq(Mux(row.update, row.context.valid, 0)),
        ]
        for counter in COUNTERS:
            name = counter.name
            m.d.comb += getattr(self.readback, name).eq(getattr(count, name))
