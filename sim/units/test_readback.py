"""Readback and Answers of hw/core/host: what every address reads, and which accesses are refused."""

from dataclasses import replace

import numpy as np

from golden.host.memory import BadAddress, CoreMemory
from golden.rows.trace import ActiveList
from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.registers import (
    CONTROL,
    COUNTERS,
    REGISTER_WORDS,
    SPACE_SHIFT,
    Space,
    address,
    memories,
    register_address,
)
from hw.core.base.chunk_memory import ChunkMemory
from hw.core.base.chunks import chunk_bits
from hw.core.base.layouts import group_bits, layer_bits, layer_entry
from hw.core.host.answers import Answers, access, early_spaces, reply_cycles, writable
from hw.core.host.readback import QUEUE, Readback
from hw.core.lanes.times import LaneTimes
from hw.core.learn.signs import Signs
from sim.streams import unpack
from sim.units.base import UnitTest
from sim.units.values import generator

SMALL = CoreConfig(
    lanes=12, neuron_groups=3, trace_entries=97, weight_words=64, layers=3, classes=5
)
LARGE = CoreConfig(
    lanes=24, neuron_groups=5, trace_entries=60, weight_words=40, layers=2, classes=8
)
"""Of other chunks, but as many of them, so that answers come at the same time."""
VALUES = replace(SMALL, input_bits=4)


