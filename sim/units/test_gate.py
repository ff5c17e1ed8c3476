"""Gate and Checker of hw/core/host: which tables and samples a core takes, and what is said of others."""

import numpy as np

from bench.campaign.cores import networks
from golden.host import checker, gate
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.layers import ENTRY_WORDS, FIELDS
from golden.spec.registers import result_words
from golden.spec.samples import FIRST, SampleStatus
from golden.spec.table_rules import table_program
from hw.clocks import START_CYCLES
from hw.core.host.answers import Answers
from hw.core.host.checker import Checker
from hw.core.host.gate import Gate
from sim.units.base import UnitTest

FLAT = CoreConfig(lanes=5, neuron_groups=9, trace_entries=60, weight_words=200, layers=3, classes=5)
MAPS = CoreConfig(
    lanes=4, neuron_groups=120, trace_entries=400, weight_words=600, layers=3, classes=6,
    map_pixels=25, classifier_groups=40,
)  # fmt: skip


class TestChecker(UnitTest):
    """Tables of networks as they are, with a field changed, and nonsense; faults in every layer."""

    unit = Checker
    sizes = {"flat": {"config": FLAT}, "maps": {"config": MAPS}}
    held = ("settings",)
    waits = ("steady",)
    unchecked = {
        "active": "the verdict is of what was read",
        "layer": "the verdict is of what was read",
        "field": "the verdict is of what was read",
    }

    def stimuli(self, rng):
        config = self.size["config"]
        twin = checker.Checker(table_program(config))
        self.table = np.zeros((config.layers, ENTRY_WORDS), np.uint16)
        self.read = [(0, 0)] * Answers.EARLY
        yield from ({} for _ in range(Answers.EARLY))
        verdicts = set()
        for turn in range(70):
            layers, classes = self.change(rng, turn)
            fault = twin.fault(self.table[:, : len(FIELDS)], layers, classes)
            verdicts.add(str(fault))
            yield {"start": 1, "settings": {"layer_count": layers, "class_count": classes}}
            yield from self.until("done")
            self.equal("done", 1, self.port("done"))
            self.check("fault", fault is not None)
        assert len(verdicts) > 12, verdicts

    def change(self, rng, turn):
        """Another table; layers and classes in use."""
        network = rng.choice(networks(self.size["config"]))
        layers = network.layers(self.size["config"])
        for entry, layer in zip(self.table, layers, strict=False):
            entry[:] = layer.encode()
        if turn % 4 and turn < 60:
            entry, at = rng.randrange(len(layers)), rng.randrange(len(FIELDS))
            near = int(self.table[entry, at]) + rng.choice([-1, 1])
            self.table[entry, at] = rng.choice([near & 0xFFFF, rng.getrandbits(16), 0])
        if turn == 69:
            self.table[0] = 0
        return rng.choice([len(layers)] * 6 + [1]), rng.choice([network.classes] * 6 + [5])

    def always(self):
        """A field comes as late as from the table."""
        layer, field = self.read[-Answers.EARLY]
        known = layer < len(self.table) and field < len(FIELDS)
        return {"value": int(self.table[layer, field]) if known else 0}

    def step(self, now):
        self.read = [*self.read[1 - Answers.EARLY :], (self.port("layer"), self.port("field"))]


class Verdict:
    """A checker that finds what a test wants."""

    wrong, asked = False, 0

    def fault(self, table, layers, classes):
        self.asked += 1
        return checker.Fault(0, "a rule") if self.wrong else None


class TestGate(UnitTest):
    """Samples let in and refused, in any order; a core that never answers, to all of a payload or a part."""

    unit = Gate
    sizes = {"tiny": {"config": PRESETS["tiny"], "cycles": 150}}
    unchecked = {
        "reset": "its cycles are counted",
        "table.start": "its cycles are counted",
    }

    def stimuli(self, rng):
        self.rng, self.verdict = rng, Verdict()
        self.twin = gate.Gate(self.size["config"])
        self.twin._checker = self.verdict
        self.stuck, self.starts, self.resets, self.checking = False, 0, 0, 0
        seen = set()
        for _ in range(150):
            yield from self.between()
            payload = bytes([rng.randrange(4), rng.choice([FIRST, 7, 7, 6, 0]), *rng.randbytes(30)])
            payload = payload[: rng.randint(6, 32)]
            status = self.twin.refusal(payload, lambda: None, 1, 1)
            self.stuck = not status and rng.random() < 0.15
            first = rng.randrange(6, len(payload) + 1) if self.stuck else len(payload)
            resets = self.resets
            self.give("sample", payload, range(first), len(payload))
            if not status:
                self.answer(payload, first)
            if self.stuck:
                status = SampleStatus.STUCK
                self.twin.restart()
            if status:
                words = [int(status)] + [0] * (result_words(self.size["config"]) - 1)
                self.owe("result", words)
            if self.stuck:
                yield from self.wait(lambda before=resets: self.resets > before, "reset")
                yield from ({} for _ in range(START_CYCLES))
                self.give("sample", payload, range(first, len(payload)), len(payload))
            yield from self.drain(3)
            self.equal("reset", START_CYCLES * self.stuck, self.resets - resets)
            self.equal("table.start", self.verdict.asked, self.starts)
            self.stuck = False
            seen.add(status)
        assert seen == {0, SampleStatus.BAD_TABLE, SampleStatus.NOT_BEGUN, SampleStatus.STUCK}

    def between(self):
        """The table is written, or a host begins, or neither."""
        self.verdict.wrong = self.rng.random() < 0.3
        kind = self.rng.random()
        if kind < 0.3:
            self.twin.table_written()
            yield {"table": {"written": 1}}
        elif kind < 0.4:
            self.twin.restart()
            yield {"restart": 1}

    def give(self, name, data, places, size):
        """Bytes of a payload of `size` bytes."""
        self.send(name, *({"data": data[at], "last": at == size - 1} for at in places))

    def owe(self, name, words):
        """A packet that has to come."""
        last = len(words) - 1
        self.expect(name, *({"data": w, "last": at == last} for at, w in enumerate(words)))

    def answer(self, payload, first):
        """The core takes a payload; unless it is stuck its result passes."""
        whole = len(payload) - 1
        self.expect(
            "core_sample", *({"data": payload[at], "last": at == whole} for at in range(first))
        )
        self.result = [self.rng.getrandbits(16) for _ in range(5)]
        if not self.stuck:
            self.owe("result", self.result)

    def always(self):
        """A core that works makes progress; the checker takes its time."""
        self.checking = max(self.checking - 1, 0)
        done = self.checking == 1
        return {
            "progress": not self.stuck and self.rng.random() < 0.1,
            "table": {"done": done, "fault": done and self.verdict.wrong},
        }

    def step(self, now):
        self.resets += self.port("reset")
        if self.port("table.start"):
            self.starts += 1
            self.checking = self.rng.randint(3, 30)
        if now.core_sample is not None and now.core_sample["last"] and not self.stuck:
            last = len(self.result) - 1
            self.send(
                "core_result",
                *({"data": w, "last": at == last} for at, w in enumerate(self.result)),
            )
        return {}
