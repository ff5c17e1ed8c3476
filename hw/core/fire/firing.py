"""From sums to spikes: membranes are read and kept, neurons fire, spikes are pooled and passed on."""

from typing import Any

from amaranth import Cat, Module, signed
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Member, Out, connect, flipped

from golden.spec.config import CoreConfig
from golden.spec.formats import MEMBRANE_BITS, SURROGATE_BITS
from golden.spec.pooling import CORNERS
from hw.core.base.chunk_memory import ChunkMemory
from hw.core.base.chunks import chunk_address
from hw.core.base.layouts import spike_word
from hw.core.base.pipeline import derived, later, taps
from hw.core.fire.fire import Fire
from hw.core.fire.pool import Pool
from hw.core.fire.walk import ChunkWalk
from hw.core.interfaces import ChunkRead, ChunkWrite, HostRead, LayerRead, PassEnd, Seen, SumRead
from hw.core.learn.signs import Signs


class Firing(Component):
    """Owns the membranes and the spikes of the step. A chunk a cycle, without stalls.

    ended           a group's rows are done, LEAD cycles before the sums of its first chunk
    sums            reads the sums of a chunk
    layer           reads the layer table
    seen            spikes as the next layer sees them
    surrogates      Psi of a chunk
    winners         which corner of a pooling window spiked, where there are maps
    passed_on       spikes for the next layer
    spikes          spikes of the step, for the learning signal
    host_membranes  membranes, for the host
    host_spikes     spikes of the step, for the host
    """

    @derived
    def LEAD(cls) -> int:
        """Cycles from the end of a pass to its first sums: membranes are read meanwhile."""
        return ChunkWalk.LATENCY + ChunkMemory.LATENCY

    @derived
    def SEEN_LEAD(cls) -> int:
        """Cycles that `seen.coming` is ahead: signs are addressed a cycle later, and read."""
        return 1 + Signs.LATENCY

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        ports: dict[str, Member] = {
            "ended": In(PassEnd(config)),
            "sums": Out(SumRead(config)),
            "layer": Out(LayerRead(config)),
            "seen": Out(Seen(config)),
            "surrogates": Out(ChunkWrite(config, SURROGATE_BITS)),
            "passed_on": Out(stream.Signature(spike_word(config))),
            "spikes": In(ChunkRead(config, 1)),
            "host_membranes": In(HostRead(config, signed(MEMBRANE_BITS))),
            "host_spikes": In(HostRead(config, 1)),
        }
        if config.map_pixels:
            ports["winners"] = Out(ChunkWrite(config, CORNERS))
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.walk = walk = ChunkWalk(config)
        m.submodules.fire = fire = Fire(config)
        m.submodules.membranes = membranes = ChunkMemory(config, signed(MEMBRANE_BITS), host=True)
        m.submodules.spikes = spikes = ChunkMemory(config, 1, host=True)
        connect(m, flipped(self.ended), walk.ended)
        connect(m, flipped(self.spikes), spikes.read)
        connect(m, flipped(self.host_spikes), spikes.host)
        connect(m, flipped(self.host_membranes), membranes.host)
        due = later(m, "due", walk.chunk, ChunkMemory.LATENCY)
        m.d.comb += [
            membranes.read.address.eq(
                chunk_address(config, walk.chunk.context.group, walk.chunk.chunk)
            ),
            self.sums.chunk.eq(
                later(m, "summed", walk.chunk.chunk, ChunkMemory.LATENCY - SumRead.LATENCY)
            ),
            self.layer.layer.eq(due.context.layer),
            fire.context.eq(due.context),
            fire.chunk.eq(due.chunk),
            fire.entry.eq(self.layer.entry),
            fire.sums.eq(self.sums.sums),
            fire.start.eq(membranes.read.values),
        ]
        fired = taps(m, "fired", due, Fire.LEAKED)
        entries = taps(m, "entry", self.layer.entry, Fire.FIRED)
        for kept, at, values in (
            (spikes.write, Fire.FIRED, fire.spikes),
            (self.surrogates, Fire.PSI, fire.surrogates),
            (membranes.write, Fire.LEAKED, fire.membranes),
        ):
            m.d.comb += [
                kept.valid.eq(fired[at].valid),
                kept.address.eq(chunk_address(config, fired[at].context.group, fired[at].chunk)),
                kept.values.eq(values),
            ]
        if config.map_pixels:
            self._pooled(m, fire, fired[Fire.FIRED], entries[Fire.FIRED])
        else:
            self._flat(m, fire, fired, entries)
        self._pass_on(m)
        return m

    def _flat(self, m: Module, fire: Fire, fired: list[Any], entries: list[Any]) -> None:
        """Where there are no maps, what fired is what is seen."""
        seen, at = self.seen, Fire.FIRED - self.SEEN_LEAD
        coming = fired[at]
        m.d.comb += [
            seen.coming.eq(coming),
            seen.latent.eq(coming.context.group - entries[at].state_base),
            seen.restart.eq((seen.latent == 0) & (coming.chunk == 0)),
            seen.readout.eq(entries[Fire.FIRED].flags.readout),
            seen.spikes.eq(fire.spikes),
            seen.potentials.eq(fire.potentials),
        ]

    def _pooled(self, m: Module, fire: Fire, fired: Any, entry: Any) -> None:
        """Through the pooling, with what is early made to wait for what is late."""
        seen = self.seen
        m.submodules.pool = pool = Pool(self.config)
        early = max(0, Pool.LATENCY - self.SEEN_LEAD)
        late = max(0, self.SEEN_LEAD - Pool.LATENCY)
        m.d.comb += [
            pool.valid.eq(fired.valid),
            pool.context.eq(fired.context),
            pool.chunk.eq(fired.chunk),
            pool.entry.eq(entry),
            pool.spikes.eq(fire.spikes),
            pool.fired_potentials.eq(fire.potentials),
            seen.coming.eq(later(m, "coming", fired, early)),
            seen.coming.valid.eq(later(m, "pooled", pool.coming, early)),
            seen.latent.eq(later(m, "latent", pool.local, early)),
            seen.restart.eq(later(m, "restart", pool.restart, early)),
            seen.readout.eq(later(m, "readout", entry.flags.readout, Pool.LATENCY + late)),
            seen.spikes.eq(later(m, "spikes", pool.seen, late)),
            seen.potentials.eq(later(m, "potentials", pool.potentials, late)),
            self.winners.valid.eq(pool.write_winners),
            self.winners.address.eq(pool.winners_place),
        ]
        for lane, values in enumerate(self.winners.values):
            m.d.comb += values.eq(Cat(corner[lane] for corner in pool.winners))

    def _pass_on(self, m: Module) -> None:
        """The chunk itself and its number, beside its spikes; hidden layers' to the next layer."""
        seen, chunks = self.seen, self.config.chunks
        taken = taps(m, "seen", seen.coming, self.SEEN_LEAD)
        latent = later(m, "number_latent", seen.latent, 1)
        number = later(m, "number", latent * chunks + taken[1].chunk, 1)
        word = self.passed_on.payload
        m.d.comb += [
            seen.chunk.eq(taken[-1]),
            seen.number.eq(later(m, "numbered", number, self.SEEN_LEAD - 2)),
            self.passed_on.valid.eq(seen.chunk.valid & ~seen.readout),
            word.spikes.eq(seen.spikes),
            word.last.eq(seen.chunk.context.final & (seen.chunk.chunk == chunks - 1)),
        ]
