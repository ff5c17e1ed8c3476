"""The bench of several boards: its trainings are those of Boards, its pages those of its files."""

import json
from itertools import pairwise

import numpy as np
import pytest

from bench.accuracy.methods import Task, spikes_for
from bench.boards.accuracy import Together
from bench.boards.pages import KEPT, PAGE, filled
from bench.boards.scaling import BOARDS, Counted
from golden.averaging import Averaging
from sw import Boards, Model
from sw.data import load
from sw.presets import PRESETS
from sw.run.metrics import rate_scale

SMOKE = PRESETS["smoke"]
TASK = Task(
    SMOKE,
    load(SMOKE.data, train=True, steps=SMOKE.steps, limit=60),
    load(SMOKE.data, train=False, steps=SMOKE.steps, limit=20),
    2,
)


@pytest.mark.parametrize(("boards", "every"), [(1, 4), (3, 7), (4, 100)])
def test_it_learns_what_boards_learn(boards, every):
    together = Together(TASK, Averaging(boards, every), 1)
    train, test = spikes_for(together.network, TASK.train), spikes_for(together.network, TASK.test)
    for number in range(2):
        together.epoch(train, number, rate_scale(number, 2))
    with Boards(["golden"], boards=boards, every=every, config=SMOKE.config) as device:
        model = Model(together.network, device)
        model.fit(TASK.train, TASK.test, epochs=2, seed=1)
        assert device.noise_states == tuple(together.noise)
        placements = together.network.placements(SMOKE.config)
        chip = [
            view[placement.row_numbers()]
            for view, placement in zip(together.core.weights, placements, strict=True)
        ]
        for mine, other in zip(chip, model.weights, strict=True):
            assert np.array_equal(mine, other)
        assert together.accuracy(test) == model.progress.test_accuracy


def test_the_model_of_speed():
    one = Counted(80_000, 80, 3_000, 3_000, 300, 2_000, 250, 0.0)
    learn, weights, network = one.seconds(2, 100, baud=3_000_000)
    assert learn == pytest.approx(100 * 1e-3), "the link is not slower than learning"
    assert weights == pytest.approx(0.02)
    assert network == pytest.approx(2 * (2 * 2_000 + 100 * 250) / 125e6)
    assert one.seconds(1, 100, baud=300_000)[0] == pytest.approx(100 * 1e-2), "here it is"
    speeds = [one.speed(boards, 100) for boards in BOARDS]
    assert all(a < b < 2 * a for a, b in pairwise(speeds))


def test_tables_are_those_of_the_files():
    page = PAGE.read_text()
    assert page == filled(page), "run: python -m bench.boards --pages"


def test_what_was_measured_is_all_there():
    for path in KEPT.glob("*.json"):
        content = json.loads(path.read_text())
        pairs = {(point["boards"], point["every"]) for point in content["points"]}
        assert pairs == {(1, 10), *((b, k) for b in (2, 4, 8) for k in (10, 100, 1000))}
        assert all(len(p["accuracy"]) == len(content["seeds"]) for p in content["points"])
