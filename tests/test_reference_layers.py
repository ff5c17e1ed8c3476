"""Networks on maps: TESS against loops, BPTT against differences, and what they share with flat ones."""

from itertools import pairwise

import numpy as np
import pytest

from golden.reference import (
    FloatConfig,
    TessLearner,
    Weights,
    accuracy,
    evaluate,
    fit_bptt,
    fit_online,
    fit_tess_batched,
    init_weights,
)
from golden.reference.bptt import bptt_gradients
from golden.reference.optim import Adam
from golden.spec.shape import Map, parse_stages
from tests.reference_loop import learn

MIXED = ("3c3p", "4c3", "3c3p", "5")
NETWORKS = {
    "mixed": (Map(2, 9, 8), MIXED, (3, 2, 2, 1)),
    "mean": (Map(2, 5, 4), ("3c3", "4c3g"), (3, 1)),
    "pooled": (Map(1, 6, 6), ("3c3p",), (2,)),
    "flat first": (Map(1, 2, 3), ("6", "5"), (1, 1)),
}


def make(name: str, seed: int, **fields: object) -> tuple[FloatConfig, Weights, np.ndarray, int]:
    """A network that fires, a sample and its label."""
    print("seed", seed)
    rng, (inputs, stages, sides) = np.random.default_rng(seed), NETWORKS[name]
    fields = {"steps": 4, "temperature": 0.2, "eta": 0.2, "eta_out": 0.1, **fields}
    cfg = FloatConfig.of_stages(inputs, stages, 3, latent_sides=sides, **fields)
    weights = init_weights(cfg)
    for layer, v in zip(cfg.layers, weights.hidden, strict=True):
        v[:] = rng.uniform(-1.0, 1.2, v.shape) / np.sqrt(layer.weight_shape[0] / 6)
    for v, gain in zip(weights.hidden, weights.gains, strict=False):
        gain[:] = np.linalg.norm(v, axis=0)
    weights.out[:] = rng.normal(size=weights.out.shape)
    return cfg, weights, rng.random((4, inputs.neurons)) < 0.35, int(rng.integers(3))


CASES: list[dict[str, object]] = [
    {"update": "step", "alpha_post": 0.8},
    {"update": "sample", "alpha_post": 0.8, "output_bias": True, "learn_last": 2},
    {"error": "hard_sigmoid", "error_out": "hard_sigmoid", "rate_cost": 0.1},
    {"surrogate": "reciprocal", "reset": "hard", "fold_scale": False},
]


