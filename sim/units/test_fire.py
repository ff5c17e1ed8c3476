"""Units of hw/core/fire: sums in, spikes out, a chunk of neurons a cycle."""

import numpy as np

from golden.fire.fire import fire
from golden.fire.pool import cell_numbers, pool
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.flags import Flag
from golden.spec.formats import MEMBRANE_BITS, saturate
from golden.spec.layers import most_psi_shift
from golden.spec.network import Network
from hw.core.fire.fire import Fire
from hw.core.fire.pool import Pool
from hw.core.fire.walk import ChunkWalk
from sim.units.base import UnitTest
from sim.units.layers import entry_of, layer_of, random_layer
from sim.units.values import anything, bits_of, fill, generator, number_of

ODD = CoreConfig(lanes=5, neuron_groups=3, trace_entries=97, weight_words=64, layers=3)
MAPS = CoreConfig(lanes=16, weight_words=2000, neuron_groups=256, trace_entries=1000, map_pixels=70)
THREE = CoreConfig(lanes=12, weight_words=64, neuron_groups=3, trace_entries=97)
SHAPES = [
    ((2, 5, 7), "20c3p", 4),
    ((3, 1, 9), "16c3", 2),
    ((1, 8, 8), "40c3p", 2),
    ((8, 2, 2), "5c3p", 4),
]


class TestChunkWalk(UnitTest):
    """Passes end as close together as they can, and further apart."""

    unit = ChunkWalk
    sizes = {"one": {"config": ODD}, "odd": {"config": THREE}}
    at = {"chunk": ChunkWalk.LATENCY}

    def stimuli(self, rng):
        chunks = self.chunk = self.size["config"].chunks
        for _ in range(200):
            yield {"ended": {"last": 1}}
            yield from ({} for _ in range(chunks - 1 + rng.choice([0, 0, 1, rng.randint(0, 9)])))

    def step(self, now):
        self.chunk += 1
        if now.ended.last:
            self.chunk, self.context = 0, now.ended.context
        if self.chunk >= self.size["config"].chunks:
            return {"chunk": {"valid": 0}}
        return {"chunk": {"valid": 1, "chunk": self.chunk, "context": self.context}}


class TestFire(UnitTest):
    """Membranes all around the threshold and at both ends, in layers of every kind."""

    unit = Fire
    sizes = {"odd": {"config": ODD}, "tiny": {"config": PRESETS["tiny"]}, "maps": {"config": MAPS}}
    held = ("entry", "sums")  # no sum is larger than all weights of a layer
    at = {
        "spikes": Fire.FIRED,
        "potentials": Fire.FIRED,
        "surrogates": Fire.PSI,
        "membranes": Fire.LEAKED,
    }

    def stimuli(self, rng):
        config, ports = self.size["config"], self.unit(**self.size)
        most = config.trace_entries << config.weight_bits - 1
        for _ in range(400):
            layer = random_layer(
                rng, flags=rng.choice([0, Flag.HARD_RESET, Flag.READOUT, Flag.BIAS | Flag.PLASTIC]),
                psi_shift=rng.randint(0, most_psi_shift(config)),
                theta=rng.choice([0, 1, 600, 0x7FFF]), psi_width=rng.choice([0, 1, 700, 0x7FFF]),
            )  # fmt: skip
            near = rng.choice([most, min(3 * layer.theta, most), 3])
            sums = [rng.randint(-near, near) for _ in range(config.chunk_lanes)]
            yield {
                "context": anything(
                    ports.context.shape(), rng, neurons=rng.randint(0, config.lanes)
                ),
                "chunk": rng.randrange(config.chunks),
                "entry": entry_of(layer),
                "sums": sums,
                "start": fill(ports.start.shape(), rng),
            }

    def step(self, now):
        layer, lanes = layer_of(now.entry), len(now.sums)
        valid = (now.chunk * lanes + np.arange(lanes) < now.context["neurons"]).astype(int)
        start = np.array(now.start) * (not (layer.readout or now.context["fresh"]))
        fired = fire(start + now.sums, valid, layer)
        v = saturate(start + now.sums, MEMBRANE_BITS)
        reset = v * (1 - fired.spikes) if layer.hard_reset else v - layer.theta * fired.spikes
        return {
            "spikes": number_of(fired.spikes),
            "potentials": reset,
            "surrogates": fired.surrogate,
            "membranes": fired.membrane,
        }


