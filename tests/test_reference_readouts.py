"""Learned readouts, graded inputs and grids of weights: against loops, derivatives and their definitions."""

from dataclasses import replace

import numpy as np
import pytest

from golden.reference import (
    Fixed,
    FloatConfig,
    Formats,
    Readouts,
    TessLearner,
    Weights,
    evaluate,
    fit_bptt,
    fit_online,
    init_weights,
)
from golden.reference.bptt import bptt_gradients
from golden.reference.equations import learning_error, softmax
from golden.reference.readouts import power_of_two, start_readouts
from golden.spec.shape import Map
from tests.reference_loop import learn
from tests.test_reference_layers import NETWORKS, make, smooth_losses

LEARNED = Readouts(start="zero", eta=0.3, feedback="power_of_two")
RECIPE: dict[str, object] = {
    **{"readouts": LEARNED, "update": "sample", "update_out": "step", "fold_cells": True},
}
COARSE = Formats(hidden=Fixed(6, 3), readout=Fixed(9, 6), out=Fixed(10, 6))
CASES: list[dict[str, object]] = [
    RECIPE,
    {**RECIPE, "formats": COARSE, "error": "clipped"},
    {**RECIPE, "update": "step", "formats": COARSE, "alpha_post": -0.5},
    {**RECIPE, "update": "pixel", "formats": COARSE, "alpha_post": 0.5},
    {**RECIPE, "update": "pixel", "update_out": "sample", "error_out": "clipped"},
    {"readouts": replace(LEARNED, start="signs", feedback="exact"), "fold_scale": False},
    {**RECIPE, "readouts": replace(LEARNED, update="sample")},
    {"reset_by": 1.0, "alpha_post": -1.0, "readouts": Readouts(feedback="power_of_two")},
    {"update": "step", "update_out": "sample", "learn_last": 2, "output_bias": True},
]


def started(name: str, seed: int, **fields: object) -> tuple[FloatConfig, Weights, np.ndarray, int]:
    """A network of `test_reference_layers.make` whose readouts have begun to learn, graded inputs."""
    cfg, weights, _, label = make(name, seed, **fields)
    rng = np.random.default_rng(seed)
    for b in weights.readouts:
        b[:] += np.rint(rng.normal(size=b.shape) * 64) / 64
    if cfg.formats.hidden:
        weights.hidden = [cfg.formats.hidden.nearest(w) for w in weights.hidden]
    return cfg, weights, rng.normal(size=(4, cfg.sizes[0])), label


