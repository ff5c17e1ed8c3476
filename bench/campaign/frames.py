"""Random frames to two boards: every command, right and wrong, tables of nonsense, samples of all kinds.

The promise: the compiled board and the integer model give the same replies, byte for byte, but for the
cycles of a sample. No sequence of frames leaves a board silent, and behind all of them it trains to the bits
of a fresh one.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from bench.campaign import seeds
from bench.campaign.cores import CORES, networks, random_frames
from bench.campaign.inventor import Inventor
from golden.spec.config import CoreConfig
from golden.spec.frames import (
    PLAY_ENTRY,
    READ_PAYLOAD,
    SEQUENCES,
    Command,
    Damaged,
    Frame,
    FrameReader,
    Status,
)
from golden.spec.packing import pack_signs
from golden.spec.registers import (
    COUNTERS,
    CYCLE_CAUSES,
    SPACE_SHIFT,
    Space,
    memories,
    register_address,
)
from golden.spec.samples import SampleStatus
from golden.spec.sdram import SdramConfig, beside
from sw.data import Sample
from sw.device import Channel, Device
from sw.link import GoldenTransport, SimulatedTransport, Transport

MEMORY = SdramConfig()
BOARDS = {**CORES, "memory": beside(CORES["tiny"], MEMORY)}
"""One of them keeps its samples in a memory beside the FPGA."""
COMMANDS = 600
"""Of a round, before its trainings."""
TRAININGS = 4
"""Networks that are trained behind a round."""
TIMED = {"cycles", *(cause for cause in CYCLE_CAUSES if not cause.startswith("rows"))}


def simulated(config: CoreConfig) -> SimulatedTransport:
    """The compiled board of a core, with the memory that it needs."""
    return SimulatedTransport(config, memory=MEMORY if config.store_off_chip else None)


def model(config: CoreConfig) -> GoldenTransport:
    """The integer model of the same."""
    return GoldenTransport(config, memory=MEMORY if config.store_off_chip else None)


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
        if first >> SPACE_SHIFT == Space.RESULTS:
            # `Inventor` reads the first result of a slot alone
            stride = memories(config)[Space.RESULTS].stride
            at = (first + np.arange(count)) % (1 << SPACE_SHIFT) % stride
            words[np.isin(at, (2, 3))] = 0
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
    """Random commands to both boards, then trainings; what differs, or nothing. Prints nothing."""
    return _compare(Pair(config, one, two), seed, commands)


def _compare(pair: Pair, seed: int, commands: int) -> str:
    config, made, last = pair.config, 0, b""
    rng = random.Random(seed)
    inventor = Inventor(config, rng)
    todo: list[tuple[int, bytes]] = [(Command.SAMPLE, bytes(9))]  # refused: nobody began
    todo += [(Command.SYNC, b"begin"), (Command.SAMPLE, bytes((0, 7, 1, 0, 0, 0, 1, 0, 0)))]
    todo += inventor.ends_of_store()  # what was never written there, only a chip knows
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
    count = len(networks(config))
    chosen = rng.sample(range(count), min(TRAININGS, count))
    for board in (pair.one, pair.two):
        if trained(board, config, chosen) != [fresh(config, each) for each in chosen]:
            return f"{board.name}: trains to other bits than a fresh board"
    return ""


@cache
def fresh(config: CoreConfig, number: int) -> object:
    """What the training of a network comes to on a board that was just switched on."""
    return trained(model(config), config, [number])[0]


def trained(
    board: Transport, config: CoreConfig, chosen: Sequence[int] | None = None
) -> list[object]:
    """What the trainings of all or some networks come to on a board: results, weights, noise state."""
    device, found, known = Device(Channel(board)), [], networks(config)
    for number in range(len(known)) if chosen is None else chosen:
        network = known[number]
        if network.classifiers == "learned":
            device.write(Space.SIGNS, 0, pack_signs(config, network.classes))
        device.load(network)
        rng = np.random.default_rng(5)
        samples = [
            Sample(random_frames(rng, 3, 0.4, network), int(rng.integers(network.classes)), "")
            for _ in range(4)
        ]
        results = [(r.prediction, r.spikes, r.scores) for r in device.run(samples, learn=True)]
        weights = device.read_weights()
        found.append((results, [w.tolist() for _, w in weights.named()], device.noise_state))
    return found


def run(minutes: float, seed: int, say: Callable[[str], None]) -> bool:
    """Rounds of commands on each board, each round with a seed of its own, until the time is over."""
    until, turn, seen = time.monotonic() + 60 * minutes, 0, Counter[str]()
    boards = {name: simulated(config) for name, config in BOARDS.items()}
    models = {name: model(config) for name, config in BOARDS.items()}
    while time.monotonic() < until:
        for name, config in BOARDS.items():
            pair = Pair(config, boards[name], models[name])
            if found := _compare(pair, seed + turn, COMMANDS):
                say(f"{name}, seed {seed + turn}: {found}")
                return False
            seen += pair.seen
        turn += 1
        if turn % 50 == 0:
            say(f"{turn} rounds")
    for what, count in sorted(seen.items()):
        say(f"{count:8d} {what}")
    say(f"{turn * len(BOARDS) * COMMANDS} commands, {turn} rounds on each of {', '.join(BOARDS)}")
    say(seeds(seed, turn))
    return True
