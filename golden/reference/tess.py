"""TESS: a three-factor rule local in time and in space, on line and added up over a sample.

Order within a step, per layer: integrate, fire, form both eligibility traces, form the learning
signal from the layer's own spikes, update. Nothing crosses layers but the spikes going forward.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.reference.config import FloatConfig
from golden.reference.dense import Dense
from golden.reference.equations import (
    Floats,
    learning_error,
    one_hot,
    surrogate,
)
from golden.reference.layers import Layer
from golden.reference.network import Spikes, check_spikes, fire
from golden.reference.weights import Weights, init_weights
from golden.spec.packing import sign_matrix


@dataclass
class LayerState:
    """State of one spiking layer, cleared between samples; first axis = samples."""

    u: Floats
    """Membrane after reset, (samples, neurons)."""
    q: Floats
    """Pre trace, (samples, inputs): q[t] = lambda_pre q[t-1] + x[t]."""
    h: Floats
    """Post trace, (samples, neurons): h[t] = lambda_post h[t-1] + Psi[t-1]."""
    psi: Floats
    """Surrogate of the latest step, (samples, neurons)."""

    @classmethod
    def cleared(cls, samples: int, inputs: int, neurons: int, dtype: str) -> "LayerState":
        """All-zero state."""
        u, h, psi = (np.zeros((samples, neurons), dtype) for _ in range(3))
        return cls(u=u, q=np.zeros((samples, inputs), dtype), h=h, psi=psi)

    def step(self, cfg: FloatConfig, x: Floats, current: Floats) -> Floats:
        """Take input spikes ``x`` and their weighted sum; returns the spikes o of this step."""
        self.h = cfg.lambda_post * self.h + self.psi
        v, o, self.u = fire(cfg, self.u, current)
        self.psi = surrogate(v, cfg.theta, cfg.surrogate)
        self.q = cfg.lambda_pre * self.q + x
        return o


def learning_signal(
    cfg: FloatConfig, layer: Layer, signs: Floats, o: Floats, z: Floats, target: Floats
) -> Floats:
    """m of every neuron of ``layer`` from its own spikes ``o`` and their pooling ``z``.

    y = B a / (d tau) of the latents a, e = error(y), m = B^T e (times 1/(d tau) unless folded into
    eta) back through the averages and the pooling. A neuron that fires and decides an output pays
    rate_cost: the gradient of rate_cost times its spikes.
    """
    scale = cfg.logit_scale(layer.number)
    e = learning_error(scale * (layer.average(z) @ signs.T), target, cfg.error, cfg.dead_zone)
    latents: Floats = e @ signs if cfg.fold_scale else scale * (e @ signs)
    m = layer.unpool(layer.spread(latents), o, z)
    return m + cfg.rate_cost * layer.deciding(o, z) if cfg.rate_cost else m


class TessLearner:
    """A network that learns by TESS; ``weights`` may be read and replaced at any time."""

    def __init__(self, cfg: FloatConfig, weights: Weights | None = None) -> None:
        self.cfg = cfg
        self.weights = init_weights(cfg) if weights is None else weights
        self.signs = [
            sign_matrix(cfg.classes, layer.latents).astype(cfg.precision) for layer in cfg.layers
        ]

    def learn_sample(self, spikes: Spikes, label: int, rate: float = 1.0) -> None:
        """Learn one sample, ``spikes`` (steps, inputs), by plain descent of eta times ``rate``."""
        if not 0 <= label < self.cfg.classes:
            raise ValueError(f"label: got {label}, expected 0..{self.cfg.classes - 1}")
        x, labels = check_spikes(self.cfg, spikes, 2)[None], np.array([label])
        if self.cfg.update == "step":
            for step in self._run(x, labels):
                if self.weights.gains:
                    self._descend(self._gradients([step]), rate)
                else:
                    self._descend_rows(step, rate)
        else:
            self._descend(self.gradients(x, labels), rate)

    def gradients(self, spikes: Spikes, labels: NDArray[np.integer]) -> Weights:
        """TESS's stand-in for the gradient: updates without eta, summed over the learning steps.

        ``spikes`` (samples, steps, inputs); mean over the samples. Weights do not move.
        """
        total = self._gradients(self._run(check_spikes(self.cfg, spikes, 3), labels))
        for array in total.arrays():
            array /= len(spikes)
        return total

    def _gradients(self, steps: Iterable["LearningStep"]) -> Weights:
        """Updates without eta, summed over ``steps`` and their samples."""
        total = self.weights.zeros()
        for step in steps:
            for layer, (causal, q, post, x) in zip(self.cfg.layers, step.hidden, strict=False):
                gradient = total.hidden[layer.number]
                gradient += layer.synapses.gather(q, causal)
                if self.cfg.alpha_post:
                    gradient += layer.synapses.gather(x, post)
            total.out += step.last_spikes.T @ step.error_out
            total.bias += step.error_out.sum(axis=0) * self.cfg.output_bias
        return self.weights.to_directions(total)

    def _run(self, x: Floats, labels: NDArray[np.integer]) -> Iterator["LearningStep"]:
        """Yield the factors of the update at each learning step; the caller may move weights."""
        cfg = self.cfg
        target = one_hot(labels, cfg.classes).astype(cfg.precision)
        shapes = [(layer.inputs.neurons, layer.fired.neurons) for layer in cfg.layers]
        states = [LayerState.cleared(len(x), *shape, cfg.precision) for shape in shapes]
        for t in range(cfg.steps):
            learning = t >= cfg.first_learning_step
            z = x[:, t]
            hidden: list[tuple[Floats, Floats, Floats, Floats]] = []
            effective = self.weights.effective()
            for layer, state, w in zip(cfg.layers, states, effective, strict=True):
                inputs = z
                o = state.step(cfg, inputs, layer.synapses.integrate(w, inputs))
                z = layer.pool(o)
                if learning and cfg.train_hidden:
                    m = learning_signal(cfg, layer, self.signs[layer.number], o, z, target)
                    causal, post = cfg.alpha_pre * m * state.psi, cfg.alpha_post * m * state.h
                    hidden.append((causal, state.q, post, inputs))
            if learning:
                y = (z @ self.weights.out + self.weights.bias) / cfg.temperature_out
                e = learning_error(y, target, cfg.error_out, cfg.dead_zone_out)
                yield LearningStep(hidden=hidden, last_spikes=z, error_out=e)

    def _descend_rows(self, step: "LearningStep", rate: float) -> None:
        """Apply one step's update of one sample to the rows that have a trace or a spike."""
        for layer, (causal, q, post, x) in zip(self.cfg.layers, step.hidden, strict=False):
            w = self.weights.hidden[layer.number]
            eta = rate * self.cfg.per_layer("eta", layer.number)
            layer.synapses.add(w, q, -eta * causal)
            if self.cfg.alpha_post:
                layer.synapses.add(w, x, -eta * post)
        e = -rate * self.cfg.eta_out * step.error_out
        Dense().add(self.weights.out, step.last_spikes, e)
        self.weights.bias += e[0] * self.cfg.output_bias

    def _descend(self, gradients: Weights, rate: float) -> None:
        weights = self.weights
        for arrays, moves in ((weights.hidden, gradients.hidden), (weights.gains, gradients.gains)):
            for layer, (array, move) in enumerate(zip(arrays, moves, strict=True)):
                array -= rate * self.cfg.per_layer("eta", layer) * move
        weights.out -= rate * self.cfg.eta_out * gradients.out
        weights.bias -= rate * self.cfg.eta_out * gradients.bias


@dataclass(frozen=True, kw_only=True)
class LearningStep:
    """Factors of one step's update, before eta; first axis = samples.

    Each entry of ``hidden`` is (alpha_pre m Psi, q, alpha_post m h, x): the update of that layer is
    -eta (q^T (alpha_pre m Psi) + x^T (alpha_post m h)). Of the output: -eta_out s^T e.
    """

    hidden: list[tuple[Floats, Floats, Floats, Floats]]
    last_spikes: Floats
    error_out: Floats
