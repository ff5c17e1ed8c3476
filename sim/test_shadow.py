"""Shadow mode and resume on the simulated board: the RTL beside the model."""

from pathlib import Path

import numpy as np
import pytest

from golden.spec.config import PRESETS
from golden.spec.layers import FIELD_NAMES
from golden.spec.network import Network
from golden.spec.registers import Space
from sw.blocks import Blocks
from sw.channel import Channel
from sw.checkpoint import Checkpoint
from sw.data import load
from sw.driver import main
from sw.link.simulated import SimulatedTransport
from sw.model import Model
from sw.shadow import Differs, Shadowed
from sw.store import Run
from sw.training import Watcher

TINY = PRESETS["tiny"]
NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)


class WrongTheta(Shadowed):
    """Its board has a threshold one higher than it was told."""

    def write(self, space, index, words):
        super().write(space, index, words)
        if space == Space.LAYERS:
            at = FIELD_NAMES.index("theta")
            Blocks.write(self, space, at, self.twin.read(space, at, 1) + 1)


class WritesAWeight(Watcher):
    """Writes a weight of the board, and not of its shadow, after sample 12."""

    def __init__(self, device: Shadowed) -> None:
        self.device = device

    def sample(self, tally) -> None:
        if tally.samples == 12:
            at = 7 * 4 + 2  # row 7, lane 2 of the first group
            wrong = self.device.twin.read(Space.WEIGHTS, at, 1) ^ 0x40
            Blocks.write(self.device, Space.WEIGHTS, at, wrong)


def test_a_fault_that_comes_again_is_named_and_dumped(tmp_path: Path) -> None:
    with WrongTheta(Channel(SimulatedTransport(TINY)), TINY, folder=tmp_path) as board:
        model = Model(NETWORK, board)
        with pytest.raises(Differs, match=r"(weight|membrane) of layer 0, neuron \d+, .*step \d"):
            model.fit(load("synthetic", limit=40, steps=5), epochs=1)
    report = (tmp_path / "report.txt").read_text()
    start, stop = (int(w) for w in report.rpartition("from time ")[2].split(" to "))
    times = [int(x[1:]) for x in (tmp_path / "replay.vcd").read_text().splitlines() if x[:1] == "#"]
    assert times[0] < stop
    assert sum(start <= time < stop for time in times) > 50
    assert np.load(tmp_path / "sample.npz")["frames"].shape == (5, 64)


def test_a_write_in_mid_run_is_found(tmp_path: Path) -> None:
    with Shadowed.beside("sim", TINY, every=10, folder=tmp_path) as board:
        model = Model(NETWORK, board)
        with pytest.raises(Differs, match="does not come again") as failure:
            model.fit(
                load("synthetic", limit=40, steps=5), epochs=1, callbacks=[WritesAWeight(board)]
            )
        assert "layer 0, neuron 2, row 7" in str(failure.value)
    assert (tmp_path / "replay.vcd").stat().st_size > 10_000


def test_a_run_goes_from_the_board_to_the_model_and_back(tmp_path: Path, capsys) -> None:
    """Three parts on two targets, stopped in mid-epoch, end as one run on either."""
    whole = tmp_path / "whole"
    train = "train --preset smoke --train 60 --test 12 --epochs 3 --target"
    assert main([*train.split(), "golden", "--out", str(whole)]) == 0
    parts = tmp_path / "parts"
    assert main([*train.split(), "sim", "--until", "1", "--out", str(parts)]) == 0
    for target, until in (("golden", "2"), ("sim", "3")):
        arguments = f"train --resume {parts} --target {target} --until {until} --verify-golden"
        assert main(arguments.split()) == 0
    assert capsys.readouterr().out.count("bit for bit") == 2
    ends = [Checkpoint.load(Run(path).checkpoint) for path in (whole, parts)]
    assert ends[0].noise_state == ends[1].noise_state
    for one, two in zip(ends[0].weights, ends[1].weights, strict=True):
        assert np.array_equal(one, two)
    for one, two in zip(*(end.progress.epochs for end in ends), strict=True):
        assert one.test_accuracy == two.test_accuracy
        assert one.firing_rates == two.firing_rates
        assert all(one.counters[name] == two.counters[name] for name in ("synops", "updates"))
