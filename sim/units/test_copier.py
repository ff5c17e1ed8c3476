"""The copier of hw/link: words between two memories that take their time, against the integer model."""

from dataclasses import replace

import numpy as np

from golden.copier import copy
from golden.host.memory import BadAddress, CoreMemory
from golden.spec.config import CoreConfig
from golden.spec.copies import Copy, copied
from golden.spec.registers import SPACE_SHIFT, Space, address, memories, store_memory
from golden.spec.sdram import Chip, SdramConfig, beside
from golden.store import SampleStore
from hw.link.copier import Copier
from sim.units.base import UnitTest

MEMORY = SdramConfig(chip=Chip(row_bits=3, column_bits=7))
SMALL = CoreConfig(
    lanes=3, weight_words=37, layers=2, classes=3, frame_bytes=512, neuron_groups=5, trace_entries=9
)
MAPS = replace(
    SMALL, lanes=4, neuron_groups=40, map_pixels=9, classifier_groups=3, weight_bits=13, post_traces=0
)  # fmt: skip
AROUND = 40
"""Cycles of a copy besides those of its words, when nobody waits."""


class Sides:
    """A core and a store, as the unit meets them or as the twin does."""

    def __init__(self, config: CoreConfig) -> None:
        self.core, self.store = CoreMemory(config), SampleStore(config)
        for number, memory in enumerate(copied(config)):
            words = np.arange(memory.size) * 40503 + number
            self.core.write(address(memory.space), (words & 0xFFFF).astype(np.uint16))
        self.store.words[:] = np.arange(len(self.store.words)) * 25117 & 0xFFFF

    def access(self, side, address, data, write):
        """One access, and its answer."""
        one = self.core if side == "core" else self.store
        try:
            if write:
                one.write(address, np.array([data], np.uint16))
                return {"data": 0, "error": 0}
            return {"data": int(one.read(address, 1)[0]), "error": 0}
        except BadAddress:
            return {"data": 0, "error": 1}

    def words(self):
        """Everything that a copy may change."""
        spaces = [memory for memory in memories(self.core.config).values() if memory.access == "rw"]
        core = [self.core.read(address(memory.space), memory.size) for memory in spaces]
        return np.concatenate([*core, self.store.words])


class TestCopier(UnitTest):
    """Copies both ways, of no word and of a whole memory, past ends; between accesses of others."""

    unit = Copier
    sizes = {
        "flat": {"config": beside(SMALL, MEMORY)},
        "maps": {"config": beside(MAPS, MEMORY)},
    }
    unchecked = {
        "core_request": "both memories are compared, and words counted",
        "store_request": "the same",
        "copying": "its end is waited for, and its cycles are counted",
    }

    def stimuli(self, rng):
        config = self.size["config"]
        self.sides, self.twin = Sides(config), Sides(config)
        self.refusals = self.accesses = 0
        for number in range(120):
            yield from self.others(rng)
            yield from self.one(
                self.made_up(rng) if number else Copy(0, address(Space.LAYERS), 9, True)
            )

    def made_up(self, rng):
        """Any copy, most of them within."""
        config = self.size["config"]
        depth, memory = store_memory(config).depth, rng.choice(list(copied(config)))
        words = rng.choice([0, 1, 2, rng.randrange(70), memory.size, memory.size + 1])
        index = rng.choice([0, max(memory.size - words, 0), rng.randrange(memory.size)])
        kept = rng.choice([0, max(depth - words, 0), rng.randrange(depth)])
        found = Copy(kept, address(memory.space, index), words, bool(rng.randrange(2)))
        strange = [
            {"kept": rng.choice([depth, depth - words + 1, (1 << 31) - 1]) & (1 << 31) - 1},
            {"words": rng.choice([1 << 24, (1 << 32) - 1, 1 << 24 | words])},
            {"address": rng.choice([*Space, 14, 0x83]) << SPACE_SHIFT | rng.choice([0, index])},
            {"address": address(memory.space, rng.choice([memory.size, (1 << 24) - 1]))},
        ]
        return replace(found, **rng.choice(strange)) if rng.random() < 0.3 else found

    def one(self, asked):
        """A copy here and of the twin; then both memories."""
        refused, moved = 0, asked.words
        try:
            copy(asked, self.twin.core, self.twin.store)
        except BadAddress:
            refused, moved = 1, 0
        before = self.accesses, self.refusals
        self.send("asked", *np.frombuffer(asked.encode(), "<u4").tolist())
        yield from self.drain()
        begun = self.bench.cycle
        yield from self.wait(lambda: not self.port("copying"), "copying")
        if self.steady:
            assert self.bench.cycle - begun <= moved + AROUND, "a word a clock"
        self.equal("core_request", 2 * moved, self.accesses - before[0])
        self.equal("refused", refused, self.refusals - before[1])
        assert np.array_equal(self.sides.words(), self.twin.words()), asked

    def others(self, rng):
        """Accesses of host and player, each side's answered before the copy begins."""
        for side, way in (("host", "core"), ("user", "store")):
            for _ in range(rng.choice([0, 0, 1, 4])):
                size = store_memory(self.size["config"]).depth
                space = 0 if side == "user" else address(Space.WEIGHTS)
                at, word = space | rng.randrange(size + 3), rng.getrandbits(16)
                asked = {"address": at, "data": word, "write": rng.randrange(2)}
                self.send(f"{side}_request", asked)
                self.expect(f"{side}_reply", self.twin.access(way, **asked))
        yield from self.drain()

    def step(self, now):
        self.refusals += self.port("refused")
        for side in ("core", "store"):
            asked = getattr(now, f"{side}_request")
            if asked is not None:
                self.accesses += bool(self.port("copying"))
                self.send(f"{side}_reply", self.sides.access(side, **asked))
        return {}
