"""Weights of a network, or gradients of the same shapes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from golden.reference.config import FloatConfig
from golden.reference.equations import Floats
from golden.reference.normalization import normalized, norms, to_direction


@dataclass(kw_only=True)
class Weights:
    """Weights of a network, or gradients of the same shapes.

    ``hidden[l]`` is (inputs, neurons): row j holds what input j sends, the chip's row layout; of a
    convolution (9 * input channels, output channels), see `golden.reference.convolution`.
    ``out`` is (last layer's outputs, classes), ``bias`` (classes,). With weight normalization
    ``hidden`` holds directions and ``gains[l]`` (neurons or output channels,) their lengths.
    """

    hidden: list[Floats]
    out: Floats
    bias: Floats
    gains: list[Floats] = field(default_factory=list)

    def arrays(self) -> Iterator[Floats]:
        """All arrays, hidden layers first."""
        yield from (*self.hidden, self.out, self.bias, *self.gains)

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
        hidden, gains = ([make(w) for w in arrays] for arrays in (self.hidden, self.gains))
        return Weights(hidden=hidden, out=make(self.out), bias=make(self.bias), gains=gains)


def init_weights(cfg: FloatConfig) -> Weights:
    """Weights at the start of training, from ``cfg.seed``. Gains start at |v|: w is what was drawn."""
    rng = np.random.default_rng(cfg.seed)
    hidden = []
    for layer in cfg.layers:
        shape = layer.weight_shape
        limit = cfg.per_layer("init_scale", layer.number) / np.sqrt(shape[0])
        hidden.append(rng.uniform(-limit, limit, shape).astype(cfg.precision))
    outputs = cfg.layers[-1].passed_on.neurons
    return Weights(
        hidden=hidden,
        out=np.zeros((outputs, cfg.classes), cfg.precision),
        bias=np.zeros(cfg.classes, cfg.precision),
        gains=[norms(v) for v in hidden] if cfg.weight_norm else [],
    )
