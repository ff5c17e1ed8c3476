"""Passes of hw/core/schedule: every row that a group visits, and the slots in which it does."""

from typing import NamedTuple

import numpy as np

from golden.rows.trace import Pass
from golden.schedule.passes import passes
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.layers import Layer
from golden.spec.network import Network
from hw.core.base.layouts import group_bits, word_bits
from hw.core.lanes.times import LaneTimes
from hw.core.schedule.passes import Passes, slots_lacking
from sim.units.base import UnitTest
from sim.units.layers import entry_of, random_layer
from sim.units.test_schedule import MAPS, ODD
from sim.units.values import generator

NAMES = ("row", "trace", "previous_spike", "spike")


class Row(NamedTuple):
    """A word of weights, and what its row brings to it."""

    word: int
    trace: int
    previous_spike: int
    spike: int


def random_rows(numbers, layer: Layer, density: float, flush: bool) -> Pass:
    """Active rows of a layer, its bias among them."""
    rows = np.flatnonzero(numbers.random(layer.inputs) < density)
    rows = np.append(rows, [layer.inputs] if layer.bias else []).astype(int)
    spikes = numbers.random(len(rows)) < (0 if flush else 0.5)
    trace = numbers.integers(0, 256, len(rows))
    return Pass(rows, trace, numbers.random(len(rows)) < 0.5, spikes)


def layers_of_maps(config: CoreConfig) -> list[Layer]:
    """Two convolutions, and the flat layer behind an average."""
    small = Network.of_stages((2, 2, 4), ("20c3p",), 3, latent_side=2)
    averaged = Network.of_stages((1, 3, 2), ("20c3g",), 3, latent_side=2)
    return [layer for each in (small, averaged) for layer in each.layers(config)]


