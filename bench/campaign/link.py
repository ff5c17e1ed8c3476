"""A line that harms frames both ways: every command runs once, in order, and its answer is the right one.

The compiled board takes random commands at the end of a bad line, many in flight: writes, reads, samples.
What the answers must be is known beside it (`link_commands`). Now and then the integer model takes the place
of the board. Of the model it is known besides which commands ran: those that were submitted, each once, in
their order.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.campaign import seeds
from bench.campaign.link_commands import (
    CONFIG,
    NETWORK,
    SPARE,
    SPARE_WORDS,
    Asked,
    Expected,
    commands,
    untimed,
)
from golden.spec.frames import Command
from golden.spec.registers import SPACE_SHIFT, Space, memories
from sim.faults import Faults
from sw.device import Channel, Device
from sw.link import GoldenTransport, SimulatedTransport, Transport

COMMANDS = 2000
"""Of a round."""
CHANCES = {"flip": 0.02, "drop": 0.012, "cut": 0.012, "twice": 0.01, "junk": 0.01}
"""Of a fault, for a chunk of bytes, which is a frame or more."""
SCALES = (0.03, 0.03, 0.1, 0.1, 0.3, 1.0)
"""Lines are good or bad: what the chances of a round are multiplied with."""
RARELY = 20
"""Rounds on the board for one on the model."""
QUIET = 300
"""Cycles in which the board answers anything, unless a sample is in it."""
Say = Callable[[str], None]


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


@dataclass
class Round:
    """Commands to a board on a bad line, and their answers."""

    line: BadLine
    seed: int
    commands: int
    scale: float | None = None
    """What the chances of a fault are multiplied with; None: any of SCALES."""
    frames: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def difference(self) -> str:
        """What went wrong, or nothing."""
        rng = random.Random(self.seed)
        asked = commands(rng, self.commands)
        self.line.faults = Faults()
        device = Device(Channel(self.line, tries=200, go_backs=5000), CONFIG)
        model = Device.open("golden", config=CONFIG)
        size = memories(CONFIG)[Space.WEIGHTS].size
        for each in (device, model):
            each.write(Space.WEIGHTS, 0, np.zeros(size, np.uint16))
            each.load(NETWORK)
            each.set_register("clear_counters", 1)
        expected = Expected(model)
        scale = rng.choice(SCALES) if self.scale is None else self.scale
        self.line.faults = Faults(**{name: scale * each for name, each in CHANCES.items()})
        self.line.rng = rng
        ran = self._log()
        sent = [device.channel.submit(*each) for each in asked]
        for number, ((code, payload), submitted) in enumerate(zip(asked, sent, strict=True)):
            mine, other = untimed(code, submitted.result()), expected.answer(code, payload)
            if mine != other:
                return f"command {number}, {code.name}: {mine.hex()} and {other.hex()}"
        changing = [each for each in asked if each[0] != Command.READ]
        if ran is not None and [each for each in ran if each[0] != Command.READ] != changing:
            return "commands that ran are not those that were submitted, each once, in order"
        self._count(device)
        return _apart(device, expected)

    def _log(self) -> list[Asked] | None:
        """The commands that run from now on, if the board keeps a list."""
        if not isinstance(self.line.board, GoldenTransport):
            return None
        self.line.board.device.executed = log = []
        return log

    def _count(self, device: Device) -> None:
        found = device.channel.statistics
        self.frames += found.sent + found.resent
        names = ("resent", "damaged", "refused", "silences", "recovered")
        self.seen += Counter({name: getattr(found, name) for name in names})
        self.seen["faults"] += self.line.faults.done
        self.line.faults = Faults()


def _apart(board: Device, expected: Expected) -> str:
    """What a host can read of the board, where it is not what it should be."""
    model, first = expected.model, SPARE % (1 << SPACE_SHIFT)
    for space in (Space.WEIGHTS, Space.LAYERS, Space.SIGNS):
        size = memories(CONFIG)[space].size
        right = model.read(space, 0, size).copy()
        if space == Space.WEIGHTS:
            right[first : first + SPARE_WORDS] = np.frombuffer(bytes(expected.spare), "<u2")
        if not np.array_equal(board.read(space, 0, size), right):
            return f"{space.name} differ"
    mine, right = board.counters(), model.counters() | {"samples": expected.samples}
    names = ("samples", "steps", "events", "spikes", "updates")
    apart = [name for name in names if mine[name] != right[name]]
    return f"counters differ: {', '.join(apart)}" if apart else ""


def campaign(
    line: BadLine,
    seed: int,
    figures: Counter[str],
    count: int = COMMANDS,
    *,
    scale: float | None = None,
) -> str:
    """One round of `count` commands; what went wrong, or nothing."""
    one = Round(line, seed, count, scale)
    found = one.difference()
    figures["frames"] += one.frames
    figures["commands"] += count
    figures.update(one.seen)
    return found


def run(minutes: float, seed: int, say: Say) -> bool:
    """Rounds until the time is over, each with a seed of its own."""
    until, turn, figures = time.monotonic() + 60 * minutes, 0, Counter[str]()
    board = BadLine(SimulatedTransport(CONFIG, quiet=QUIET))
    model = BadLine(GoldenTransport(CONFIG))
    while time.monotonic() < until:
        line = model if turn % RARELY == RARELY - 1 else board
        if found := campaign(line, seed + turn, figures):
            say(f"{line.name}, seed {seed + turn}: {found}")
            return False
        turn += 1
        if turn % 100 == 0:
            say(_figures(figures))
    say(_figures(figures))
    say(seeds(seed, turn))
    return True


def _figures(figures: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in figures.items())
