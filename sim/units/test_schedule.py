"""Units of hw/core/schedule: which rows each group of neurons visits, and when."""

from collections import deque
from dataclasses import replace

import numpy as np

from golden.rows.trace import Pass
from golden.schedule.passes import passes
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.formats import MOST_MAP_INPUTS
from golden.spec.network import Network
from hw.core.base.layouts import group_bits, visit, word_bits
from hw.core.schedule.issue import Issue
from hw.core.schedule.passes import turn
from hw.core.schedule.row_list import RowList
from hw.core.schedule.segments import Segments
from sim.streams import unpack
from sim.units.base import UnitTest
from sim.units.layers import entry_of
from sim.units.values import anything, generator

ODD = CoreConfig(lanes=5, neuron_groups=3, trace_entries=97, weight_words=64, layers=3)
VALUES = replace(ODD, input_bits=6)
MAPS = CoreConfig(lanes=16, weight_words=2000, neuron_groups=256, trace_entries=1000, map_pixels=70)
SHAPES = [
    ((2, 5, 7), ("20c3p",), 4),
    ((3, 1, 9), ("16c3",), 2),
    ((1, 8, 8), ("40c3p",), 2),
    ((1, 4, 5), ("20c3g",), 2),
    ((8, 2, 2), ("5c3p",), 4),
]
VAST = CoreConfig(
    lanes=32, weight_words=11_400, neuron_groups=2100, trace_entries=67_600, map_pixels=1024
)
VAST_SHAPES = [((1024, 8, 8), ("20c3",), 4), ((1, 32, 32), ("64c3g",), 4)]
"""The layers that see 65,536 inputs, one of them with a bias behind."""


class TestRowList(UnitTest):
    """Lists from none to full, read while they grow."""

    unit = RowList
    sizes = {
        "odd": {"config": ODD},
        "tiny": {"config": PRESETS["tiny"]},
        "values": {"config": VALUES},
        "short": {"config": replace(ODD, list_rows=43)},
    }
    at = {"visit": RowList.LATENCY}

    def stimuli(self, rng):
        config = self.size["config"]
        self.visits, self.spikes = [], []
        for length in (0, 1, config.list_depth, rng.randrange(config.list_depth), 0):
            yield {"control": {"restart": 1}}
            for _ in range(length):
                recorded = {"record": 1, "recorded": anything(visit(config), rng)}
                yield {"control": recorded | self.look(rng)}
            for _ in range(2 * length):
                yield {"control": self.look(rng)}

    def look(self, rng):
        """A place of one of the lists that holds something."""
        spikes = rng.randrange(2)
        source = self.spikes if spikes else self.visits
        return {"address": rng.randrange(len(source) + 1), "spikes_only": spikes}

    def step(self, now):
        control = now.control
        wanted = {"control": {"rows": len(self.visits), "spikes": len(self.spikes)}}
        source = self.spikes if control.spikes_only else self.visits
        if control.address < len(source):
            wanted["visit"] = source[control.address]
        if control.restart:
            self.visits, self.spikes = [], []
        elif control.record:
            self.visits.append(control.recorded)
            if control.recorded["spike"]:
                kept = {name: control.recorded[name] for name in self.kept()}
                self.spikes.append(kept | {"trace": 0, "previous_spike": 0, "spike": 1})
        return wanted

    def kept(self):
        """What the list of spikes holds of a row."""
        return ("row", "value") if self.size["config"].graded else ("row",)


