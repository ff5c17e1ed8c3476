"""BPTT by torch against the project's own. In the other simulators' environment: see tests/interop.py."""

from pathlib import Path

import numpy as np
import pytest

from bench.kernels.autograd import Net, loss_of, tensors
from bench.kernels.inputs import Images, read
from bench.kernels.rows import TORCH, run
from golden.reference import FloatConfig, init_weights
from golden.reference.bptt import bptt_gradients
from golden.spec.shape import Map
from tests.little_cifar import little_cifar

STAGES = ("4c3p", "6c3p")


@pytest.mark.parametrize("row", TORCH)
def test_bptt_by_torch_learns(tmp_path: Path, row: str, monkeypatch) -> None:
    monkeypatch.setattr("bench.kernels.rows.ADAM_TORCH", (0.01,))
    found = run(row, STAGES, read(str(little_cifar(tmp_path)), 50, 20, 4), 8, seed=1, steps=2)
    assert len(found["by_epoch"]) == 8 and found["by_epoch"][-1] == found["accuracy"] > 0.4
    assert found["adam"] == 0.01 and all(0 < rate < 1 for rate in found["firing"])


@pytest.mark.parametrize(
    "stages", [("5c3p", "4c3", "3c3p"), ("4c3p", "3c3g"), ("4c3p", "7", "5"), ("6", "4")]
)
@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_bptt_by_torch_has_the_gradients_of_ours(
    seed: int, recorded: bool, stages: tuple[str, ...]
) -> None:
    rng = np.random.default_rng(seed)
    how = {"steps": 4, "learn_last": 2, "init_scale": 2.0, "output_bias": True, "seed": seed}
    cfg = FloatConfig.of_stages(Map(2, 8, 6), stages, 3, **how)
    weights = init_weights(cfg)
    weights.out[:] = rng.normal(size=weights.out.shape)
    values = rng.normal(size=(7, 4, 96) if recorded else (7, 96))
    images = Images(values, rng.integers(0, 3, 7), Map(2, 8, 6))
    loss, gradients = bptt_gradients(cfg, weights, images.repeated(4), images.labels)
    net = Net(cfg, norm=False).double()
    net.load(weights, np.float64)
    maps, labels = tensors(images)
    theirs = loss_of(net, net(maps.double())[0], labels)
    theirs.backward()
    assert float(theirs) == pytest.approx(loss)
    np.testing.assert_allclose(net.out.weight.grad.T, gradients.out, rtol=1e-9, atol=1e-12)
    for kernel, ours in zip(net.kernels, gradients.hidden, strict=True):
        found = kernel.weight.grad
        taps = found.T if found.ndim == 2 else found.permute(2, 3, 1, 0).reshape(ours.shape)
        np.testing.assert_allclose(taps, ours, rtol=1e-9, atol=1e-12)
