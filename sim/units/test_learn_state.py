"""Units of hw/core/learn that hold something: class signals, random signs, deferred updates, or nothing."""

from dataclasses import replace

import numpy as np

from golden.learn.error import class_errors, signals_of
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.flags import Flag
from golden.spec.formats import ERROR_FRACTION, round_shift
from hw.core.learn.classes import Classes
from hw.core.learn.deferred import Deferred
from hw.core.learn.error import Error
from hw.core.learn.none import NoLearning
from hw.core.learn.signs import Signs
from sim.units.base import UnitTest
from sim.units.layers import entry_of, random_layer
from sim.units.values import anything, extremes, number_of

SMALL = {"lanes": 12, "neuron_groups": 11, "trace_entries": 97, "weight_words": 64}
ODD = CoreConfig(classes=7, layers=3, **SMALL)
MAPS = CoreConfig(classes=7, layers=3, map_pixels=9, **SMALL)
CLASSIFIERS = replace(MAPS, classifier_groups=2)
MANY = CoreConfig(lanes=12, neuron_groups=70, classes=18, map_pixels=9)


class TestClasses(UnitTest):
    """Layers that learn, that do not, and readouts, for all numbers of classes; labels of no class too."""

    unit = Classes
    sizes = {"odd": {"config": ODD}, "tiny": {"config": PRESETS["tiny"]}}
    held = ("class_count", "label")

    def stimuli(self, rng):
        config, ports = self.size["config"], self.unit(**self.size)
        self.layer, self.left = random_layer(rng), None
        for _ in range(60):
            count = rng.randint(1, config.classes)
            setting = {"class_count": count, "label": rng.choice([0, count - 1, count, 255])}
            self.logits = [
                rng.choice([extremes(18, rng) - (1 << 17), rng.randint(-300, 300)])
                for _ in range(config.classes)
            ]
            self.next_layer = random_layer(rng)
            yield setting | {
                "load": 1,
                "loaded": anything(ports.loaded.shape(), rng),
                "logits": self.logits,
            }
            while self.left is not None:
                learn = self.left == 0 and self.loaded["learn"]
                yield {"found": {"taken": learn and rng.random() < 0.3}}

    def always(self):
        return {"layer": {"entry": entry_of(self.layer)}}

    def step(self, now):
        if now.load:
            self.load(now)
        elif self.left == 0:
            return self.hand(now)
        elif self.left is not None:
            self.left -= 1
        return {"dropped": 0, "free": 0, "found": {"ready": 0}}

    def load(self, now):
        """A readout takes its time whether it learns or not."""
        self.layer, self.loaded = self.next_layer, now.loaded
        taught = self.layer.readout or self.loaded["teach"]
        self.left = 1 + (now.class_count + Error.LATENCY + 2 if taught else 0)
        logits = np.array(self.logits[: now.class_count])
        errors = class_errors(logits, now.label, self.layer)
        signals = signals_of(errors, self.layer) * self.loaded["teach"]
        self.signals = [*signals, *[0] * (len(self.logits) - now.class_count)]

    def hand(self, now):
        """The signals are there, until they are taken; those of a layer that does not learn go."""
        learn = self.loaded["learn"]
        free = now.found.taken or not learn
        self.left = None if free else 0
        found = {"ready": learn}
        if learn:
            found |= {"signals": self.signals, "any_signal": any(self.signals)}
            found |= {"context": self.loaded, "parameters": entry_of(self.layer)}
        wanted = {"dropped": not learn, "free": free, "found": found}
        return wanted | {"layer.layer": self.loaded["layer"]}


class TestClassesOfClassifiers(UnitTest):
    """The logits come from a classifier, in their own time, where it learns or votes."""

    unit = Classes
    sizes = {"maps": {"config": CLASSIFIERS}}
    held = ("class_count", "label", "layer.entry")
    unchecked = {name: "waited for" for name in ("classify", "found", "dropped", "free")} | {
        "layer.layer": "that of the layer in hand"
    }

    def stimuli(self, rng):
        config, ports = self.size["config"], self.unit(**self.size)
        for _ in range(60):
            used = rng.randint(1, config.classes)
            gain, flags = rng.choice([0, 0, 5]), Flag.CONVOLUTION | rng.choice([0, Flag.CLASSIFIER])
            layer = random_layer(rng, flags=flags, vote_gain=gain)
            loaded = anything(ports.loaded.shape(), rng)
            loaded["learn"] |= loaded["teach"]
            given = [rng.randint(-3000, 3000) for _ in range(config.classes)]
            label, self.asked, self.dropped = rng.choice([0, used - 1, 255]), False, False
            yield {
                "layer": {"entry": entry_of(layer)}, "class_count": used, "label": label,
                "load": 1, "loaded": loaded, "logits": given,
            }  # fmt: skip
            own = layer.classifier and (loaded["teach"] or gain > 0)
            if own:
                yield from self.wait(lambda: self.asked, "classify")
                given = [rng.randint(-3000, 3000) for _ in range(used)]
                for logit in given:
                    yield from ({} for _ in range(rng.choice([0, 0, 3])))
                    yield {"classified": 1, "logit": logit}
            yield from self.wait(lambda: self.port("found.ready") or self.dropped, "found")
            self.equal("classify", bool(own), self.asked)
            self.equal("found.ready", loaded["learn"], self.port("found.ready"))
            if loaded["learn"]:
                self.equal("found.context", loaded, self.port("found.context"))
                self.equal("found.parameters", entry_of(layer), self.port("found.parameters"))
                self.found(layer, np.array(given[:used]), label, loaded["teach"])
                yield {"found": {"taken": 1}}

    def always(self):
        """Whether the classifier was asked, and whether the layer was dropped."""
        self.asked |= bool(self.port("classify"))
        self.dropped |= bool(self.port("dropped"))
        return {}

    def found(self, layer, logits, label, teach):
        """Signals and moves of the classes."""
        errors, fill = class_errors(logits, label, layer) * teach, [0] * (7 - len(logits))
        signals = [*signals_of(errors, layer).tolist(), *fill]
        self.equal("found.signals", signals, self.port("found.signals"))
        self.equal("found.any_signal", any(signals), bool(self.port("found.any_signal")))
        if teach:
            moves = round_shift(errors * layer.classifier_rate, ERROR_FRACTION).tolist()
            self.equal("found.moves", moves, self.port("found.moves")[: len(moves)])