class TestSegments(UnitTest):
    """Segments of a list and their offsets are the rows that the model's passes visit, in order."""

    unit = Segments
    sizes = {"maps": {"config": MAPS}, "most-inputs": {"config": VAST}}
    held = ("entry",)
    unchecked = {"group": "asks for `updates`", "segments": "their rows, pass by pass"}

    def stimuli(self, rng):
        numbers = generator(rng)
        config = self.size["config"]
        self.deferred = np.zeros(1 << group_bits(config), int)
        self.lists, self.owed, self.words = ([], []), [], []
        vast = config is VAST
        for density in (0.001,) if vast else (0.0, 0.05, 0.4, 1.0):
            for shape, stages, side in VAST_SHAPES if vast else SHAPES:
                network = Network.of_stages(shape, stages, 3, latent_side=side)
                for layer in network.layers(config):
                    if layer.kind.shared and not (vast and layer.inputs < MOST_MAP_INPUTS):
                        yield from self.one_layer(rng, numbers, layer, density)

    def one_layer(self, rng, numbers, layer, density):
        self.deferred[:] = numbers.random(len(self.deferred)) < 0.5
        self.lists, self.lines = ([], []), {}
        rows = np.flatnonzero(numbers.random(layer.inputs) < density)
        rows = np.append(rows, [layer.inputs] if layer.bias else []).astype(int)
        spikes = numbers.random(len(rows)) < 0.5
        whole = Pass(rows, np.full(len(rows), 9), np.zeros(len(rows), bool), spikes)
        self.owed = [self.one_pass(layer, *one) for one in enumerate(passes(layer, whole))]
        self.owed[-1]["final"] = 1
        yield {"start": 1, "entry": entry_of(layer)}
        ends = [0] * len(rows) + [1]
        tokens = [
            {"row": row, "trace": 9, "previous_spike": 0, "spike": spike, "end": end}
            for row, spike, end in zip([*rows, 0], [*spikes, 0], ends, strict=True)
        ]
        self.send("visits", *tokens)
        yield from self.wait(lambda: not self.owed, "segments")

    def one_pass(self, layer, number, found):
        """What the segments of a pass have to add up to."""
        group, visited = found
        updates = self.deferred[layer.state_base + number]
        words = layer.weight_base + group * layer.rows + visited.rows
        return {
            "words": words if updates else words[visited.spikes],
            "updates": updates,
            "pixel_end": number % layer.groups == layer.groups - 1,
            "final": 0,  # all but the last
        }

    def always(self):
        """What the row list and the deferred updates answer."""
        updates = self.deferred[self.port("group")]
        return {"rows": len(self.lists[0]), "spikes": len(self.lists[1]), "updates": updates}

    def step(self, now):
        token, part = now.visits, now.segments
        records = token is not None and not token["end"]
        if records:
            self.lists[0].append(token["row"])
            self.lists[1].extend([token["row"]] * token["spike"])
        if part is not None:
            self.one_segment(part)
        return {"record": records}

    def one_segment(self, part):
        """Its rows are added up; at the end of a pass they are what the model visits."""
        if part["empty"]:
            assert part["end"] and not self.words, "an empty segment costs a cycle"
        else:
            self.equal("segments", self.owed[0]["updates"], part["updates"])
            self.equal("segments", part["beyond"] - part["first"] == 1, part["single"])
            assert part["beyond"] > part["first"]
            source = self.lists[not part["updates"]][part["first"] : part["beyond"]]
            words = [
                (row + part["offset"]) % (1 << word_bits(self.size["config"])) for row in source
            ]
            for word in words:  # lines have no word in common
                self.equal("segments", self.lines.setdefault(word, part["line"]), part["line"])
            self.words += words
        if part["end"]:
            got = {"words": self.words, "pixel_end": part["pixel_end"], "final": part["final"]}
            wanted = self.owed.pop(0)
            self.equal("segments", wanted | {"updates": None}, got | {"updates": None})
            self.words = []


class TestIssue(UnitTest):
    """Rows of the merge at once, those of the list when it has answered, ends of passes without a row."""

    unit = Issue
    sizes = {"odd": {"config": ODD}, "maps": {"config": MAPS}, "values": {"config": VALUES}}
    at = {"slots": 1}

    def stimuli(self, rng):
        config = self.size["config"]
        self.past = deque([{"listed": 0}] * RowList.LATENCY)
        for _ in range(400):
            merged = rng.randrange(2) and not self.past[0]["listed"]  # never both in a cycle
            traces = [0, 1, 255, *([-1, -256] if config.graded else [])]
            seen = anything(visit(config), rng, trace=rng.choice(traces), end=0)
            marks = {"merged": merged, "listed": not merged and rng.randrange(2)}
            row = anything(visit(config), rng, trace=rng.choice(traces))
            yield {"turn": anything(turn(config), rng, visit=seen, **marks), "row": row}

    def always(self):
        return {"turn": unpack(turn(self.size["config"]), 0)}  # nothing, unless something is given

    def step(self, now):
        self.past.append(now.turn)
        asked = self.past.popleft()
        here, row = (asked, now.row) if asked["listed"] else (now.turn, now.turn["visit"])
        if not (asked["listed"] or now.turn["merged"]):
            return {"slots": {"issued": 0, "slot": self.slot({"first": 0, "last": 0})}}
        wanted = {name: here["slot"][name] for name in ("first", "last", "context")}
        if here["ending"]:
            return {"slots": {"issued": 0, "slot": self.slot(wanted)}}
        learns = here["slot"]["update"] and bool(row["trace"] or row["previous_spike"])
        address = here["slot"]["address"] + row["row"]
        names = ("trace", "previous_spike", *(["value"] * self.size["config"].graded))
        wanted |= {name: row[name] for name in names}
        wanted |= {"address": address % (1 << word_bits(self.size["config"]))}
        return {"slots": {"issued": 1, "slot": self.slot(wanted, learns, row["spike"])}}

    def slot(self, wanted, update=0, spike=0):
        """A slot that does so much."""
        return wanted | {"active": update or spike, "update": update, "spike": spike}
