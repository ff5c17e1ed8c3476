"""Learning signals of a map's neurons, from those of its latents.

Twin of `golden.learn.signal.map_signal`.
"""

from amaranth import Array, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import SIGNAL_BITS
from golden.spec.pooling import CORNERS
from hw.core.base.chunks import ChunkMemory, chunk_bits, place, place_bits
from hw.core.base.pipeline import later, register, taps, when
from hw.core.base.tokens import layer_entry
from hw.core.learn.project import Project
from hw.core.learn.steps import step

TOP = 1 << (SIGNAL_BITS - 1)


class Winners(wiring.Component):
    """Who decided each pooling window: a bit per corner and lane, for every chunk of a window.

    `read` is the word at `address` ChunkMemory.LATENCY cycles later.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        word = data.ArrayLayout(config.chunk_lanes, CORNERS)
        bits = place_bits(config)
        super().__init__(
            {
                "address": In(bits),
                "read": Out(word),
                "write": In(1),
                "write_address": In(bits),
                "write_data": In(word),
            }
        )

    def elaborate(self, platform):
        m = Module()
        depth = -(-self.config.neuron_groups // CORNERS) << chunk_bits(self.config)
        m.submodules.words = words = Memory(
            shape=self.read.shape(), depth=depth, init=[], attrs={"ram_style": "block"}
        )
        reader, writer = words.read_port(), words.write_port()
        m.d.comb += [
            reader.addr.eq(self.address),
            writer.addr.eq(self.write_address),
            writer.data.eq(self.write_data),
            writer.en.eq(self.write),
        ]
        m.d.sync += register(m, self.read).eq(reader.data)
        return m


def window_group(entry, window):
    """Place of a group of windows among those of all layers: a quarter of their neurons' groups."""
    return (entry.state_base >> 2) + window


class MapSignal(wiring.Component):
    """Keeps what Project found for the latents, gives every neuron of the map its share.

    Times are cycles after a step of the walk: ADDRESS_AT `winners_place` · SPIKES_AT spikes of the
    chunk · Project.LATENCY `projected` in, `m` out.
    """

    SPIKES_AT = Project.SPIKES_AT
    ADDRESS_AT = Project.LATENCY - 2 - ChunkMemory.LATENCY

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
                "winners_place": Out(place_bits(config)),
                "winners": In(data.ArrayLayout(lanes, CORNERS)),
                "m": Out(signals),
            }
        )

    def elaborate(self, platform):
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
            self.winners_place.eq(
                place(config, window_group(self.entry, asked.window), asked.chunk)
            ),
        ]
        latent = later(m, "latent", reader.data, 1)
        spikes = later(m, "spikes", self.spikes, 1)
        self._share(m, steps[Project.LATENCY - 2], latent, spikes)
        return m

    def _share(self, m, at, latent, spikes):
        """m = saturate(latent's signal - cost of a spike), of winners."""
        out = register(m, self.m)
        won = Signal(self.config.chunk_lanes)
        everyone = ~self.entry.flags.pool
        m.d.comb += won.eq(Array(self.winners)[at.corner] & when_all(at.pooled, len(won)))
        for lane in range(self.config.chunk_lanes):
            total = Signal(signed(SIGNAL_BITS + 1), name=f"total_{lane}", reset_less=True)
            wins = Signal(name=f"wins_{lane}", reset_less=True)
            m.d.sync += [
                total.eq(when(~self.none, latent[lane]) - when(spikes[lane], self.cost)),
                wins.eq(won[lane] | everyone),
            ]
            clipped = Mux(total >= TOP, TOP - 1, Mux(total < -TOP, -TOP, total))
            m.d.sync += out[lane].eq(when(wins, clipped))


def when_all(condition, bits: int):
    """Ones, or zeros."""
    return Mux(condition, (1 << bits) - 1, 0)
