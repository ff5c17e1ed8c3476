"""BPTT and TESS as published, compiled where it pays: `golden.reference.train` for long experiments.

One hidden layer. Its input spikes are few, so its products are sums of rows (batched.cc), two to three times
as fast as dense matrices. Equal to the reference but for the order of sums: tests/test_native.py.
"""

from collections.abc import Callable

import numpy as np

from bench.native import library
from golden.reference import FloatConfig, Readouts, Weights, init_weights
from golden.reference.equations import (
    Floats,
    learning_error,
    one_hot,
    reset_membrane,
    softmax,
    surrogate,
)
from golden.reference.optim import Optimizer, cosine
from golden.reference.tess import learning_signal
from golden.reference.train import AfterEpoch
from golden.spec.packing import sign_matrix
from sw.native import Spikes

BATCH, EVALUATION_BATCH = 32, 64
Gradients = Callable[[FloatConfig, Weights, Spikes, np.ndarray], Weights]


def fit_batched_native(
    cfg: FloatConfig,
    spikes: Spikes,
    gradients: Gradients,
    *,
    epochs: int,
    optimizer: Optimizer,
    after: AfterEpoch | None = None,
) -> Weights:
    """Train by `bptt_gradients` or `tess_gradients`; minibatches and schedule of golden.reference.

    Raises ValueError for what only the reference can do: several hidden layers, frozen ones, float64,
    readouts of one's own.
    """
    own = cfg.readouts != Readouts()
    if cfg.hidden_layers != 1 or cfg.precision != "float32" or not cfg.train_hidden or own:
        raise ValueError(f"{cfg}: not what the compiled rules do; use golden.reference")
    spikes.spikes_only("fit_batched_native")
    weights, rng = init_weights(cfg), np.random.default_rng(cfg.seed)
    for epoch in range(epochs):
        order = rng.permutation(len(spikes))
        for start in range(0, len(order), BATCH):
            rate = cosine((epoch + start / len(order)) / epochs)
            chosen = order[start : start + BATCH]
            optimizer.step(weights, gradients(cfg, weights, spikes, chosen), rate)
        if after:
            after(weights)
    return weights


def bptt_gradients(
    cfg: FloatConfig, weights: Weights, spikes: Spikes, chosen: np.ndarray
) -> Weights:
    """What `golden.reference.bptt_gradients` gives for the samples `chosen`."""
    v, o = forward(cfg, weights, spikes, chosen)
    y = (o @ weights.out + weights.bias) / cfg.temperature_out
    target = one_hot(spikes.labels[chosen], cfg.classes).astype(np.float32)
    dy = (softmax(y) - target) / (cfg.temperature_out * len(chosen))
    dy[: cfg.first_learning_step] = 0
    do, dv, du = dy @ weights.out.T, np.zeros_like(v), np.zeros_like(v[0])
    for t in reversed(range(cfg.steps)):
        psi = surrogate(v[t], cfg.theta, cfg.surrogate)
        if cfg.reset == "soft":
            dv[t] = (do[t] - cfg.reset_amount * du) * psi + du
        else:
            dv[t] = (do[t] - v[t] * du) * psi + du * (1 - o[t])
        du = cfg.gamma * dv[t]
    return _gathered(cfg, weights, spikes, chosen, dv, o, dy)


def tess_gradients(
    cfg: FloatConfig, weights: Weights, spikes: Spikes, chosen: np.ndarray
) -> Weights:
    """What `golden.reference.TessLearner.gradients` gives for the samples `chosen`.

    A trace is a sum over the spikes before, so the sum over steps of trace x factor is one over spikes of
    spike x the decayed factors of the steps to come.
    """
    v, o = forward(cfg, weights, spikes, chosen)
    target = one_hot(spikes.labels[chosen], cfg.classes).astype(np.float32)
    psi = surrogate(v, cfg.theta, cfg.surrogate)
    signs = sign_matrix(cfg.classes, cfg.sizes[1]).astype(np.float32)
    m = learning_signal(cfg, cfg.layers[0], signs, o, o, target)[0] / len(chosen)
    m[: cfg.first_learning_step] = 0
    factors = cfg.alpha_pre * m * psi
    for t in reversed(range(cfg.steps - 1)):
        factors[t] += cfg.lambda_pre * factors[t + 1]
    if cfg.alpha_post:
        h = np.zeros_like(v[0])
        for t in range(cfg.steps):
            factors[t] += cfg.alpha_post * m[t] * h
            h = cfg.lambda_post * h + psi[t]
    y = (o @ weights.out + weights.bias) / cfg.temperature_out
    e = learning_error(y, target, cfg.error_out, cfg.dead_zone_out) / len(chosen)
    e[: cfg.first_learning_step] = 0
    return _gathered(cfg, weights, spikes, chosen, factors, o, e)


def forward(
    cfg: FloatConfig, weights: Weights, spikes: Spikes, chosen: np.ndarray
) -> tuple[Floats, Floats]:
    """Membranes before reset and spikes of the hidden layer, (steps, samples, neurons)."""
    v = np.empty((cfg.steps, len(chosen), cfg.sizes[1]), np.float32)
    order, w = np.ascontiguousarray(chosen, np.int64), weights.hidden[0]
    lists = (spikes.offsets, spikes.rows, spikes.steps, order, len(order))
    library().batched_integrate(w, w.shape[1], *lists, v)
    o, u = np.empty_like(v), np.zeros_like(v[0])
    for t in range(cfg.steps):
        v[t] += cfg.gamma * u
        o[t] = v[t] > cfg.theta
        u = reset_membrane(v[t], o[t], cfg.reset_amount, cfg.reset)
    return v, o


def evaluate_native(
    cfg: FloatConfig, weights: Weights, spikes: Spikes
) -> tuple[Floats, list[float]]:
    """Logits (samples, classes), summed over the steps, and the firing rate of the hidden layer."""
    logits, fired = [], 0.0
    for start in range(0, len(spikes), EVALUATION_BATCH):
        chosen = np.arange(start, min(start + EVALUATION_BATCH, len(spikes)))
        _, o = forward(cfg, weights, spikes, chosen)
        logits.append(o.sum(axis=0) @ weights.out + cfg.steps * weights.bias)
        fired += float(o.sum())
    return np.concatenate(logits), [fired / (cfg.sizes[1] * cfg.steps * len(spikes))]


def _gathered(
    cfg: FloatConfig,
    weights: Weights,
    spikes: Spikes,
    chosen: np.ndarray,
    errors: Floats,
    o: Floats,
    dy: Floats,
) -> Weights:
    """Gradients from the errors of hidden neurons and of the readout, (steps, samples, n)."""
    grads, order = weights.zeros(), np.ascontiguousarray(chosen, np.int64)
    flat, out = o.reshape(-1, o.shape[2]), dy.reshape(-1, cfg.classes)
    grads.out[:], grads.bias[:] = flat.T @ out, out.sum(axis=0) * cfg.output_bias
    lists = (spikes.offsets, spikes.rows, spikes.steps, order, len(order))
    errors = np.ascontiguousarray(errors, np.float32)
    library().batched_gather(grads.hidden[0], errors.shape[2], *lists, errors)
    return grads
