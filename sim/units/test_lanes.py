"""Units of hw/core/lanes: one row of weights a cycle."""

from dataclasses import replace
from random import Random

import numpy as np

from golden.lanes.integrate import integrate
from golden.lanes.noise import WEYL, noise, word
from golden.lanes.update import update_rows
from golden.spec.block_ram import bank_depths
from golden.spec.config import CoreConfig
from golden.spec.values import value_range
from hw.core.lanes.gains import Gains
from hw.core.lanes.integrate import Integrate
from hw.core.lanes.noise import Noise
from hw.core.lanes.update import Update
from hw.core.lanes.weights import Weights
from sim.units.base import UnitTest
from sim.units.values import extremes, fill

CONFIG = CoreConfig(lanes=32, neuron_groups=6, trace_entries=300, weight_words=64)
NARROW = CoreConfig(lanes=4, weight_bits=8, trace_entries=128, weight_words=300)
WIDE = CoreConfig(lanes=8, weight_bits=16, trace_entries=4096, weight_words=1100)
VALUES = CoreConfig(lanes=24, trace_entries=90, weight_words=300, input_bits=3)
DEEP = CoreConfig(lanes=8, weight_bits=9, weight_words=5000)


def base(state: int) -> int:
    """The random word of a state, before the lanes turn it."""
    return int(word(np.array([state], np.uint64))[0])


class TestNoise(UnitTest):
    """Words follow each other with `advance` only; the state is loaded by halves."""

    unit = Noise
    at = {"word": Noise.LATENCY}

    def stimuli(self, rng):
        self.state = None
        for _ in range(3):
            yield {"host": {"load_low": 1}}
            yield {"host": {"load_high": 1}}
            for _ in range(100):
                yield {"advance": rng.random() < 0.7}

    def step(self, now):
        before = self.state
        if now.host.load_low:
            self.state = (before or 0) & ~0xFFFF | now.host.load
            return {"host.state": None}
        if now.host.load_high:
            self.state = before & 0xFFFF | now.host.load << 16
            return {"host.state": before}
        if now.advance:
            self.state = (before + WEYL) & 0xFFFFFFFF
        return {"host.state": before, "word": base(before) if now.advance else None}


