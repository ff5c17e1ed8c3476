"""Random commands to a board: right, wrong, and nearly right."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from bench.campaign.cores import networks
from golden.spec.config import CoreConfig
from golden.spec.copies import Copy, copied
from golden.spec.frames import (
    MAX_READ_WORDS,
    PLAY_ENTRY,
    PLAY_LEARN,
    READ_PAYLOAD,
    WRITE_PAYLOAD,
    Command,
)
from golden.spec.layers import ENTRY_WORDS, FIELDS
from golden.spec.registers import (
    REGISTER_WORDS,
    Space,
    address,
    memories,
    play_entries,
    register_address,
    store_memory,
)
from golden.spec.samples import (
    DENSE,
    FIRST,
    LAST,
    LEARN,
    SAMPLE_HEADER,
    SPARSE,
    SPARSE_VALUES,
    VALUES,
    keep,
)
from golden.spec.values import slot_bits


@dataclass
class Inventor:
    """Makes commands up, most of them nearly right."""

    config: CoreConfig
    rng: random.Random
    tables: list[list[list[int]]] = field(init=False)
    """Entries of networks that fit."""
    inputs: int = 20

    def __post_init__(self) -> None:
        self.tables = [
            [layer.encode() for layer in network.layers(self.config)]
            for network in networks(self.config)
        ]

    def commands(self) -> list[tuple[int, bytes]]:
        """A few that belong together."""
        kinds: list[tuple[float, Callable[[], list[tuple[int, bytes]]]]] = [
            (4, self.table),
            (8, self.samples),
            (2, self.weights),
            (2, self.reads),
            (1, self.counts),
            (1, self.odd),
            (1, self.play),
            (1 if self.config.store_off_chip else 0, self.copies),
            (0.3, lambda: [(Command.SYNC, self.rng.randbytes(self.rng.randrange(9)))]),
        ]
        weights, made = zip(*kinds, strict=True)
        (one,) = self.rng.choices(made, weights)
        return one()

    def ends_of_store(self) -> list[tuple[int, bytes]]:
        """Zeros where `odd` and `play` read what `play` has not written."""
        depth = store_memory(self.config).depth
        return [self.write(address(Space.STORE, at), [0] * 4) for at in (0, depth - 4)]

    def word(self) -> int:
        """A value of a field that is often at some end."""
        ends = (0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 1 << self.rng.randrange(16))
        return self.rng.choice([*ends, self.rng.randrange(1 << 16), self.rng.randrange(40)])

    def table(self) -> list[tuple[int, bytes]]:
        """A network's, or one with some fields changed, or nonsense; and how many layers are in use."""
        entries = [list(entry) for entry in self.rng.choice(self.tables)]
        self.inputs = self.rng.choice([entries[0][0], self.rng.randrange(1, 60)])
        used, classes = len(entries), entries[-1][2]
        kind = self.rng.random()
        if kind < 0.55:
            for _ in range(self.rng.choice([1, 1, 1, 2, 5])):
                entry, at = self.rng.choice(entries), self.rng.randrange(len(FIELDS))
                near = max(entry[at] + self.rng.choice([-1, 1, 1, 2]), 0) & 0xFFFF
                entry[at] = self.rng.choice([near, near, self.word()])
        elif kind < 0.65:
            entries = [[self.word() for _ in FIELDS] for _ in range(self.config.layers)]
        elif kind < 0.75:
            self.rng.shuffle(entries)
        if self.rng.random() < 0.15:
            used, classes = self.rng.choice([0, 1, used + 1, self.word()]), self.word()
        words = [word for entry in entries for word in entry + [0] * (ENTRY_WORDS - len(entry))]
        found = [
            self.write(address(Space.LAYERS, at), words[at : at + 100])
            for at in range(0, len(words), 100)
        ]
        return [*found, self.write(register_address("layer_count"), [used, classes])]

    def counts(self) -> list[tuple[int, bytes]]:
        """Layers, classes, or the noise state; sometimes in the middle of a sample."""
        name = self.rng.choice(["layer_count", "class_count", "noise_state"])
        return [self.write(register_address(name), [self.rng.choice([1, 2, 3, self.word()])])]

    def weights(self) -> list[tuple[int, bytes]]:
        """Words of a memory that can be written; seldom past its end."""
        space = self.rng.choice([Space.WEIGHTS, Space.WEIGHTS, Space.SIGNS, Space.CLASSIFIERS])
        memory = memories(self.config).get(space)
        if memory is None:
            return self.odd()
        first = self.rng.randrange(memory.size)
        count = min(self.rng.randrange(1, 200), memory.size - first + (self.rng.random() < 0.1))
        return [self.write(address(space, first), [self.word() for _ in range(count)])]

    def reads(self) -> list[tuple[int, bytes]]:
        """A part of some memory."""
        spaces = [Space.WEIGHTS, Space.MEMBRANES, Space.SPIKES, Space.POST_TRACES, Space.LAYERS]
        space = self.rng.choice([*spaces, Space.SIGNS, Space.TRACE_COUNTS, Space.CLASSIFIERS])
        memory = memories(self.config).get(space)
        size = memory.size if memory else 10
        first = self.rng.randrange(size)
        return [(Command.READ, READ_PAYLOAD.pack(address(space, first), min(size - first, 300)))]

    def odd(self) -> list[tuple[int, bytes]]:
        """Addresses, lengths and codes that are wrong, or nearly."""
        places = [
            address(
                self.rng.choice([*map(int, Space), 77, 255]), self.rng.choice([0, 1, 0xFFFFFF])
            ),
            address(Space.REGISTERS, self.rng.randrange(REGISTER_WORDS + 2)),
        ]
        place, count = self.rng.choice(places), self.rng.choice([0, 0, 1, 2, MAX_READ_WORDS + 1])
        kind = self.rng.random()
        if kind < 0.35:
            return [(Command.READ, READ_PAYLOAD.pack(place, count))]
        if kind < 0.7:
            return [self.write(place, [self.word()] * min(count, 3))]
        code = self.rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 200])
        data = bytearray(self.rng.randbytes(self.rng.randrange(12)))
        if code == Command.SAMPLE and len(data) > 3:
            data[3] = 0  # not tens of thousands of steps
        return [(code, bytes(data))]

    def samples(self) -> list[tuple[int, bytes]]:
        """One sample, in pieces, some of which may be missing or damaged."""
        learn, label = self.rng.choice([0, LEARN, LEARN]), self.rng.choice([0, 1, 2, 3, 200])
        pieces = self.rng.choice([1, 1, 1, 2, 3])
        found = []
        for piece in range(pieces):
            flags = learn | FIRST * (piece == 0) | LAST * (piece == pieces - 1)
            if self.rng.random() < 0.1:
                flags = self.rng.randrange(8)
            found.append((int(Command.SAMPLE), self.payload(label, flags)))
        return found

    def payload(self, label: int, flags: int) -> bytes:
        """Steps of dense and sparse codes; some are damaged."""
        steps = self.rng.choice([0, 1, 1, 2, 3])
        data = b""
        for _ in range(steps):
            data += self.step()
        if self.rng.random() < 0.1:
            data = data[: self.rng.randrange(len(data) + 1)] + self.rng.randbytes(
                self.rng.randrange(4)
            )
        if self.rng.random() < 0.03:
            steps = self.rng.randrange(60)
        return SAMPLE_HEADER.pack(label, flags, steps, self.rng.choice([0, 0, 1, 2])) + data

    def step(self) -> bytes:
        """Spikes or values, dense or sparse. To some cores values are no codes."""
        values = self.rng.random() < (0.4 if self.config.graded else 0.05)
        size = -(-self.inputs * (slot_bits(self.config.input_bits) if values else 1) // 8)
        if self.rng.random() < 0.6 and size < 100:
            bits = self.rng.getrandbits(8 * size) & self.rng.getrandbits(8 * size)
            if not values:
                bits &= (1 << self.inputs) - 1
            return bytes([VALUES if values else DENSE]) + bits.to_bytes(size, "little")
        code = bytes(self.rng.randrange(6) for _ in range(self.rng.randrange(8)))
        head = bytes([SPARSE_VALUES if values else SPARSE])
        return head + len(code).to_bytes(2, "little") + code

    def play(self) -> list[tuple[int, bytes]]:
        """Samples written to the store, and played from there; seldom from elsewhere."""
        depth = store_memory(self.config).depth
        flags = self.rng.choice([FIRST | LAST, FIRST | LAST, LAST])
        words = keep(self.payload(1, flags))[:depth].tolist()
        first = self.rng.randrange(depth - len(words) + 1)
        entries = [
            (first if self.rng.random() < 0.9 else self.rng.choice([depth - 1, depth, 1 << 24]))
            | self.rng.choice([0, PLAY_LEARN])
            for _ in range(self.rng.randint(1, play_entries(self.config)))
        ]
        asked = b"".join(PLAY_ENTRY.pack(entry) for entry in entries)
        return [self.write(address(Space.STORE, first), words), (int(Command.PLAY), asked)]

    def copies(self) -> list[tuple[int, bytes]]:
        """Words written to the store, copied to a memory of the core and back beside them; some not there."""
        depth, memory = store_memory(self.config).depth, self.rng.choice(list(copied(self.config)))
        words = min(self.rng.choice([0, 1, 8, self.rng.randrange(100)]), memory.size)
        kept, index = self.rng.randrange(depth - 200), self.rng.randrange(memory.size - words + 1)
        there = Copy(kept, address(memory.space, index), words, True)
        back = replace(there, kept=kept + 100, to_core=False)
        strange = self.rng.choice([there, back])
        strange = replace(strange, **self.rng.choice([
            {"kept": depth - words + 1}, {"words": memory.size + 1}, {"words": 1 << 31},
            {"address": address(self.rng.choice(list(Space)), memory.size)},
        ]))  # fmt: skip
        found = [there, back, *[strange] * (self.rng.random() < 0.2)]
        return [
            self.write(address(Space.STORE, kept), [self.word() for _ in range(words)]),
            *((int(Command.COPY), copy.encode()) for copy in found),
            (int(Command.READ), READ_PAYLOAD.pack(address(Space.STORE, kept + 100), words)),
        ]

    @staticmethod
    def write(place: int, words: list[int]) -> tuple[int, bytes]:
        """A WRITE."""
        return int(Command.WRITE), WRITE_PAYLOAD.pack(place) + np.array(words, "<u2").tobytes()
