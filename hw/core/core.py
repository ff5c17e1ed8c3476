"""The streaming neuron core: units wired in the order data flows. Twin of golden/core.py.

A slot is a cycle of the lanes; times are cycles after a slot:

0 slot · 4 gains, address, products · 6 noise · 7 weights · 8 new weights: written back, and integrated
· 9 sums · 10 the first chunk of lanes fires, the others follow · 15 spikes · 16 surrogates · 18 membranes
"""

from amaranth import Array, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import MEMBRANE_BITS, SURROGATE_BITS, TRACE_BITS
from hw.core.base.chunks import ChunkMemory, Signs, Walk, chunk_bits, place
from hw.core.base.memories import LayerTable
from hw.core.base.pipeline import later, taps
from hw.core.fire.fire import Fire
from hw.core.fire.pool import Pool
from hw.core.host import host
from hw.core.host.answers import Answers
from hw.core.host.counters import Counters
from hw.core.host.readback import Readback
from hw.core.lanes.lanes import NEW_AT, NOISE_AT, SUMS_AT, Lanes
from hw.core.lanes.noise import Noise
from hw.core.learn.map_signal import Winners
from hw.core.learn.signal import LearningSignal, firing
from hw.core.ports import BusReply, BusRequest, ResultWords, SampleBytes
from hw.core.readout.result import Result
from hw.core.rows.events import Events
from hw.core.rows.scan import Scan
from hw.core.rows.trace import Trace
from hw.core.schedule.sequencer import Sequencer

