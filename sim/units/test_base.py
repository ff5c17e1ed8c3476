"""Units of hw/core/base, which several rooms use."""

import numpy as np
from amaranth import signed

from golden.spec.config import PRESETS, CoreConfig
from hw.core.base.chunk_memory import ChunkMemory
from hw.core.base.multiply import Multiply
from hw.core.base.raster import Raster
from hw.core.base.read_multiplexer import ReadMultiplexer
from sim.units.base import UnitTest
from sim.units.layers import entry_of, random_layer
from sim.units.values import anything, fill

ODD = CoreConfig(lanes=12, neuron_groups=3, trace_entries=97, weight_words=64)
MAPS = CoreConfig(lanes=4, neuron_groups=300, trace_entries=512, weight_words=512, map_pixels=99)


class TestMultiply(UnitTest):
    """(value x factor + bias) / 256, rounded down after the bias; every cycle another one."""

    unit = Multiply
    sizes = {
        "odd": {"lanes": 5, "value_bits": 17},
        "in logic": {"lanes": 3, "value_bits": 17, "in_logic": True},
        "narrow in logic": {"lanes": 1, "value_bits": 9, "in_logic": True},
    }
    at = {"products": Multiply.LATENCY}

    def stimuli(self, rng):
        ports = self.unit(**self.size)
        for _ in range(200):
            factors = [rng.choice([0, 1, 255, 256, rng.randrange(256)]) for _ in ports.factors]
            values = fill(ports.values.shape(), rng)
            yield {"values": values, "factors": factors, "bias": rng.choice([0, 128])}

    def step(self, now):
        if max(now.factors) > 256:
            return {}
        return {"products": (np.array(now.values) * now.factors + now.bias) >> 8}


class TestChunkMemory(UnitTest):
    """Random writes and reads, of core and host."""

    unit = ChunkMemory
    sizes = {
        "host": {"config": ODD, "shape": signed(9), "host": True},
        "deep": {"config": MAPS, "shape": 4, "depth": 75},
    }
    at = {"read.values": ChunkMemory.LATENCY, "host.values": ChunkMemory.LATENCY}

    def stimuli(self, rng):
        ports = self.unit(**self.size)
        self.words, self.depth = {}, ports.depth
        for _ in range(400):
            places = [rng.choice([0, 1, self.depth - 1, rng.randrange(self.depth)]) for _ in "rwh"]
            values = anything(ports.write.values.shape(), rng)
            write = {"valid": rng.randrange(2), "address": places[1], "values": values}
            host = {"active": rng.random() < 0.2, "address": places[2]}
            yield {"read": {"address": places[0]}, "write": write} | (
                {"host": host} if ports.for_host else {}
            )

    def step(self, now):
        for_host = hasattr(now, "host")
        port = now.host if for_host and now.host.active else now.read
        word = self.words.get(port.address)
        if now.write.valid:
            word = None if port.address == now.write.address else word
            self.words[now.write.address] = now.write.values
        if not self.size.get("exists", True):
            word = [0] * len(now.write.values)
        return {"read.values": word} | ({"host.values": word} if for_host else {})


class TestAbsentChunkMemory(TestChunkMemory):
    """It reads as zeros."""

    registers = False
    sizes = {"": {"config": ODD, "shape": 1, "host": True, "exists": False}}


class TestReadMultiplexer(UnitTest):
    """Every value of words of several parts, and those beyond the last."""

    unit = ReadMultiplexer
    sizes = {
        "one": {"shape": 1, "count": 1},
        "odd": {"shape": 9, "count": 13},
        "parts": {"shape": 16, "count": 40},
    }
    at = {"value": ReadMultiplexer.LATENCY}

    def stimuli(self, rng):
        ports = self.unit(**self.size)
        for index in range(3 << len(ports.index)):
            index &= (1 << len(ports.index)) - 1
            yield {"word": anything(ports.word.shape(), rng), "index": index}

    def step(self, now):
        return {"value": now.word[now.index] if now.index < len(now.word) else 0}


class TestRaster(UnitTest):
    """Walks over maps of odd and even sides, some of which end before the map does."""

    unit = Raster
    sizes = {"map": {"config": MAPS}, "flat": {"config": PRESETS["tiny"]}}
    held = ("entry",)

    def stimuli(self, rng):
        pixels = max(self.size["config"].map_pixels, 1)
        self.walk = None
        for _ in range(12):
            groups, width = rng.randint(1, 3), rng.randint(1, min(9, pixels))
            layer = random_layer(
                rng, groups=groups, width=width, height=rng.randint(1, min(pixels // width, 9)),
                cell_shift=rng.randrange(3), cell_line=groups * rng.randint(1, 4),
            )  # fmt: skip
            yield {"entry": entry_of(layer), "start": 1, "step": rng.randrange(2)}
            steps = groups * layer.width * layer.height - 1
            for _ in range(rng.choice([steps, steps, steps // 2])):
                yield {"step": 1}

    def step(self, now):
        wanted = {} if self.walk is None else self.standing(now.entry, *self.walk)
        if now.start:
            self.walk = (0, 0, 0)
        elif now.step:
            y, x, group = self.walk
            pixel, group = divmod((y * now.entry["width"] + x) * now.entry["groups"] + group + 1,
                                  now.entry["groups"])  # fmt: skip
            self.walk = (*divmod(pixel, now.entry["width"]), group)
        return wanted if not now.start else {}

    def standing(self, entry, y, x, group):
        groups, width, height = entry["groups"], entry["width"], entry["height"]
        pixel_end = group == groups - 1
        in_line = (x >> 1) * groups + group
        cell = [place >> entry["cell_shift"] for place in (y, x)]
        return {
            "group": group,
            "x": x,
            "y": y,
            "latent": cell[0] * entry["cell_line"] + cell[1] * groups + group,
            "window": (y >> 1) * (width // 2) * groups + in_line,
            "in_line": in_line,
            "corner": 2 * (y & 1) + (x & 1),
            "pooled": x | 1 < width and y | 1 < height,
            "pixel_end": pixel_end,
            "line_end": pixel_end and x == width - 1,
            "end": pixel_end and x == width - 1 and y == height - 1,
        }
