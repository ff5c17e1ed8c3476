"""Units of hw/core/readout: what is counted while a sample runs, and the result made of it."""

from collections import Counter, deque
from dataclasses import replace

import numpy as np

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.formats import MEMBRANE_BITS, SCORE_BITS, saturate
from golden.spec.samples import MOST_SPIKES, RESULT_HEAD
from golden.spec.samples import Result as GoldenResult
from hw.core.readout.result import Result
from hw.core.readout.scores import Scores
from hw.core.readout.spike_counts import SpikeCounts
from hw.core.readout.votes import Votes
from sim.units.base import UnitTest
from sim.units.values import extremes, fill

ODD = CoreConfig(lanes=5, classes=5, layers=3, neuron_groups=3, trace_entries=97, weight_words=64)
WIDE = CoreConfig(lanes=24, classes=10, neuron_groups=3, trace_entries=97, weight_words=64)
VOTING = replace(ODD, map_pixels=9, classifier_groups=2)
NARROW = CoreConfig(lanes=16, classes=10, neuron_groups=3, trace_entries=97, weight_words=64)


class TestScores(UnitTest):
    """Samples of many steps at both ends of a membrane; chunks of lanes beyond the classes too."""

    unit = Scores
    sizes = {"odd": {"config": ODD}, "chunks": {"config": NARROW}}
    held = ("class_count",)

    def stimuli(self, rng):
        config, ports = self.size["config"], self.unit(**self.size)
        self.scores, self.kept = None, False
        for steps in (1, 300, 7, 2):
            yield {"clear": 1, "class_count": rng.randint(1, config.classes)}
            for _ in range(steps):
                for number in range(config.chunks):
                    potentials = fill(ports.potentials.shape(), rng)
                    if steps > 100:
                        potentials[:2] = [(1 << MEMBRANE_BITS - 1) - 1, -1 << MEMBRANE_BITS - 1]
                    yield {"valid": 1, "number": number, "potentials": potentials}
                yield from ({} for _ in range(rng.randint(1, 5)))
            yield from ({"index": index} for index in range(config.classes))

    def step(self, now):
        lanes, classes = len(now.potentials), self.size["config"].classes
        known = self.scores is not None and not now.valid and not self.kept
        score = self.scores[now.index] if known and now.index < classes else None
        self.kept = now.valid
        if now.clear:
            self.scores = [0] * classes
        for number, potential in enumerate(now.potentials, now.number * lanes):
            if now.valid and number < now.class_count:
                self.scores[number] += potential
        return {"score": score}


class TestVotes(UnitTest):
    """Votes for all classes; sums and totals at both ends."""

    unit = Votes
    sizes = {"odd": {"config": VOTING}, "wide": {"config": replace(VOTING, classes=11)}}

    def stimuli(self, rng):
        classes, top = self.size["config"].classes, (1 << SCORE_BITS - 1) - 1
        self.sums = None
        for votes in (3, 40, 200):
            yield {"clear": 1}
            for _ in range(votes):
                vote = rng.choice([-(1 << 15), (1 << 15) - 1, rng.randint(-999, 999)])
                number = rng.randrange(classes)
                yield {"votes": {"valid": 1, "number": number, "vote": vote}}
                yield from ({} for _ in range(rng.choice([0, 0, 2])))
            for index in range(classes):
                for score in (0, top, -top - 1, rng.randint(-top, top)):
                    yield {"index": index, "score": score}

    def step(self, now):
        votes, classes = now.votes, self.size["config"].classes
        known = self.sums is not None and not votes.valid and now.index < classes
        total = saturate(self.sums[now.index] + now.score, SCORE_BITS) if known else None
        if votes.valid:
            self.sums[votes.number] = saturate(self.sums[votes.number] + votes.vote, SCORE_BITS)
        if now.clear:
            self.sums = np.zeros(classes, np.int64)
        return {"total": None if total is None else int(total)}