@pytest.mark.parametrize("fields", CASES, ids=range(len(CASES)))
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [21, 22])
def test_learning_matches_loops_over_synapses(
    name: str, fields: dict[str, object], seed: int
) -> None:
    cfg, weights, sample, label = started(name, seed, **fields)
    expected, rates, _ = learn(cfg, weights, sample, label)
    assert max(rates) > 0.02
    learner = TessLearner(cfg, weights.copy(), noise=lambda shape: np.full(shape, 0.5))
    learner.learn_sample(sample, label)
    for got, want in zip(learner.weights.arrays(), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    for b, before in zip(learner.weights.readouts, weights.readouts, strict=True):
        assert np.abs(b - before).max() > 1e-3


@pytest.mark.parametrize("in_score", [False, True])
def test_the_score_may_add_up_all_readouts(in_score: bool) -> None:
    still: dict[str, object] = {"eta": 0.0, "eta_out": 0.0}
    readouts = Readouts(eta=1e-300, in_score=in_score)  # learned ones, that do not move
    cfg, weights, sample, label = started("mixed", 23, readouts=readouts, **still)
    _, _, score = learn(cfg, weights, sample, label)
    found = evaluate(cfg, weights, sample[None])
    np.testing.assert_allclose(found.logits[0], score, atol=1e-12)
    total = found.layer_logits.sum(axis=0)[0]
    assert np.abs(total).max() > 0.1
    out = evaluate(replace(cfg, readouts=replace(readouts, in_score=False)), weights, sample[None])
    np.testing.assert_allclose(score - in_score * total, out.logits[0], atol=1e-12)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_update_of_a_readout_is_the_derivative_of_its_loss(seed: int) -> None:
    readouts = Readouts(start="signs", eta=0.1)
    cfg, weights, sample, label = started("mixed", seed, readouts=readouts, fold_scale=False)
    found = TessLearner(cfg, weights).gradients(sample[None], np.array([label]))

    def loss() -> float:
        """Cross entropy of all readouts; evaluated step by step, for the loss is not of the sum."""
        total = 0.0
        for steps in range(1, cfg.steps + 1):
            logits = [
                evaluate(replace(cfg, steps=n), weights, sample[None, :n]).layer_logits[:, 0]
                for n in (steps - 1, steps)
                if n
            ]
            y = logits[-1] - (logits[0] if steps > 1 else 0)
            total -= np.log(softmax(y)[:, label]).sum()
        return total

    rng = np.random.default_rng(seed)
    for b, gradient in zip(weights.readouts, found.readouts, strict=True):
        for index in zip(*(rng.integers(0, n, 4) for n in b.shape), strict=True):
            kept, losses = b[index], []
            for step in (-1e-5, 1e-5):
                b[index] = kept + step
                losses.append(loss())
            b[index] = kept
            assert gradient[index] == pytest.approx((losses[1] - losses[0]) / 2e-5, abs=1e-7)


@pytest.mark.parametrize("name", NETWORKS)
def test_bptt_with_a_reset_of_its_own_and_graded_inputs(name: str) -> None:
    cfg, weights, sample, label = started(name, 24, reset_by=1.0, output_bias=True)
    weights.out *= 20
    batch, labels = np.stack([sample, -sample]), np.array([label, 0])
    for gradient, difference, largest in smooth_losses(cfg, weights, batch, labels, 1e-6):
        assert gradient == pytest.approx(difference, rel=1e-3, abs=1e-4 * largest + 2e-9)
    other = bptt_gradients(replace(cfg, reset_by=None), weights, batch, labels, smooth=True)[1]
    found = bptt_gradients(cfg, weights, batch, labels, smooth=True)[1]
    assert np.abs(other.hidden[0] - found.hidden[0]).max() > 1e-7


# --- single pieces --------------------------------------------------------------------------


def test_powers_of_two() -> None:
    b = np.array([0.0, 0.001, -0.02, 0.7, 0.72, -1.0, 2.8, 2.9, -3.3])
    expected = [0.0, 2**-6, -(2**-6), 0.5, 1.0, -1.0, 2.0, 4.0, -4.0]
    np.testing.assert_array_equal(power_of_two(b), expected)


def test_the_clipped_error_is_the_softmax_s_near_zero_and_stops_at_the_ends() -> None:
    target = np.eye(4)[1]
    for y in (np.zeros(4), np.array([0.01, -0.01, 0.0, 0.0])):
        e = [learning_error(y, target, kind) for kind in ("clipped", "softmax")]
        np.testing.assert_allclose(e[0], e[1], atol=1e-3)
        assert e[0].sum() == pytest.approx(0.0)
    decided = learning_error(np.array([-1.0, 3.0, -2.0, -9.0]), target, "clipped")
    np.testing.assert_array_equal(decided, np.zeros(4))


@pytest.mark.parametrize("bits", [4, 9])
def test_stochastic_rounding_keeps_the_mean_and_the_grid(bits: int) -> None:
    print("seed", 5)
    rng, grid = np.random.default_rng(5), Fixed(bits, 3)
    change = np.full(40_000, 0.3)
    rounded = grid.stochastic(change, rng.random)
    assert set(np.unique(rounded * 8)) == {2, 3}
    assert rounded.mean() == pytest.approx(0.3, abs=2e-3)
    assert not grid.stochastic(np.zeros(9), rng.random).any()
    most = 2 ** (bits - 1)
    ends = grid.saturated(np.array([-1e9, 1e9]))
    np.testing.assert_array_equal(ends, [-most / 8, (most - 1) / 8])
    np.testing.assert_array_equal(grid.nearest(np.array([0.18, -0.2])), [0.125, -0.25])


@pytest.mark.parametrize("update", ["pixel", "step", "sample"])
def test_weights_stay_on_their_grids(update: str) -> None:
    print("seed", 6)
    rng = np.random.default_rng(6)
    formats = Formats(hidden=Fixed(9, 7), readout=Fixed(9, 6), out=Fixed(16, 13))
    cfg = FloatConfig.of_stages(
        Map(2, 6, 6), ("4c3p", "5"), 3, update=update, readouts=LEARNED, formats=formats,
        **{"steps": 3, "eta": 0.1, "init_scale": 3.0, "precision": "float32"},
    )  # fmt: skip
    weights = fit_online(cfg, rng.normal(size=(8, 3, 72)), rng.integers(0, 3, 8), epochs=2)
    start = init_weights(cfg)
    grids = (7, 7, 13, 13, 6, 6)
    for w, before, fraction in zip(weights.arrays(), start.arrays(), grids, strict=True):
        assert w.dtype == np.float32
        np.testing.assert_array_equal(w * 2**fraction, np.rint(w * 2**fraction))
        assert before.ndim == 1 or not np.array_equal(w, before)


def test_fixed_readouts_are_no_weights_and_learned_ones_start_apart() -> None:
    fixed = FloatConfig(sizes=(5, 6, 3))
    learned = replace(fixed, readouts=Readouts(eta=0.1))
    assert not init_weights(fixed).readouts
    (b,), (signs,) = init_weights(learned).readouts, start_readouts(fixed)
    np.testing.assert_array_equal(b, signs)
    b += 1
    np.testing.assert_array_equal(start_readouts(learned)[0], signs)
    assert np.abs(signs).min() == 1
    assert not start_readouts(replace(fixed, readouts=LEARNED))[0].any()


# --- what the extension is for, and what is refused -------------------------------------------


def bars(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Graded images in every step: class = a bright line lies or stands, anywhere."""
    rng = np.random.default_rng(seed)
    labels, images = rng.integers(0, 2, count), rng.normal(scale=0.3, size=(count, 1, 8, 8))
    for k, label in enumerate(labels):
        y, x = rng.integers(0, 8, 2)
        images[k, 0][(y, slice(None)) if label else (slice(None), x)] += 1.0
    return np.repeat(images, 4, axis=1).reshape(count, 4, 64), labels


@pytest.mark.parametrize("seed", [0, 1])
def test_the_recipe_learns_which_way_lines_lie(seed: int) -> None:
    print("seed", seed)
    formats = Formats(hidden=Fixed(9, 8), readout=Fixed(9, 6), out=Fixed(16, 13))
    common: dict[str, object] = {**RECIPE, "steps": 4, "init_scale": 2.0, "formats": formats}
    rates: dict[str, object] = {"eta": 0.01, "eta_out": 0.03, "temperature": 0.1, "seed": seed}
    cfg = FloatConfig.of_stages(Map(1, 8, 8), ("4c3", "4c3g"), 2, **common, **rates)
    (images, labels), test = bars(150, 13 + seed), bars(200, 24 + seed)
    weights = fit_online(cfg, images, labels, epochs=4)
    found = evaluate(cfg, weights, test[0])
    assert np.mean(found.logits.argmax(axis=1) == test[1]) >= 0.85
    kept = fit_bptt(cfg, images[:20], labels[:20], epochs=1)
    for b, before in zip(kept.readouts, init_weights(cfg).readouts, strict=True):
        np.testing.assert_array_equal(b, before)  # no business of BPTT


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: Readouts(start="ones"), "readouts.start: got 'ones', expected one of signs, publ"),
        (lambda: Readouts(feedback="sign"), "readouts.feedback: got 'sign', expected one of exact"),
        (
            lambda: Readouts(update="pixel"),
            "readouts.update: got 'pixel', expected None, step or sa",
        ),
        (lambda: Readouts(eta=-1), "readouts.eta: got -1, expected 0 or more"),
        (lambda: Readouts(start="zero"), "readouts.eta: got 0.0, expected above 0 for readouts"),
        (lambda: Fixed(1, 0), "bits: got 1, expected 2 or more"),
        (lambda: FloatConfig(reset_by=0), "reset_by: got 0, expected None or a positive number"),
        (lambda: FloatConfig(reset_by=1, reset="hard"), "reset_by: got 1, expected None: a hard"),
        (lambda: FloatConfig(update_out="pixel"), "update_out: got 'pixel', expected None or one"),
        (
            lambda: FloatConfig(weight_norm=True, formats=Formats(hidden=Fixed(9, 9))),
            "formats.hidden: got Fixed(bits=9, fraction=9), expected None under weight_norm",
        ),
    ],
)
def test_configurations_are_refused_in_one_line(make_it: object, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        make_it()
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
