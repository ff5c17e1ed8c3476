"""Updates of TESS: their factors, their sums, and how weights move by them on line."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from golden.reference.config import FloatConfig
from golden.reference.equations import Floats
from golden.reference.layers import Layer
from golden.reference.rounding import Fixed, Noise, move
from golden.reference.weights import Weights


class LayerStep(NamedTuple):
    """Factors of one layer's updates in one step, before eta; first axis = samples.

    Its weights move by -eta (q^T causal + x^T post), its readout, if it learns, by -eta_B e^T a.
    """

    causal: Floats
    """alpha_pre m Psi, (samples, neurons)."""
    q: Floats
    """Pre traces, (samples, inputs)."""
    post: Floats
    """alpha_post m h, (samples, neurons)."""
    x: Floats
    """Inputs, (samples, inputs)."""
    error: Floats
    """e of the layer's own readout, (samples, classes)."""
    latents: Floats
    """a, (samples, latents)."""


@dataclass(frozen=True, kw_only=True)
class LearningStep:
    """Factors of one step's updates; the output layer moves by -eta_out s^T e."""

    hidden: list[LayerStep]
    """Empty where hidden layers do not learn."""
    last_spikes: Floats
    """s, what the output layer sees, (samples, outputs of the last layer)."""
    error_out: Floats
    """e of the output layer, (samples, classes)."""

    def add_hidden(self, cfg: FloatConfig, total: Weights) -> None:
        """Add the updates of hidden weights, before eta, summed over samples and pixels."""
        for layer, factors, gradient in zip(cfg.layers, self.hidden, total.hidden, strict=False):
            gradient += layer.synapses.gather(factors.q, factors.causal)
            if cfg.alpha_post:
                gradient += layer.synapses.gather(factors.x, factors.post)

    def add_readouts(self, cfg: FloatConfig, total: Weights) -> None:
        """The same of the readouts and the output layer."""
        for number, (factors, gradient) in enumerate(
            zip(self.hidden, total.readouts, strict=False)
        ):
            scale = 1.0 if cfg.fold_scale else cfg.logit_scale(number)
            gradient += scale * (factors.error.T @ factors.latents)
        total.out += self.last_spikes.T @ self.error_out
        total.bias += self.error_out.sum(axis=0) * cfg.output_bias


class Descent:
    """One sample's updates as they come: when weights move, and how they round.

    Take every learning step as it happens, then finish.
    """

    def __init__(self, cfg: FloatConfig, weights: Weights, noise: Noise, rate: float) -> None:
        self.cfg, self.weights, self.noise, self.rate = cfg, weights, noise, rate
        self.waiting = weights.zeros()
        """Updates before eta that have not been applied."""

    def take(self, step: LearningStep) -> None:
        """One learning step: apply what is applied at once, add up what waits."""
        cfg, grid = self.cfg, self.cfg.formats.hidden
        if cfg.update == "pixel" and grid:
            self._move_pixels(step, grid)
        elif cfg.update == "sample" or grid or self.weights.gains:
            step.add_hidden(cfg, self.waiting)
            if cfg.update != "sample":
                self._move_hidden()
        else:
            self._move_rows(step)
        step.add_readouts(cfg, self.waiting)
        if not cfg.readouts_wait:
            self._move_readouts()
        if not cfg.out_waits:
            self._move_out()

    def finish(self) -> None:
        """The end of the sample: apply what waited."""
        if self.cfg.update == "sample":
            self._move_hidden()
        if self.cfg.readouts_wait:
            self._move_readouts()
        if self.cfg.out_waits:
            self._move_out()

    def _move_rows(self, step: LearningStep) -> None:
        """Real numbers in every step: only the rows that have a trace or a spike."""
        for layer, factors in zip(self.cfg.layers, step.hidden, strict=False):
            w, eta = self.weights.hidden[layer.number], self._eta(layer)
            layer.synapses.add(w, factors.q, -eta * factors.causal)
            if self.cfg.alpha_post:
                layer.synapses.add(w, factors.x, -eta * factors.post)

    def _move_pixels(self, step: LearningStep, grid: Fixed) -> None:
        for layer, factors in zip(self.cfg.layers, step.hidden, strict=False):
            w = self.weights.hidden[layer.number]
            w[:] = grid.saturated(w + self._by_pixel(layer, factors, grid))

    def _by_pixel(self, layer: Layer, factors: LayerStep, grid: Fixed) -> Floats:
        """Change of a layer's weights, the part of every pixel rounded before they are summed."""
        total = np.zeros(layer.weight_shape, factors.q.dtype)
        seen = [layer.synapses.seen(rows) for rows in (factors.q, factors.x)]
        sides = [side.reshape(-1, layer.stage.outputs) for side in (factors.causal, factors.post)]
        for output in range(layer.stage.outputs):
            (at,) = np.nonzero(sides[0][:, output] + sides[1][:, output])
            parts = zip(seen, sides, strict=True)
            causal, post = (rows[at] * side[at, output, None] for rows, side in parts)
            change = causal + post
            total[:, output] = grid.stochastic(-self._eta(layer) * change, self.noise).sum(axis=0)
        return total

    def _move_hidden(self) -> None:
        total, weights, grid = self.waiting, self.weights, self.cfg.formats.hidden
        weights.to_directions(total)
        for layer in self.cfg.layers:
            self._move(
                weights.hidden[layer.number], total.hidden[layer.number], self._eta(layer), grid
            )
        for layer, gain, change in zip(self.cfg.layers, weights.gains, total.gains, strict=False):
            self._move(gain, change, self._eta(layer), None)

    def _move_readouts(self) -> None:
        cfg, weights, total = self.cfg, self.weights, self.waiting
        for b, change in zip(weights.readouts, total.readouts, strict=True):
            self._move(b, change, self.rate * cfg.readouts.eta, cfg.formats.readout)

    def _move_out(self) -> None:
        cfg, weights, total = self.cfg, self.weights, self.waiting
        for w, change in ((weights.out, total.out), (weights.bias, total.bias)):
            self._move(w, change, self.rate * cfg.eta_out, cfg.formats.out)

    def _move(self, w: Floats, gradient: Floats, eta: float, grid: Fixed | None) -> None:
        """Descend along a sum of updates, which starts at zero again."""
        move(w, -eta * gradient, grid, self.noise)
        gradient[...] = 0.0

    def _eta(self, layer: Layer) -> float:
        return self.rate * self.cfg.per_layer("eta", layer.number)
