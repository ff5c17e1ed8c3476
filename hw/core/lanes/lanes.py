"""One chunk of lanes: its weights, their update, their sums."""

from typing import Any

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import GAIN_BITS
from hw.core.base.layouts import group_bits, slot, word_bits
from hw.core.base.pipeline import spread, when
from hw.core.lanes.gains import Gains
from hw.core.lanes.integrate import Integrate
from hw.core.lanes.times import LaneTimes
from hw.core.lanes.update import Update
from hw.core.lanes.weights import Weights


class Lanes(Component):
    """The lanes of chunk number `chunk`: a row a cycle is updated, written back and integrated.

    What happens when is in LaneTimes.

    slots             the slot as it was 0 … NEW_AT cycles ago
    noise             the random word of the slot of NOISE_AT cycles ago
    gains             of the group `gain_group`
    write_gains       they are causal gains
    write_post_gains  they are non-causal gains; with both, the non-causal gains become zero
    gain_group        a group
    host_write        `host_data` goes to lane `host_lane` of the word of NEW_AT cycles ago
    host_lane         a lane of the chunk
    host_data         a weight
    weights           the word of WEIGHTS_AT cycles ago
    sums              of the pass, as of SUMS_AT cycles ago
    """

    def __init__(self, config: CoreConfig, chunk: int) -> None:
        self.config, self.chunk = config, chunk
        self.lanes = lanes = config.chunk_lanes
        super().__init__(
            {
                "slots": In(data.ArrayLayout(slot(config), LaneTimes.NEW_AT + 1)),
                "noise": In(32),
                "gains": In(data.ArrayLayout(signed(GAIN_BITS), lanes)),
                "write_gains": In(1),
                "write_post_gains": In(1),
                "gain_group": In(group_bits(config)),
                "host_write": In(1),
                "host_lane": In(range(lanes)),
                "host_data": In(config.weight_bits),
                "weights": Out(data.ArrayLayout(config.weight_bits, lanes)),
                "sums": Out(data.ArrayLayout(signed(config.accumulator_bits), lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, lanes = self.config, self.lanes
        m.submodules.memory = memory = Weights(config, lanes)
        m.submodules.update = update = Update(config, lanes, self.chunk * lanes)
        m.submodules.integrate = integrate = Integrate(config, lanes)
        if config.learning:
            self._gains(m, "gains", self.gains, self.write_gains, update.gains)
        if config.learning and config.post_traces:
            post_gains = when(~self.write_gains, self.gains.as_value())
            self._gains(m, "post_gains", post_gains, self.write_post_gains, update.post_gains)
        begins, reads = self.slots[LaneTimes.UPDATE_AT], self.slots[LaneTimes.ADDRESS_AT]
        writes = self.slots[LaneTimes.NEW_AT]
        host_lane = Signal(lanes)
        m.d.comb += [
            host_lane.eq(1 << self.host_lane),
            update.pre_trace.eq(begins.trace),
            update.previous_spike.eq(begins.previous_spike),
            update.noise.eq(self.noise),
            update.update.eq(self.slots[LaneTimes.NOISE_AT].update),
            update.weights.eq(memory.data),
            memory.read_address.eq(reads.address[: word_bits(config)]),
            memory.write_address.eq(writes.address[: word_bits(config)]),
            memory.write_lanes.eq(Mux(self.host_write, host_lane, spread(writes.update, lanes))),
            integrate.first.eq(writes.first),
            integrate.spike.eq(writes.active & writes.spike),
            *([integrate.value.eq(writes.value)] if config.graded else []),
            integrate.weights.eq(update.new),
            self.weights.eq(memory.data),
            self.sums.eq(integrate.sums),
        ]
        for lane in range(lanes):
            m.d.comb += memory.write_data[lane].eq(
                Mux(self.host_write, self.host_data, update.new[lane])
            )
        return m

    def _gains(self, m: Module, name: str, values: Any, write: Any, used: Any) -> None:
        """Gains of one kind, kept for every group; `used` are those of the pass in hand."""
        m.submodules[name] = gains = Gains(self.config)
        m.d.comb += [
            gains.group.eq(self.slots[LaneTimes.GAINS_AT].context.group),
            gains.first.eq(self.slots[LaneTimes.GAINS_AT + 1].first),
            gains.write.eq(write),
            gains.written_group.eq(self.gain_group),
            gains.written.eq(values),
            used.eq(gains.used),
        ]