class TestSpikeCounts(UnitTest):
    """Chunks of all layers, read in between; the counter of one layer is full."""

    unit = SpikeCounts
    sizes = {"odd": {"config": ODD}, "wide": {"config": WIDE}}
    at = {"new_spikes": 1}

    def stimuli(self, rng):
        lanes, layers = self.size["config"].chunk_lanes, self.size["config"].layers
        self.counts, self.coming = Counter(), (0, 0)
        for chunks in (300, MOST_SPIKES // lanes + 20 if self.steady else 0, 30):
            yield {"clear": 1}
            for _ in range(chunks):
                spikes = (1 << lanes) - 1 if chunks > 300 else rng.getrandbits(lanes)
                layer = 1 if chunks > 300 else rng.randrange(layers)
                yield {"valid": 1, "layer": layer, "spikes": spikes}
            yield from ({"index": layer} for layer in range(layers))

    def step(self, now):
        there = now.index < self.size["config"].layers
        layer, spikes = self.coming
        wanted = {"count": self.counts[now.index] if there else None}
        self.counts[layer] = min(self.counts[layer] + spikes, MOST_SPIKES)
        if now.clear:
            self.counts.clear()
        self.coming = now.layer, now.spikes.bit_count() * now.valid
        return wanted | {"new_spikes": self.coming[1]}


class TestResult(UnitTest):
    """Scores at both ends and many equal ones, for every number of classes, one after the other."""

    unit = Result
    sizes = {"odd": {"config": ODD}, "tiny": {"config": PRESETS["tiny"]}}
    held = ("status", "class_count")

    def stimuli(self, rng):
        config = self.size["config"]
        self.path = deque()  # what is asked for, a cycle or a word at a time
        for count in (*range(1, config.classes + 1), 3, config.classes):
            self.cycles = 0
            few = [extremes(SCORE_BITS, rng) - (1 << SCORE_BITS - 1) for _ in range(3)]
            self.scores = [rng.choice(few) for _ in range(config.classes)]
            self.spikes = [extremes(16, rng) for _ in range(config.layers)]
            yield {"begin": 1, "busy": 1, "status": rng.getrandbits(4), "class_count": count}
            for _ in range(rng.randint(1, 200)):
                yield {"busy": rng.random() < 0.8}
            yield {"control": {"start": 1}}
            yield from self.drain(rng.randint(1, 3))

    def always(self):
        """What is there for the index that the unit asks for."""
        kind, index = self.path[0] if self.path else ("", 0)
        asks = kind in ("compare", "take", "score") and index < len(self.scores)
        given = {"score": self.scores[index]} if asks else {}
        return given | ({"spike_count": self.spikes[index]} if kind == "spikes" else {})

    def step(self, now):
        kind, index = self.path[0] if self.path else ("", 0)
        wanted = {"control.done": now.result is not None and len(self.path) == 1}
        if kind in ("compare", "take") or (kind == "score" and index < len(self.scores)):
            wanted["score_index"] = index
        if kind == "spikes":
            wanted["spike_index"] = index
        if kind in ("compare", "last", "take") or now.result is not None:
            self.path.popleft()
        self.cycles += now.busy and not now.begin
        if now.control.start:
            wanted["result"] = self.result(now)
        return wanted

    def result(self, now):
        """The words that are to come, and what will be asked for until they have."""
        config = self.size["config"]
        prediction = int(np.argmax(self.scores[: now.class_count]))
        result = GoldenResult(now.status, prediction, self.cycles, self.spikes, self.scores)
        self.path.extend(("compare", index) for index in range(now.class_count))
        self.path.extend([("last", 0)] + [("head", 0)] * RESULT_HEAD)
        self.path.extend(("spikes", layer) for layer in range(config.layers))
        self.path.append(("take", 0))  # then the score behind the one whose halves are sent
        self.path.extend(("score", number // 2 + 1) for number in range(2 * config.classes))
        words = result.words()
        return [{"data": word, "last": at == len(words) - 1} for at, word in enumerate(words)]
