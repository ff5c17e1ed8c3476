"""The float reference against vectors recorded from the authors' code (data/tess_vectors/README.md)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.reference import FloatConfig, Readouts, TessLearner, init_weights
from golden.reference.readouts import published_signs
from golden.reference.tess import LayerState
from golden.spec.shape import Map

FILE = Path(__file__).parents[1] / "data" / "tess_vectors" / "vectors.npz"
VECTORS = np.load(FILE)
CASES = sorted({name.split("/")[0] for name in VECTORS.files} - {"basis"})
CLOSE = 1e-4
"""Of the largest value: the vectors are in single precision."""


class Case:
    """One layer and one sample of the vectors, in the layout of the reference."""

    def __init__(self, name: str, precision: str, **changes: object) -> None:
        self.of = {key.split("/")[1]: VECTORS[key] for key in VECTORS.files if key.startswith(name)}
        convolution = self.of["w"].ndim == 4
        self.x, w = self.frames("in"), self.kernels("w")
        lambda_post, lambda_pre, alpha_post, alpha_pre = map(
            float, self.of["factors_lpost_lpre_apost_apre"]
        )
        fields: dict[str, object] = {
            **{"steps": int(self.of["T"]), "learn_last": int(self.of["Tl"])},
            **{"gamma": float(self.of["gamma"]), "theta": float(self.of["theta"])},
            **{"lambda_post": lambda_post, "lambda_pre": lambda_pre},
            **{"alpha_post": alpha_post, "alpha_pre": alpha_pre},
            **{"temperature": float(self.of["temperature"]), "fold_scale": False},
            **{"error": {"CE": "softmax", "MSEHW": "hard_sigmoid"}[str(self.of["loss"])]},
            **{"readouts": Readouts(start="published"), "precision": precision, **changes},
        }
        if convolution:
            sees, outputs = Map(*self.of["in"].shape[1:]), w.shape[1]
            pooled = self.of["pooled"].shape != self.of["spikes"].shape
            fields |= {"reset_by": 1.0, "latent_sides": (int(self.of["pool_out"]),), **changes}
            stage = f"{outputs}c3{'p' * pooled}"
            self.cfg = FloatConfig.of_stages(sees, (stage,), int(self.of["C"]), **fields)
        else:
            sizes = (*w.shape, int(self.of["C"]))
            self.cfg = FloatConfig(sizes=sizes, surrogate="reciprocal", **fields)
        self.weights = init_weights(self.cfg)
        self.weights.hidden[0][:] = w

    def frames(self, key: str) -> np.ndarray:
        """Maps (T, channel, y, x) as (T, neurons), channel-last; flat frames as they are."""
        array = self.of[key]
        maps = array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
        return maps.reshape(len(array), -1)

    def kernels(self, key: str) -> np.ndarray:
        """Kernels (out, in, dy, dx) or matrices (out, in) as (rows, out)."""
        array = self.of[key]
        rows = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
        return rows.reshape(-1, array.shape[0])

    def run(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Spikes, membranes after reset and pooled spikes of all steps."""
        (layer,), found = self.cfg.layers, []
        state = LayerState.cleared(1, layer.inputs.neurons, layer.fired.neurons, self.cfg.precision)
        for x in self.x.astype(self.cfg.precision)[:, None]:
            o = state.step(self.cfg, x, layer.synapses.integrate(self.weights.hidden[0], x))
            found.append((o[0], state.u[0], layer.pool(o)[0]))
        spikes, membranes, pooled = map(np.array, zip(*found, strict=True))
        return spikes, membranes, pooled

    def gradient(self) -> np.ndarray:
        """Of the hidden weights, summed over the learning steps."""
        learner = TessLearner(self.cfg, self.weights)
        return learner.gradients(self.x[None], self.of["label"][None]).hidden[0]


def distance(got: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference as a share of the largest value expected."""
    return float(np.abs(got - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_that_of_the_published_code(name: str, precision: str) -> None:
    case = Case(name, precision)
    spikes, membranes, pooled = case.run()
    np.testing.assert_array_equal(spikes, case.frames("spikes"))
    np.testing.assert_array_equal(pooled, case.frames("pooled"))
    assert distance(membranes, case.frames("u_after_reset")) < CLOSE
    assert distance(case.gradient(), case.kernels("grad")) < CLOSE


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("conv")])
def test_the_published_convolution_does_not_subtract_theta(name: str) -> None:
    _, membranes, _ = Case(name, "float64", reset_by=None).run()
    assert distance(membranes, Case(name, "float64").frames("u_after_reset")) > 0.1


def test_the_vectors_tell_terms_of_the_rule_apart() -> None:
    case = Case("conv_pool2_both", "float64")
    expected = case.kernels("grad")
    for wrong in ({"alpha_post": 0.0}, {"alpha_post": -1.0}, {"learn_last": None}):
        case.cfg = replace(case.cfg, **wrong)
        assert distance(case.gradient(), expected) > 0.05, wrong


@pytest.mark.parametrize(("classes", "latents"), [(10, 256), (100, 512)])
def test_published_signs_in_single_precision(classes: int, latents: int) -> None:
    expected = VECTORS[f"basis/C{classes}_n{latents}"]
    np.testing.assert_array_equal(published_signs(classes, latents), expected)
