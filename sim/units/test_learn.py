"""Units of hw/core/learn: learning signals from the fired chunks of a layer."""

import numpy as np

from golden.learn.error import class_errors, signals_of
from golden.learn.latents import latents
from golden.learn.project import learning_signal
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.formats import ERROR_FRACTION, ERROR_ONE, SIGNAL_BITS, round_shift
from golden.spec.layers import Layer
from hw.core.learn.error import Error
from hw.core.learn.latents import Latents
from hw.core.learn.project import Project, parts
from sim.units.base import UnitTest
from sim.units.values import bits_of, extremes, fill

ODD = CoreConfig(lanes=5, neuron_groups=3, trace_entries=97, weight_words=64, classes=7)
TOP = (1 << SIGNAL_BITS - 1) - 1  # of a class signal, and of its negative: an error is at most 1
WIDE = CoreConfig(lanes=32, neuron_groups=3, trace_entries=97, weight_words=64, classes=18)


def sign_matrix(words, lanes):
    """+-1 [classes, lanes] of the bits a port carries."""
    return np.array([bits_of(word, lanes) for word in words]) * 2 - 1


class TestError(UnitTest):
    """Class errors around both ends of the hard sigmoid, and on them."""

    unit = Error
    sizes = {"signals": {}, "moves": {"moves": True}}
    at = {
        **{"gain": 1, "offset": 2, "rate": 4, "move_rate": 4},
        **{"signal": Error.LATENCY, "move": Error.LATENCY},
    }

    def stimuli(self, rng):
        ports, moves = self.unit(**self.size), "moves" in self.size
        for _ in range(400):
            logit = rng.choice([extremes(ports.logit.shape(), rng), rng.randint(-300, 300)])
            gain, rate = extremes(15, rng), extremes(15, rng)
            offset, move = rng.choice([0, 26, 128, 256]), extremes(15, rng)
            given = {"logit": logit, "target": rng.randrange(2), "gain": gain, "rate": rate}
            yield given | {"offset": offset} | ({"move_rate": move} if moves else {})

    def step(self, now):
        if now.offset > ERROR_ONE:  # no layer has it: an idle cycle
            return {}
        layer = Layer(
            rows=1, groups=1, outputs=1, error_gain=now.gain, error_offset=now.offset, rate=now.rate
        )
        errors = class_errors(np.array([now.logit]), 0 if now.target else 9, layer)
        found = {"signal": signals_of(errors, layer)[0]}
        if "moves" in self.size:
            found["move"] = round_shift(errors * now.move_rate, ERROR_FRACTION)[0]
        return found


def test_halves_go_up() -> None:
    assert int(round_shift(np.array([-128]), 8)[0]) == 0


class TestLatents(UnitTest):
    """Hidden layers of many chunks, and readouts whose classes lie in one chunk or several."""

    unit = Latents
    sizes = {"odd": {"config": ODD}, "tiny": {"config": PRESETS["tiny"]}, "wide": {"config": WIDE}}
    at = {"logits": Latents.LATENCY}

    def stimuli(self, rng):
        config, ports = self.size["config"], self.unit(**self.size)
        lanes, most = config.chunk_lanes, config.neuron_groups * config.chunks
        self.logits = None
        for _ in range(20):
            readout = rng.randrange(2)
            chunks = -(-config.classes // lanes) if readout else rng.randint(1, most)
            for number in range(chunks):
                yield {
                    "valid": 1, "restart": number == 0, "readout": readout, "number": number,
                    "spikes": rng.choice([0, rng.getrandbits(lanes), (1 << lanes) - 1]),
                    "potentials": fill(ports.potentials.shape(), rng),
                    "signs": [rng.getrandbits(lanes) for _ in range(config.classes)],
                }  # fmt: skip
            yield from ({} for _ in range(Latents.LATENCY))  # what a layer needs to fire

    def step(self, now):
        config = self.size["config"]
        lanes = config.chunk_lanes
        spikes = np.array(bits_of(now.spikes, lanes))
        if not now.valid:
            return {}
        if now.readout:
            first = now.number * lanes
            logits = [
                now.potentials[c - first] if first <= c < first + lanes else None
                for c in range(config.classes)
            ]
            return {"logits": logits}
        change = latents(spikes, sign_matrix(now.signs, lanes))
        self.logits = change if now.restart else self.logits + change
        return {"logits": self.logits}


class TestProject(UnitTest):
    """Chunks of every number of classes, signals at both ends, with and without a cost of spikes."""

    unit = Project
    sizes = {"odd": {"config": ODD}, "tiny": {"config": PRESETS["tiny"]}, "wide": {"config": WIDE}}
    at = {"signs": Project.SIGNS_AT, "spikes": Project.SPIKES_AT, "m": Project.LATENCY}
    held = ("readout", "cost", "signals")

    def stimuli(self, rng):
        config, ports = self.size["config"], self.unit(**self.size)
        lanes = config.chunk_lanes
        self.m = None
        for _ in range(20):
            readout = rng.random() < 0.3
            setting = {
                "readout": readout,
                "cost": 0 if readout else extremes(SIGNAL_BITS - 1, rng),
                "signals": [max(one, -TOP) for one in fill(ports.signals.shape(), rng)],
            }
            count = 1 if readout else parts(config.classes)
            yield from ({} for _ in range(Project.LATENCY))  # the layer before is through
            chunks = -(-config.classes // lanes) if readout else rng.randint(1, 6)
            for number in range(min(chunks, config.neuron_groups * config.chunks)):
                signs = [rng.getrandbits(lanes) for _ in range(config.classes)]
                self.spikes = 0 if readout else rng.getrandbits(lanes)
                for part in range(count):
                    yield setting | {
                        "go": 1, "part": part, "begin": part == 0, "end": part == count - 1,
                        "number": number, "spikes": self.spikes, "signs": signs,
                    }  # fmt: skip

    def step(self, now):
        lanes = self.size["config"].chunk_lanes
        if now.go and now.end:
            signals = np.array(now.signals)
            layer = Layer(rows=1, groups=1, outputs=1, rate_cost=now.cost)
            spikes = np.array(bits_of(self.spikes, lanes))
            self.m = learning_signal(signals, sign_matrix(now.signs, lanes), spikes, layer)
            if now.readout:
                own = now.signals[now.number * lanes :][:lanes]
                self.m = own + [None] * (lanes - len(own))
        return {"m": self.m}
