"""Sequencer of hw/core/schedule: samples, steps and layers, in the order in which they have to come."""

from golden.spec.config import CoreConfig
from golden.spec.kinds import CONVOLUTION
from golden.spec.samples import FIRST, LAST, LEARN
from hw.core.schedule.sequencer import Sequencer
from sim.units.base import UnitTest
from sim.units.layers import entry_of, random_layer
from sim.units.test_schedule import MAPS, ODD

PULSES = (
    "start", "claim", "trace.start", "trace.skip", "step_done", "sample_done", "result.start", "free",
)  # fmt: skip
LATE = 6
"""Cycles after an event by which the sequencer has reached whatever comes next, or waits for it."""


class TestSequencer(UnitTest):
    """Samples of several payloads; passes, signals and results are answered after random waits."""

    unit = Sequencer
    sizes = {
        "odd": {"config": ODD},
        "maps": {"config": MAPS},
        "infers": {"config": CoreConfig(layers=2, learning=0)},
    }
    waits = ("steady",)
    held = ("head.header", "settings")
    at = {"trace.clear": 1, "phase.clear": 1, "phase.drop": 1}

    def stimuli(self, rng):
        config, self.rng = self.size["config"], rng
        self.plan, self.inside, self.running, self.sending = [], False, None, False
        self.busy = self.pace = self.since = self.ended = self.deferred = 0
        self.finished, self.table = False, [random_layer(rng)] * config.layers
        for _ in range(30):
            self.table = [self.layer(rng) for _ in range(config.layers)]
            at, count = 0, rng.choice([1, 1, 2, 3])
            layers = rng.randint(1, config.layers)
            for part in range(count):
                steps = rng.choice([0, 1, 2, 4])
                flags = (part == 0) * FIRST | (part == count - 1) * LAST | rng.choice([0, LEARN])
                learn_from = rng.randint(0, 5)
                self.deferred, self.pace = (
                    rng.getrandbits(config.layers),
                    rng.choice([1, 0.3, 0.05]),
                )
                self.plan = self.payload(layers, at, steps, flags, learn_from)
                at += steps
                header = {"label": 3, "flags": flags, "steps": steps, "learn_from": learn_from}
                yield {
                    "head": {"header": header, "begin": 1},
                    "settings": {"layer_count": layers, "class_count": 2},
                }
                yield from self.walk()

    def layer(self, rng):
        """One of any kind, with or without bias and learning."""
        kinds = rng.choice([0, 0, CONVOLUTION.flag, AVERAGE.flag])
        kinds = kinds if self.size["config"].map_pixels else 0
        return random_layer(
            rng, flags=kinds | rng.choice([0, Flag.BIAS]) | rng.choice([0, Flag.PLASTIC])
        )

    def walk(self):
        """Until the plan is done; no pass is so long that nothing happens for PATIENCE cycles."""
        while self.plan:
            left = len(self.plan)
            yield from self.wait(lambda before=left: len(self.plan) < before, "start")

    def payload(self, layers, at, steps, flags, learn_from):
        """What must happen, in order: output ports when they pulse."""
        plan = []
        for step in range(at, at + steps):
            for number in range(layers):
                learns = bool(flags & LEARN) and self.table[number].plastic
                learns = learns and bool(self.size["config"].learning)
                step_context = {
                    "layer": number, "fresh": step == 0, "learn": learns,
                    "teach": learns and step >= learn_from, "flush": 0,
                }  # fmt: skip
                plan.append(self.visit(number, step_context, claim=1 << number))
            plan.append({"step_done": 1})
        if flags & LAST:
            for number in range(layers):
                if self.deferred >> number & 1:
                    plan.append(self.visit(number, {"layer": number, "flush": 1}, claim=0))
                else:
                    plan.append({"trace.skip": 1, "trace.layer": number})
        plan.append({"result.start": 1, "sample_done": bool(flags & LAST)})
        plan.append({"free": 1})
        return plan

    def visit(self, number, step, claim):
        """The passes of a layer begin."""
        layer, flush = self.table[number], step["flush"]
        fields = {
            "layer": number, "flush": flush, "keep": step.get("learn"), "bias": layer.bias,
            "last_row": self.last_row(layer), "decay": layer.pre_decay, "gain": layer.pre_gain,
        }  # fmt: skip
        parameters = {f"trace.{name}": value for name, value in fields.items()}
        now = {"start": 1, "trace.start": 1, "claim": claim}
        return now | parameters | {"step": step, "entry": entry_of(layer), "layer.layer": number}

    def last_row(self, layer):
        """A bias is behind all inputs, of a convolution behind all rows of a patch."""
        config = self.size["config"]
        behind = layer.inputs if layer.kind is AVERAGE else layer.rows - 1
        return behind % (1 << config.row_bits)

    def always(self):
        """Other rooms, at their own pace."""
        rng = self.rng
        answers = rng.random() < self.pace
        if rng.random() < self.pace / 2:
            self.busy &= rng.getrandbits(self.size["config"].layers)
        self.finished = self.finished or (self.inside and rng.random() < self.pace / 4)
        coming = next((item["layer.layer"] for item in self.plan if "layer.layer" in item), 0)
        return {
            "done": answers and self.running is not None,
            "result": {"done": answers and self.sending},
            "signal_busy": self.busy,
            "deferred_layers": self.deferred,
            "head": {"finished": self.finished},
            "layer": {"entry": entry_of(self.table[coming])},
        }

    def step(self, now):
        cycle, wanted = self.bench.cycle, dict.fromkeys(PULSES, 0)
        happens = [name for name in PULSES if self.port(name)]
        item = self.plan.pop(0) if happens and self.plan else {}
        ...
