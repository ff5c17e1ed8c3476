"""A serial line that harms bits, between driver and compiled board: glitches, slips, noise, breaks.

The host's clock is off by up to 2 %. Receiver and transmitter of the board are the compiled RTL
(`sim.serial_line`). A round is a training; results, weights and noise state must be the integer model's.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

import numpy as np

from bench.campaign import seeds
from golden.spec.config import PRESETS
from golden.spec.network import Network
from sim.serial_line import Harm, SerialLine
from sw.data import Sample
from sw.device import Channel, Device

CONFIG = PRESETS["tiny"]
NETWORK = Network(sizes=(20, 9, 3), eta=0.05, eta_out=0.1, weight_fraction=7)
CHANCES = {"glitch": 1e-3, "slip": 1e-3, "noise": 5e-4, "down": 5e-4}
"""Of a fault, for a byte."""
SAMPLES = 60
Say = Callable[[str], None]


def difference(line: SerialLine, seed: int) -> str:
    """A training over the line, the host's clock anywhere within 2 %; what differs, or nothing."""
    rng = np.random.default_rng(seed)
    samples = [
        Sample(rng.random((3, NETWORK.inputs)) < 0.4, int(rng.integers(NETWORK.classes)), "")
        for _ in range(SAMPLES)
    ]
    line.drift(float(rng.uniform(-0.02, 0.02)))
    board = Device(Channel(line, tries=200, go_backs=5000), CONFIG)
    with Device.open("golden", config=CONFIG) as model:
        for device in (board, model):
            device.load(NETWORK)
        one, two = (list(device.run(samples, learn=True)) for device in (board, model))
        pairs = zip(one, two, strict=True)
        if any(
            (a.prediction, a.spikes, a.scores) != (b.prediction, b.spikes, b.scores)
            for a, b in pairs
        ):
            return "results differ"
        weights = zip(board.read_weights(), model.read_weights(), strict=True)
        if not all(np.array_equal(mine, other) for mine, other in weights):
            return "weights differ"
        return "" if board.noise_state == model.noise_state else "noise states differ"


def run(minutes: float, seed: int, say: Say) -> bool:
    """Trainings until the time is over."""
    until, turn = time.monotonic() + 60 * minutes, 0
    ends = [Harm(random.Random(seed + end), **CHANCES) for end in (0, 1)]
    line = SerialLine(CONFIG, *ends)
    while time.monotonic() < until:
        if found := difference(line, seed + turn):
            say(f"seed {seed + turn}: {found}")
            return False
        turn += 1
    faults = Counter(ends[0].done) + Counter(ends[1].done)
    kinds = ", ".join(f"{count} {name}" for name, count in faults.items())
    say(f"{turn} trainings, {line.carried} bytes, {faults.total()} faults ({kinds})")
    say(seeds(seed, turn))
    return True
