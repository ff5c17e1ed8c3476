"""The real driver and the whole design, compiled, through its link: against the integer model."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.registers import Space, memories
from sim.faults import Faults
from sw.data import Sample
from sw.device import Channel, Device
from sw.driver import main
from sw.link import SimulatedTransport

CONFIG = CoreConfig(
    lanes=5,
    weight_bits=8,
    weight_words=700,
    neuron_groups=8,
    trace_entries=256,
    layers=3,
    classes=4,
)
NETWORK = Network(
    sizes=(37, 13, 7, 3), alpha_post=-0.5, eta=0.05, weight_fraction=6, learn_last=4, seed=3
)
UNTIMED = (Space.LAYERS, Space.WEIGHTS, Space.MEMBRANES, Space.POST_TRACES, Space.SPIKES)


def samples(seed: int, count: int) -> list[Sample]:
    """Random spikes, of every density."""
    rng = np.random.default_rng(seed)
    return [
        Sample(
            frames=rng.random((int(rng.integers(1, 9)), NETWORK.inputs)) < rng.random(),
            label=int(rng.integers(NETWORK.classes)),
            key=str(number),
        )
        for number in range(count)
    ]


class BadLine(SimulatedTransport):
    """The simulated board at the end of a bad line."""

    patience = 0.05

    def __init__(self, config: CoreConfig, seed: int) -> None:
        super().__init__(config)
        self.faults, self.rng = Faults(flip=0.05, drop=0.03, cut=0.03), random.Random(seed)

    def write(self, data: bytes) -> None:
        super().write(self.faults.apply(data, self.rng))

    def read(self, timeout: float) -> bytes:
        return self.faults.apply(super().read(timeout), self.rng)


@pytest.mark.parametrize("seed", [1, 2])
def test_state_after_training_equals_the_model(seed: int) -> None:
    with Device.open("sim", config=CONFIG) as board, Device.open("golden", config=CONFIG) as model:
        for device in (board, model):
            device.load(NETWORK)
        for learn, count in ((True, 40), (False, 5), (True, 3)):
            results = [list(d.run(samples(seed, count), learn=learn)) for d in (board, model)]
            for one, other in zip(*results, strict=True):
                assert (one.prediction, one.spikes, one.scores) == (
                    other.prediction, other.spikes, other.scores,
                )  # fmt: skip
            for space in UNTIMED:
                size = memories(CONFIG)[space].size
                assert np.array_equal(board.read(space, 0, size), model.read(space, 0, size)), space
            assert board.noise_state == model.noise_state
        assert not np.array_equal(board.read_weights()[0], NETWORK.initial_weights()[0])


def test_samples_played_on_a_bad_line_learn_as_those_sent() -> None:
    data, order = samples(11, 40), [*range(40), *range(0, 40, 2)]
    small = replace(CONFIG, store_bytes=1024)
    line = BadLine(small, seed=6)
    with Device(Channel(line), small) as board, Device.open("golden", config=CONFIG) as model:
        for device in (board, model):
            device.load(NETWORK)
        assert 10 < board.store_samples(data) < 40
        for _ in range(2):
            one = list(board.run((board.sample_store.find(data, n) for n in order), learn=True))
            two = list(model.run((data[n] for n in order), learn=True))
            assert [(r.prediction, r.spikes) for r in one] == [
                (r.prediction, r.spikes) for r in two
            ]
        for mine, other in zip(board.read_weights(), model.read_weights(), strict=True):
            assert np.array_equal(mine, other)


def test_a_bad_line_costs_time_and_nothing_else() -> None:
    line = BadLine(CONFIG, seed=5)
    with Device(Channel(line), CONFIG) as board, Device.open("golden", config=CONFIG) as model:
        for device in (board, model):
            device.load(NETWORK)
            list(device.run(samples(7, 60), learn=True))
        for one, other in zip(board.read_weights(), model.read_weights(), strict=True):
            assert np.array_equal(one, other)


def test_samples_of_5_and_50_steps_on_the_same_board() -> None:
    """What a sample needs on chip does not depend on its length."""
    rng = np.random.default_rng(9)
    with Device.open("sim", config=CONFIG) as board, Device.open("golden", config=CONFIG) as model:
        for device in (board, model):
            device.load(NETWORK)
        for steps in (5, 50, 5):
            frames = rng.random((steps, NETWORK.inputs)) < 0.3
            outcomes = [
                next(iter(d.run([Sample(frames, 1, "")], learn=True))).scores
                for d in (board, model)
            ]
            assert outcomes[0] == outcomes[1]
        for one, other in zip(board.read_weights(), model.read_weights(), strict=True):
            assert np.array_equal(one, other)


def test_the_driver_trains_the_simulated_board(tmp_path: Path, capsys) -> None:
    command = f"train --preset smoke --target sim --epochs 2 --verify-golden --out {tmp_path}"
    assert main(command.split()) == 0
    assert "weights equal those of the integer model, bit for bit" in capsys.readouterr().out
    assert main(["evaluate", "--run", str(tmp_path)]) == 0
    assert (tmp_path / "weights.safetensors").exists()


def test_values_cross_the_link_and_are_played_from_the_store() -> None:
    config = replace(CONFIG, input_bits=4, store_bytes=1024)
    network = replace(NETWORK, alpha_post=0.0, input_bits=4, input_fraction=2)
    rng = np.random.default_rng(21)
    data = [
        s._replace(frames=(s.frames * rng.integers(-8, 8, s.frames.shape)).astype(np.int8))
        for s in samples(20, 20)
    ]
    with Device.open("sim", config=config) as board, Device.open("golden", config=config) as model:
        for device in (board, model):
            device.load(network)
        assert 3 < board.store_samples(data) < 20
        for _ in range(2):
            one = list(board.run((board.sample_store.find(data, n) for n in range(20)), learn=True))
            two = list(model.run(data, learn=True))
            assert [r.prediction for r in one] == [r.prediction for r in two]
        for mine, other in zip(board.read_weights(), model.read_weights(), strict=True):
            assert np.array_equal(mine, other)
        assert board.noise_state == model.noise_state
        assert not np.array_equal(board.read_weights()[0], network.initial_weights()[0])
