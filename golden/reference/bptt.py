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
from golden.reference.layers import Layer
from golden.reference.network import Spikes, check_spikes
from golden.reference.weights import Weights


@dataclass
class _Tape:
    """What the backward pass needs of one layer; each (steps, samples, n)."""

    x: Floats
    v: Floats
    o: Floats
    z: Floats


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
    tapes, effective = [], weights.effective()
    for layer, w in zip(cfg.layers, effective, strict=True):
        tapes.append(_record(cfg, layer, w, x, smooth))
        x = tapes[-1].z
    loss, dy = _loss(cfg, x @ weights.out + weights.bias, labels)
    grads = weights.zeros()
    grads.out[:] = np.einsum("tnk,tnc->kc", x, dy, optimize=True)
    grads.bias[:] = dy.sum(axis=(0, 1)) * cfg.output_bias
    if cfg.train_hidden:
        _backward(cfg, effective, tapes, dy @ weights.out.T, grads)
    return loss, weights.to_directions(grads)


def _record(cfg: FloatConfig, layer: Layer, w: Floats, x: Floats, smooth: bool) -> _Tape:
    """Forward pass of one layer over all steps."""
    current = layer.synapses.integrate(w, x)
    u = np.zeros_like(current[0])
    v, o = np.zeros_like(current), np.zeros_like(current)
    for t in range(cfg.steps):
        v[t] = cfg.gamma * u + current[t]
        o[t] = smooth_spike(v[t], cfg.theta, cfg.surrogate) if smooth else v[t] > cfg.theta
        u = reset_membrane(v[t], o[t], cfg.reset_amount, cfg.reset)
    return _Tape(x=x, v=v, o=o, z=layer.pool(o))


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
    cfg: FloatConfig, effective: list[Floats], tapes: list[_Tape], dz: Floats, grads: Weights
) -> None:
    """Fill ``grads.hidden`` from ``dz``, the loss gradient in the last layer's output."""
    for layer, w, tape in reversed(list(zip(cfg.layers, effective, tapes, strict=True))):
        dv = _through_time(cfg, tape, layer.unpool(dz, tape.o, tape.z))
        grads.hidden[layer.number] = layer.synapses.gather(tape.x, dv)
        if layer.number:
            dz = layer.synapses.back(w, dv)


def _through_time(cfg: FloatConfig, tape: _Tape, do: Floats) -> Floats:
    """Loss gradient in the membranes v, from that in the spikes, last step first.

    dv = (do + du du/do) Psi + du du/dv, with u = v - rho o (soft) or v (1 - o) (hard).
    """
    dv = np.zeros_like(do)
    du = np.zeros_like(do[0])
    for t in reversed(range(cfg.steps)):
        v, o = tape.v[t], tape.o[t]
        psi = surrogate(v, cfg.theta, cfg.surrogate)
        if cfg.reset == "soft":
            dv[t] = (do[t] - cfg.reset_amount * du) * psi + du
        else:
            dv[t] = (do[t] - v * du) * psi + du * (1.0 - o)
        du = cfg.gamma * dv[t]
    return dv
