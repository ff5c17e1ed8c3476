"""bench.kernels: its inputs, its rows, and that what was run is not run again."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.kernels import __main__ as command
from bench.kernels.inputs import Images, levels, read, signed
from bench.kernels.rows import ROWS, TORCH, choose, configuration, run
from golden.reference import FloatConfig, init_weights
from golden.reference.bptt import bptt_gradients
from golden.spec.shape import Map

STAGES = ("4c3p", "6c3p")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A little CIFAR-10: the class is which colour and which half of the image is bright."""
    print("seed", 1)
    rng, arrays = np.random.default_rng(1), {}
    for split, count in (("train", 50), ("test", 20)):
        images = rng.integers(0, 100, (count, 32, 32, 3), np.uint8)
        labels = np.arange(count) % 4
        for image, label in zip(images, labels, strict=True):
            image[16 * (label // 2) : 16 * (label // 2) + 16, :, label % 2] += 150
        arrays |= {f"x_{split}": images, f"y_{split}": labels}
    np.savez(tmp_path / "little.npz", **arrays)
    return tmp_path


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


def test_a_run_that_is_kept_is_not_run_again(folder: Path, monkeypatch, capsys) -> None:
    out, calls = folder / "runs.jsonl", []

    def fake(row, *_, seed, **__):
        calls.append((row, seed))
        return {"accuracy": 0.5, "summed": 0.6, "layers": [0.1], "firing": [0.2], "seconds": 1}

    monkeypatch.setattr(command, "run", fake)
    sizes = ["--train", "20", "--test", "8", "--rows", "recipe", "signs"]
    for seeds in (["1"], ["1", "2"]):
        arguments = ["--data-dir", str(folder), *sizes, "--out", str(out), "--seeds", *seeds]
        monkeypatch.setattr(sys, "argv", ["bench.kernels", *arguments])
        command.main()
    assert calls == [("recipe", 1), ("signs", 1), ("recipe", 2), ("signs", 2)]
    assert [json.loads(line)["seed"] for line in out.read_text().splitlines()] == [1, 1, 2, 2]
    assert "recipe" in capsys.readouterr().out


@pytest.mark.parametrize("row", TORCH)
def test_bptt_by_torch_learns(folder: Path, row: str, monkeypatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr("bench.kernels.rows.ADAM_TORCH", (0.01,))
    found = run(row, STAGES, read(str(folder), 50, 20, 4), 8, seed=1, steps=2)
    assert len(found["by_epoch"]) == 8 and found["by_epoch"][-1] == found["accuracy"] > 0.4
    assert found["adam"] == 0.01 and all(0 < rate < 1 for rate in found["firing"])


@pytest.mark.parametrize("seed", range(3))
def test_bptt_by_torch_has_the_gradients_of_ours(seed: int) -> None:
    pytest.importorskip("torch")
    from bench.kernels.autograd import Net, loss_of, tensors

    rng = np.random.default_rng(seed)
    how = {"steps": 4, "learn_last": 2, "init_scale": 2.0, "output_bias": True, "seed": seed}
    cfg = FloatConfig.of_stages(Map(2, 8, 6), ("5c3p", "4c3", "3c3p"), 3, **how)
    weights = init_weights(cfg)
    weights.out[:] = rng.normal(size=weights.out.shape)
    images = Images(rng.normal(size=(7, 96)), rng.integers(0, 3, 7), Map(2, 8, 6))
    loss, gradients = bptt_gradients(cfg, weights, images.repeated(4), images.labels)
    net = Net(cfg, norm=False).double()
    net.load(weights, np.float64)
    maps, labels = tensors(images)
    theirs = loss_of(net, net(maps.double())[0], labels)
    theirs.backward()
    assert float(theirs) == pytest.approx(loss)
    np.testing.assert_allclose(net.out.weight.grad.T, gradients.out, rtol=1e-9, atol=1e-12)
    for kernel, ours in zip(net.kernels, gradients.hidden, strict=True):
        taps = kernel.weight.grad.permute(2, 3, 1, 0).reshape(ours.shape)
        np.testing.assert_allclose(taps, ours, rtol=1e-9, atol=1e-12)
