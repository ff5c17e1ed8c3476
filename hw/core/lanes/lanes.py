"""One chunk of lanes: its weights, their update, their sums."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.block_ram import SHALLOW
from golden.spec.config import CoreConfig
from golden.spec.formats import GAIN_BITS
from hw.core.base.pipeline import register, when
from hw.core.base.tokens import slot, state_bits, word_bits
from hw.core.lanes.integrate import Integrate
from hw.core.lanes.update import Update
from hw.core.lanes.weights import Weights, spread

GAINS_AT, ADDRESS_AT, NOISE_AT, WEIGHTS_AT, NEW_AT, SUMS_AT = 2, 4, 6, 7, 8, 9
assert ADDRESS_AT + Weights.LATENCY == WEIGHTS_AT
assert ADDRESS_AT + Update.LATENCY == NEW_AT


class Lanes(wiring.Component):
    """The lanes of chunk number `chunk`: a row a cycle is updated, written back and integrated.

    `slots` holds the slot as it was 0 … NEW_AT cycles ago: the gains of a group are looked up at
    GAINS_AT of its first slot, a row's address goes out at ADDRESS_AT, its noise is there at NOISE_AT,
    its weights at WEIGHTS_AT, its new weights at NEW_AT, the `sums` with it at SUMS_AT.

    `gains` are those of the group `write_state`, causal ones with `write_gains`, non-causal ones with
    `write_post_gains`; with both, there are no non-causal ones. With
    `host_write` the host's `host_data` goes to lane `host_lane` of the word at NEW_AT.
    """

    def __init__(self, config: CoreConfig, chunk: int) -> None:
        self.config, self.chunk = config, chunk
        self.lanes = lanes = config.chunk_lanes
        gains = data.ArrayLayout(signed(GAIN_BITS), lanes)
        sums = data.ArrayLayout(signed(config.accumulator_bits), lanes)
        super().__init__(
            {
                "slots": In(data.ArrayLayout(slot(config), SUMS_AT)),
                "gains": In(gains),
                "write_gains": In(1),
                "write_post_gains": In(1),
                "write_state": In(state_bits(config)),
                "noise": In(32),
                "host_write": In(1),
                "host_lane": In(range(lanes)),
                "host_data": In(config.weight_bits),
                "weights": Out(data.ArrayLayout(config.weight_bits, lanes)),
                "sums": Out(sums),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, lanes = self.config, self.lanes
        m.submodules.memory = memory = Weights(config, lanes)
        m.submodules.update = update = Update(config, lanes, self.chunk * lanes)
        m.submodules.integrate = integrate = Integrate(config, lanes)
        self._gains(m, "gains", self.gains, self.write_gains, update.gains)
        if config.post_traces:
            post_gains = when(~self.write_gains, self.gains.as_value())
            self._gains(m, "post_gains", post_gains, self.write_post_gains, update.post_gains)
        reading, writing = self.slots[ADDRESS_AT], self.slots[NEW_AT]
        host_lane = Signal(lanes)
        m.d.comb += [
            host_lane.eq(1 << self.host_lane),
            update.pre_trace.eq(reading.trace),
            update.spiked.eq(reading.spiked),
            update.noise.eq(self.noise),
            update.update.eq(self.slots[NOISE_AT].update),
            update.weights.eq(memory.data),
            memory.read_address.eq(reading.address[: word_bits(config)]),
            memory.write_address.eq(writing.address[: word_bits(config)]),
            memory.write_lanes.eq(Mux(self.host_write, host_lane, spread(writing.update, lanes))),
            integrate.first.eq(writing.first),
            integrate.spike.eq(writing.row & writing.spike),
            integrate.weights.eq(update.new),
            self.weights.eq(memory.data),
            self.sums.eq(integrate.sums),
        ]
        for lane in range(lanes):
            m.d.comb += memory.write_data[lane].eq(
                Mux(self.host_write, self.host_data, update.new[lane])
            )
        return m

    def _gains(self, m, name, values, write, used):
        """A memory of gains, a word per group; those of the pass in hand in registers, `used`."""
        depth = self.config.neuron_groups
        style = "block" if depth > SHALLOW else "distributed"
        memory = Memory(shape=used.shape(), depth=depth, init=[], attrs={"ram_style": style})
        m.submodules[name] = memory
        reader, writer = memory.read_port(), memory.write_port()
        m.d.comb += [
            reader.addr.eq(self.slots[GAINS_AT].context.state),
            writer.addr.eq(self.write_state),
            writer.data.eq(values),
            writer.en.eq(write),
        ]
        kept = register(m, used)
        with m.If(self.slots[GAINS_AT + 1].first):
            m.d.sync += kept.eq(reader.data)