class TestPool(UnitTest):
    """Whole maps with and without pooling, odd sides too, and flat layers between them."""

    unit = Pool
    sizes = {"maps": {"config": MAPS}}
    held = ("entry",)
    at = {
        "seen": Pool.LATENCY,
        "potentials": Pool.LATENCY,
        "write_winners": Pool.LATENCY - 1,
        "winners_place": Pool.LATENCY - 1,
        "winners": Pool.LATENCY - 1,
    }

    def stimuli(self, rng):
        yield {"entry": entry_of(random_layer(rng))}
        for density in (0.0, 0.1, 0.5, 1.0):
            for shape, stage, side in SHAPES:
                network = Network.of_stages(shape, (stage,), 3, latent_side=side)
                for layer in network.layers(MAPS):
                    yield from self.fire_layer(rng, layer, density)

    def fire_layer(self, rng, layer, density):
        """Every chunk of a layer in turn."""
        lanes, ports = MAPS.lanes, self.unit(MAPS)
        fired = generator(rng).random((layer.positions, layer.groups * lanes)) < density
        pooled = pool(fired.astype(int), layer)
        self.begun = False
        for group in range(layer.state_groups):
            pixel, channel = divmod(group, layer.groups)
            for chunk in range(MAPS.chunks):
                first = channel * lanes + chunk * MAPS.chunk_lanes
                part = slice(first, first + MAPS.chunk_lanes)
                final = group == layer.state_groups - 1
                potentials = fill(ports.potentials.shape(), rng)
                given = {
                    "valid": 1,
                    "context": anything(
                        ports.context.shape(), rng, group=layer.state_base + group, final=final
                    ),
                    "chunk": chunk,
                    "entry": entry_of(layer),
                    "spikes": number_of(fired[pixel, part]),
                    "fired_potentials": potentials,
                }
                done = final and chunk == MAPS.chunks - 1
                wanted = self.seen(layer, pooled, pixel, channel, chunk, part, done)
                yield given, wanted | ({"potentials": potentials} if wanted["coming"] else {})

    def seen(self, layer, pooled, pixel, channel, chunk, part, done):
        """What comes of one chunk: its window, if it is complete, and who won it."""
        y, x = divmod(pixel, max(layer.width, 1))
        whole = layer.pool and y & 1 and x & 1
        coming = bool(not layer.pool or whole or done)
        local = cell_numbers(layer)[pixel] * layer.groups if layer.kind.mapped else 0
        restart, self.begun = not self.begun, self.begun or coming
        window = (y >> 1) * (layer.width // 2) + (x >> 1) if layer.pool else pixel
        spikes = (
            pooled.spikes[window, part] if whole or not layer.pool else 0 * pooled.spikes[0, part]
        )
        wanted = {"coming": coming, "write_winners": bool(whole)}
        if coming:
            wanted |= {"local": local + channel, "restart": restart, "seen": number_of(spikes)}
        if whole:
            group = (layer.state_base >> 2) + window * layer.groups + channel
            corners = [pixel - layer.width - 1, pixel - layer.width, pixel - 1, pixel]
            wanted["winners_place"] = group * MAPS.chunks + chunk
            wanted["winners"] = [number_of(pooled.winners[at, part]) for at in corners]
        return wanted

    def step(self, now):
        return {} if now.valid else {"coming": 0, "write_winners": 0}


def test_bits_and_numbers() -> None:
    assert number_of(bits_of(0b1011, 6)) == 0b1011
