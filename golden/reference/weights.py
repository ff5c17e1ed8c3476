"""Weights of a network, or gradients of the same shapes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from golden.reference.config import FloatConfig
from golden.reference.equations import Floats
from golden.reference.normalization import normalized, norms, to_direction
from golden.reference.readouts import start_readouts


@dataclass(kw_only=True)
class Weights:
    """Weights of a network, or gradients of the same shapes.

    ``hidden[l]`` is (inputs, neurons): row j holds what input j sends, the chip's row layout; of a
    convolution (9 * input channels, output channels), see `golden.reference.convolution`.
    ``out`` is (last layer's outputs, classes), ``bias`` (classes,). With weight normalization
    ``hidden`` holds directions and ``gains[l]`` (neurons or output channels,) their lengths.
    ``readouts[l]`` (classes, latents) is the layer's own readout B, where it learns.
    """

    hidden: list[Floats]
    out: Floats
    bias: Floats
    gains: list[Floats] = field(default_factory=list)
    readouts: list[Floats] = field(default_factory=list)

    def arrays(self) -> Iterator[Floats]:
        """All arrays, hidden layers first."""
        yield from (*self.hidden, self.out, self.bias, *self.gains, *self.readouts)

    def copy(self) -> "Weights":
        """A deep copy."""
        return self._each(np.copy)

    def zeros(self) -> "Weights":
        """All-zero arrays of the same shapes."""
        return self._each(np.zeros_like)

    def effective(self) -> list[Floats]:
        """Hidden weights as the neurons see them; without gains the arrays themselves."""
        if not self.gains:
            return self.hidden
        return [normalized(v, g) for v, g in zip(self.hidden, self.gains, strict=True)]

    def to_directions(self, gradients: "Weights") -> "Weights":
        """Turn ``gradients`` in the effective weights into those of these arrays, in place."""
        for layer, gain in enumerate(self.gains):
            v, dw = self.hidden[layer], gradients.hidden[layer]
            gradients.hidden[layer], gradients.gains[layer] = to_direction(v, gain, dw)
        return gradients

    def _each(self, make: Callable[[Floats], Floats]) -> "Weights":
        lists = (self.hidden, self.gains, self.readouts)
        hidden, gains, readouts = ([make(w) for w in arrays] for arrays in lists)
        out, bias = make(self.out), make(self.bias)
        return Weights(hidden=hidden, out=out, bias=bias, gains=gains, readouts=readouts)


def init_weights(cfg: FloatConfig) -> Weights:
    """Weights at the start of training, from ``cfg.seed``, on the grid of `cfg.formats`.

    Gains start at |v|: w is what was drawn.
    """
    rng, grid = np.random.default_rng(cfg.seed), cfg.formats.hidden
    hidden = []
    for layer in cfg.layers:
        shape = layer.weight_shape
        limit = cfg.per_layer("init_scale", layer.number) / np.sqrt(shape[0])
        drawn = rng.uniform(-limit, limit, shape).astype(cfg.precision)
        hidden.append(grid.nearest(drawn) if grid else drawn)
    outputs = cfg.layers[-1].passed_on.neurons
    return Weights(
        hidden=hidden,
        out=np.zeros((outputs, cfg.classes), cfg.precision),
        bias=np.zeros(cfg.classes, cfg.precision),
        gains=[norms(v) for v in hidden] if cfg.weight_norm else [],
        readouts=[b.copy() for b in start_readouts(cfg)] if cfg.readouts.eta else [],
    )
