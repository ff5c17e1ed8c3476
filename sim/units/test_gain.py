"""Gain of hw/core/learn and the units within it: from class signals to gains, layer by layer."""

from collections import deque
from dataclasses import replace

import numpy as np

from golden.learn.gain import gains, next_post
from golden.spec.config import CoreConfig
from hw.core.base.chunk_memory import ChunkMemory
from hw.core.learn.gain import Gain
from hw.core.learn.map_signal import MapSignal
from hw.core.learn.project import AT_ONCE, Project
from hw.core.learn.steps import ADD, CAUSAL, DECAY, NON_CAUSAL, Steps
from sim.units.base import UnitTest
from sim.units.layers import entry_of, random_layer
from sim.units.learners import Case, address, layer_for, map_of, raster
from sim.units.values import anything, fill, number_of

SMALL = {"lanes": 12, "neuron_groups": 130, "trace_entries": 97, "weight_words": 64}
FLAT = CoreConfig(classes=7, post_traces=0, **SMALL)
MAPS = CoreConfig(classes=7, map_pixels=30, **SMALL)
MEMORIES = ("signs", "spikes", "surrogates", "post", "winners")


class TestSteps(UnitTest):
    """Layers of all kinds back to back and apart, in a walk that is blocked at times."""

    unit = Steps
    sizes = {"flat": {"config": FLAT, "settles": 5}, "maps": {"config": MAPS, "settles": 9}}
    held = ("class_count",)

    def stimuli(self, rng):
        config = self.size["config"]
        self.walk, self.offer, self.layer = deque(), None, random_layer(rng)
        for _ in range(30):
            setting = {"class_count": rng.randint(1, config.classes)}
            some = rng.choice([0, 0.3])
            self.offer = layer_for(rng, config), rng.randrange(2)
            while self.offer or (self.walk and setting["class_count"] & 1):
                yield setting | {"blocked": rng.random() < some}
            while len(self.walk) > rng.choice([0, 0, 3]):  # the next one waits for the end
                yield {"blocked": rng.random() < some}

    def always(self):
        layer, some = self.offer or (self.layer, 0)
        given = {"ready": bool(self.offer), "parameters": entry_of(layer), "any_signal": some}
        return given | {"entry": entry_of(self.layer)}

    def step(self, now):
        idle = {"go": 0, "working": 0} | ({"keep": 0} if self.size["config"].map_pixels else {})
        if not self.walk:
            if self.offer:
                self.layer, some = self.offer
                self.offer = None
                self.walk.extend(self.walk_over(self.layer, some, now.class_count))
            return {"taken": now.ready, "done": 0, "step": idle}
        due, may_block = self.walk[0]
        if may_block and now.blocked:
            return {"taken": 0, "done": 0, "step": idle}
        self.walk.popleft()
        return {"taken": 0, "done": not self.walk, "step": idle | due}

    def walk_over(self, layer, some, class_count):
        """(What the step is for, whether it may be blocked), a cycle at a time."""
        config, chunks = self.size["config"], self.size["config"].chunks
        has_post = layer.post_gain and config.post_traces
        jobs = [CAUSAL, NON_CAUSAL, DECAY, ADD] if has_post else [CAUSAL]
        last = (class_count - 1) // AT_ONCE if some and not layer.readout else 0
        mapped = layer.kind.mapped
        for number in range(layer.latent_groups * chunks):
            group, chunk = divmod(number, chunks)
            here = {"group": group, "chunk": chunk, "number": number}
            for at in range(last + (1 if mapped else len(jobs))):
                due = dict(here)
                if at <= last:
                    due |= {"go": 1, "part": at, "begin": at == 0, "end": at == last}
                    due |= {"keep": at == last} if mapped else {}
                if at >= last and not mapped:
                    due |= {"working": 1, "job": jobs[at - last], "first": number == 0}
                    due |= {"state": layer.state_base + group}
                    due |= {"mapped": 0} if config.map_pixels else {}
                yield due, True
        if mapped:
            yield from [({}, False)] * (self.size["settles"] + 1)
            for number, place in enumerate(raster(layer)):
                for step in range(chunks * len(jobs)):
                    chunk, job = divmod(step, len(jobs))
                    due = place | {"working": 1, "mapped": 1, "job": jobs[job], "chunk": chunk}
                    due |= {"first": number == chunk == 0, "state": layer.state_base + number}
                    yield due, False
        yield from [({}, False)] * (self.size["settles"] + 1)


