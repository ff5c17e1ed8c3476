"""BPTT: the gradient against finite differences of the smoothed loss, and training that works."""

from itertools import pairwise

import numpy as np
import pytest

from golden.reference import FloatConfig, Weights, accuracy, fit_bptt, fit_online, fit_tess_batched
from golden.reference.bptt import bptt_gradients
from golden.reference.optim import Adam, Sgd, cosine

SIZES = (5, 6, 4, 3)


def make(seed: int, **fields: object) -> tuple[FloatConfig, Weights, np.ndarray, np.ndarray]:
    print("seed", seed)
    rng = np.random.default_rng(seed)
    cfg = FloatConfig(**{"sizes": SIZES, "steps": 5, "output_bias": True, **fields})
    weights = Weights(
        hidden=[rng.uniform(-0.5, 0.9, pair) for pair in pairwise(SIZES[:-1])],
        out=rng.normal(size=SIZES[2:]),
        bias=rng.normal(size=SIZES[-1]),
    )
    return cfg, weights, rng.random((3, 5, SIZES[0])) < 0.5, rng.integers(0, SIZES[-1], 3)


@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("surrogate", ["triangle", "reciprocal"])
@pytest.mark.parametrize("learn_last", [None, 2])
@pytest.mark.parametrize("seed", [1, 2])
def test_gradient_is_the_derivative_of_the_smoothed_loss(
    reset: str, surrogate: str, learn_last: int | None, seed: int
) -> None:
    cfg, weights, spikes, labels = make(
        seed, reset=reset, surrogate=surrogate, learn_last=learn_last, temperature_out=0.5
    )
    weights.out *= 20  # smoothed spikes are small: keep the gradients above rounding noise
    _, grads = bptt_gradients(cfg, weights, spikes, labels, smooth=True)
    rng, step = np.random.default_rng(seed), 1e-6
    for array, gradient in zip(weights.arrays(), grads.arrays(), strict=True):
        largest = np.abs(gradient).max()
        assert largest > 1e-5
        for flat in rng.choice(array.size, min(array.size, 8), replace=False):
            index = np.unravel_index(flat, array.shape)
            kept = array[index]
            losses = []
            for value in (kept - step, kept + step):
                array[index] = value
                losses.append(bptt_gradients(cfg, weights, spikes, labels, smooth=True)[0])
            array[index] = kept
            difference = (losses[1] - losses[0]) / (2 * step)
            assert gradient[index] == pytest.approx(difference, rel=1e-3, abs=1e-4 * largest + 2e-9)


def test_output_gradient_of_spikes_is_the_derivative_of_the_loss() -> None:
    cfg, weights, spikes, labels = make(3)
    _, grads = bptt_gradients(cfg, weights, spikes, labels)
    for index in np.ndindex(weights.out.shape):
        losses = []
        for sign in (-1, 1):
            moved = weights.copy()
            moved.out[index] += sign * 1e-6
            losses.append(bptt_gradients(cfg, moved, spikes, labels)[0])
        assert grads.out[index] == pytest.approx((losses[1] - losses[0]) / 2e-6, abs=1e-7)


def test_frozen_hidden_layers_get_no_gradient() -> None:
    cfg, weights, spikes, labels = make(4, train_hidden=False)
    _, grads = bptt_gradients(cfg, weights, spikes, labels)
    assert not any(g.any() for g in grads.hidden)
    assert grads.out.any()


def test_adam_follows_its_definition() -> None:
    weights = Weights(hidden=[np.array([[1.0, -2.0]])], out=np.zeros((1, 1)), bias=np.zeros(1))
    optimizer, first, second = Adam(0.1), np.zeros(2), np.zeros(2)
    expected = weights.hidden[0][0].copy()
    for n, gradient in enumerate(np.array([[3.0, -1e-3], [1.0, 2e-3], [-2.0, 0.0]]), start=1):
        grads = weights.zeros()
        grads.hidden[0][0] = gradient
        optimizer.step(weights, grads, 0.5)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        corrected = second / (1 - 0.999**n)
        expected -= 0.05 * first / (1 - 0.9**n) / (np.sqrt(corrected) + 1e-8)
    np.testing.assert_allclose(weights.hidden[0][0], expected, rtol=1e-12)
    assert not weights.out.any()


def test_sgd_and_the_schedule() -> None:
    weights = Weights(hidden=[np.ones((1, 1))], out=np.ones((1, 2)), bias=np.zeros(2))
    grads = weights.zeros()
    grads.out[:] = 2.0
    Sgd(0.1).step(weights, grads, cosine(0.5))
    np.testing.assert_allclose(weights.out, 0.9)
    assert (cosine(0.0), cosine(1.0)) == (1.0, 0.0)


def task(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Class = XOR of two noisy groups of inputs, which no readout of the inputs solves.

    Each input spikes at rate 0.8 when its group is on and 0.05 when it is off.
    """
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (400, 2))
    rates = np.where(np.repeat(np.concatenate([bits, 1 - bits], 1), 6, axis=1), 0.8, 0.05)
    return rng.random((400, 5, 24)) < rates[:, None], bits[:, 0] ^ bits[:, 1]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("method", ["tess on line", "tess sample", "tess batched", "bptt", "sgd"])
def test_training_solves_xor(method: str, seed: int) -> None:
    print("seed", seed)
    spikes, labels = task(seed)
    cfg = FloatConfig(
        sizes=(24, 32, 2),
        steps=5,
        temperature=0.1,
        eta=0.02,
        eta_out=0.01,
        update="sample" if method == "tess sample" else "step",
        seed=seed,
    )
    train, test = slice(0, 200), slice(200, 400)
    if method == "bptt":
        weights = fit_bptt(cfg, spikes[train], labels[train], epochs=15, optimizer=Adam(0.02))
    elif method == "sgd":
        weights = fit_bptt(
            cfg, spikes[train], labels[train], epochs=15, batch=4, optimizer=Sgd(0.05)
        )
    elif method == "tess batched":
        weights = fit_tess_batched(
            cfg, spikes[train], labels[train], epochs=15, optimizer=Adam(0.02)
        )
    else:
        weights = fit_online(cfg, spikes[train], labels[train], epochs=5)
    assert accuracy(cfg, weights, spikes[test], labels[test]) >= 0.9
