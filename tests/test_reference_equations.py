"""Single equations, against values worked out by hand, and the configuration's refusals."""

import math

import numpy as np
import pytest

from golden.reference import FloatConfig, accuracy, evaluate, init_weights, predict
from golden.reference.equations import (
    hard_sigmoid,
    learning_error,
    reset_membrane,
    smooth_spike,
    softmax,
    surrogate,
)
from golden.reference.network import fire
from golden.spec.packing import sign_matrix

EXPECTED_SIGNS = [
    "------------",
    "-+++----++++",
    "-+--++-++--+",
    "-+-+-+-+-+-+",
    "--+--+-++-++",
    "---+++--+++-",
    "------------",
    "-+++---++++-",
    "-+--+--+--++",
    "-+-+-+-+-+-+",
]


def test_sign_matrix_has_its_fixed_values() -> None:
    signs = sign_matrix(10, 128)
    rows = ["".join("+" if s > 0 else "-" for s in row[:12]) for row in signs]
    assert rows == EXPECTED_SIGNS
    assert signs.shape == (10, 128)
    assert set(np.unique(signs)) == {-1, 1}
    for c, k in [(0, 1), (3, 77), (9, 127), (5, 64)]:
        f = 50 + 462 * c / 9
        assert signs[c, k] == math.copysign(1, math.sin(f * k))


def test_a_longer_sign_matrix_extends_a_shorter_one() -> None:
    np.testing.assert_array_equal(sign_matrix(11, 300)[:, :64], sign_matrix(11, 64))


def test_sign_rows_are_nearly_orthogonal() -> None:
    signs = sign_matrix(10, 512)
    overlap = signs @ signs.T / 512 - np.eye(10)
    assert np.abs(overlap).max() < 0.15


def test_surrogates() -> None:
    v = np.array([-0.5, 0.1, 0.6, 1.1, 1.6])
    np.testing.assert_allclose(surrogate(v, 0.6, "triangle"), [0, 0.15, 0.3, 0.15, 0], atol=1e-15)
    np.testing.assert_allclose(surrogate(v, 0.6, "reciprocal")[1:3], [1 / 51**2, 1])


@pytest.mark.parametrize("kind", ["triangle", "reciprocal"])
def test_the_smooth_spike_is_the_integral_of_the_surrogate(kind: str) -> None:
    v = np.linspace(-1.0, 2.0, 41) + 0.013
    slope = (smooth_spike(v + 1e-6, 0.6, kind) - smooth_spike(v - 1e-6, 0.6, kind)) / 2e-6
    np.testing.assert_allclose(slope, surrogate(v, 0.6, kind), rtol=1e-4, atol=1e-6)


