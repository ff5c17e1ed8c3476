"""A line that harms frames both ways: every command runs once, in order, and its answer is the right one.

Two boards, the integer model and the compiled one, take the same random commands at the end of a bad line:
writes, reads, samples that learn. A third, on a whole line, says what the answers are. Of the model it is
known besides which commands ran: those that were submitted, each once, in their order.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.campaign.frames import untimed
from golden.spec.config import PRESETS
from golden.spec.frames import READ_PAYLOAD, WRITE_PAYLOAD, Command, Frame
from golden.spec.network import Network
from golden.spec.registers import Space, address, memories
from golden.spec.samples import encode_sample
from sim.faults import Faults
from sw.device import Channel, Device
from sw.link import GoldenTransport, SimulatedTransport, Transport

CONFIG = PRESETS["tiny"]
NETWORK = Network(sizes=(20, 6, 3), eta=0.05, weight_fraction=7)
COMMANDS = 1000
"""Of a round on each board."""
CHANCES = {"flip": 0.02, "drop": 0.012, "cut": 0.012, "twice": 0.01, "junk": 0.01}
"""Of a fault, for a chunk of bytes."""
RARELY = 20
"""Rounds on the model for one on the compiled board."""
Say = Callable[[str], None]
Asked = tuple[Command, bytes]


class BadLine(Transport):
    """A board at the end of a line with faults both ways."""

    patience = 0.05

    def __init__(self, board: Transport) -> None:
        self.board, self.name = board, board.name
        self.faults, self.rng = Faults(), random.Random(0)

    def write(self, data: bytes) -> None:
        """To the board, what is left of it."""
        self.board.write(self.faults.apply(data, self.rng))

    def read(self, timeout: float) -> bytes:
        """From the board. Nothing: it has no more to say, or what it said was lost."""
        return self.faults.apply(self.board.read(timeout), self.rng)

    def close(self) -> None:
        """Switch it off."""
        self.board.close()


def commands(rng: random.Random, count: int) -> list[Asked]:
    """`count` commands whose answers depend on those before."""
    size, found = memories(CONFIG)[Space.WEIGHTS].size, list[Asked]()
    for _ in range(count):
        kind, at = rng.random(), rng.randrange(size - 60)
        if kind < 0.5:
            words = np.array([rng.getrandbits(8) for _ in range(rng.choice([1, 1, 3, 40]))], "<u2")
            payload = WRITE_PAYLOAD.pack(address(Space.WEIGHTS, at)) + words.tobytes()
            found.append((Command.WRITE, payload))
        elif kind < 0.9:
            count = rng.choice([1, 2, 50])
            found.append((Command.READ, READ_PAYLOAD.pack(address(Space.WEIGHTS, at), count)))
        else:
            bits = np.array([[rng.random() < 0.3 for _ in range(20)]])
            found.append((Command.SAMPLE, encode_sample(bits, rng.randrange(3), learn=True)))
    return found


@dataclass
class Round:
    """The same commands to a board on a bad line, and to the model on a whole one."""

    line: BadLine
    seed: int
    commands: int
    frames: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def difference(self) -> str:
        """What went wrong, or nothing."""
        rng = random.Random(self.seed)
        asked = commands(rng, self.commands)
        self.line.faults = Faults()
        channel = Channel(self.line, tries=200, go_backs=5000)
        device, model = Device(channel), Device.open("golden", config=CONFIG)
        size = memories(CONFIG)[Space.WEIGHTS].size
        for each in (device, model):
            each.write(Space.WEIGHTS, 0, np.zeros(size, np.uint16))
            each.load(NETWORK)
            each.set_register("clear_counters", 1)
        self.line.faults, self.line.rng = Faults(**CHANCES), rng
        ran = self._log()
        answers = self._answers(device, asked)
        for number, ((code, payload), mine) in enumerate(zip(asked, answers, strict=True)):
            other = model.channel.call(code, payload)
            if untimed(CONFIG, code, payload, Frame(0, 0, mine)).payload != (
                untimed(CONFIG, code, payload, Frame(0, 0, other)).payload
            ):
                return f"command {number}, {code.name}: {mine.hex()} and {other.hex()}"
        changing = [each for each in asked if each[0] != Command.READ]
        if ran is not None and [each for each in ran if each[0] != Command.READ] != changing:
            return "commands that ran are not those that were submitted, each once, in order"
        self._count(device, model)
        return _apart(device, model)

    def _log(self) -> list[Asked] | None:
        """The commands that run from now on, if the board keeps a list."""
        if not isinstance(self.line.board, GoldenTransport):
            return None
        self.line.board.device.executed = log = []
        return log

    def _answers(self, device: Device, asked: list[Asked]) -> list[bytes]:
        sent = [device.channel.submit(*each) for each in asked]
        return [each.result() for each in sent]

    def _count(self, device: Device, model: Device) -> None:
        found = device.channel.statistics
        self.frames += found.sent + found.resent
        names = ("resent", "damaged", "refused", "silences", "recovered")
        self.seen += Counter({name: getattr(found, name) for name in names})
        self.seen["faults"] += self.line.faults.done
        self.line.faults = Faults()


def _apart(one: Device, two: Device) -> str:
    """What a host can read of both, where it differs."""
    for space in (Space.WEIGHTS, Space.LAYERS, Space.SIGNS):
        size = memories(CONFIG)[space].size
        if not np.array_equal(one.read(space, 0, size), two.read(space, 0, size)):
            return f"{space.name} differ"
    mine, other = (device.counters() for device in (one, two))
    names = ("samples", "steps", "events", "spikes", "updates")
    apart = [name for name in names if mine[name] != other[name]]
    return f"counters differ: {', '.join(apart)}" if apart else ""


def campaign(line: BadLine, seed: int, figures: Counter[str], count: int = COMMANDS) -> str:
    """One round of `count` commands; what went wrong, or nothing."""
    one = Round(line, seed, count)
    found = one.difference()
    figures["frames"] += one.frames
    figures["commands"] += count
    figures.update(one.seen)
    return found


def run(minutes: float, seed: int, say: Say) -> bool:
    """Rounds on both boards in turns, until the time is over."""
    until, turn, figures = time.monotonic() + 60 * minutes, 0, Counter[str]()
    boards: list[Transport] = [GoldenTransport(CONFIG), SimulatedTransport(CONFIG)]
    lines = [BadLine(board) for board in boards]
    while time.monotonic() < until:
        # a silence of the compiled board takes a tenth of a second
        for line in lines if turn % RARELY == 0 else lines[:1]:
            if found := campaign(line, seed + turn, figures):
                say(f"{line.name}, seed {seed + turn}: {found}")
                return False
        turn += 1
        if turn % 100 == 0:
            say(_figures(figures))
    say(_figures(figures))
    return True


def _figures(figures: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in figures.items())
