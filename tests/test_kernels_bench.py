"""bench.kernels: its inputs, its rows, and that what was run is not run again."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.kernels import __main__ as command
from bench.kernels.inputs import Images, levels, read, recordings, signed
from bench.kernels.rows import ROWS, choose, configuration, run
from golden.spec.shape import Map
from sw.data import DataError, load
from tests.little_cifar import little_cifar

STAGES = ("4c3p", "6c3p")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where it is."""
    return little_cifar(tmp_path)


def test_inputs_are_channel_last_in_the_bits_asked_for(folder: Path) -> None:
    pixels = np.load(folder / "little.npz")["x_train"].reshape(50, -1).astype(float)
    spikes, _ = read(str(folder), 50, 20, 1)
    np.testing.assert_array_equal(spikes.values, pixels > 127.5)
    for bits in (2, 4, 8):
        values = read(str(folder), 50, 20, bits)[0].values
        steps = values * 2 ** (bits - 2)
        np.testing.assert_array_equal(steps, np.rint(steps))
        assert -(2 ** (bits - 1)) <= steps.min() and steps.max() < 2 ** (bits - 1)
        colours = pixels.reshape(50, -1, 3)
        exact = (colours - colours.mean(axis=(0, 1))) / colours.std(axis=(0, 1))
        apart = np.abs(values - np.clip(exact.reshape(50, -1), -2, 2 - 2.0 ** (2 - bits)))
        coarse = 256 / (levels(bits) + 1) / colours.std(axis=(0, 1)).min()
        assert apart.max() < 2.0 ** (1 - bits) + coarse
    np.testing.assert_array_equal(signed(np.array([-9, 0.3, 9.0]), 4), [-2, 0.25, 1.75])


def test_a_recording_has_other_inputs_in_every_step() -> None:
    one, other = recordings("nmnist", None, 6, 3, 1, steps=4, pool=2)
    assert one.values.shape == (6, 4, 17 * 17 * 2) and len(other) == 3
    assert (one.shape, one.classes) == (Map(2, 17, 17), 10)
    plain = load("nmnist", limit=6, steps=4, pool=2)
    np.testing.assert_array_equal(one.labels, plain.labels)
    channels = np.stack([sample.frames for sample in plain]).reshape(6, 4, 2, -1)
    np.testing.assert_array_equal(one.repeated(4), channels.swapaxes(2, 3).reshape(6, 4, -1))
    counts, _ = recordings("nmnist", None, 6, 3, 4, steps=4, pool=2)
    assert counts.values.max() > 1 and np.array_equal(counts.values > 0, one.values > 0)
    assert len(one[:2]) == 2 and one[:2].classes == 10


def test_flat_inputs_are_refused() -> None:
    with pytest.raises(DataError, match="a convolution needs one"):
        recordings("cues", None, 4, 4, 1, steps=45, pool=1)


@pytest.mark.parametrize("row", ROWS)
def test_every_row_runs_and_the_learning_ones_learn(folder: Path, row: str, monkeypatch) -> None:
    monkeypatch.setattr("bench.kernels.rows.ADAM", (0.003,))
    images = read(str(folder), 50, 20, 4)
    found = run(row, STAGES, images, 3, seed=1, steps=2, eta_out=0.01)
    assert len(found["by_epoch"]) == 3 and found["by_epoch"][-1] == found["accuracy"]
    assert len(found["layers"]) == 2 and all(0 < rate < 1 for rate in found["firing"])
    assert found["accuracy"] > 0.4


def test_bptt_chooses_by_the_last_fifth_of_the_training_images(monkeypatch) -> None:
    images = Images(np.zeros((10, 3072), np.float32), np.arange(10), Map(3, 32, 32))
    seen = []

    def train(cfg, train_on, test, epochs, rate):
        seen.append((train_on.labels.tolist(), test.labels.tolist(), rate))
        return [{"accuracy": 1 - abs(rate - 1e-3)}]

    rates = (5e-4, 1e-3, 2e-3)
    assert choose(train, configuration("bptt", STAGES, images), images, 1, rates) == 1e-3
    assert seen == [([*range(8)], [8, 9], rate) for rate in (5e-4, 1e-3, 2e-3)]
    assert choose(train, configuration("bptt", STAGES, images), images, 1, (2e-3,)) == 2e-3
    assert len(seen) == 3  # of one rate there is nothing to choose


def test_a_run_that_is_kept_is_not_run_again(folder: Path, monkeypatch, capsys) -> None:
    out, calls = folder / "runs.jsonl", []

    def fake(row, *_, seed, offered, **__):
        calls.append((row, seed, list(offered)))
        adam = 0.003 if row == "signs" else None
        found = {"accuracy": 0.5, "summed": 0.6, "layers": [0.1], "firing": [0.2], "seconds": 1}
        return {**found, "adam": adam}

    monkeypatch.setattr(command, "run", fake)
    sizes = ["--train", "20", "--test", "8", "--rows", "recipe", "signs"]
    for seeds in (["1"], ["1", "2"]):
        arguments = ["--data-dir", str(folder), *sizes, "--out", str(out), "--seeds", *seeds]
        monkeypatch.setattr(sys, "argv", ["bench.kernels", *arguments])
        command.main()
    assert calls == [
        ("recipe", 1, []),
        ("signs", 1, []),
        ("recipe", 2, []),
        ("signs", 2, [0.003]),  # what a row's first seed has chosen holds for the others
    ]
    assert [json.loads(line)["seed"] for line in out.read_text().splitlines()] == [1, 1, 2, 2]
    assert "recipe" in capsys.readouterr().out
