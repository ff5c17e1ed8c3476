"""The classifiers of maps, alone."""

from itertools import count
from random import Random

import numpy as np

from golden.learn import classifier as golden
from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.flags import Flag
from hw.core.fire.firing import Firing
from hw.core.learn.classifier import READ, Classifier
from hw.core.learn.vote import Vote
from sim.units.base import UnitTest
from sim.units.layers import entry_of, random_layer

SIZES = {"weight_words": 64, "trace_entries": 300, "neuron_groups": 40, "map_pixels": 60}
ODD = CoreConfig(lanes=6, classes=5, classifier_groups=7, **SIZES)
CHUNKS = CoreConfig(lanes=12, classes=9, classifier_groups=5, **SIZES)


class TestClassifier(UnitTest):
    """Latents are counted, logits wanted, and every weight walked over, unless a step only votes.

    Then all weights are read.
    """

    unit = Classifier
    sizes = {"odd": {"config": ODD}, "chunks": {"config": CHUNKS}}
    at = {"seen.spikes": Firing.SEEN_LEAD, "m": Classifier.LATENCY, "host.values": READ}
    held = ("layer.entry", "signals", "moves", "class_count", "base")
    idle = {"seen.coming": {"valid": 0}}
    unchecked = {
        "logit": "compared when there is one",
        "found": "waited for, as often as there are classes",
        "layer.layer": "that of the chunk that is coming, at once",
    }

    def stimuli(self, rng):
        config = self.size["config"]
        self.slots, self.chunks = config.class_slots, config.chunks
        shape = (config.classifier_groups, self.chunks, self.slots, config.chunk_lanes)
        self.logits = []
        self.weights = np.array(
            [rng.randint(-(1 << 15), (1 << 15) - 1) for _ in range(np.prod(shape))]
        )
        self.weights = self.weights.reshape(shape) >> np.array([rng.choice([0, 3, 5])])
        for group, chunk, number, lane in np.ndindex(shape):
            value = int(self.weights[group, chunk, number, lane]) & 0xFFFF
            at = self.address(group, chunk, number)
            yield {"host": {"active": 1, "address": at, "write": 1, "lane": lane, "data": value}}
        for _ in range(5):
            yield from self.learn(rng, config)
        for group, chunk, number in np.ndindex(shape[:3]):
            read = {"host": {"active": 1, "address": self.address(group, chunk, number)}}
            yield read, {"host.values": self.weights[group, chunk, number].tolist()}

    def always(self):
        """Every logit is noted when there is one."""
        if self.port("found"):
            self.logits.append(self.port("logit"))
        return {}

    def address(self, group, chunk, number):
        """Of a word, for the host."""
        return (((group << ceil_log2(self.chunks)) + chunk) << ceil_log2(self.slots)) + number

    def learn(self, rng, config):
        """A step of a layer with some of the groups and some of the classes."""
        groups = rng.randint(1, config.classifier_groups)
        base, used = (
            rng.randint(0, config.classifier_groups - groups),
            rng.randint(2, config.classes),
        )
        layer = random_layer(
            rng, flags=Flag.CONVOLUTION | Flag.CLASSIFIER, classifier_base=base, rate=1, error_gain=1,
            classifier_rate=256, latents=groups, vote_gain=rng.choice([0, 1, 32767]),
        )  # fmt: skip
        yield {"layer": {"entry": entry_of(layer)}, "class_count": used, "base": base}
        counts = np.zeros((groups, self.chunks, config.chunk_lanes), np.int64)
        for _ in range(rng.choice([0, 20, 60])):
            group, chunk, spikes = (
                rng.randrange(groups),
                rng.randrange(self.chunks),
                rng.getrandbits(64),
            )
            teach, spikes = rng.random() < 0.9, spikes & ((1 << config.chunk_lanes) - 1)
            coming = {"valid": 1, "chunk": chunk, "context": {"teach": teach}}
            yield {"seen": {"coming": coming, "latent": group, "spikes": spikes}}
            yield {}  # no chunk comes again sooner
            bits = (spikes >> np.arange(config.chunk_lanes)) & 1
            counts[group, chunk] += bits * (teach or layer.vote_gain > 0)
        yield from ({} for _ in range(Firing.SEEN_LEAD + 1))
        own = self.weights[base : base + groups, :, :used]
        flat = own.transpose(2, 0, 1, 3).reshape(used, -1)
        self.logits = []
        only_votes = rng.random() < 0.4
        yield {"start": 1, "sweep": {"base": base, "groups": groups, "clear": only_votes}}
        blocked = ({"blocked": rng.random() < 0.3} for _ in count())
        yield from self.wait(lambda: len(self.logits) == used, "found", blocked)
        self.equal("logit", golden.logits(flat, counts.reshape(-1)).tolist(), self.logits)
        if only_votes:
            yield from ({} for _ in range(Firing.SEEN_LEAD))
            return
        errors = np.array([rng.randint(-256, 256) for _ in range(used)])
        signals = np.array([rng.randint(-2000, 2000) for _ in range(used)])
        fill = [0] * (config.classes - used)
        yield {"signals": [*signals.tolist(), *fill], "moves": [*errors.tolist(), *fill]}
        m = golden.latent_signals(signals, flat).reshape(groups, self.chunks, -1)
        for group, chunk in np.ndindex(groups, self.chunks):
            for part in range(used):
                step = {"go": 1, "group": group, "chunk": chunk, "part": part}
                step |= {"begin": part == 0, "end": part == used - 1}
                wanted = {"m": m[group, chunk].tolist()} if part == used - 1 else {}
                yield {"walks": 1, "step": step}, wanted
        yield from ({} for _ in range(Classifier.LATENCY + 1))
        learned = golden.learned(flat, errors, counts.reshape(-1), layer)
        own[:] = learned.reshape(used, groups, self.chunks, -1).transpose(1, 2, 0, 3)


class TestVote(UnitTest):
    """Logits and gains at both ends, for any number of classes."""

    unit = Vote
    sizes = {"odd": {"config": ODD}, "chunks": {"config": CHUNKS}}
    at = {"votes": Vote.LATENCY}
    held = ("gain",)

    def stimuli(self, rng):
        self.number = 0
        for _ in range(100):
            yield {"begin": 1, "gain": rng.choice([0, 1, 800, 32767, rng.getrandbits(15)])}
            for _ in range(rng.randint(1, self.size["config"].classes)):
                logit = rng.choice([-(1 << 17), (1 << 17) - 1, rng.randint(-3000, 3000)])
                yield {"valid": 1, "logit": logit}
                yield from ({} for _ in range(rng.choice([0, 0, 3])))
            yield from ({} for _ in range(Vote.LATENCY))

    def step(self, now):
        layer = random_layer(Random(0), vote_gain=now.gain)
        vote = int(golden.votes(np.array([now.logit]), layer)[0])
        there = {"number": self.number, "vote": vote} if now.valid else {}
        self.number = 0 if now.begin else self.number + now.valid
        return {"votes": {"valid": now.valid, **there}}
