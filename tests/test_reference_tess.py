"""TESS, vectorised, against a loop over single neurons and synapses written from the equations."""

import math
from itertools import pairwise, product

import numpy as np
import pytest

from golden.reference import FloatConfig, TessLearner, Weights, evaluate
from golden.reference.config import PerLayer

SIZES = (7, 6, 5, 3)
STEPS = 6


def make(seed: int, **fields: object) -> tuple[FloatConfig, Weights, np.ndarray, int]:
    """A small network that fires often, one sample and its label, all from ``seed``."""
    rng = np.random.default_rng(seed)
    print("seed", seed)
    cfg = FloatConfig(**{"sizes": SIZES, "steps": STEPS, "temperature": 0.2, **fields})
    pairs = list(pairwise(SIZES[:-1]))
    weights = Weights(
        hidden=[rng.uniform(-0.4, 0.9, pair) for pair in pairs],
        out=rng.normal(size=SIZES[-2:]),
        bias=np.zeros(SIZES[-1]),
    )
    return cfg, weights, rng.random((STEPS, SIZES[0])) < 0.4, int(rng.integers(SIZES[-1]))


# --- the naive implementation: scalars and lists only ---------------------------------------


def naive_psi(cfg: FloatConfig, v: float) -> float:
    if cfg.surrogate == "triangle":
        return 0.3 * max(0.0, 1.0 - abs(v - cfg.theta))
    return 1.0 / (100.0 * abs(v - cfg.theta) + 1.0) ** 2


def naive_error(kind: str, y: list[float], label: int, dead_zone: float) -> list[float]:
    classes = len(y)
    if kind == "softmax":
        total = sum(math.exp(value) for value in y)
        p = [math.exp(value) / total for value in y]
        e = [p[c] - (c == label) for c in range(classes)]
        return [value if abs(value) >= dead_zone else 0.0 for value in e]
    hs = [min(1.0, max(0.0, value / 4 + 0.5)) for value in y]
    e = [2.0 / classes * (hs[c] - (c == label)) for c in range(classes)]
    return [value if abs(value) >= dead_zone else 0.0 for value in e]


def naive_sign(c: int, k: int, classes: int) -> float:
    f = 50.0 + (512.0 - 50.0) * c / (classes - 1)
    return 1.0 if math.sin(f * k) > 0 else -1.0


def value(field: PerLayer, layer: int) -> float:
    return field[layer] if isinstance(field, tuple) else field


def naive_signal(cfg: FloatConfig, layer: int, o: list[float], label: int) -> list[float]:
    d, classes = len(o), cfg.sizes[-1]
    scale = 1.0 / (d * value(cfg.temperature, layer))
    y = [scale * sum(naive_sign(c, k, classes) * o[k] for k in range(d)) for c in range(classes)]
    e = naive_error(cfg.error, y, label, cfg.dead_zone)
    factor = 1.0 if cfg.fold_scale else scale
    m = [factor * sum(naive_sign(c, k, classes) * e[c] for c in range(classes)) for k in range(d)]
    return [m[k] + cfg.rate_cost * o[k] for k in range(d)]


def naive_learn(
    cfg: FloatConfig, start: Weights, sample: np.ndarray, label: int
) -> tuple[list[np.ndarray], int]:
    """Weights after one sample, and how many hidden spikes there were."""
    w = [array.copy() for array in (*start.hidden, start.out, start.bias)]
    total = [np.zeros_like(array) for array in w]
    layers = len(SIZES) - 2
    u, h, psi = ([[0.0] * n for n in SIZES[1:-1]] for _ in range(3))
    q = [[0.0] * n for n in SIZES[:-2]]
    spikes = 0
    for t in range(cfg.steps):
        on = t >= cfg.steps - (cfg.learn_last or cfg.steps)
        x = [float(s) for s in sample[t]]
        moves = [np.zeros_like(array) for array in w]
        for layer in range(layers):
            o = [0.0] * len(u[layer])
            for j in range(len(x)):
                q[layer][j] = cfg.lambda_pre * q[layer][j] + x[j]
            for i in range(len(o)):
                v = cfg.gamma * u[layer][i] + sum(w[layer][j, i] * x[j] for j in range(len(x)))
                o[i] = 1.0 if v > cfg.theta else 0.0
                u[layer][i] = v - cfg.theta * o[i] if cfg.reset == "soft" else v * (1 - o[i])
                h[layer][i] = cfg.lambda_post * h[layer][i] + psi[layer][i]
                psi[layer][i] = naive_psi(cfg, v)
            m = naive_signal(cfg, layer, o, label)
            for j, i in product(range(len(x)), range(len(o))):
                trace = cfg.alpha_pre * psi[layer][i] * q[layer][j]
                trace += cfg.alpha_post * h[layer][i] * x[j]
                moves[layer][j, i] = -value(cfg.eta, layer) * m[i] * trace * cfg.train_hidden
            spikes += int(sum(o))
            x = o
        y = [
            (sum(w[-2][k, c] * x[k] for k in range(len(x))) + w[-1][c]) / cfg.temperature_out
            for c in range(SIZES[-1])
        ]
        e = naive_error(cfg.error_out, y, label, cfg.dead_zone_out)
        for c in range(SIZES[-1]):
            moves[-1][c] = -cfg.eta_out * e[c] * cfg.output_bias
            for k in range(len(x)):
                moves[-2][k, c] = -cfg.eta_out * e[c] * x[k]
        if on:
            for target, move in zip(w if cfg.update == "step" else total, moves, strict=True):
                target += move
    return [a + b for a, b in zip(w, total, strict=True)], spikes