@pytest.mark.parametrize("fields", CASES, ids=lambda case: "-".join(map(str, case.values())))
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [1, 2])
def test_tess_matches_loops_over_synapses(name: str, fields: dict[str, object], seed: int) -> None:
    cfg, weights, sample, label = make(name, seed, **fields)
    expected, rates, _ = learn(cfg, weights, sample, label)
    assert all(0.02 < rate < 0.9 for rate in rates), "every layer must fire, but not always"
    learner = TessLearner(cfg, weights.copy())
    learner.learn_sample(sample, label)
    for got, want, before in zip(learner.weights.arrays(), expected, weights.arrays(), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
        assert before.ndim == 1 or np.abs(got - before).max() > 1e-4


@pytest.mark.parametrize("name", NETWORKS)
def test_evaluation_fires_like_the_loops(name: str) -> None:
    cfg, weights, sample, label = make(name, 3, eta=0.0, eta_out=0.0)
    _, rates, _ = learn(cfg, weights, sample, label)
    assert evaluate(cfg, weights, sample[None]).firing_rates == pytest.approx(rates)


def smooth_losses(
    cfg: FloatConfig, weights: Weights, spikes: np.ndarray, labels: np.ndarray, step: float
) -> list[tuple[float, float, float]]:
    """(gradient, difference, largest gradient of its array) of some weights of every array."""
    _, grads = bptt_gradients(cfg, weights, spikes, labels, smooth=True)
    rng, found = np.random.default_rng(0), []
    for array, gradient in zip(weights.arrays(), grads.arrays(), strict=True):
        for flat in rng.choice(array.size, min(array.size, 10), replace=False):
            index = np.unravel_index(flat, array.shape)
            kept, losses = array[index], []
            for value in (kept - step, kept + step):
                array[index] = value
                losses.append(bptt_gradients(cfg, weights, spikes, labels, smooth=True)[0])
            array[index] = kept
            difference = (losses[1] - losses[0]) / (2 * step)
            found.append((float(gradient[index]), difference, float(np.abs(gradient).max())))
    return found


@pytest.mark.parametrize("weight_norm", [False, True])
@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("name", NETWORKS)
def test_bptt_gradient_is_the_derivative_of_the_smoothed_loss(
    name: str, reset: str, weight_norm: bool
) -> None:
    cfg, weights, _, _ = make(name, 4, reset=reset, weight_norm=weight_norm, output_bias=True)
    weights.out *= 20  # smoothed spikes are small: keep the gradients above rounding noise
    rng = np.random.default_rng(4)
    spikes, labels = rng.random((2, 4, cfg.sizes[0])) < 0.5, rng.integers(0, 3, 2)
    for gradient, difference, largest in smooth_losses(cfg, weights, spikes, labels, 1e-6):
        assert largest > 1e-5
        assert gradient == pytest.approx(difference, rel=1e-3, abs=1e-4 * largest + 2e-9)


def test_flat_networks_written_as_stages_are_the_same_to_the_bit() -> None:
    print("seed", 5)
    rng, common = np.random.default_rng(5), {"steps": 5, "init_scale": 3.0, "alpha_post": 0.5}
    spikes, labels = rng.random((20, 5, 24)) < 0.3, rng.integers(0, 3, 20)
    plain = FloatConfig(sizes=(24, 12, 8, 3), **common)
    staged = FloatConfig.of_stages(Map(2, 4, 3), ("12", "8"), 3, **common)
    for fit in (fit_online, fit_tess_batched, fit_bptt):
        one, other = (fit(cfg, spikes, labels, epochs=2) for cfg in (plain, staged))
        for a, b in zip(one.arrays(), other.arrays(), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.any() or a.ndim == 1


@pytest.mark.parametrize("update", ["step", "sample"])
def test_on_a_map_of_one_pixel_a_convolution_is_fully_connected(update: str) -> None:
    print("seed", 6)
    rng, common = np.random.default_rng(6), {"steps": 6, "alpha_post": 0.5, "update": update}
    flat = FloatConfig(sizes=(7, 6, 3), **common)
    pixel = FloatConfig.of_stages(Map(7), ("6c3",), 3, **common)
    dense, kernels = init_weights(flat), init_weights(pixel)
    dense.hidden[0][:] = rng.uniform(-0.4, 0.9, (7, 6))
    middle = slice(4 * 7, 5 * 7)
    border = kernels.hidden[0].copy()
    kernels.hidden[0][middle] = border[middle] = dense.hidden[0]
    one, other = TessLearner(flat, dense), TessLearner(pixel, kernels)
    for label in (0, 1, 2):
        sample = rng.random((6, 7)) < 0.5
        one.learn_sample(sample, label)
        other.learn_sample(sample, label)
    np.testing.assert_allclose(kernels.hidden[0][middle], dense.hidden[0], atol=1e-13)
    np.testing.assert_allclose(kernels.out, dense.out, atol=1e-13)
    assert np.abs(kernels.hidden[0] - border)[middle].max() > 1e-3
    border[middle] = kernels.hidden[0][middle]
    np.testing.assert_array_equal(kernels.hidden[0], border)  # zero padding: nothing to learn


@pytest.mark.parametrize("seed", [7, 8])
def test_a_batch_gradient_is_the_mean_over_its_samples(seed: int) -> None:
    cfg, weights, _, _ = make("mixed", seed, alpha_post=0.5, weight_norm=True)
    rng = np.random.default_rng(seed)
    spikes, labels = rng.random((4, 4, cfg.sizes[0])) < 0.4, rng.integers(0, 3, 4)
    singles = [slice(k, k + 1) for k in range(4)]

    def tess(part: slice) -> Weights:
        return TessLearner(cfg, weights).gradients(spikes[part], labels[part])

    def bptt(part: slice) -> Weights:
        return bptt_gradients(cfg, weights, spikes[part], labels[part])[1]

    for gradients in (tess, bptt):
        parts = (gradients(part).arrays() for part in singles)
        for got, *each in zip(gradients(slice(0, 4)).arrays(), *parts, strict=True):
            np.testing.assert_allclose(got, np.mean(each, axis=0), atol=1e-12)


# --- weight normalization -------------------------------------------------------------------


def test_normalized_weights_have_the_length_of_their_gain() -> None:
    cfg, _, sample, _ = make("mixed", 9, weight_norm=True)
    weights, plain = init_weights(cfg), init_weights(make("mixed", 9)[0])
    for w, drawn, gain in zip(weights.effective(), plain.hidden, weights.gains, strict=True):
        np.testing.assert_allclose(w, drawn, rtol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(w, axis=0), gain)
    weights.out[:] = plain.out[:] = 1.0
    before = evaluate(cfg, weights, sample[None]).logits
    for layer, v in enumerate(weights.hidden):
        v *= 3.0
        weights.gains[layer] *= 1.0 + 1e-12
    np.testing.assert_allclose(evaluate(cfg, weights, sample[None]).logits, before)
    weights.gains[0] *= 0.0
    assert evaluate(cfg, weights, sample[None]).firing_rates[0] == 0.0


@pytest.mark.parametrize("seed", [10, 11])
def test_with_gains_too_steps_and_samples_agree_when_eta_is_tiny(seed: int) -> None:
    changes = []
    for update in ("step", "sample"):
        tiny = {"eta": 1e-7, "eta_out": 1e-7, "alpha_post": 1.0}
        cfg, weights, sample, label = make("mixed", seed, update=update, weight_norm=True, **tiny)
        learner = TessLearner(cfg, weights.copy())
        learner.learn_sample(sample, label)
        pairs = zip(learner.weights.arrays(), weights.arrays(), strict=True)
        changes.append([(a - b) / 1e-7 for a, b in pairs])
    for one, other in zip(*changes, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
    assert min(np.abs(change).max() for change in changes[0] if change.ndim == 2) > 1e-2
    assert all(np.abs(change).max() > 1e-3 for change in changes[0][-4:])  # the gains


# --- the network of the paper ---------------------------------------------------------------


@pytest.mark.parametrize("inputs", [Map(2, 32, 32), Map(2, 48, 48), Map(3, 32, 32)], ids=str)
def test_vgg9_has_the_shapes_of_the_paper(inputs: Map) -> None:
    cfg = FloatConfig.of_stages(inputs, ("vgg9",), 11)
    channels = (inputs.channels, 64, 128, 256, 256, 512, 512, 512, 512)
    rows = [(9 * a, b) for a, b in pairwise(channels)]
    assert [layer.weight_shape for layer in cfg.layers] == rows
    sides = [inputs.height // k for k in (1, 2, 2, 4, 4, 8, 8)] + [1]
    assert [layer.passed_on.height for layer in cfg.layers] == sides
    latents = [b * s * s for (_, b), s in zip(rows, (4, 2, 2, 2, 2, 2, 2, 1), strict=True)]
    assert [layer.latents for layer in cfg.layers] == latents
    assert [1 / (cfg.logit_scale(k) * cfg.per_layer("temperature", k)) for k in range(8)] == (
        pytest.approx(latents)
    )
    assert init_weights(cfg).out.shape == (512, 11)


def test_a_step_of_vgg9_moves_every_layer() -> None:
    print("seed", 12)
    small = ("4c3", "8c3p", "16c3", "16c3p", "32c3", "32c3p", "32c3", "32c3g")
    assert [s.pool for s in parse_stages(small)] == [s.pool for s in parse_stages(("vgg9",))]
    cfg = FloatConfig.of_stages(
        Map(2, 16, 16), small, 4, steps=3, init_scale=4.0, alpha_post=1.0, weight_norm=True
    )
    rng = np.random.default_rng(12)
    spikes, labels = rng.random((3, 3, 512)) < 0.3, np.array([0, 1, 3])
    batched, bptt = (
        fit(cfg, spikes, labels, epochs=2, optimizer=Adam(1e-3))
        for fit in (fit_tess_batched, fit_bptt)
    )
    online, start = fit_online(cfg, spikes, labels, epochs=1), init_weights(cfg)
    assert all(rate > 0.02 for rate in evaluate(cfg, start, spikes).firing_rates)
    for weights in (online, batched, bptt):
        for moved, before in zip(weights.arrays(), start.arrays(), strict=True):
            assert np.isfinite(moved).all()
            assert before is start.bias or not np.array_equal(moved, before)


# --- training, and what is refused ----------------------------------------------------------


def bars(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Class = a line lies or stands, anywhere on a noisy 8 x 8 map: no pixel knows."""
    rng = np.random.default_rng(seed)
    labels, rates = rng.integers(0, 2, count), np.full((count, 8, 8), 0.05)
    for k, label in enumerate(labels):
        y, x = rng.integers(0, 8, 2)
        rates[k][(y, slice(None)) if label else (slice(None), x)] = 0.8
    return rng.random((count, 4, 64)) < rates.reshape(count, 1, 64), labels


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("method", ["frozen", "on line", "batched", "bptt"])
def test_convolutions_learn_which_way_lines_lie(method: str, seed: int) -> None:
    print("seed", seed)
    common = {"steps": 4, "temperature": 0.5, "eta": 0.3, "eta_out": 0.5, "init_scale": 2.0}
    learns = {"train_hidden": method != "frozen", "precision": "float32", "seed": seed}
    cfg = FloatConfig.of_stages(Map(1, 8, 8), ("4c3", "4c3g"), 2, **common, **learns)
    (spikes, labels), test = bars(150, 13 + seed), bars(200, 24 + seed)
    if method in ("frozen", "on line"):
        weights = fit_online(cfg, spikes, labels, epochs=4)
    else:
        fit = fit_tess_batched if method == "batched" else fit_bptt
        weights = fit(cfg, spikes, labels, epochs=10, batch=10, optimizer=Adam(0.02))
    assert {array.dtype for array in weights.arrays()} == {np.dtype(np.float32)}
    assert (accuracy(cfg, weights, *test) >= 0.85) == (method != "frozen")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stages": ("4c3",)}, "input_map: got None, expected a map, under stages"),
        (
            {"stages": ("4c3",), "input_map": Map(2, 3, 3)},
            "sizes: got (2312, 128, 10), expected (18,",
        ),
        ({"input_map": Map(2, 3, 3)}, "sizes: got (2312, 128, 10), expected (18, 128, 10)"),
        ({"stages": ("4c5",), "input_map": Map(2, 3, 3)}, "stage '4c5': 128 is a layer of"),
        ({"latent_sides": (2,)}, "latent_sides: got (2,), expected one per layer, at most (1)"),
    ],
)
def test_configuration_refuses_in_one_line(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        FloatConfig(**fields)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_stages_are_checked_where_they_are_given() -> None:
    with pytest.raises(ValueError, match=r"at least one hidden layer"):
        FloatConfig.of_stages(Map(2, 4, 4), (), 3)
    with pytest.raises(ValueError, match=r"expected one per layer, at most \(2, 1\)"):
        FloatConfig.of_stages(Map(2, 4, 4), ("4c3p", "4c3g"), 3, latent_sides=(3, 1))
    with pytest.raises(ValueError, match="too small"):
        FloatConfig.of_stages(Map(2, 4, 3), ("4c3p", "4c3p"), 3)
    assert FloatConfig.of_stages(Map(2, 7, 9), ("4c3", "4c3p"), 3).layers[1].side == 3