class TestPasses(UnitTest):
    """Layers of every kind, with and without deferred updates, flushed, and held by a full signal."""

    unit = Passes
    sizes = {"odd": {"config": ODD}, "tiny": {"config": PRESETS["tiny"]}, "maps": {"config": MAPS}}
    held = ("entry", "step")
    unchecked = {
        "next_group": "asks for `next_updates`",
        "list.address": "the row there, turn by turn",
        "list.spikes_only": "the row there, turn by turn",
    }

    def stimuli(self, rng):
        config, self.rng = self.size["config"], rng
        numbers = generator(rng)
        self.deferred = np.zeros(1 << group_bits(config), int)
        self.mode, self.base, self.number, self.crowded = "idle", 0, 0, 0
        self.visits, self.spikes = [], []
        layers = layers_of_maps(config) if config.map_pixels else []
        for layer in layers + [self.flat_layer(rng, config) for _ in range(6)]:
            for density in (0.3,) if layer.kind.shared else (0, 0.2, 1):
                yield from self.one_layer(rng, numbers, layer, density)

    def flat_layer(self, rng, config):
        groups = rng.randint(1, config.neuron_groups)
        return random_layer(
            rng,
            flags=rng.choice([0, 2]),
            rows=rng.randint(2, 20),
            groups=groups,
            outputs=groups * config.lanes - rng.randrange(config.lanes),
            state_base=rng.randint(0, config.neuron_groups - groups),
        )

    def one_layer(self, rng, numbers, layer, density):
        self.deferred[:] = numbers.random(len(self.deferred)) < rng.choice([0, 0.5, 1])
        self.crowded = rng.choice([0, 0.5, 0.95])  # how often there is no room for a signal
        flush = rng.random() < 0.2
        whole = random_rows(numbers, layer, density, flush)
        self.layer, self.base, self.number = layer, layer.state_base, 0
        self.passes, self.written = list(passes(layer, whole)), {}
        bits = {name: rng.randrange(2) for name in ("fresh", "learn", "teach")}
        self.context = bits | {"layer": rng.randrange(self.size["config"].layers)}
        yield {"start": 1, "entry": entry_of(layer), "step": self.context | {"flush": flush}}
        yield {}  # the merge takes so long
        fields = (whole.rows, whole.trace, whole.previous_spikes, whole.spikes)
        tokens = [
            dict(zip(NAMES, row, strict=True)) | {"end": 0} for row in zip(*fields, strict=True)
        ]
        self.send("visits", *tokens, dict.fromkeys(NAMES, 0) | {"end": 1})
        for number in range(1, len(self.passes) + 1):
            yield from self.wait(lambda least=number: self.number >= least, "done")
        self.equal("list.recorded", len(tokens), len(self.visits))

    def begin(self, mode):
        """The pass of the group `number`."""
        self.mode, self.begun = mode, None
        config, layer = self.size["config"], self.layer
        group, rows = self.passes[self.number]
        self.updates = int(self.deferred[self.base + self.number])
        words = layer.weight_base + group * layer.rows + rows.rows
        fields = words % (1 << word_bits(config)), rows.trace, rows.previous_spikes, rows.spikes
        self.rows = [Row(*map(int, row)) for row in zip(*fields, strict=True)]
        if not self.updates and mode != "merge":
            self.rows = [Row(row.word, 0, 0, 1) for row in self.rows if row.spike]
        of_pixel = self.number % layer.groups
        self.final = self.number == len(self.passes) - 1
        self.wanted = self.context | {
            "group": self.base + self.number,
            "neurons": min(config.lanes, layer.outputs - of_pixel * config.lanes),
            "final": self.final,
        }

    def always(self):
        """What the row list and the deferred updates answer; a signal that has room or has not."""
        config = self.size["config"]
        ahead = 0 if self.mode == "idle" else self.number + 1
        self.asked = (self.base + ahead) % len(self.deferred)
        answered = self.port("group") if config.map_pixels else self.asked
        return {
            "list": {"rows": len(self.visits), "spikes": len(self.spikes)},
            "updates": self.deferred[answered],
            "next_updates": self.deferred[self.port("next_group")],
            "full": self.rng.random() < self.crowded,
            "starved": self.rng.randrange(2),
        }

    def step(self, now):
        cycle, turn = self.bench.cycle, self.port("turn")
        merges, lists = self.mode == "merge" and self.offered("visits"), self.mode == "list"
        lists = bool(turn["listed"]) if self.mode == "segments" else lists
        wanted = {"merged": merges, "listed": lists}
        goes_on = waits = False
        if merges or lists:
            bare = not self.rows
            ends = bare or (self.mode == "segments" and len(self.rows) == 1)
            self.begun = cycle if self.begun is None else self.begun
            may = cycle >= self.begun + slots_lacking(self.size["config"])
            full = self.final and now.full and not now.step["flush"]
            goes_on, waits = ends and may and not full, bare and may and full
            wanted |= {"ending": bare, "slot": self.slot(goes_on and not now.step["flush"])}
            if not bare:
                self.row(turn, cycle, merges)
            if merges:
                taken = now.visits is not None
                self.equal("turn", goes_on or not bare, taken)
        idles = self.mode in ("merge", "segments") and not (merges or lists) and now.starved
        records = now.visits is not None and not now.visits["end"]
        done = goes_on and self.final
        outputs = {
            "turn": wanted,
            "list": {"restart": now.start, "record": records, "recorded": now.visits},
            "group": self.asked,
            "done": done,
            "last": done and not now.step["flush"],
            "wait_signal": waits,
            "wait_input": idles and now.step["layer"] == 0,
            "wait_spikes": idles and now.step["layer"] != 0,
        }
        self.advance(now, records, goes_on)
        return outputs

    def slot(self, last):
        """What every slot of the pass says of it."""
        first = self.begun == self.bench.cycle
        return {"update": self.updates, "first": first, "last": last, "context": self.wanted}

    def row(self, turn, cycle, merges):
        """The row of this cycle: the next one, and written long ago if it is an old one."""
        wanted = self.rows.pop(0)
        visit = turn["visit"] if merges else self.listed()
        word = (turn["slot"]["address"] + visit["row"]) % (1 << word_bits(self.size["config"]))
        self.equal("turn", wanted, Row(word, *(visit[name] for name in NAMES[1:])))
        assert cycle - self.written.get(word, -LaneTimes.REUSE) >= LaneTimes.REUSE, (
            "read before it is written"
        )
        if self.updates:
            self.written[word] = cycle

    def listed(self):
        """The entry of the row list that is asked for."""
        source = self.spikes if self.port("list.spikes_only") else self.visits
        address = self.port("list.address")
        assert address < len(source), f"cycle {self.bench.cycle}: {address} is not in the list yet"
        return source[address]

    def advance(self, now, records, goes_on):
        """To the next pass; to the next layer."""
        if records:
            self.visits.append(now.visits)
            if now.visits["spike"]:
                row = now.visits["row"]
                self.spikes.append({"row": row, "trace": 0, "previous_spike": 0, "spike": 1})
        if now.start:
            self.visits, self.spikes = [], []
            self.begin("segments" if self.layer.kind.shared else "merge")
        if goes_on:
            self.number += 1
            if self.final:
                self.mode = "idle"
            else:
                self.begin("list" if self.mode == "merge" else self.mode)
