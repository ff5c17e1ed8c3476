"""TESS: a three-factor rule local in time and in space, on line and added up over a sample.

Order within a step, per layer: integrate, fire, form both eligibility traces, form the learning
signal from the layer's own spikes, update. Nothing crosses layers but the spikes going forward.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.reference.config import FloatConfig
from golden.reference.descent import Descent, LayerStep, LearningStep
from golden.reference.equations import (
    Floats,
    learning_error,
    one_hot,
    surrogate,
)
from golden.reference.layers import Layer
from golden.reference.network import Spikes, check_spikes, fire
from golden.reference.readouts import readouts_of, start_readouts
from golden.reference.rounding import Noise
from golden.reference.weights import Weights, init_weights


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
        """Take inputs ``x`` and their weighted sum; returns the spikes o of this step."""
        self.h = cfg.lambda_post * self.h + self.psi
        v, o, self.u = fire(cfg, self.u, current)
        self.psi = surrogate(v, cfg.theta, cfg.surrogate)
        self.q = cfg.lambda_pre * self.q + x
        return o


def learning_signal(
    cfg: FloatConfig, layer: Layer, b: Floats, o: Floats, z: Floats, target: Floats
) -> tuple[Floats, Floats, Floats]:
    """(m, e, a) of ``layer`` from its readout ``b``, its spikes ``o`` and their pooling ``z``.

    y = B a / (d tau) of the latents a, e = error(y), m = P(B)^T e (times 1/(d tau) unless folded into
    eta) back through the averages and the pooling. A neuron that fires and decides an output pays
    rate_cost: the gradient of rate_cost times its spikes. Shapes: m (..., neurons), e (..., classes),
    a (..., latents).
    """
    scale, a = cfg.logit_scale(layer.number), layer.average(z)
    e = learning_error(scale * (a @ b.T), target, cfg.error, cfg.dead_zone)
    latents = e @ cfg.readouts.fed_back(b) * (1.0 if cfg.fold_scale else scale)
    m = layer.to_neurons(latents, o, z, divided=not cfg.fold_cells)
    return (m + cfg.rate_cost * layer.deciding(o, z) if cfg.rate_cost else m), e, a


class TessLearner:
    """A network that learns by TESS; ``weights`` may be read and replaced at any time.

    ``noise`` decides how updates round under `cfg.formats`; None: random numbers from `cfg.seed`.
    """

    def __init__(
        self, cfg: FloatConfig, weights: Weights | None = None, noise: Noise | None = None
    ) -> None:
        self.cfg = cfg
        self.weights = init_weights(cfg) if weights is None else weights
        if cfg.readouts.eta and not self.weights.readouts:
            self.weights.readouts = [b.copy() for b in start_readouts(cfg)]
        rng = np.random.default_rng((cfg.seed, 1))
        self.noise: Noise = noise or (lambda shape: rng.random(shape, np.float32))

    def learn_sample(self, spikes: Spikes, label: int, rate: float = 1.0) -> None:
        """Learn one sample, ``spikes`` (steps, inputs), by plain descent of eta times ``rate``."""
        if not 0 <= label < self.cfg.classes:
            raise ValueError(f"label: got {label}, expected 0..{self.cfg.classes - 1}")
        x, labels = check_spikes(self.cfg, spikes, 2)[None], np.array([label])
        descent = Descent(self.cfg, self.weights, self.noise, rate)
        for step in self._run(x, labels):
            descent.take(step)
        descent.finish()

    def gradients(self, spikes: Spikes, labels: NDArray[np.integer]) -> Weights:
        """TESS's stand-in for the gradient: updates without eta, summed over the learning steps.

        ``spikes`` (samples, steps, inputs); mean over the samples. Weights do not move.
        """
        total = self.weights.zeros()
        for step in self._run(check_spikes(self.cfg, spikes, 3), labels):
            step.add_hidden(self.cfg, total)
            step.add_readouts(self.cfg, total)
        self.weights.to_directions(total)
        for array in total.arrays():
            array /= len(spikes)
        return total

    def _run(self, x: Floats, labels: NDArray[np.integer]) -> Iterator[LearningStep]:
        """Yield the factors of the update at each learning step; the caller may move weights."""
        cfg = self.cfg
        target = one_hot(labels, cfg.classes).astype(cfg.precision)
        shapes = [(layer.inputs.neurons, layer.fired.neurons) for layer in cfg.layers]
        states = [LayerState.cleared(len(x), *shape, cfg.precision) for shape in shapes]
        for t in range(cfg.steps):
            learning = t >= cfg.first_learning_step
            z = x[:, t]
            hidden: list[LayerStep] = []
            effective, readouts = self.weights.effective(), readouts_of(cfg, self.weights)
            for layer, state, w, b in zip(cfg.layers, states, effective, readouts, strict=True):
                inputs = z
                o = state.step(cfg, inputs, layer.synapses.integrate(w, inputs))
                z = layer.pool(o)
                if learning and cfg.train_hidden:
                    m, e, a = learning_signal(cfg, layer, b, o, z, target)
                    causal, post = cfg.alpha_pre * m * state.psi, cfg.alpha_post * m * state.h
                    hidden.append(LayerStep(causal, state.q, post, inputs, e, a))
            if learning:
                y = (z @ self.weights.out + self.weights.bias) / cfg.temperature_out
                e = learning_error(y, target, cfg.error_out, cfg.dead_zone_out)
                yield LearningStep(hidden=hidden, last_spikes=z, error_out=e)
