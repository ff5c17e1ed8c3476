"""Weights on the grid of a memory: how a float run shows what fixed-point weights cost.

An update is rounded up or down at random, so that its expected value is kept (stochastic rounding:
Gupta et al., "Deep learning with limited numerical precision", ICML 2015). What is rounded is a choice
of the configuration's `update`: the update of each pixel, of each step, or of each sample.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from golden.reference.checks import require
from golden.reference.equations import Floats

Noise = Callable[[tuple[int, ...]], Floats]
"""Gives an array of the shape asked for, uniform in [0, 1)."""


@dataclass(frozen=True)
class Fixed:
    """Signed numbers of ``bits`` bits, ``fraction`` of them behind the point: k / 2^fraction.

    Raises ValueError: fewer than 2 bits.
    """

    bits: int
    fraction: int

    def __post_init__(self) -> None:
        require(self.bits >= 2, "bits", self.bits, "2 or more")

    @property
    def step(self) -> float:
        """Distance of neighbouring numbers."""
        return 2.0**-self.fraction

    def saturated(self, w: Floats) -> Floats:
        """``w`` within the range, -2^(bits-1) to 2^(bits-1) - 1 steps."""
        half = 1 << (self.bits - 1)
        return np.clip(w, -half * self.step, (half - 1) * self.step)

    def nearest(self, w: Floats) -> Floats:
        """The nearest number of the format."""
        return self.saturated(np.rint(w / self.step) * self.step)

    def stochastic(self, change: Floats, noise: Noise) -> Floats:
        """``change`` rounded to steps, up with the probability of its remainder; not saturated."""
        scaled = change / self.step
        return np.asarray(np.floor(scaled + noise(scaled.shape)) * self.step, change.dtype)


@dataclass(frozen=True, kw_only=True)
class Formats:
    """Grids of the weights; None: real numbers."""

    hidden: Fixed | None = None
    """Of the hidden layers' weights. The recipe: Fixed(9, 9)."""
    readout: Fixed | None = None
    """Of the learned readouts of hidden layers. The recipe: Fixed(9, 6)."""
    out: Fixed | None = None
    """Of the output layer and its bias. The recipe: Fixed(16, 13)."""


def move(w: Floats, change: Floats, grid: Fixed | None, noise: Noise) -> None:
    """Add ``change`` to the weights ``w``, in place; on ``grid`` by one stochastic rounding."""
    if grid is None:
        w += change
    else:
        w[:] = grid.saturated(w + grid.stochastic(change, noise))
