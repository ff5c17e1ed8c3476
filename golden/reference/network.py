"""The leaky integrate-and-fire step, and evaluation with learning off."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.reference.config import FloatConfig
from golden.reference.equations import Floats, reset_membrane
from golden.reference.weights import Weights

Spikes = NDArray[np.bool_] | NDArray[np.number]
EVALUATION_BATCH = 64


def fire(cfg: FloatConfig, u: Floats, current: Floats) -> tuple[Floats, Floats, Floats]:
    """One LIF step: v = gamma u + current; o = v > theta; returns (v, o, u after reset)."""
    v = cfg.gamma * u + current
    o = (v > cfg.theta).astype(v.dtype)
    return v, o, reset_membrane(v, o, cfg.theta, cfg.reset)


def check_spikes(cfg: FloatConfig, spikes: Spikes, ndim: int) -> Floats:
    """``spikes`` as floats, if shaped (..., steps, inputs) with ``ndim`` axes."""
    if spikes.ndim != ndim or spikes.shape[-2:] != (cfg.steps, cfg.sizes[0]):
        expected = ("samples, " if ndim == 3 else "") + f"{cfg.steps}, {cfg.sizes[0]}"
        raise ValueError(f"spikes: got shape {spikes.shape}, expected ({expected})")
    return np.asarray(spikes, cfg.precision)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a pass with learning off saw."""

    logits: Floats
    """Output layer summed over the steps, (samples, classes)."""
    firing_rates: tuple[float, ...]
    """Spikes per step and neuron that the next layer sees, after pooling; one per hidden layer."""


def evaluate(cfg: FloatConfig, weights: Weights, spikes: Spikes) -> Evaluation:
    """Run ``spikes`` (samples, steps, inputs) with learning off."""
    if len(spikes) == 0:
        raise ValueError("spikes: got no samples, expected at least 1")
    logits, fired = [], np.zeros(cfg.hidden_layers)
    for start in range(0, len(spikes), EVALUATION_BATCH):
        batch = check_spikes(cfg, spikes[start : start + EVALUATION_BATCH], 3)
        y, count = _forward(cfg, weights, batch)
        logits.append(y)
        fired += count
    neuron_steps = np.array(cfg.sizes[1:-1]) * len(spikes) * cfg.steps
    return Evaluation(
        logits=np.concatenate(logits), firing_rates=tuple((fired / neuron_steps).tolist())
    )


def _forward(cfg: FloatConfig, weights: Weights, x: Floats) -> tuple[Floats, Floats]:
    neurons = [layer.fired.neurons for layer in cfg.layers]
    membranes = [np.zeros((len(x), n), cfg.precision) for n in neurons]
    logits = np.zeros((len(x), cfg.classes))
    fired = np.zeros(cfg.hidden_layers)
    effective = weights.effective()
    for t in range(cfg.steps):
        z = x[:, t]
        for layer, w in zip(cfg.layers, effective, strict=True):
            k, current = layer.number, layer.synapses.integrate(w, z)
            _, o, membranes[k] = fire(cfg, membranes[k], current)
            z = layer.pool(o)
            fired[k] += z.sum()
        logits += z @ weights.out + weights.bias
    return logits, fired


def predict(cfg: FloatConfig, weights: Weights, spikes: Spikes) -> NDArray[np.intp]:
    """Class of each sample: argmax of the output summed over the steps, first one on a tie."""
    return np.asarray(evaluate(cfg, weights, spikes).logits.argmax(axis=1), np.intp)


def accuracy(
    cfg: FloatConfig, weights: Weights, spikes: Spikes, labels: NDArray[np.integer]
) -> float:
    """Share of samples predicted right, with learning off."""
    return float(np.mean(predict(cfg, weights, spikes) == labels))
