"""Units of hw/core/rows: spikes and rows in, visits out."""

from dataclasses import replace

import numpy as np

from golden.rows.events import decode_sample
from golden.rows.scan import scan
from golden.rows.trace import ActiveList
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.samples import SAMPLE_HEADER, split_sample
from golden.spec.values import value_range
from hw.core.base.layouts import HEADER
from hw.core.rows.events import Events
from hw.core.rows.scan import Scan
from hw.core.rows.trace import Trace
from sim.streams import unpack
from sim.units.base import UnitTest
from sim.units.layers import random_layer
from sim.units.values import generator, number_of

CONFIG = CoreConfig(lanes=32, neuron_groups=6, trace_entries=300, weight_words=64)
MAPS = CoreConfig(lanes=16, neuron_groups=40, trace_entries=700, weight_words=64, map_pixels=9)
ODD = CoreConfig(lanes=5, neuron_groups=3, trace_entries=97, weight_words=64, layers=3)


VALUES = replace(ODD, input_bits=3)
WIDE_VALUES = replace(CONFIG, input_bits=7)
NARROW_VALUES = replace(MAPS, input_bits=2)


def step_events(rows, values=None):
    """Events of a step: its rows, and what they carry, if they do; and its end."""
    if values is None:
        return [{"row": int(row), "end": 0} for row in rows] + [{"end": 1}]
    pairs = zip(rows, values, strict=True)
    return [{"row": int(row), "end": 0, "value": int(x)} for row, x in pairs] + [{"end": 1}]


def random_values(numbers, count, bits):
    """Values that are not 0, the extremes not rare."""
    least, most = value_range(bits)
    values = numbers.integers(least, most + 1, count)
    values = np.where(numbers.random(count) < 0.3, numbers.choice([least, most], count), values)
    return np.where(values == 0, 1, values)


class TestEvents(UnitTest):
    """Samples of every density, of spikes and of values, whole, cut short, too long, and damaged."""

    unit = Events
    sizes = {
        "even": {"config": CONFIG},
        "odd": {"config": ODD},
        "values": {"config": VALUES},
        "wide-values": {"config": WIDE_VALUES},
        "narrow-values": {"config": NARROW_VALUES},
    }
    held = ("inputs",)
    unchecked = {"head.begin": "the header is read there", "taken": "counted for every sample"}

    def stimuli(self, rng):
        numbers, bits = generator(rng), self.size["config"].input_bits
        for number in range(40):
            inputs = rng.randint(1, self.size["config"].trace_entries - 1)
            frames = numbers.random((rng.randrange(6), inputs)) < rng.choice([0, 0.02, 0.2, 1])
            if bits > 1 and rng.random() < 0.8:
                frames = frames * random_values(numbers, frames.shape, bits)
            (payload,) = split_sample(
                frames, 3, learn=True, learn_from=2, limit=9999, input_bits=bits
            )
            if number > 9:
                payload = self.damaged(payload, rng)
            wanted = decode_sample(payload, inputs, bits)
            yield {"inputs": inputs}
            for rows, values in zip(wanted.steps, wanted.values, strict=True):
                self.expect("events", *step_events(rows, values if bits > 1 else None))
            last = len(payload) - 1
            self.send("sample", *({"data": b, "last": at == last} for at, b in enumerate(payload)))
            self.taken = 0
            yield from self.until("head.begin")
            self.check(
                "head.header",
                unpack(HEADER, int.from_bytes(payload[: SAMPLE_HEADER.size], "little")),
            )
            yield from self.until("head.finished")
            yield from self.drain()
            self.check("head.status", int(wanted.status))
            self.check("head.finished", 1)
            assert self.taken == sum(map(len, wanted.steps))
            yield {"free": 1}

    def damaged(self, payload, rng):
        """A payload that keeps its header, but for fewer steps."""
        size = SAMPLE_HEADER.size
        head, body = bytearray(payload[:size]), bytearray(payload[size:])
        kind = rng.randrange(4)
        if kind == 0:
            body = body[: rng.randrange(len(body) + 1)]
        elif kind == 1:
            body += rng.randbytes(rng.randint(1, 4))
        elif body:
            body[rng.randrange(len(body))] = rng.choice([0, 1, 2, 3, 255])
        return bytes(head + body)

    def step(self, now):
        self.taken = getattr(self, "taken", 0) + self.port("taken")


class TestScan(UnitTest):
    """Layers of several chunks, silent and full ones too; no chunk is made to wait."""

    unit = Scan
    sizes = {
        "odd": {"config": ODD},
        "small": {"config": PRESETS["tiny"]},
        "maps": {"config": MAPS},
        "values": {"config": VALUES},
    }

    def stimuli(self, rng):
        config, numbers = self.size["config"], generator(rng)
        most = config.neuron_groups * config.chunks
        for _ in range(40):
            shape = (rng.choice([1, most, rng.randint(1, most)]), config.chunk_lanes)
            spikes = numbers.random(shape) < rng.choice([0, 0.1, 0.5, 1])
            rows = scan(spikes)
            self.expect("events", *step_events(rows, np.ones_like(rows) if config.graded else None))
            last = len(spikes) - 1
            before = self.transfers("chunks")
            yield {"chunks": [{"spikes": number_of(bits), "last": at == last}
                              for at, bits in enumerate(spikes)]}  # fmt: skip
            if self.steady:
                yield from ({} for _ in range(len(spikes) + 1))
                assert self.transfers("chunks") - before == len(spikes), "a chunk had to wait"
            yield from self.drain()


