"""The leaky integrate-and-fire step, and evaluation with learning off."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.reference.config import FloatConfig
from golden.reference.equations import Floats, reset_membrane
from golden.reference.readouts import readouts_of
from golden.reference.weights import Weights

Spikes = NDArray[np.bool_] | NDArray[np.number]
"""Inputs of a network: spikes, or graded (real) values of the first layer, also negative."""
EVALUATION_BATCH = 64


def fire(cfg: FloatConfig, u: Floats, current: Floats) -> tuple[Floats, Floats, Floats]:
    """One LIF step: v = gamma u + current; o = v > theta; returns (v, o, u after reset)."""
    v = cfg.gamma * u + current
    o = (v > cfg.theta).astype(v.dtype)
    return v, o, reset_membrane(v, o, cfg.reset_amount, cfg.reset)


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
    """The score: output layer summed over the steps, (samples, classes); with
    `cfg.readouts.in_score` all readouts, each divided by its temperature."""
    layer_logits: Floats
    """Every hidden layer's own readout summed over the steps, (layers, samples, classes)."""
    firing_rates: tuple[float, ...]
    """Spikes per step and neuron that the next layer sees, after pooling; one per hidden layer."""


def evaluate(cfg: FloatConfig, weights: Weights, spikes: Spikes) -> Evaluation:
    """Run ``spikes`` (samples, steps, inputs) with learning off."""
    if len(spikes) == 0:
        raise ValueError("spikes: got no samples, expected at least 1")
    parts, fired = [], np.zeros(cfg.hidden_layers)
    for start in range(0, len(spikes), EVALUATION_BATCH):
        batch = check_spikes(cfg, spikes[start : start + EVALUATION_BATCH], 3)
        logits, count = _forward(cfg, weights, batch)
        parts.append(logits)
        fired += count
    neuron_steps = np.array(cfg.sizes[1:-1]) * len(spikes) * cfg.steps
    *own, out = np.concatenate(parts, axis=1)
    if cfg.readouts.in_score:
        out = out / cfg.temperature_out + np.sum(own, axis=0)
    rates = tuple((fired / neuron_steps).tolist())
    return Evaluation(logits=out, layer_logits=np.array(own), firing_rates=rates)


def _forward(cfg: FloatConfig, weights: Weights, x: Floats) -> tuple[Floats, Floats]:
    """Logits (layers + 1, samples, classes), those of the output layer last; spikes of each layer."""
    neurons = [layer.fired.neurons for layer in cfg.layers]
    membranes = [np.zeros((len(x), n), cfg.precision) for n in neurons]
    logits = np.zeros((cfg.hidden_layers + 1, len(x), cfg.classes))
    fired = np.zeros(cfg.hidden_layers)
    effective, readouts = weights.effective(), readouts_of(cfg, weights)
    for t in range(cfg.steps):
        z = x[:, t]
        for layer, w in zip(cfg.layers, effective, strict=True):
            k, current = layer.number, layer.synapses.integrate(w, z)
            _, o, membranes[k] = fire(cfg, membranes[k], current)
            z = layer.pool(o)
            fired[k] += z.sum()
            logits[k] += cfg.logit_scale(k) * (layer.average(z) @ readouts[k].T)
        logits[-1] += z @ weights.out + weights.bias
    return logits, fired


def predict(cfg: FloatConfig, weights: Weights, spikes: Spikes) -> NDArray[np.intp]:
    """Class of each sample: argmax of the output summed over the steps, first one on a tie."""
    return np.asarray(evaluate(cfg, weights, spikes).logits.argmax(axis=1), np.intp)


def accuracy(
    cfg: FloatConfig, weights: Weights, spikes: Spikes, labels: NDArray[np.integer]
) -> float:
    """Share of samples predicted right, with learning off."""
    return float(np.mean(predict(cfg, weights, spikes) == labels))