FIRE_AT = SUMS_AT + 1
READ_MEMBRANES_AT = FIRE_AT - ChunkMemory.LATENCY
assert NOISE_AT == Noise.LATENCY


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
        config = self.config
        m.submodules.events = self.events = Events(config)
        m.submodules.scan = self.scan = Scan(config)
        m.submodules.trace = self.trace = Trace(config)
        m.submodules.sequencer = self.sequencer = Sequencer(config)
        m.submodules.noise = self.noise = Noise()
        m.submodules.fire = self.fire = Fire(config)
        m.submodules.signal = self.signal = LearningSignal(config)
        m.submodules.result = self.results = Result(config)
        m.submodules.counters = self.counters = Counters(config)
        m.submodules.readback = self.readback = Readback(config)
        m.submodules.answers = self.answers = Answers(
            config, self.trace.entry, len(self.trace.peek_count)
        )
        m.submodules.table = self.table = LayerTable(config, reads=4)
        m.submodules.membranes = self.membranes = ChunkMemory(config, signed(MEMBRANE_BITS))
        m.submodules.surrogates = self.surrogates = ChunkMemory(config, SURROGATE_BITS)
        m.submodules.post = self.post = ChunkMemory(
            config, TRACE_BITS, exists=bool(config.post_traces)
        )
        m.submodules.spikes = self.spikes = ChunkMemory(config, 1)
        m.submodules.signs = self.signs = Signs(config)
        self.lanes = [Lanes(config, chunk) for chunk in range(config.chunks)]
        for chunk, lanes in enumerate(self.lanes):
            m.submodules[f"lanes_{chunk}"] = lanes
        m.submodules.ending = self.ending = Walk(config)

        m.d.comb += self.busy.eq(self.sequencer.busy)
        self._wire_sequence(m)
        self._wire_result(m)
        self._wire_rows(m)
        self._wire_fire(m)
        self._wire_signal(m)
        host.wire_memories(m, self)
        host.wire_counters(m, self)
        return m

    def _wire_sequence(self, m):
        """Sample bytes to events, events and active lists to visits, visits to slots."""
        events, scan, trace, run = self.events, self.scan, self.trace, self.sequencer
        wiring.connect(m, wiring.flipped(self.sample), events.sample)
        wiring.connect(m, trace.visits, run.visits)
        from_host = Signal()  # a cycle late: no layer takes events as soon as that
        m.d.sync += from_host.eq(run.layer == 0)
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
            run.signal_full.eq(self.signal.full),
            run.layer_pending.eq(self.signal.layer_pending),
            run.layer_count.eq(self.readback.layer_count),
        ]
        m.d.comb += [
            self.signal.asks.layer.eq(run.layer),
            self.signal.asks.group.eq(run.asked_state),
            run.pending.eq(self.signal.pending),
        ]
        first_entry = later(m, "first_entry", self.table.entry_3, 1)
        inputs = first_entry.rows - first_entry.flags.bias
        if self.config.map_pixels:
            m.d.comb += self.signal.asks.next_group.eq(run.next_state)
            m.d.comb += run.next_pending.eq(self.signal.next_pending)
            inputs = Mux(first_entry.flags.convolution, first_entry.map_inputs, inputs)
        m.d.comb += self.table.layer_3.eq(Mux(self.readback.active, self.readback.word, 0))
        m.d.sync += events.inputs.eq(inputs)

    def _wire_result(self, m):
        results, run = self.results, self.sequencer
        wiring.connect(m, results.result, wiring.flipped(self.result))
        m.d.comb += [
            results.start.eq(run.result_start),
            run.result_done.eq(results.done),
            results.busy.eq(run.busy),
            results.begin.eq(self.events.begin),
            results.class_count.eq(self.readback.class_count),
            results.status.eq(self.events.status),
            self.signal.score_index.eq(results.score_index),
            results.score.eq(self.signal.score),
            self.signal.spike_index.eq(results.spike_index),
            results.spike_count.eq(self.signal.spike_count),
        ]

    def _wire_rows(self, m):
        """Slots, noise, gains and the host's accesses to all lanes."""
        config, read = self.config, self.readback
        slot = Signal.like(self.sequencer.slot)
        m.d.comb += slot.eq(self.sequencer.slot)
        with m.If(read.active):  # at rest slots have no row: they carry the host's address
            m.d.comb += slot.address.eq(read.word)
        # chunk n works n cycles behind the first: its neighbours hand on what all of them need
        late = config.chunks - 1
        self.slots = taps(m, "slot", slot, SUMS_AT + late)
        m.d.comb += self.noise.advance.eq(self.slots[0].update)
        noise = taps(m, "noise", self.noise.word, late)
        writes = taps(m, "host_write", read.write_weights, NEW_AT + late)
        elements = taps(m, "host_lane", read.element, NEW_AT + late)
        values = taps(m, "host_data", read.data[: config.weight_bits], NEW_AT + late)
        lane_bits = ceil_log2(config.chunk_lanes)
        for chunk, lanes in enumerate(self.lanes):
            for at in range(SUMS_AT):
                m.d.comb += lanes.slots[at].eq(self.slots[at + chunk])
            at = NEW_AT + chunk
            m.d.comb += [
                lanes.noise.eq(noise[chunk]),
                lanes.host_write.eq(writes[at] & (elements[at][lane_bits:] == chunk)),
                lanes.host_lane.eq(elements[at]),
                lanes.host_data.eq(values[at]),
            ]
        self._wire_gains(m)

    def _wire_gains(self, m):
        """New gains to the chunk they belong to, handed on from chunk to chunk like slots."""
        signal, bits, chunks = self.signal, chunk_bits(self.config), self.config.chunks
        gains = taps(m, "gains", signal.gains, chunks)
        causal = taps(m, "write_gains", signal.write_gains, chunks)
        non_causal = taps(m, "write_post_gains", signal.write_post_gains, chunks)
        places = taps(m, "gains_place", signal.write_place, chunks)
        for chunk, lanes in enumerate(self.lanes):
            at = chunk + 1
            here = places[at][:bits] == chunk
            m.d.comb += [
                lanes.gains.eq(gains[at]),
                lanes.write_gains.eq(causal[at] & here),
                lanes.write_post_gains.eq(non_causal[at] & here),
                lanes.write_state.eq(places[at][bits:]),
            ]

    def _wire_fire(self, m):
        """Sums to spikes, surrogates and membranes; spikes on to the next layer."""
        fire, config = self.fire, self.config
        walk, done = self.ending, self.slots[READ_MEMBRANES_AT - 1]
        token = Signal(firing(config))
        m.d.comb += [
            walk.go.eq(done.last),
            walk.started.eq(done.context),
            token.valid.eq(walk.valid),
            token.context.eq(walk.context),
            token.chunk.eq(walk.chunk),
        ]
        ready = later(m, "firing", token, ChunkMemory.LATENCY)
        summed = later(m, "summed", walk.chunk, SUMS_AT - READ_MEMBRANES_AT)
        sums = Signal.like(fire.sums, reset_less=True)
        m.d.sync += sums.eq(Array(lanes.sums for lanes in self.lanes)[summed])
        tokens = taps(m, "fired", ready, Fire.LEAKED)
        m.d.comb += [
            self.table.layer_1.eq(ready.context.layer),
            fire.context.eq(ready.context),
            fire.chunk.eq(ready.chunk),
            fire.entry.eq(self.table.entry_1),
            fire.sums.eq(sums),
            fire.start.eq(self.membranes.read),
        ]
        entries = taps(m, "layer", self.table.entry_1, Fire.FIRED)
        self.tokens, self.entries = tokens, entries
        self._wire_seen(m)
        for memory, at, values in (
            (self.spikes, Fire.FIRED, fire.spikes),
            (self.surrogates, Fire.PSI, fire.surrogates),
            (self.membranes, Fire.LEAKED, fire.membranes),
        ):
            m.d.comb += [
                memory.write.eq(tokens[at].valid),
                memory.write_address.eq(place(config, tokens[at].context.state, tokens[at].chunk)),
                memory.write_data.eq(values),
            ]

    def _wire_seen(self, m):
        """Spikes as the next layer sees them, a chunk at a time: on to it, and to the learning signal."""
        fire, signal, config = self.fire, self.signal, self.config
        if config.map_pixels:
            coming, restart, local, late = self._wire_pool(m)
            spikes, potentials = self.pool.seen, self.pool.potentials
        else:
            at = Fire.FIRED - LearningSignal.FIRED
            coming, late = self.tokens[at], 0
            local = coming.context.state - self.entries[at].state_base
            restart = (local == 0) & (coming.chunk == 0)
            spikes, potentials = fire.spikes, fire.potentials
        seen = later(m, "seen", coming, LearningSignal.FIRED)
        readout = later(m, "readout", self.entries[Fire.FIRED].flags.readout, late)
        m.d.comb += [
            signal.coming.eq(coming),
            signal.local.eq(local),
            signal.restart.eq(restart),
            signal.readout.eq(readout),
            signal.spikes.eq(spikes),
            signal.potentials.eq(potentials),
        ]
        chunks = self.scan.chunks
        m.d.comb += [
            chunks.valid.eq(seen.valid & ~readout),
            chunks.payload.spikes.eq(spikes),
            chunks.payload.last.eq(seen.context.final & (seen.chunk == config.chunks - 1)),
        ]

    def _wire_pool(self, m):
        """Fired chunks of maps to what is seen of them; winners to their memory."""
        config, fire, signal = self.config, self.fire, self.signal
        m.submodules.pool = self.pool = pool = Pool(config)
        m.submodules.winners = winners = Winners(config)
        fired, coming = self.tokens[Fire.FIRED], Signal(firing(config))
        m.d.comb += [
            pool.valid.eq(fired.valid),
            pool.context.eq(fired.context),
            pool.chunk.eq(fired.chunk),
            pool.entry.eq(self.entries[Fire.FIRED]),
            pool.spikes.eq(fire.spikes),
            pool.fired_potentials.eq(fire.potentials),
            coming.eq(fired),
            coming.valid.eq(pool.coming),
            winners.write.eq(pool.write_winners),
            winners.write_address.eq(pool.winners_place),
            winners.write_data.eq(pool.winners),
            winners.address.eq(signal.winners_place),
            signal.winners.eq(winners.read),
        ]
        return coming, pool.restart, pool.local, Pool.LATENCY

    def _wire_signal(self, m):
        """Class signals to gains."""
        signal, read, run = self.signal, self.readback, self.sequencer
        m.d.comb += [
            signal.class_count.eq(read.class_count),
            signal.label.eq(self.events.header.label),
            signal.claim.eq(run.signal_claim),
            signal.last_coming.eq(run.signal_last),
            signal.clear.eq(run.signal_clear),
            signal.drop.eq(run.signal_drop),
            self.table.layer_2.eq(signal.layer),
            signal.entry.eq(self.table.entry_2),
            signal.signs.eq(self.signs.signs),
            signal.kept_spikes.eq(self.spikes.read),
            signal.surrogates.eq(self.surrogates.read),
            signal.post.eq(self.post.read),
            self.surrogates.address.eq(signal.state_place),
        ]
        m.d.comb += [
            self.post.write.eq(signal.write_post),
            self.post.write_address.eq(signal.write_place),
            self.post.write_data.eq(signal.next_post),
        ]
