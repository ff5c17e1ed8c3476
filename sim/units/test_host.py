"""Units of hw/core/host: what the host sees of the core while it is at rest."""

from collections import Counter

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.layers import FIELD_NAMES, FIELDS
from golden.spec.registers import COUNTERS, CYCLE_CAUSES
from hw.core.base.layouts import layer_entry, slot
from hw.core.host.counters import Counters
from hw.core.host.layer_table import LayerTable, readers
from sim.streams import unpack
from sim.units.base import UnitTest
from sim.units.values import anything

CONFIG = CoreConfig(
    lanes=12, neuron_groups=3, trace_entries=97, weight_words=64, layers=3, classes=5
)


class TestCounters(UnitTest):
    """Bursts of random work, counted exactly; every cycle has one cause."""

    unit = Counters
    sizes = {"odd": {"config": CONFIG}, "whole": {"config": CoreConfig()}}
    SETTLED = 4

    def stimuli(self, rng):
        self.counts = Counter()
        for clears in (1, 0, 0, 1, 0):
            if clears:
                yield {"clear": 1}
                yield from ({} for _ in range(self.SETTLED))  # the core is at rest
                self.counts.clear()
            for _ in range(250):
                yield self.cycle(rng)
            for _ in range(self.SETTLED):
                yield {}
            self.check("values", {counter.name: self.counts[counter.name] for counter in COUNTERS})
            values = self.port("values")
            self.equal("values", values["cycles"], sum(values[cause] for cause in CYCLE_CAUSES))

    def cycle(self, rng):
        """A row, or nothing and what is waited for."""
        config = self.size["config"]
        busy = rng.random() < 0.8
        update, spike = rng.randrange(2), rng.randrange(2)
        marks = {"update": update, "spike": spike, "active": update | spike}
        waits = ("wait_input", "wait_spikes", "wait_signal", "turnaround")
        cause, row = rng.choice(waits), busy and rng.randrange(2)
        neurons = rng.choice([1, config.lanes])
        done = {name: rng.randrange(2) for name in ("sample_done", "step_done")}
        event, spikes = rng.randrange(2), rng.randint(0, config.chunk_lanes)
        names = {0: "rows_trace", 1: "rows_integrate", 2: "rows_update", 3: "rows_both"}
        self.counts["cycles"] += busy
        self.counts[names[2 * update + spike] if row else cause] += busy
        self.counts["synops"] += neurons * (row and spike)
        self.counts["updates"] += neurons * (row and update)
        for name, amount in zip(("samples", "steps"), done.values(), strict=True):
            self.counts[name] += amount
        self.counts["events"] += event
        self.counts["spikes"] += spikes
        marks = marks if row else dict.fromkeys(marks, 0)
        context = unpack(slot(config), rng.getrandbits(32))["context"] | {"neurons": neurons}
        return {
            "phase": {"busy": busy},
            "slots": {"slot": anything(slot(config), rng, context=context, **marks), "issued": row},
            "activity": done | ({cause: 1} if cause != "turnaround" else {}),
            "event": event,
            "spikes": spikes,
        }

    def always(self):
        """A cycle without work."""
        return {"slots": {"slot": unpack(slot(self.size["config"]), 0)}, "spikes": 0}


class TestLayerTable(UnitTest):
    """Fields written one by one; four readers that look at any layer at any time."""

    unit = LayerTable
    sizes = {"odd": {"config": CONFIG}, "whole": {"config": CoreConfig()}}

    def stimuli(self, rng):
        layers = self.size["config"].layers
        self.table = [dict.fromkeys(FIELD_NAMES) for _ in range(layers)]
        for _ in range(600):
            yield {
                "write": {
                    "valid": rng.randrange(2),
                    "layer": rng.randrange(layers),
                    "field": rng.randrange(1 << ceil_log2(len(FIELDS))),
                },
                **{name: {"layer": rng.randrange(layers)} for name in readers(self.size["config"])},
            }

    def always(self):
        """Readers look at layers that exist."""
        return {name: {"layer": 0} for name in readers(self.size["config"])}

    def step(self, now):
        entries = {
            name: self.entry(getattr(now, name).layer) for name in readers(self.size["config"])
        }
        write = now.write
        if write.valid and write.field < len(FIELDS):
            self.table[write.layer][FIELD_NAMES[write.field]] = write.data
        return {name: {"entry": entry} for name, entry in entries.items()}

    def entry(self, layer):
        """What is known of an entry."""
        entry = dict(self.table[layer])
        if entry["flags"] is not None:
            entry["flags"] = unpack(layer_entry()["flags"].shape, entry["flags"])
        return entry
