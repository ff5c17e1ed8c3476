"""The executor of hw/link: commands against the words of `golden.spec.frames`."""

import numpy as np

from golden.host.memory import BadAddress
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.copies import Copy
from golden.spec.frames import COPY_PAYLOAD, HEADER, MAX_READ_WORDS, READ_PAYLOAD, Command
from golden.spec.registers import SPACE_SHIFT, Space, address, memories
from golden.spec.sdram import beside
from golden.store import SampleStore
from hw.link.executor import Executor
from hw.link.replies import ReplyMemory
from sim.link_model import Core, Reference, random_command
from sim.test_store import (
    MEMORY,
    copy_command,
    fill_commands,
    filling,
    layers_command,
    play_command,
)
from sim.units.base import UnitTest

NO_STORE = CoreConfig(lanes=3, layers=2, classes=3, frame_bytes=512, store_bytes=0)
LARGEST = 300  # bytes of a payload


class TestExecutor(UnitTest):
    """Every command, right and wrong; a core, a store, a player and a copier that take their time."""

    unit = Executor
    sizes = {
        "tiny": {"config": PRESETS["tiny"]},
        "no store": {"config": NO_STORE},
        "memory": {"config": beside(NO_STORE, MEMORY)},
    }
    unchecked = {
        "address": "the words are those of the reply",
        "data": "the words are those of the reply",
        "write": "the words are those of the reply",
        "bus_request": "the log of the core",
        "sample": "the log of the core",
        "play": "the log of the core",
        "copy": "the log of the core, and the store",
        "restart": "its cycles are counted",
    }

    def stimuli(self, rng):
        config = self.size["config"]
        self.rng, self.buffer = rng, ReplyMemory(config).buffer
        self.core, self.store, self.reference = Core(config), SampleStore(config), Reference(config)
        self.memory, self.sample, self.answers, self.asked = {}, b"", [], b""
        self.sending = self.playing = 0
        self.refuses = self.reading = False
        words, starts = filling(rng, config)
        commands = fill_commands(config, words)
        commands += self.edges()
        for _ in range(150):
            plays = rng.random() < 0.2
            commands += [layers_command(rng, config)] * (plays and rng.random() < 0.5)
            commands += [copy_command(rng, config)] * (rng.random() < 0.2)
            commands.append(
                play_command(rng, config, starts) if plays else random_command(rng, LARGEST)
            )
        self.restarts = 0
        for number, (code, payload) in enumerate(commands):
            sequence = number & 0xFF
            status, answer = self.reference.execute(sequence, code, payload)
            self.answers.append(answer)
            head = {"sequence": sequence, "status": status, "length": len(answer)}
            self.expect("reply", {"head": head})
            self.send("i", *HEADER.pack(sequence, code, len(payload)), *payload)
            if rng.random() < 0.5:
                yield from self.drain()
        yield from self.drain()
        self.equal("restart", sum(code == Command.SYNC for code, _ in commands), self.restarts)
        assert self.core.log == self.reference.core.log
        assert np.array_equal(self.store.words, self.reference.store.words)

    def edges(self):
        """The longest commands that there are, and some a little longer; the shortest, too."""
        last = address(Space.RESULTS, memories(self.size["config"])[Space.RESULTS].size)
        for count in (0, 1, MAX_READ_WORDS, MAX_READ_WORDS + 1):
            yield Command.READ, READ_PAYLOAD.pack(address(Space.WEIGHTS), count)
            yield Command.READ, READ_PAYLOAD.pack(last - 3, count)
            yield Command.READ, READ_PAYLOAD.pack(last - count, count)
        for size in (0, 1, 2 * MAX_READ_WORDS, 2 * MAX_READ_WORDS + 1):
            yield Command.SYNC, self.rng.randbytes(size)
        for size in range(14):
            yield from ((code, bytes(size)) for code in Command)

    def always(self):
        """Replies are being sent for a while; so does a sample play, or a copy, or it is refused."""
        self.sending, self.playing = max(self.sending - 1, 0), max(self.playing - 1, 0)
        self.reading = self.reading and self.sending > 0
        refused = self.refuses and self.playing == 1
        layers = self.core.layer_count
        return {
            "idle": not self.sending,
            "playing": self.playing > 0,
            "refused": refused,
            "layer_count": layers,
        }

    def step(self, now):
        self.restarts += self.port("restart")
        if self.port("write"):
            address = self.port("address")
            assert not self.reading or address < self.buffer, "a reply is still in the buffer"
            self.memory[address] = self.port("data")
        if now.bus_request is not None:
            data, error = self.access(**now.bus_request)
            self.send("bus_reply", {"data": data, "error": error})
        if now.sample is not None:
            self.sample += bytes([now.sample["data"]])
            if now.sample["last"]:
                self.run(self.sample)
                self.sample = b""
        if now.play is not None:
            self.play(now.play["address"] | now.play["learn"] << 31)
        if now.copy is not None:
            self.copy(now.copy)
        if now.reply is not None:
            self.replied(now.reply)
        return {"done": now.reply is not None}

    def access(self, address, data, write):
        """The core, and the store where there is one."""
        if address >> SPACE_SHIFT != Space.STORE or not len(self.store.words):
            return self.core.access(address, data, write)
        index = address & (1 << SPACE_SHIFT) - 1
        if index >= len(self.store.words):
            return 0, 1
        if write:
            self.store.words[index] = data
        return int(self.store.words[index]), 0

    def run(self, payload):
        """The core's result of a sample."""
        words = self.core.sample(payload)
        last = len(words) - 1
        self.send("result", *({"data": w, "last": at == last} for at, w in enumerate(words)))

    def play(self, entry):
        """The player."""
        self.playing = self.rng.randint(2, 20)
        self.refuses = False
        try:
            self.run(self.store.play(entry))
        except BadAddress:
            self.refuses = True

    def copy(self, word):
        """The copier."""
        self.asked += word.to_bytes(4, "little")
        if len(self.asked) == COPY_PAYLOAD.size:
            self.playing = self.rng.randint(2, 20)
            self.refuses = not self.core.copy(Copy.decode(self.asked), self.store)
            self.asked = b""

    def replied(self, reply):
        """The words of a reply, where it says they are."""
        size, start = reply["head"]["length"], reply["start"]
        words = [self.memory.get(start + at, 0) for at in range((size + 1) // 2)]
        data = b"".join(word.to_bytes(2, "little") for word in words)
        self.equal("reply", list(self.answers.pop(0)), list(data[:size]))
        self.sending = self.rng.randint(2, 30)
        self.reading = start >= self.buffer and size > 0