def random_memory(config: CoreConfig, numbers) -> CoreMemory:
    """A core with something in every memory, and signs of the classes that there are."""
    core = CoreMemory(config)
    end = 1 << config.weight_bits - 1
    core.weights[:] = numbers.integers(-end, end, core.weights.shape)
    core.membranes[:] = numbers.integers(-(1 << 15), 1 << 15, core.membranes.shape)
    core.post_traces[:] = numbers.integers(0, 256, core.post_traces.shape)
    core.spikes[:] = numbers.integers(0, 2, core.spikes.shape)
    core.signs[:] = numbers.integers(0, 1 << config.chunk_lanes, core.signs.shape)
    core.signs[np.arange(len(core.signs)) % config.class_slots >= config.classes] = 0
    core.table[:] = numbers.integers(0, 1 << 16, core.table.shape)
    for _ in range(config.layers):
        count = int(numbers.integers(config.trace_entries // config.layers))
        least = -256 if config.graded else 0
        trace, spikes = numbers.integers(least, 256, count), numbers.random(count) < 0.5
        core.lists.append(ActiveList(np.sort(numbers.integers(0, 60, count)), trace, spikes))
    core.registers |= {each.name: int(numbers.integers(1 << 48)) for each in COUNTERS}
    return core


def found(core: CoreMemory, space: Space, word: int, element: int) -> int | None:
    """What an element of a memory's word holds; None where there is nothing."""
    memory = memories(core.config)[space]
    if element >= memory.stride or word >= memory.depth:
        return None
    return int(core.read(address(space, word * memory.stride + element), 1)[0])


class TestAnswers(UnitTest):
    """Every memory answers with the word that is asked for; accesses in any order, one a cycle."""

    unit = Answers
    sizes = {"small": {"config": SMALL}, "large": {"config": LARGE}, "values": {"config": VALUES}}
    waits = ("steady",)
    at = {
        "early": Answers.EARLY,
        "weights": reply_cycles(SMALL),
        "membranes.values": ChunkMemory.LATENCY - 1,  # `always` answers a cycle later
        "post.values": ChunkMemory.LATENCY - 1,
        "spikes.values": ChunkMemory.LATENCY - 1,
        "signs.signs": Signs.LATENCY - 1,
    }
    ROADS = ("membranes", "post", "spikes")
    unchecked = {f"{name}.address": "the chunk there comes back" for name in ROADS}

    def stimuli(self, rng):
        config = self.size["config"]
        self.core, self.access, self.words = random_memory(config, generator(rng)), None, []
        self.ring = [
            {"row": int(row), "trace": int(trace), "previous_spike": int(spiked)}
            for one in self.core.lists
            for row, trace, spiked in zip(one.rows, one.trace, one.previous_spikes, strict=True)
        ]
        spaces = [*early_spaces(self.size["config"]), Space.WEIGHTS]
        for _ in range(1500):
            memory = memories(config)[rng.choice(spaces)]
            writes = {space.name.lower(): rng.random() < 0.1 for space in writable(config)}
            self.access = {
                "active": rng.random() < 0.9,
                "word": rng.choice([0, memory.depth - 1, rng.randrange(memory.depth)]),
                "element": rng.randrange(memory.stride),
                "data": rng.getrandbits(16),
                "writes": writes,
            }
            yield {}
        self.access = None

    def always(self):
        """The memories of all rooms, as those hold them."""
        config, core, port = self.size["config"], self.core, self.port
        asks = self.access or unpack(access(config), 0)
        self.words = [*self.words, port("weight_words.word")][-99:]
        index, layer = port("trace.index"), port("trace.layer")
        asked = asks["word"] if asks["active"] else 0
        nothing = {"row": 0, "trace": 0, "previous_spike": 0}
        return {
            "access": asks,
            "membranes": {"values": self.chunk(core.membranes, port("membranes.address"))},
            "post": {"values": self.chunk(core.post_traces, port("post.address"))},
            "spikes": {"values": self.chunk(core.spikes, port("spikes.address"))},
            "signs": {"signs": self.signs(port("signs.address"))},
            "layer": {"entry": self.entry(asked % (1 << layer_bits(config)))},
            "trace": {
                "entry": self.ring[index] if index < len(self.ring) else nothing,
                "count": len(core.lists[layer].rows) if layer < config.layers else 0,
            },
            "weight_words": {"words": [self.weights(number) for number in range(config.chunks)]},
        }

    def chunk(self, memory, place):
        """A chunk of a memory [groups, lanes]; zeros beyond it."""
        config, lanes = self.size["config"], self.size["config"].chunk_lanes
        group, chunk = divmod(place, 1 << chunk_bits(config))
        if group >= len(memory) or chunk >= config.chunks:
            return [0] * lanes
        return memory[group, chunk * lanes : (chunk + 1) * lanes].tolist()

    def signs(self, place):
        """Signs of all classes at a chunk address."""
        config = self.size["config"]
        group, chunk = divmod(place, 1 << chunk_bits(config))
        if group >= config.latent_groups or chunk >= config.chunks:
            return [0] * config.classes
        first = group << ceil_log2(config.classes)
        return self.core.signs[first : first + config.classes, chunk].tolist()

    def entry(self, layer):
        """An entry of the layer table."""
        words = self.core.table[layer].tolist() if layer < len(self.core.table) else []
        return unpack(layer_entry(), sum(word << 16 * at for at, word in enumerate(words)))

    def weights(self, number):
        """Chunk `number` of the word that was asked for so many cycles ago."""
        config, asked = self.size["config"], LaneTimes.WEIGHTS_AT + number
        lanes = slice(number * config.chunk_lanes, (number + 1) * config.chunk_lanes)
        word = self.words[-asked] if len(self.words) >= asked else 0
        return (
            self.core.weights[word, lanes].tolist()
            if word < config.weight_words
            else [0] * config.chunk_lanes
        )

    def step(self, now):
        config, asks = self.size["config"], now.access
        word, element, data = (asks[name] for name in ("word", "element", "data"))
        writes, active = asks["writes"], asks["active"]
        group, number = divmod(word, config.class_slots)
        group, chunk = group % (1 << group_bits(config)), element % (1 << chunk_bits(config))
        spaces = early_spaces(self.size["config"]) if active else ()
        return {
            "early": {name.name.lower(): found(self.core, name, word, element) for name in spaces},
            "weights": found(self.core, Space.WEIGHTS, word, element) if active else None,
            **{f"{name}.active": active for name in (*self.ROADS, "signs", "weight_words")},
            "layer.layer": word % (1 << layer_bits(config)) if active else 0,
            "signs.address": group << chunk_bits(config) | chunk,
            "signs.number": number,
            "signs.write": writes["signs"],
            "signs.data": data % (1 << config.chunk_lanes),
            "table.valid": writes["layers"],
            "table.layer": word % (1 << layer_bits(config)),
            "table.field": element % (1 << 5),
            "table.data": data,
            "trace.index": word % (1 << config.row_bits),
            "trace.layer": word % (1 << layer_bits(config)),
            "weight_words": {"word": word, "element": element, "write": writes["weights"]},
            "weight_words.data": data % (1 << config.weight_bits),
        }


class TestReadback(UnitTest):
    """Accesses to every space and register, on both sides of every end, written and read again."""

    unit = Readback
    sizes = {"small": {"config": SMALL}, "large": {"config": LARGE}}
    at = {
        "access": 1, "noise.load": 1, "noise.load_low": 1, "noise.load_high": 1,
        "clear_counters": 1, "counts_written": 1, "settings": 2,
        "early": Answers.EARLY - 1,  # `always` answers a cycle later
        "weights": reply_cycles(SMALL) - 1,
    }  # fmt: skip

    def stimuli(self, rng):
        seed = rng.getrandbits(32)
        self.model, self.core = (
            random_memory(self.size["config"], np.random.default_rng(seed)) for _ in range(2)
        )
        self.under_way, self.before, self.noise = 0, None, 0
        for _ in range(4):
            requests = []
            while len(requests) < 150:
                where, write = self.place(rng), rng.random() < 0.4
                request = {"address": where, "data": rng.getrandbits(16), "write": write}
                # a read is not to be followed at once by a write of the same register
                requests += [{"address": 0, "data": 0, "write": 0}] * write + [request]
            yield {"bus_request": requests}
            if self.steady:
                before = self.transfers("bus_request")
                yield from ({} for _ in range(len(requests)))
                assert self.transfers("bus_request") - before >= len(requests) - 2, (
                    "an access waited"
                )
            yield from self.drain()

    def place(self, rng):
        """An address: often of a register that can be written, often at an end."""
        space = rng.choice([*Space, Space.REGISTERS, 11, 255])
        if space == Space.REGISTERS:
            first = register_address(CONTROL[0].name)
            return rng.choice([rng.randrange(REGISTER_WORDS + 3), first + rng.randrange(6)])
        memory = memories(self.size["config"]).get(space)
        size = memory.size if memory else 1
        index = rng.choice(
            [0, size - 1, size, rng.getrandbits(SPACE_SHIFT), *[rng.randrange(size)] * 4]
        )
        return space << SPACE_SHIFT | index

    def always(self):
        """The memories answer; random numbers and counters are what they are."""
        asks, core = self.port("access"), self.core
        early = {
            s: found(core, s, asks["word"], asks["element"])
            for s in early_spaces(self.size["config"])
        }
        weight = found(core, Space.WEIGHTS, asks["word"], asks["element"])
        return {
            "early": {space.name.lower(): answer or 0 for space, answer in early.items()},
            "weights": weight or 0,
            "noise": {"state": self.noise},
            "counters": {counter.name: core.registers[counter.name] for counter in COUNTERS},
        }

    def step(self, now):
        self.obey()
        request, model = now.bus_request, self.model
        wanted = {"access": {"active": self.under_way != 0} | self.asked(self.before)}
        wanted |= self.registers(self.before)
        settings = {"layer_count": model.layer_count, "class_count": model.class_count}
        self.under_way += (request is not None) - (now.bus_reply is not None)
        assert self.under_way <= QUEUE, f"cycle {self.bench.cycle}, port bus_request: no room"
        self.before = None
        if request is not None:
            reply = self.reply(request)
            wanted["bus_reply"] = [reply]
            self.before = None if reply["error"] else request
        return wanted | {"settings": settings}

    def obey(self):
        """What is written reaches the memories."""
        asks = self.port("access")
        for space, memory in memories(self.size["config"]).items():
            if asks["writes"].get(space.name.lower()):
                index = asks["word"] * memory.stride + asks["element"]
                self.core.write(address(space, index), np.array([asks["data"]], np.uint16))
        load = self.port("noise.load")
        if self.port("noise.load_low"):
            self.noise = self.noise & ~0xFFFF | load
        if self.port("noise.load_high"):
            self.noise = self.noise & 0xFFFF | load << 16
        if self.port("clear_counters"):
            self.core.registers |= {counter.name: 0 for counter in COUNTERS}

    def reply(self, request):
        """The model's answer; what a write reads is nobody's business."""
        where, data = request["address"], np.array([request["data"]], np.uint16)
        try:
            if request["write"]:
                self.model.write(where, data)
                return {"data": None, "error": 0}
            return {"data": self.model.read(where, 1)[0], "error": 0}
        except BadAddress:
            return {"data": 0, "error": 1}

    def asked(self, request):
        """The access that a request becomes; nothing is written that is not allowed, or pads a word."""
        names = [space.name.lower() for space in writable(self.size["config"])]
        writes = dict.fromkeys(names, 0)
        if request is None:
            return {"writes": writes}
        space, index = divmod(request["address"], 1 << SPACE_SHIFT)
        if space == Space.REGISTERS:
            return {"word": index, "data": request["data"], "writes": writes}
        memory = memories(self.size["config"])[Space(space)]
        word, element = divmod(index, memory.stride)
        if request["write"]:
            writes[memory.space.name.lower()] = int(element < memory.elements)
        return {"word": word, "element": element, "data": request["data"], "writes": writes}

    def registers(self, request):
        """Pulses of registers that do something when they are written."""
        noise, clear = register_address("noise_state"), register_address("clear_counters")
        written = request["address"] if request and request["write"] else None
        pulses = {"noise.load_low": written == noise, "noise.load_high": written == noise + 1}
        load = request["data"] if any(pulses.values()) else None
        counts = [register_address(name) for name in ("layer_count", "class_count")]
        told = {"clear_counters": written == clear, "counts_written": written in counts}
        return pulses | {"noise.load": load} | told
