"""Learning signals of a map's neurons, from those of its latents.

Twin of golden/learn/map_signal.py.
"""

from typing import Any

from amaranth import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import SIGNAL_BITS
from golden.spec.pooling import CORNERS
from hw.core.base.chunk_memory import ChunkMemory
from hw.core.base.chunks import chunk_address, window_group
from hw.core.base.formats import saturate
from hw.core.base.layouts import layer_entry
from hw.core.base.pipeline import derived, later, register, taps, when
from hw.core.interfaces import ChunkRead
from hw.core.learn.project import Project
from hw.core.learn.steps import step


class MapSignal(wiring.Component):
    """Keeps what Project found for the latents, gives every neuron of the map its share.

    Times are cycles after a step of the walk.

    step       of the walk
    entry      of the layer
    none       there is no signal: that of the latents is zero, whatever is kept
    cost       of a spike
    projected  what Project found, at its LATENCY
    spikes     of the chunk, at SPIKES_AT
    winners    reads who decided the pooling windows, at ADDRESS_AT
    m          learning signals of the chunk, at Project.LATENCY
    """

    OWN = 2  # cycles from latent and winners to the signal

    @derived
    def SPIKES_AT(cls) -> int:
        return Project.SPIKES_AT

    @derived
    def ADDRESS_AT(cls) -> int:
        return Project.LATENCY - cls.OWN - ChunkMemory.LATENCY

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.chunk_lanes
        signals = data.ArrayLayout(signed(SIGNAL_BITS), lanes)
        super().__init__(
            {
                "step": In(step(config)),
                "entry": In(layer_entry()),
                "none": In(1),  # there is no signal: latents' are zero, whatever is kept
                "cost": In(SIGNAL_BITS - 1),
                "projected": In(signals),
                "spikes": In(lanes),
                "winners": Out(ChunkRead(config, CORNERS)),
                "m": Out(signals),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        steps = taps(m, "step", self.step, Project.LATENCY)
        m.submodules.latents = latents = Memory(
            shape=self.m.shape(),
            depth=config.latent_groups * config.chunks,
            init=[],
            attrs={"ram_style": "block"},
        )
        reader, writer = latents.read_port(), latents.write_port()
        kept, asked = steps[Project.LATENCY], steps[self.ADDRESS_AT]
        m.d.comb += [
            writer.addr.eq(kept.group * config.chunks + kept.chunk),
            writer.data.eq(self.projected),
            writer.en.eq(kept.keep),
            reader.addr.eq(asked.latent * config.chunks + asked.chunk),
            self.winners.address.eq(
                chunk_address(config, window_group(self.entry, asked.window), asked.chunk)
            ),
        ]
        latent = later(m, "latent", reader.data, ChunkMemory.LATENCY - 1)
        wait = Project.LATENCY - self.OWN - self.SPIKES_AT
        spikes = later(m, "spikes", self.spikes, wait)
        self._share(m, steps[Project.LATENCY - self.OWN], latent, spikes)
        return m

    def _share(self, m: Module, at: Any, latent: Any, spikes: Any) -> None:
        """m = saturate(latent's signal - cost of a spike), of winners."""
        out = register(m, self.m)
        everyone = ~self.entry.flags.pool
        for lane in range(self.config.chunk_lanes):
            total = Signal(signed(SIGNAL_BITS + 1), name=f"total_{lane}", reset_less=True)
            wins = Signal(name=f"wins_{lane}", reset_less=True)
            won = self.winners.values[lane].bit_select(at.corner, 1) & at.pooled
            m.d.sync += [
                total.eq(when(~self.none, latent[lane]) - when(spikes[lane], self.cost)),
                wins.eq(won | everyone),
            ]
            m.d.sync += out[lane].eq(when(wins, saturate(total, SIGNAL_BITS)))