class TestUpdate(UnitTest):
    """Extremes and random values; weights at both ends saturate."""

    unit = Update
    sizes = {
        "odd": {"config": CONFIG, "lanes": 5, "first": 16},
        "narrow": {"config": NARROW, "lanes": 4},
        "wide": {"config": WIDE, "lanes": 3, "first": 60},
        "values": {"config": VALUES, "lanes": 3},
    }
    at = {
        "noise": Update.NOISE_AT,
        "update": Update.NOISE_AT,
        "weights": Update.WEIGHTS_AT,
        "new": Update.LATENCY,
    }

    def stimuli(self, rng):
        ports = self.unit(**self.size)
        for _ in range(200):
            scale = rng.choice([1, 64])
            gains, posts = (
                [gain // scale for gain in fill(ports.gains.shape(), rng)] for _ in range(2)
            )
            yield {
                "gains": gains,
                "post_gains": [post * rng.randrange(2) for post in posts],
                "pre_trace": extreme_trace(self.size["config"], rng),
                "previous_spike": rng.randrange(2),
                "update": rng.random() < 0.9,
                "weights": fill(ports.weights.shape(), rng),
            }

    def step(self, now):
        if not now.update:
            return {"new": now.weights}
        first = self.size.get("first", 0)
        rows = update_rows(
            np.array([now.weights], np.int32),
            np.array(now.gains, np.int32),
            np.array(now.post_gains, np.int32),
            np.array([now.pre_trace], np.int32),
            np.array([bool(now.previous_spike)]),
            lanes_of(now.noise, first + self.size["lanes"])[:, first:],
            self.size["config"].weight_bits,
        )
        return {"new": rows[0]}


def extreme_trace(config: CoreConfig, rng: Random) -> int:
    """A pre trace, at times an extreme one; negative ones where inputs carry values."""
    trace = extremes(config.trace_bits, rng)
    return trace - (1 << config.trace_bits) if config.graded and trace >> 8 else trace


def lanes_of(bits: int, lanes: int) -> np.ndarray:
    """The noise of each lane from one word: u16[1, lanes]."""
    turned = [(bits << (11 * i % 32) | bits >> (32 - 11 * i % 32)) for i in range(lanes)]
    return np.array([[t & 0xFFFF ^ (i * 0x9E37 & 0xFFFF) for i, t in enumerate(turned)]], np.int32)


def test_lanes_turn_the_word_as_golden_does() -> None:
    assert (lanes_of(base(12345), 40) == noise(12345, 1, 40)).all()


class TestGains(UnitTest):
    """Gains are replaced while others are in use; the register keeps them from pass to pass."""

    unit = Gains
    sizes = {"odd": {"config": CoreConfig(lanes=12, neuron_groups=5)}}
    at = {"first": 1, "used": Gains.LATENCY}

    def stimuli(self, rng):
        self.words, self.used = {}, None
        groups, shape = self.size["config"].neuron_groups, self.unit(**self.size).written.shape()
        for _ in range(400):
            yield {
                "group": rng.choice([0, 1, groups - 1, rng.randrange(groups)]),
                "first": rng.random() < 0.4,
                "write": rng.randrange(2),
                "written_group": rng.choice([0, 1, groups - 1, rng.randrange(groups)]),
                "written": fill(shape, rng),
            }

    def step(self, now):
        if now.first:
            met = now.write and now.written_group == now.group
            self.used = None if met else self.words.get(now.group)
        if now.write:
            self.words[now.written_group] = now.written
        return {"used": self.used}


class TestIntegrate(UnitTest):
    """Sums of as many rows as the largest layer has, of the largest weights."""

    unit = Integrate
    sizes = {
        "odd": {"config": NARROW, "lanes": 5},
        "wide": {"config": WIDE, "lanes": 2},
        "values": {"config": VALUES, "lanes": 3},
        "wide values": {"config": replace(WIDE, input_bits=8), "lanes": 2},
        "in logic": {"config": replace(NARROW, input_bits=5), "lanes": 4},
        "in logic, wide": {"config": replace(NARROW, input_bits=8), "lanes": 2},
    }
    at = {"sums": Integrate.LATENCY}

    def stimuli(self, rng):
        self.sums = None
        shape, config = self.unit(**self.size).weights.shape(), self.size["config"]
        low, (least, most) = -(1 << config.weight_bits - 1), value_range(config.input_bits)
        for rows in (1, 2, 30, 0, self.size["config"].trace_entries):
            for row in range(rows + 1):
                weights = fill(shape, rng) if rows < 100 else [low, ~low] + [low] * shape.length
                weights = weights[: shape.length]
                values = [least, most, 1, rng.randint(least, most)] if rows < 100 else [least]
                value = {"value": rng.choice(values)} if config.graded else {}
                yield {"first": row == 0, "spike": row > 0, "weights": weights, **value}

    def step(self, now):
        if not now.first and self.sums is None:
            return {}
        sums = np.zeros(self.size["lanes"], np.int64) if now.first else self.sums
        values = np.array([now.value if self.size["config"].graded else 1])
        self.sums = sums if not now.spike else integrate(sums, np.array([now.weights]), values)
        return {"sums": self.sums}


class TestWeights(UnitTest):
    """Random reads and writes of all banks and single lanes; a word is written before it is read."""

    unit = Weights
    sizes = {
        "one bank": {"config": NARROW, "lanes": 3},
        "two banks": {"config": WIDE, "lanes": 5},
        "three banks": {"config": DEEP, "lanes": 4},
    }
    at = {"data": Weights.LATENCY}
    idle = {"write_lanes": 0}

    def stimuli(self, rng):
        config = self.size["config"]
        self.words, self.depth = {}, config.weight_words
        deepest = bank_depths(config.weight_words, config.weight_bits)[0]
        ends = [0, 1, deepest - 1, min(deepest, self.depth - 1), self.depth - 1]
        shape = self.unit(**self.size).write_data.shape()
        for _ in range(500):
            places = [rng.choice([*ends, rng.randrange(self.depth)]) for _ in range(2)]
            lanes = rng.choice([0, -1, rng.getrandbits(32)]) & (1 << shape.length) - 1
            yield {
                "read_address": places[0],
                "write_address": places[1],
                "write_data": [extremes(config.weight_bits, rng) for _ in range(shape.length)],
                "write_lanes": lanes,
            }

    def step(self, now):
        nothing = [None] * self.size["lanes"]
        word = list(self.words.get(now.read_address, nothing))
        if now.read_address == now.write_address:
            word = [
                None if now.write_lanes >> lane & 1 else value for lane, value in enumerate(word)
            ]
        if now.write_address < self.depth:
            kept = self.words.setdefault(now.write_address, nothing.copy())
            for lane, value in enumerate(now.write_data):
                if now.write_lanes >> lane & 1:
                    kept[lane] = value
        return {"data": word}