class TestSigns(UnitTest):
    """A class of a chunk is written at a time; core and host read all classes."""

    unit = Signs
    sizes = {"odd": {"config": ODD}, "maps": {"config": MANY}}
    at = {"read.signs": Signs.LATENCY, "host.signs": Signs.LATENCY}

    def stimuli(self, rng):
        config = self.size["config"]
        self.words = {}
        for _ in range(1500):
            places = [
                rng.choice([0, 4, config.latent_groups - 1]) * 4 + rng.randrange(config.chunks)
                for _ in range(2)
            ]
            yield {
                "read": {"address": places[0]},
                "host": {
                    "active": rng.randrange(2), "address": places[1],
                    "write": rng.randrange(2), "number": rng.randrange(config.classes),
                },
            }  # fmt: skip

    def step(self, now):
        address = now.host.address if now.host.active else now.read.address
        signs = list(self.words.get(address, [None] * self.size["config"].classes))
        if now.host.write:
            signs = None if address == now.host.address else signs
            word = self.words.setdefault(now.host.address, [None] * self.size["config"].classes)
            word[now.host.number] = now.host.data
        return {"read.signs": signs, "host.signs": signs}


class TestDeferred(UnitTest):
    """Layers marked chunk by chunk, some without a gain, and asked about meanwhile; then forgotten."""

    unit = Deferred
    sizes = {"flat": {"config": ODD}, "maps": {"config": MAPS}}
    spans = [range(0, 2), range(2, 7), range(7, 11)]

    def stimuli(self, rng):
        self.layers, self.groups, self.in_hand = [0] * 3, [0] * 11, None
        self.answers = {}
        for _ in range(40):
            for layer in rng.sample(range(3), rng.randint(1, 3)):
                self.in_hand, some = layer, rng.choice([0, 0.1, 0.9])
                for number in range(len(self.spans[layer]) * ODD.chunks):
                    group, chunk = divmod(number, ODD.chunks)
                    yield self.question(rng) | {
                        "marks": {
                            "valid": 1, "nonzero": rng.random() < some, "begins_group": chunk == 0,
                            "begins_layer": number == 0, "layer": layer,
                            "group": self.spans[layer][group],
                        }
                    }  # fmt: skip
                self.in_hand = None
                yield from (self.question(rng) for _ in range(6))
            yield self.question(rng) | {"clear": rng.random() < 0.2}

    def question(self, rng):
        layer = rng.randrange(3)
        groups = [rng.choice(self.spans[layer]) for _ in range(2)]
        return {"query": {"layer": layer, "group": groups[0], "next_group": groups[1]}}

    def step(self, now):
        before, of_maps = self.answers, bool(self.size["config"].map_pixels)
        asked = {"of_group": now.query.group, "of_next": now.query.next_group}
        self.answers = {f"query.{port}": self.of(now, group) for port, group in asked.items()}
        wanted = before if of_maps else self.answers | {"query.of_next": 0}
        wanted = wanted | {"query.of_layer": number_of(self.layers)}
        marks = now.marks
        if marks.valid:
            old = self.groups[marks.group] and not marks.begins_group
            self.groups[marks.group] = old or marks.nonzero
            old = self.layers[marks.layer] and not marks.begins_layer
            self.layers[marks.layer] = old or marks.nonzero
        if now.clear:
            self.layers, self.groups = [0] * 3, [0] * 11
        return wanted

    def of(self, now, group):
        """Whether a group of the layer in the question has an update; nobody asks while it is marked."""
        asked = now.query.layer
        known = asked < 3 and asked != self.in_hand and group in self.spans[asked]
        return self.groups[group] if known else None


class TestNoLearning(UnitTest):
    """Whatever comes in, all that goes out is zero."""

    unit = NoLearning
    sizes = {"odd": {"config": ODD}}
    registers = False

    def stimuli(self, rng):
        for _ in range(100):
            yield {
                "seen": {"chunk": {"valid": 1}, "readout": rng.randrange(2)},
                "control": {"claim": rng.getrandbits(3), "last": rng.randrange(2)},
                "host_signs": {"active": rng.randrange(2), "write": rng.randrange(2)},
            }

    def step(self, now):
        lanes = [0] * ODD.chunk_lanes
        return {
            "control": {"busy": 0, "full": 0},
            "deferred": {"of_group": 0, "of_next": 0, "of_layer": 0},
            "gains": {"causal": 0, "non_causal": 0, "address": 0, "gains": lanes},
            "host_post.values": lanes,
            "host_signs.signs": [0] * ODD.classes,
            "layer.layer": 0,
            "spikes.address": 0,
        }
