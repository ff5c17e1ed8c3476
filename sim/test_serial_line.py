"""Driver and board with a real UART between them: a clock that is off, and a line that harms bits."""

import random

import numpy as np
import pytest

from golden.spec.config import PRESETS
from golden.spec.network import Network
from sim.harness import choose_seed
from sim.serial_line import BIT, Harm, HostUart, PinIn, PinOut, SerialLine, compiled, received, sent
from sw.data import Sample
from sw.device import Channel, Device

CONFIG = PRESETS["tiny"]
NETWORK = Network(sizes=(20, 9, 3), eta=0.05, eta_out=0.1, weight_fraction=7)
BAD = {"glitch": 2e-3, "slip": 1e-3, "noise": 1e-3, "down": 5e-4}
DRIFTS = [-0.02, 0.0, 0.02]


@pytest.mark.parametrize("drift", DRIFTS)
def test_every_byte_passes_a_line_that_is_whole(drift: float) -> None:
    host, (pin_in, pin_out) = HostUart(BIT * (1 + drift)), (compiled(PinIn()), compiled(PinOut()))
    data = bytes(range(256)) * 3 + bytes(random.Random(1).randbytes(500))
    assert received(pin_in, host.levels(data, 7)) == data
    assert host.data(sent(pin_out, data)) == data


def samples(seed: int, count: int) -> list[Sample]:
    rng = np.random.default_rng(seed)
    return [
        Sample(rng.random((3, NETWORK.inputs)) < 0.4, int(rng.integers(NETWORK.classes)), "")
        for _ in range(count)
    ]


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("bad", [False, True], ids=["whole", "bad"])
def test_a_board_on_a_serial_line_learns_the_model_s_bits(drift: float, bad: bool) -> None:
    seed = choose_seed()
    print("seed", seed)
    there, back = (Harm(random.Random(seed + end), **BAD if bad else {}) for end in (0, 1))
    line = SerialLine(CONFIG, there, back, drift=drift)
    board = Device(Channel(line, tries=60, go_backs=2000), CONFIG)
    with board, Device.open("golden", config=CONFIG) as model:
        for device in (board, model):
            device.load(NETWORK)
        one, two = (list(device.run(samples(seed, 40), learn=True)) for device in (board, model))
        assert [(r.prediction, r.spikes, r.scores) for r in one] == [
            (r.prediction, r.spikes, r.scores) for r in two
        ]
        for mine, other in zip(board.read_weights(), model.read_weights(), strict=True):
            assert np.array_equal(mine, other)
        assert board.noise_state == model.noise_state
        harmed = sum(there.done.values()) + sum(back.done.values())
        assert harmed > 10 if bad else not harmed, (there.done, back.done)
        assert bool(board.channel.statistics.resent) == bad, board.channel.statistics
