"""Layers that learn, their random neurons and signals, and what golden makes of them."""

import numpy as np

from golden.fire.pool import cell_numbers, pool
from golden.learn.map_signal import cells_of, map_signal
from golden.learn.project import learning_signal
from golden.spec.flags import Flag
from sim.units.layers import random_layer
from sim.units.values import generator, number_of


def layer_for(rng, config):
    """A flat layer or a readout, or, where there are maps, a map."""
    flags = rng.choice([0, Flag.READOUT, Flag.BIAS | Flag.POST_NEGATIVE])
    post_gain = rng.choice([0, 1, 90, 255]) if config.post_traces else 0
    fields = {"groups": rng.randint(1, 4), "state_base": 4 * rng.randint(0, 2), "flags": flags}
    fields |= {"post_gain": post_gain, "rate_cost": rng.choice([0, 300, 32767])}
    if config.map_pixels and rng.randrange(2):
        fields |= map_of(rng, fields["groups"])
    return random_layer(rng, **fields)


def map_of(rng, groups):
    """Fields of a map whose cells cover it."""
    width, height, shift = rng.randint(1, 5), rng.randint(1, 3), rng.randrange(4)
    lines, columns = (-(-side >> shift) for side in (height, width))
    pooling = Flag.POOL if min(width, height) > 1 else Flag(0)
    flags = Flag.CONVOLUTION | rng.choice([Flag(0), pooling, pooling, Flag.POST_NEGATIVE])
    return {
        "width": width, "height": height, "cell_shift": shift, "flags": flags,
        "cell_line": columns * groups, "latents": lines * columns * groups,
    }  # fmt: skip


def raster(layer):
    """Where the groups of a map lie, in the order of the walk."""
    for pixel, cell in enumerate(cell_numbers(layer)):
        y, x = divmod(pixel, layer.width)
        pooled = x | 1 < layer.width and y | 1 < layer.height
        window = (y >> 1) * (layer.width // 2) + (x >> 1)
        for group in range(layer.groups):
            place = {"latent": cell * layer.groups + group, "corner": 2 * (y & 1) + (x & 1)}
            place |= {"pooled": pooled}
            yield place | ({"window": window * layer.groups + group} if pooled else {})


class Case:
    """A layer with random signals and neurons, and what golden makes of them, by chunk address."""

    def __init__(self, rng, layer, config, count, teach=1):
        self.layer, self.config, self.rng = layer, config, rng
        self.random, top = generator(rng), rng.choice([0, 20, 4000, 32767]) * teach
        shape = (layer.positions, layer.groups * config.lanes)
        self.spikes = (self.random.random(shape) < rng.random()).astype(int) * (not layer.readout)
        self.signals = self.random.integers(-top, top + 1, count)
        latents = layer.latent_groups * config.lanes
        self.signs = self.random.integers(0, 2, (config.classes, latents)) * 2 - 1
        self.winners = pool(self.spikes, layer).winners
        self.latent = learning_signal(self.signals, self.signs[:count], 0, layer)
        self.m = self.learning_signal(count) if teach else 0 * self.spikes.reshape(-1)

    def learning_signal(self, count):
        layer, signs = self.layer, self.signs[:count]
        if layer.readout:
            return np.pad(self.signals, (0, self.spikes.size - count))
        if not layer.kind.mapped:
            return learning_signal(self.signals, signs, self.spikes.reshape(-1), layer)
        cells = cells_of(layer)
        return map_signal(self.signals, signs, self.spikes, self.winners, cells, layer).reshape(-1)

    def chunks(self, values, base=None):
        """Values of each neuron, a chunk at each address."""
        lanes, count = self.config.chunk_lanes, self.config.chunks
        base = self.layer.state_base if base is None else base
        rows = np.reshape(values, (-1, lanes))
        return {address(base + at // count, at % count): row for at, row in enumerate(rows)}

    def winner_words(self):
        """For each chunk of a group of pooling windows and each lane a bit a corner."""
        words, count = {}, self.config.chunks
        if not self.layer.kind.mapped:
            return words
        rows = self.winners.reshape(-1, count, self.config.chunk_lanes)
        for place, row in zip(raster(self.layer), rows, strict=True):
            for chunk in range(count * place["pooled"]):
                at = address((self.layer.state_base >> 2) + place["window"], chunk)
                words[at] = words.get(at, 0) | row[chunk] << place["corner"]
        return words

    def sign_words(self):
        """For each chunk of latents and each class a bit a lane."""
        lanes, count = self.config.chunk_lanes, self.config.chunks
        rows = (self.signs > 0).T.reshape(-1, lanes, len(self.signs))
        return {
            address(*divmod(at, count)): [number_of(bits) for bits in row.T]
            for at, row in enumerate(rows)
        }


def address(group, chunk):
    """Of a chunk; three chunks a group take two bits."""
    return group << 2 | chunk