class TestTrace(UnitTest):
    """Many steps of several layers: passes that learn or do not, a bias, flushes and skips."""

    unit = Trace
    sizes = {
        "odd": {"config": ODD},
        "tiny": {"config": PRESETS["tiny"]},
        "values": {"config": VALUES},
        "wide-values": {"config": replace(ODD, input_bits=8)},
        "short": {"config": replace(ODD, list_rows=9)},
        "short-values": {"config": replace(ODD, input_bits=8, list_rows=7)},
    }
    unchecked = {"full": "its cycles are counted, pass by pass"}
    HELD = ("flush", "keep", "layer", "bias", "last_row", "decay", "gain")
    held = tuple(f"control.{name}" for name in HELD)
    at = {"peek.entry": 1, "peek.count": 1}

    def stimuli(self, rng):
        self.running, self.full, self.most_left_out = False, 0, 0
        config = self.size["config"]
        rows = config.trace_entries // config.layers
        for _ in range(6):
            layers = [self.layer(rng, rng.choice([1, 2, rows])) for _ in range(config.layers)]
            self.lists = [ActiveList() for _ in layers]
            yield {"control": {"clear": 1}}
            yield {}
            for _ in range(8):
                yield from self.one_step(rng, layers, flush=False)
                yield from self.peeks(rng)
            yield from self.one_step(rng, layers, flush=True)
        assert bool(self.most_left_out) == bool(config.list_rows)

    def layer(self, rng, rows):
        """Traces that die soon, grow to the end, or are nothing at all."""
        flags = rng.choice([0, 2])  # with a bias row, or without
        gain, decay = rng.choice([0, 1, 16, 200, 255]), rng.choice([0, 128, 250, 255])
        return random_layer(rng, rows=rows, flags=flags, pre_gain=gain, pre_decay=decay)

    def one_step(self, rng, layers, *, flush):
        for number, layer in enumerate(layers):
            if flush and rng.random() < 0.5:
                yield {"control": {"skip": 1, "layer": number}}
                self.lists[number] = ActiveList()
                continue
            keep = rng.random() < 0.9
            spikes = np.flatnonzero(generator(rng).random(layer.inputs) < rng.choice([0, 0.3, 1]))
            spikes = spikes[: 0 if flush else None]
            bias = [layer.inputs] if layer.bias and not flush else []
            bits = self.size["config"].input_bits
            carried = np.ones(len(spikes), int)
            if bits > 1 and rng.random() < 0.8:
                carried = random_values(generator(rng), len(spikes), bits)
            room = self.size["config"].list_depth - sum(len(one.rows) for one in self.lists)
            rows = np.append(spikes, bias).astype(int)
            active = len(np.union1d(rows, self.lists[number].rows))
            visit = self.lists[number].merge(
                rows,
                layer,
                keep and not flush,
                np.append(carried, [1] * len(bias)).astype(int),
                room,
            )
            self.full, left_out = 0, active - len(visit.rows)
            self.most_left_out = max(left_out, self.most_left_out)
            columns = (visit.rows, visit.trace, visit.previous_spikes, visit.spikes, visit.values)
            names = ("row", "trace", "previous_spike", "spike", *(["value"] * (bits > 1)))
            for values in zip(*columns[: len(names)], strict=True):
                self.expect("visits", dict(zip(names, values, strict=True)) | {"end": 0})
            self.expect("visits", {"end": 1})
            yield {
                "control": {
                    "start": 1,
                    "flush": flush,
                    "keep": keep,
                    "layer": number,
                    "bias": layer.bias,
                    "last_row": layer.rows - 1,
                    "decay": layer.pre_decay,
                    "gain": layer.pre_gain,
                }
            }
            if not flush:
                self.send("events", *step_events(spikes, carried if bits > 1 else None))
            yield from self.drain(4)
            self.equal("full", left_out, self.full)

    def peeks(self, rng):
        """Any entry, and the length of any list; the lists lie in the order of layers."""
        fields = [zip(one.rows, one.trace, one.previous_spikes, strict=True) for one in self.lists]
        ring = [
            dict(zip(("row", "trace", "previous_spike"), e, strict=True)) for f in fields for e in f
        ]
        for _ in range(20):
            place, layer = rng.randrange(len(ring) + 1), rng.randrange(len(self.lists))
            entry = ring[place] if place < len(ring) else None
            count = len(self.lists[layer].rows)
            yield (
                {"peek": {"index": place, "layer": layer}},
                {"peek": {"entry": entry, "count": count}},
            )

    def step(self, now):
        control = now.control
        running = self.running
        self.full += self.port("full")
        waiting = running and not control.flush and not self.offered("events")
        if control.start:
            self.running = True
        elif any(end is not None and end["end"] for end in (now.events, now.visits)):
            self.running = False  # a flush has no events
        return {"starved": waiting}
