"""All lanes, chunk by chunk: what every chunk needs is handed on from one to the next."""

from typing import Any

from amaranth import Array, Module, Signal
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from golden.spec.config import CoreConfig, ceil_log2
from hw.core.base.chunks import chunk_bits
from hw.core.base.pipeline import register, taps
from hw.core.interfaces import GainWrite, NoiseAccess, PassEnd, Slots, SumRead, WeightAccess
from hw.core.lanes.lanes import Lanes
from hw.core.lanes.noise import Noise
from hw.core.lanes.times import LaneTimes


class LaneArray(Component):
    """Chunk n works n cycles behind the first: no wire reaches all lanes.

    slots         the work, a slot a cycle
    ended         a pass's last slot is on its way
    sums          sums of a chunk, for Firing
    gains         for the next pass over their group
    host_noise    state of the random numbers, for the host
    host_weights  the weight memory, for the host
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "slots": In(Slots(config)),
                "ended": Out(PassEnd(config)),
                "sums": In(SumRead(config)),
                "gains": In(GainWrite(config)),
                "host_noise": In(NoiseAccess()),
                "host_weights": In(WeightAccess(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        lanes = [Lanes(config, chunk) for chunk in range(config.chunks)]
        for chunk, some in enumerate(lanes):
            m.submodules[f"lanes_{chunk}"] = some
        self._slots(m, lanes)
        self._gains(m, lanes)
        self._host(m, lanes)
        sums = register(m, self.sums.sums)
        m.d.sync += sums.eq(Array(some.sums for some in lanes)[self.sums.chunk])
        return m

    def _slots(self, m: Module, lanes: list[Lanes]) -> None:
        """Slots and their random words, to every chunk in its time."""
        slot = Signal.like(self.slots.slot)
        m.d.comb += slot.eq(self.slots.slot)
        with m.If(self.host_weights.active):  # at rest slots have no row: they carry an address
            m.d.comb += slot.address.eq(self.host_weights.word)
        late = self.config.chunks - 1
        slots = taps(m, "slot", slot, LaneTimes.NEW_AT + late)
        m.submodules.noise = noise = Noise()
        connect(m, flipped(self.host_noise), noise.host)
        wait = LaneTimes.NOISE_AT - Noise.LATENCY
        words = taps(m, "noise", noise.word, wait + late)
        end = slots[LaneTimes.END_AT]
        m.d.comb += [
            noise.advance.eq(slot.update),
            self.ended.last.eq(end.last),
            self.ended.context.eq(end.context),
        ]
        for chunk, some in enumerate(lanes):
            m.d.comb += some.noise.eq(words[wait + chunk])
            for at in range(LaneTimes.NEW_AT + 1):
                m.d.comb += some.slots[at].eq(slots[at + chunk])

    def _gains(self, m: Module, lanes: list[Lanes]) -> None:
        """New gains to the chunk they belong to."""
        road, bits, chunks = self.gains, chunk_bits(self.config), self.config.chunks
        gains = taps(m, "gains", road.gains, chunks)
        causal = taps(m, "causal", road.causal, chunks)
        non_causal = taps(m, "non_causal", road.non_causal, chunks)
        addresses = taps(m, "gains_address", road.address, chunks)
        for chunk, some in enumerate(lanes):
            at = chunk + 1
            here = addresses[at][:bits] == chunk
            m.d.comb += [
                some.gains.eq(gains[at]),
                some.write_gains.eq(causal[at] & here),
                some.write_post_gains.eq(non_causal[at] & here),
                some.gain_group.eq(addresses[at][bits:]),
            ]

    def _host(self, m: Module, lanes: list[Lanes]) -> None:
        """The host's accesses, which take the way of a slot's address."""
        host, late = self.host_weights, LaneTimes.NEW_AT + self.config.chunks - 1
        writes = taps(m, "host_write", host.write, late)
        elements = taps(m, "host_lane", host.element, late)
        values = taps(m, "host_data", host.data, late)
        lane_bits = ceil_log2(self.config.chunk_lanes)
        for chunk, some in enumerate(lanes):
            at = LaneTimes.NEW_AT + chunk
            m.d.comb += [
                some.host_write.eq(writes[at] & (elements[at][lane_bits:] == chunk)),
                some.host_lane.eq(elements[at]),
                some.host_data.eq(values[at]),
                host.words[chunk].eq(some.weights),
            ]