# --- tests ----------------------------------------------------------------------------------

CASES: list[dict[str, object]] = [
    {"reset": reset, "surrogate": kind, "error": error, "error_out": out, "update": update}
    for reset, kind, error, out, update in product(
        ("soft", "hard"),
        ("triangle", "reciprocal"),
        ("softmax", "hard_sigmoid"),
        ("softmax", "hard_sigmoid"),
        ("step", "sample"),
    )
] + [
    {"learn_last": 2},
    {"learn_last": STEPS},
    {"fold_scale": False, "temperature": (0.1, 0.3)},
    {"eta": (0.3, 0.7), "eta_out": 0.2},
    {"alpha_pre": 0.0},
    {"lambda_pre": 0.0, "lambda_post": 1.0},
    {"train_hidden": False},
    {"rate_cost": 0.3},
    {"rate_cost": 0.3, "error": "hard_sigmoid", "temperature": 0.04},
    {"dead_zone": 0.2},
    {"dead_zone_out": 0.2},
    {"dead_zone": 0.2, "dead_zone_out": 0.3, "error": "hard_sigmoid", "error_out": "hard_sigmoid"},
    {"temperature_out": 0.4, "output_bias": True},
    {"output_bias": True, "update": "sample"},
]


@pytest.mark.parametrize("fields", CASES, ids=lambda case: "-".join(map(str, case.values())))
@pytest.mark.parametrize("seed", [1, 2])
def test_matches_a_naive_loop(fields: dict[str, object], seed: int) -> None:
    cfg, weights, sample, label = make(
        seed, **{"eta": 0.2, "eta_out": 0.1, "alpha_post": 0.8, **fields}
    )
    expected, spikes = naive_learn(cfg, weights, sample, label)
    assert 5 < spikes < 0.9 * STEPS * sum(SIZES[1:-1]), "the network must fire, but not always"
    learner = TessLearner(cfg, weights.copy())
    learner.learn_sample(sample, label)
    for got, want, before in zip(learner.weights.arrays(), expected, weights.arrays(), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
        frozen = (before.ndim == 1 and not cfg.output_bias) or (
            not cfg.train_hidden and before is not weights.out
        )
        assert frozen == np.array_equal(got, before)


@pytest.mark.parametrize("seed", range(5))
def test_added_up_and_per_step_agree_when_eta_is_tiny(seed: int) -> None:
    changes = []
    for update in ("step", "sample"):
        cfg, weights, sample, label = make(
            seed, update=update, eta=1e-7, eta_out=1e-7, alpha_post=1.0
        )
        learner = TessLearner(cfg, weights.copy())
        learner.learn_sample(sample, label)
        pairs = zip(learner.weights.arrays(), weights.arrays(), strict=True)
        changes.append(np.concatenate([(a - b).ravel() / 1e-7 for a, b in pairs]))
    assert np.abs(changes[0]).max() > 0.1
    np.testing.assert_allclose(changes[0], changes[1], rtol=0, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_batch_gradient_is_the_mean_over_samples(seed: int) -> None:
    cfg, weights, _, _ = make(seed, alpha_post=0.5, error="hard_sigmoid", output_bias=True)
    rng = np.random.default_rng(seed)
    spikes, labels = rng.random((4, STEPS, SIZES[0])) < 0.4, rng.integers(0, SIZES[-1], 4)
    learner = TessLearner(cfg, weights)
    whole = learner.gradients(spikes, labels)
    parts = [learner.gradients(spikes[k : k + 1], labels[k : k + 1]) for k in range(4)]
    for got, *each in zip(whole.arrays(), *(p.arrays() for p in parts), strict=True):
        np.testing.assert_allclose(got, np.mean(each, axis=0), atol=1e-12)


def test_rate_scales_the_update_and_zero_stops_it() -> None:
    changes = {}
    for rate in (0.0, 0.5, 1.0):
        cfg, weights, sample, label = make(3, update="sample")
        learner = TessLearner(cfg, weights.copy())
        learner.learn_sample(sample, label, rate)
        changes[rate] = learner.weights.hidden[0] - weights.hidden[0]
    assert not changes[0.0].any()
    np.testing.assert_allclose(2 * changes[0.5], changes[1.0], atol=1e-15)


def test_evaluation_leaves_the_weights_and_counts_firing() -> None:
    cfg, weights, sample, label = make(4)
    before = weights.copy()
    result = evaluate(cfg, weights, sample[None])
    for got, want in zip(weights.arrays(), before.arrays(), strict=True):
        np.testing.assert_array_equal(got, want)
    learning_off = FloatConfig(sizes=SIZES, steps=STEPS, eta=0.0, eta_out=0.0)
    _, spikes = naive_learn(learning_off, weights, sample, label)
    fired = np.dot(result.firing_rates, SIZES[1:-1]) * STEPS
    assert fired == pytest.approx(spikes)


def test_wrong_input_is_refused_in_one_line() -> None:
    cfg, weights, sample, label = make(5)
    learner = TessLearner(cfg, weights)
    with pytest.raises(ValueError, match=r"spikes: got shape \(6, 6\), expected \(6, 7\)"):
        learner.learn_sample(sample[:, :-1], label)
    with pytest.raises(ValueError, match=r"label: got 3, expected 0\.\.2"):
        learner.learn_sample(sample, 3)
