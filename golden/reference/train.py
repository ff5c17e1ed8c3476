"""Training loops: on line as on chip, and in minibatches as the paper does."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.reference.bptt import bptt_gradients
from golden.reference.config import FloatConfig
from golden.reference.network import Spikes
from golden.reference.optim import Adam, Optimizer, cosine
from golden.reference.tess import TessLearner
from golden.reference.weights import Weights, init_weights

Labels = NDArray[np.integer]
AfterEpoch = Callable[[Weights], None]
"""Called after every epoch with the weights as they are then."""


@dataclass(frozen=True)
class Plan:
    """How minibatches are gone through."""

    epochs: int
    batch: int
    optimizer: Optimizer
    decay: bool
    after: AfterEpoch | None


def fit_online(
    cfg: FloatConfig,
    spikes: Spikes,
    labels: Labels,
    *,
    epochs: int,
    decay: bool = True,
    after: AfterEpoch | None = None,
) -> Weights:
    """TESS on one sample at a time, plain descent; ``spikes`` (samples, steps, inputs).

    ``decay`` lets eta fall on a cosine to 0 over all epochs. Order and weights from ``cfg.seed``.
    """
    learner = TessLearner(cfg)
    rng, total = np.random.default_rng(cfg.seed), epochs * len(spikes)
    for epoch in range(epochs):
        for i, k in enumerate(rng.permutation(len(spikes))):
            rate = cosine((epoch * len(spikes) + i) / total) if decay else 1.0
            learner.learn_sample(spikes[k], int(labels[k]), rate)
        if after:
            after(learner.weights)
    return learner.weights


def fit_tess_batched(
    cfg: FloatConfig,
    spikes: Spikes,
    labels: Labels,
    *,
    epochs: int,
    batch: int = 32,
    optimizer: Optimizer | None = None,
    decay: bool = True,
    after: AfterEpoch | None = None,
) -> Weights:
    """TESS as published: updates added up over a minibatch, then one optimizer step (Adam)."""
    learner = TessLearner(cfg)

    def gradients(x: Spikes, y: Labels) -> Weights:
        return learner.gradients(x, y)

    plan = Plan(epochs, batch, optimizer or Adam(), decay, after)
    _minibatches(cfg, learner.weights, gradients, spikes, labels, plan)
    return learner.weights


def fit_bptt(
    cfg: FloatConfig,
    spikes: Spikes,
    labels: Labels,
    *,
    epochs: int,
    batch: int = 32,
    optimizer: Optimizer | None = None,
    decay: bool = True,
    after: AfterEpoch | None = None,
) -> Weights:
    """Surrogate-gradient BPTT on the same network: minibatches and an optimizer (Adam)."""
    weights = init_weights(cfg)

    def gradients(x: Spikes, y: Labels) -> Weights:
        return bptt_gradients(cfg, weights, x, y)[1]

    plan = Plan(epochs, batch, optimizer or Adam(), decay, after)
    _minibatches(cfg, weights, gradients, spikes, labels, plan)
    return weights


def _minibatches(
    cfg: FloatConfig,
    weights: Weights,
    gradients: Callable[[Spikes, Labels], Weights],
    spikes: Spikes,
    labels: Labels,
    plan: Plan,
) -> None:
    """Change ``weights`` in place over shuffled minibatches."""
    rng = np.random.default_rng(cfg.seed)
    for epoch in range(plan.epochs):
        order = rng.permutation(len(spikes))
        for start in range(0, len(order), plan.batch):
            chosen = order[start : start + plan.batch]
            progress = (epoch + start / len(order)) / plan.epochs
            rate = cosine(progress) if plan.decay else 1.0
            plan.optimizer.step(weights, gradients(spikes[chosen], labels[chosen]), rate)
        if plan.after:
            plan.after(weights)