def test_errors() -> None:
    y, target = np.array([3.0, -3.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(hard_sigmoid(y), [1, 0, 0.5, 0.75])
    np.testing.assert_allclose(learning_error(y, target, "hard_sigmoid"), [0, 0, 0.25, 0.375])
    np.testing.assert_allclose(learning_error(y, target, "hard_sigmoid", 0.3), [0, 0, 0, 0.375])
    np.testing.assert_allclose(learning_error(y, target, "softmax"), softmax(y) - target)
    np.testing.assert_allclose(softmax(np.array([0.0, math.log(3)]) + 1000), [0.25, 0.75])


@pytest.mark.parametrize("classes", [2, 3, 10, 11])
def test_the_widest_dead_zone_still_lets_zero_logits_learn(classes: int) -> None:
    target = np.eye(classes)[0]
    e = learning_error(np.zeros(classes), target, "hard_sigmoid", 1 / classes)
    np.testing.assert_allclose(e, 1 / classes - target * 2 / classes)


def test_resets_and_the_strict_threshold() -> None:
    v, o = np.array([0.5, 1.0]), np.array([0.0, 1.0])
    np.testing.assert_allclose(reset_membrane(v, o, 0.6, "soft"), [0.5, 0.4])
    np.testing.assert_allclose(reset_membrane(v, o, 0.6, "hard"), [0.5, 0.0])
    cfg = FloatConfig(theta=0.75, gamma=0.5)
    v, o, u = fire(cfg, np.array([0.5, 0.5]), np.array([0.5, 0.75]))
    np.testing.assert_array_equal(v, [0.75, 1.0])
    np.testing.assert_array_equal(o, [0.0, 1.0])
    np.testing.assert_array_equal(u, [0.75, 0.25])


def test_prediction_sums_the_output_over_all_steps() -> None:
    cfg = FloatConfig(sizes=(2, 2, 2), steps=3, gamma=0.0, learn_last=1)
    weights = init_weights(cfg)
    weights.hidden[0][:] = np.eye(2)
    weights.out[:] = np.eye(2)
    spikes = np.array([[[1, 0], [1, 0], [0, 1]], [[0, 1], [1, 1], [0, 0]]], bool)
    result = evaluate(cfg, weights, spikes)
    np.testing.assert_array_equal(result.logits, [[2, 1], [1, 2]])
    assert result.firing_rates == (6 / 12,)
    assert accuracy(cfg, weights, spikes, np.array([0, 0])) == 0.5


def test_evaluation_does_not_depend_on_the_batch() -> None:
    print("seed", 0)
    cfg = FloatConfig(sizes=(9, 8, 3), steps=4, init_scale=4.0)
    rng = np.random.default_rng(0)
    weights, spikes = init_weights(cfg), rng.random((150, 4, 9)) < 0.5
    weights.out[:] = rng.normal(size=weights.out.shape)
    whole = evaluate(cfg, weights, spikes).logits
    single = [evaluate(cfg, weights, spikes[k : k + 1]).logits[0] for k in range(150)]
    np.testing.assert_allclose(whole, single, atol=1e-12)
    np.testing.assert_array_equal(predict(cfg, weights, spikes), whole.argmax(axis=1))
    with pytest.raises(ValueError, match="got no samples"):
        evaluate(cfg, weights, spikes[:0])


def test_initial_weights_follow_the_seed_and_the_fan_in() -> None:
    cfg = FloatConfig(sizes=(100, 40, 30, 5), init_scale=(1.0, 3.0), seed=4)
    first, second = init_weights(cfg), init_weights(cfg)
    for a, b in zip(first.arrays(), second.arrays(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert 0.09 < np.abs(first.hidden[0]).max() <= 0.1
    assert 0.4 < np.abs(first.hidden[1]).max() <= 3 / 40**0.5
    assert not first.out.any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sizes": (10, 5)}, "sizes: got (10, 5), expected inputs, at least one hidden layer"),
        ({"sizes": (10, 0, 5)}, "sizes: got (10, 0, 5)"),
        ({"sizes": (10, 5, 1)}, "at least 2 classes"),
        ({"steps": 0}, "steps: got 0"),
        ({"learn_last": 11}, "learn_last: got 11, expected None or 1..steps (10)"),
        ({"gamma": 1.5}, "gamma: got 1.5, expected 0..1"),
        ({"theta": 0.0}, "theta: got 0.0"),
        ({"reset": "none"}, "reset: got 'none', expected one of soft, hard"),
        ({"surrogate": "box"}, "surrogate: got 'box', expected one of triangle, reciprocal"),
        ({"error": "mse"}, "error: got 'mse', expected one of softmax, hard_sigmoid"),
        ({"update": "epoch"}, "update: got 'epoch', expected one of step, sample"),
        ({"temperature": 0.0}, "temperature: got 0.0, expected above 0"),
        ({"eta": (0.1, 0.2)}, "eta: got (0.1, 0.2), expected one value or 1, none negative"),
        ({"eta_out": -1.0}, "eta_out: got -1.0, expected 0 or more"),
    ],
)
def test_configuration_refuses_in_one_line(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as error:
        FloatConfig(**fields)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
