"""Random frames to two boards: every command, right and wrong, tables of nonsense, samples of all kinds.

The promise: the compiled board and the integer model give the same replies, byte for byte, but for the
cycles of a sample. No sequence of frames leaves a board silent, and behind all of them it trains to the bits
of a fresh one.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.frames import (
    MAX_READ_WORDS,
    PLAY_ENTRY,
    PLAY_LEARN,
    READ_PAYLOAD,
    SEQUENCES,
    WRITE_PAYLOAD,
    Command,
    Damaged,
    Frame,
    FrameReader,
    Status,
)
from golden.spec.layers import ENTRY_WORDS, FIELDS
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from golden.spec.packing import pack_signs
from golden.spec.registers import (
    COUNTERS,
    CYCLE_CAUSES,
    REGISTER_WORDS,
    SPACE_SHIFT,
    Space,
    address,
    memories,
    play_entries,
    register_address,
    result_words,
    store_memory,
)
from golden.spec.samples import FIRST, LAST, LEARN, SAMPLE_HEADER, SampleStatus, keep
from sw.data import Sample
from sw.device import Channel, Device
from sw.link import GoldenTransport, SimulatedTransport, Transport

CORES = {
    "tiny": PRESETS["tiny"],
    "maps": CoreConfig(
        lanes=4, layers=4, classes=6, weight_words=600, neuron_groups=120, trace_entries=400,
        frame_bytes=512, store_bytes=512, map_pixels=25, classifier_groups=40,
    ),
}  # fmt: skip
"""Boards that are tried, one after the other."""
TIMED = {"cycles", *(cause for cause in CYCLE_CAUSES if not cause.startswith("rows"))}
LIVELY = {"eta": 0.05, "eta_out": 0.1, "init_scale": 3.0, "weight_fraction": 7, "logit_scale": 0.4}
FLAT = [(20, 9, 3), (13, 5, 6, 4), (19, 5), (7, 12, 2), (40, 16, 8)]
MAPS = [
    ((1, 4, 5), ("4c3", "6"), 3),
    ((2, 5, 5), ("4c3p", "5c3"), 4),
    ((1, 4, 4), ("6c3g",), 4),
    ((3, 1, 5), ("3c3g", "7"), 2),
]


def networks(config: CoreConfig) -> list[Network]:
    """Networks that fit a core."""
    found = [Network(sizes=sizes, alpha_post=-0.7, **LIVELY) for sizes in FLAT]
    if config.map_pixels:
        found += [Network.of_stages(*shape, **LIVELY) for shape in MAPS]
        if config.classifier_groups:
            learned = {"classifiers": "learned", "tau": 0.1, "eta_classifier": 0.1}
            found += [Network.of_stages(*shape, **learned, **LIVELY) for shape in MAPS[:3]]
    return [network for network in found if fits(network, config)]


def fits(network: Network, config: CoreConfig) -> bool:
    """The core has room for it."""
    try:
        network.layers(config)
    except DoesNotFit:
        return False
    return True


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
            (0.3, lambda: [(Command.SYNC, self.rng.randbytes(self.rng.randrange(9)))]),
        ]
        weights, made = zip(*kinds, strict=True)
        (one,) = self.rng.choices(made, weights)
        return one()

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
            address(self.rng.choice([*range(13), 77, 255]), self.rng.choice([0, 1, 0xFFFFFF])),
            address(Space.REGISTERS, self.rng.randrange(REGISTER_WORDS + 2)),
        ]
        place, count = self.rng.choice(places), self.rng.choice([0, 0, 1, 2, MAX_READ_WORDS + 1])
        kind = self.rng.random()
        if kind < 0.35:
            return [(Command.READ, READ_PAYLOAD.pack(place, count))]
        if kind < 0.7:
            return [self.write(place, [self.word()] * min(count, 3))]
        code = self.rng.choice([0, 1, 2, 3, 4, 5, 6, 200])
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
            size = -(-self.inputs // 8)
            if self.rng.random() < 0.6 and size < 100:
                bits = self.rng.getrandbits(self.inputs) & self.rng.getrandbits(self.inputs)
                data += b"\0" + bits.to_bytes(size, "little")
            else:
                gaps = bytes(self.rng.randrange(6) for _ in range(self.rng.randrange(8)))
                data += b"\1" + len(gaps).to_bytes(2, "little") + gaps
        if self.rng.random() < 0.1:
            data = data[: self.rng.randrange(len(data) + 1)] + self.rng.randbytes(
                self.rng.randrange(4)
            )
        if self.rng.random() < 0.03:
            steps = self.rng.randrange(60)
        return SAMPLE_HEADER.pack(label, flags, steps, self.rng.choice([0, 0, 1, 2])) + data

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

    @staticmethod
    def write(place: int, words: list[int]) -> tuple[int, bytes]:
        """A WRITE."""
        return int(Command.WRITE), WRITE_PAYLOAD.pack(place) + np.array(words, "<u2").tobytes()


def ask(board: Transport, frame: Frame) -> Frame | Damaged | None:
    """The reply to a frame; None: the board is silent."""
    board.write(frame.encode())
    reader, replies = FrameReader(), []
    while not replies and (data := board.read(board.patience)):
        replies += reader.feed(data)
    return replies[0] if replies else None


def untimed(config: CoreConfig, code: int, payload: bytes, reply: Frame) -> Frame:
    """A reply without what only a clock knows: cycles of results, counters of cycles."""
    if reply.code != Status.OK:
        return reply
    words = np.frombuffer(reply.payload, "<u2").copy() if len(reply.payload) % 2 == 0 else None
    if code == Command.SAMPLE and words is not None:
        words[2:4] = 0
    elif code == Command.PLAY and words is not None:
        results = len(payload) // PLAY_ENTRY.size
        words.reshape(results, -1)[:, 2:4] = 0
    elif code == Command.READ and words is not None:
        first, count = READ_PAYLOAD.unpack(payload)
        if first >> SPACE_SHIFT == Space.TRACES:  # what lies behind the lists is left over
            words[:] = 0
        for counter in COUNTERS:
            at = register_address(counter.name)
            for word in range(at, at + counter.words) if counter.name in TIMED else ():
                if first <= word < first + count:
                    words[word - first] = 0
    else:
        return reply
    return Frame(reply.sequence, reply.code, words.tobytes())


@dataclass
class Pair:
    """Two boards that are told the same."""

    config: CoreConfig
    one: Transport
    two: Transport
    sequence: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def tell(self, code: int, payload: bytes) -> str:
        """Send a frame to both; what differs, or nothing."""
        frame = Frame(self.sequence, code, payload)
        replies = [ask(board, frame) for board in (self.one, self.two)]
        if not all(isinstance(reply, Frame) for reply in replies):
            return f"{frame}: {replies[0]} and {replies[1]}"
        mine, other = (untimed(self.config, code, payload, reply) for reply in replies)  # type: ignore[arg-type]
        if mine != other:
            return f"{frame}: {_short(mine)} and {_short(other)}"
        if mine.code not in (Status.GAP, Status.RESTARTED, Status.DUPLICATE, Status.NO_ROOM):
            self.sequence = (self.sequence + 1) % SEQUENCES
        self._count(code, mine)
        return ""

    def _count(self, code: int, reply: Frame) -> None:
        name = Command(code).name if code in list(Command) else "no command"
        self.seen[f"{name} {Status(reply.code).name}"] += 1
        if code == Command.SAMPLE and reply.code == Status.OK:
            status = SampleStatus(int.from_bytes(reply.payload[:2], "little"))
            self.seen[f"sample {status.name or 'OK'}"] += 1


def _short(frame: Frame) -> str:
    words = np.frombuffer(frame.payload[: len(frame.payload) // 2 * 2], "<u2")
    return f"{Status(frame.code).name} {words.tolist()}"


def compare(config: CoreConfig, one: Transport, two: Transport, seed: int, commands: int) -> str:
    """Random commands to both boards, then a training; what differs, or nothing. Prints nothing."""
    pair, inventor = Pair(config, one, two), Inventor(config, random.Random(seed))
    return _compare(pair, inventor, commands)


def _compare(pair: Pair, inventor: Inventor, commands: int) -> str:
    config, made, last = pair.config, 0, b""
    todo: list[tuple[int, bytes]] = [(Command.SAMPLE, bytes(9))]  # refused: nobody began
    todo += [(Command.SYNC, b"begin"), (Command.SAMPLE, bytes((0, 7, 1, 0, 0, 0, 1, 0, 0)))]
    while made < commands:
        todo = todo or inventor.commands()
        code, payload = todo.pop(0)
        if len(payload) + 8 > config.frame_bytes:
            continue
        if found := pair.tell(code, payload):
            return f"command {made} behind {last.hex()}: {found}"
        if code == Command.WRITE:
            last = payload
        made += 1
    results = [trained(board, config) for board in (pair.one, pair.two)]
    fresh = trained(GoldenTransport(config), config)
    for name, result in zip((pair.one.name, pair.two.name), results, strict=True):
        if result != fresh:
            return f"{name}: trains to other bits than a fresh board"
    return ""


def trained(board: Transport, config: CoreConfig) -> object:
    """What a training comes to on a board: results, weights, noise state."""
    device, found = Device(Channel(board)), []
    for network in networks(config):
        if network.classifiers == "learned":
            device.write(Space.SIGNS, 0, pack_signs(config, network.classes))
        device.load(network)
        rng = np.random.default_rng(5)
        samples = [
            Sample(rng.random((3, network.inputs)) < 0.4, int(rng.integers(network.classes)), "")
            for _ in range(4)
        ]
        results = [(r.prediction, r.spikes, r.scores) for r in device.run(samples, learn=True)]
        weights = device.read_weights()
        found.append((results, [w.tolist() for _, w in weights.named()], device.noise_state))
    return found


def run(minutes: float, seed: int, say: Callable[[str], None]) -> bool:
    """Rounds of commands on each board, each round with a seed of its own, until the time is over."""
    until, turn, seen = time.monotonic() + 60 * minutes, 0, Counter[str]()
    boards = {name: SimulatedTransport(config) for name, config in CORES.items()}
    models = {name: GoldenTransport(config) for name, config in CORES.items()}
    while time.monotonic() < until:
        for name, config in CORES.items():
            say(f"{name}: seed {seed + turn}")
            pair = Pair(config, boards[name], models[name])
            inventor = Inventor(config, random.Random(seed + turn))
            if found := _compare(pair, inventor, 400):
                say(f"{name}, seed {seed + turn}: {found}")
                return False
            seen += pair.seen
        turn += 1
    for what, count in sorted(seen.items()):
        say(f"{count:8d} {what}")
    say(
        f"{result_words(PRESETS['tiny'])} words a result, {turn} rounds on each of {', '.join(CORES)}"
    )
    return True