class TestMapSignal(UnitTest):
    """Latents' signals are kept, then shared out over maps with and without pooling."""

    unit = MapSignal
    sizes = {"maps": {"config": MAPS}}
    held = ("entry", "none", "cost")
    idle = {"step": {"keep": 0, "mapped": 0}}
    at = {
        "projected": Project.LATENCY,
        "spikes": MapSignal.SPIKES_AT,
        "winners.address": MapSignal.ADDRESS_AT,
        "winners.values": MapSignal.ADDRESS_AT + ChunkMemory.LATENCY,
        "m": Project.LATENCY,
    }

    def stimuli(self, rng):
        ports = self.unit(MAPS)
        for _ in range(24):
            layer = layer_for(rng, MAPS)
            layer = replace(layer, **map_of(rng, layer.groups))
            case = Case(rng, layer, MAPS, MAPS.classes)
            none = not case.signals.any()
            yield {"entry": entry_of(layer), "none": none, "cost": layer.rate_cost}
            for number, row in enumerate(case.latent.reshape(-1, MAPS.chunk_lanes)):
                group, chunk = divmod(number, MAPS.chunks)
                step = {"keep": 1, "mapped": 0, "group": group, "chunk": chunk}
                junk = fill(ports.projected.shape(), rng)
                yield {"step": step, "projected": junk if none else row}
            yield from ({} for _ in range(Project.LATENCY))
            yield from self.share(rng, case, ports)
            yield from ({} for _ in range(Project.LATENCY))

    def share(self, rng, case, ports):
        """All chunks of the map's neurons."""
        words, base = case.winner_words(), case.layer.state_base
        spikes, found = case.chunks(case.spikes), case.chunks(case.m)
        for number, place in enumerate(raster(case.layer)):
            for chunk in range(MAPS.chunks):
                step = {"keep": 0, "mapped": 1, "chunk": chunk} | place
                at, wanted = address(base + number, chunk), {}
                given = {"step": anything(ports.step.shape(), rng, **step)}
                if place["pooled"]:
                    wanted["winners.address"] = address((base >> 2) + place["window"], chunk)
                    given["winners"] = {"values": words[wanted["winners.address"]]}
                yield given | {"spikes": number_of(spikes[at])}, wanted | {"m": found[at]}


class TestGain(UnitTest):
    """Layers of all kinds, taught and not; the memories around it answer as they do in the core."""

    unit = Gain
    sizes = {"flat": {"config": FLAT}, "maps": {"config": MAPS}}
    held = ("class_count", "classes.signals")
    at = {"marks": 1}
    unchecked = {
        **{f"{name}.address": "what is there makes the gains" for name in MEMORIES},
        **{f"new_post.{name}": "with each write" for name in ("valid", "address", "values")},
    }

    def stimuli(self, rng):
        config, ports = self.size["config"], self.unit(**self.size)
        self.rng, self.some, self.offer, self.words, self.owed = rng, 0, {}, {}, deque()
        self.asked = deque([{}] * ChunkMemory.LATENCY, ChunkMemory.LATENCY)
        for _ in range(30):
            layer, count = layer_for(rng, config), rng.randint(1, config.classes)
            teach, self.some, self.first = rng.random() < 0.8, rng.choice([0, 0.3]), 1
            case = Case(rng, layer, config, count, teach)
            context = anything(ports.classes.context.shape(), rng, teach=teach)
            self.prepare(case, context["fresh"])
            signals = [*case.signals, *[0] * (config.classes - count)]
            self.offer = {"ready": 1, "context": context, "parameters": entry_of(layer)}
            self.offer |= {"signals": signals, "any_signal": any(signals)}
            self.index = context["layer"]
            yield {"class_count": count}
            yield from self.until("done")
            self.equal("done", 0, len(self.owed))
            self.check("layer", self.index)

    def prepare(self, case, fresh):
        """What the memories hold, and the writes that are to come."""
        layer, size = case.layer, case.spikes.size
        there = np.arange(size) < (len(case.signals) if layer.readout else size)
        psi, post = (case.random.integers(0, 256, size) * there for _ in range(2))
        self.words = {
            "signs": case.sign_words(), "winners": case.winner_words(),
            "spikes": case.chunks(case.spikes), "surrogates": case.chunks(psi),
            "post": case.chunks(post),
        }  # fmt: skip
        post = post * (not fresh)
        causal, non_causal = map(case.chunks, gains(case.m, psi, post, layer))
        kept = case.chunks(next_post(post, psi, layer))
        for at in causal:
            self.owed.append(
                write("gains", at, causal[at], causal=1, non_causal=not layer.post_gain)
            )
            if layer.post_gain:
                self.owed.append(write("gains", at, non_causal[at], causal=0, non_causal=1))
                self.owed.append(write("new_post", at, kept[at], valid=1))

    def always(self):
        """Every memory answers what was asked of it; the signs may have been read for somebody else."""
        given = {f"classes.{name}": value for name, value in self.offer.items()}
        given["blocked"] = self.rng.random() < self.some
        for name, at in self.asked[0].items():
            word = self.words[name].get(at)
            if word is not None:
                given[f"{name}.{'signs' if name == 'signs' else 'values'}"] = word
        return given

    def step(self, now):
        names = [name for name in MEMORIES if f"{name}.address" in self.bench.outputs]
        self.asked.append({name: self.port(f"{name}.address") for name in names})
        if now.blocked:
            del self.asked[-1]["signs"]
        taken, self.offer = bool(self.offer), {}
        writes = self.port("gains.causal") or self.port("gains.non_causal")
        wanted = {"classes": {"taken": taken}, "marks": {"valid": writes}}
        if writes or self.port("new_post.valid"):
            due = self.owed.popleft() if self.owed else {"gains.causal": 0, "new_post.valid": 0}
            for port, value in due.items():
                self.check(port, value)
        if writes:
            wanted["marks"] |= self.mark()
        return wanted

    def mark(self):
        """What is said of the gains that are being written."""
        group, chunk = divmod(self.port("gains.address"), 4)
        causal, nonzero = self.port("gains.causal"), any(self.port("gains.gains"))
        first, self.first = self.first, 0
        begins = {"begins_group": causal and chunk == 0, "begins_layer": first}
        return begins | {"group": group, "layer": self.index, "nonzero": nonzero}


def write(port, at, values, **flags):
    """Ports of a write, and what they have to carry."""
    kind = "gains" if port == "gains" else "values"
    flags = {f"{port}.{flag}": value for flag, value in flags.items()}
    return flags | {f"{port}.address": at, f"{port}.{kind}": values}
