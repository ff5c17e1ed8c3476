"""Optimizers and the learning-rate schedule. They change the weights in place."""

from typing import Protocol

import numpy as np

from golden.reference.equations import Floats
from golden.reference.weights import Weights


class Optimizer(Protocol):
    """Turns a gradient into a change of the weights."""

    def step(self, weights: Weights, gradients: Weights, rate: float) -> None:
        """Descend along ``gradients``; ``rate`` scales the step (schedule)."""


class Sgd:
    """w -= rate eta g."""

    def __init__(self, eta: float) -> None:
        self.eta = eta

    def step(self, weights: Weights, gradients: Weights, rate: float) -> None:
        """Descend along ``gradients``."""
        for w, g in zip(weights.arrays(), gradients.arrays(), strict=True):
            w -= rate * self.eta * g


class Adam:
    """Adam (Kingma and Ba, ICLR 2015) with bias correction."""

    def __init__(
        self, eta: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.eta, self.beta1, self.beta2, self.epsilon = eta, beta1, beta2, epsilon
        self.steps = 0
        self.moments: list[tuple[Floats, Floats]] = []

    def step(self, weights: Weights, gradients: Weights, rate: float) -> None:
        """Descend along ``gradients``."""
        if not self.moments:
            self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in weights.arrays()]
        self.steps += 1
        eta = rate * self.eta
        arrays = zip(weights.arrays(), gradients.arrays(), self.moments, strict=True)
        for w, g, (first, second) in arrays:
            first += (1 - self.beta1) * (g - first)
            second += (1 - self.beta2) * (g * g - second)
            mean = first / (1 - self.beta1**self.steps)
            spread = np.sqrt(second / (1 - self.beta2**self.steps))
            w -= eta * mean / (spread + self.epsilon)


def cosine(progress: float) -> float:
    """Cosine decay of the learning rate: 1 at ``progress`` 0, 0 at 1."""
    return 0.5 * (1.0 + float(np.cos(np.pi * progress)))
