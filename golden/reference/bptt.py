"""Surrogate-gradient backpropagation through time: what TESS is measured against.

The loss is the cross entropy of the output layer, summed over the learning steps and averaged over
the samples. Going back, the derivative of a spike is the surrogate Psi; the rest is exact.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.reference.config import FloatConfig
from golden.reference.equations import (
    Floats,
    one_hot,
    reset_membrane,
    smooth_spike,
    softmax,
    surrogate,
)
from golden.reference.network import Spikes, Weights, check_spikes


@dataclass
class _Tape:
    """What the backward pass needs of one layer; each (steps, samples, n)."""

    x: Floats
    v: Floats
    o: Floats


def bptt_gradients(
    cfg: FloatConfig,
    weights: Weights,
    spikes: Spikes,
    labels: NDArray[np.integer],
    *,
    smooth: bool = False,
) -> tuple[float, Weights]:
    """Loss and its surrogate gradient; ``spikes`` (samples, steps, inputs).

    ``smooth`` replaces the spike by the integral of the surrogate. The gradient is then the exact
    derivative of the loss, which is how the tests check it.
    """
    x = check_spikes(cfg, spikes, 3).swapaxes(0, 1)
    tapes = []
    for w in weights.hidden:
        tapes.append(_record(cfg, w, x, smooth))
        x = tapes[-1].o
    loss, dy = _loss(cfg, x @ weights.out + weights.bias, labels)
    grads = weights.zeros()
    grads.out[:] = np.einsum("tnk,tnc->kc", x, dy, optimize=True)
    grads.bias[:] = dy.sum(axis=(0, 1)) * cfg.output_bias
    if cfg.train_hidden:
        _backward(cfg, weights, tapes, dy @ weights.out.T, grads)
    return loss, grads


def _record(cfg: FloatConfig, w: Floats, x: Floats, smooth: bool) -> _Tape:
    """Forward pass of one layer over all steps."""
    current = x @ w
    u = np.zeros_like(current[0])
    v, o = np.zeros_like(current), np.zeros_like(current)
    for t in range(cfg.steps):
        v[t] = cfg.gamma * u + current[t]
        o[t] = smooth_spike(v[t], cfg.theta, cfg.surrogate) if smooth else v[t] > cfg.theta
        u = reset_membrane(v[t], o[t], cfg.theta, cfg.reset)
    return _Tape(x=x, v=v, o=o)


def _loss(cfg: FloatConfig, y: Floats, labels: NDArray[np.integer]) -> tuple[float, Floats]:
    """Cross entropy of y / temperature_out over the learning steps, and its gradient in y."""
    probability = softmax(y / cfg.temperature_out)
    target, samples = one_hot(labels, cfg.classes).astype(cfg.precision), y.shape[1]
    dy = (probability - target) / (cfg.temperature_out * samples)
    dy[: cfg.first_learning_step] = 0.0
    true = np.take_along_axis(probability, labels[None, :, None], axis=2)
    loss = -np.log(np.maximum(true[cfg.first_learning_step :], 1e-300)).sum() / samples
    return float(loss), dy


def _backward(
    cfg: FloatConfig, weights: Weights, tapes: list[_Tape], do: Floats, grads: Weights
) -> None:
    """Fill ``grads.hidden`` from ``do``, the loss gradient in the last layer's spikes."""
    for layer in reversed(range(cfg.hidden_layers)):
        tape = tapes[layer]
        dv = _through_time(cfg, tape, do)
        grads.hidden[layer][:] = np.einsum("tnj,tni->ji", tape.x, dv, optimize=True)
        if layer:
            do = dv @ weights.hidden[layer].T


def _through_time(cfg: FloatConfig, tape: _Tape, do: Floats) -> Floats:
    """Loss gradient in the membranes v, from that in the spikes, last step first.

    dv = (do + du du/do) Psi + du du/dv, with u = v - theta o (soft) or v (1 - o) (hard).
    """
    dv = np.zeros_like(do)
    du = np.zeros_like(do[0])
    for t in reversed(range(cfg.steps)):
        v, o = tape.v[t], tape.o[t]
        psi = surrogate(v, cfg.theta, cfg.surrogate)
        if cfg.reset == "soft":
            dv[t] = (do[t] - cfg.theta * du) * psi + du
        else:
            dv[t] = (do[t] - v * du) * psi + du * (1.0 - o)
        du = cfg.gamma * dv[t]
    return dv
