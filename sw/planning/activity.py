"""How much a network is assumed to fire, and what follows for the rows that its passes visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from golden.spec.layout import Placement


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Assumptions, each of a step. Defaults lie between the two flat networks below.

    Raises ValueError, naming the assumption, when one is out of its bounds.
    """

    input_rate: float = 0.1
    """Share of the inputs that spike."""
    rate: float = 0.08
    """Share of what a hidden layer hands on, behind its pooling, that spikes."""
    trace_steps: float = 2.8
    """Rows with a trace, as if each spike left one for so many steps: 1 - (1 - rate)^trace_steps, less in
    the first steps of a sample. With lambda_pre 0.5 a trace lasts 5 steps; spikes that come again at
    the same inputs, and steps without an error, make it less."""
    overlap: float = 0.6
    """Share of the rows with a spike that have a trace, too: one visit serves both."""

    def __post_init__(self) -> None:
        for name, high in (("input_rate", 1), ("rate", 1), ("trace_steps", 1000), ("overlap", 1)):
            value = getattr(self, name)
            if not 0 <= value <= high:  # also false for NaN
                raise ValueError(f"{name} is {value}: it must lie in 0 to {high}")

    def density(self, rate: float, steps: int, last: int) -> float:
        """Share of rows with a trace, of inputs that fire at `rate`: mean over the last steps of a sample."""
        lasting = (min(step, self.trace_steps) for step in range(steps - last + 1, steps + 1))
        return sum(1 - (1 - rate) ** each for each in lasting) / max(last, 1)

    def active(self, rate: float) -> float:
        """Share of inputs that spike or have a trace, of those that fire at `rate`: their place in lists."""
        return 1 - (1 - rate) ** (1 + self.trace_steps)

    def rows(
        self,
        layers: Sequence[Placement],
        steps: int,
        last: int | None = None,
        *,
        first: float | None = None,
    ) -> list[Rows]:
        """What goes into each layer; traces as in the `last` steps, or in all.

        Of the inputs of the `first` layer that share spikes: `input_rate`, unless another is given.
        """
        last = steps if last is None else last
        found, rate = [], self.input_rate if first is None else first
        for placement in layers:
            inputs, bias = placement.input_neurons, int(placement.readout)
            density = (
                rate if placement.readout else self.density(rate, steps, last)
            )  # a readout's trace: one step
            found.append(Rows(rate, inputs * rate + bias, inputs * density + bias))
            rate = self.rate
        return found


class Rows(NamedTuple):
    """Inputs of a layer in one step: how many spike, how many have a trace."""

    rate: float
    spikes: float
    traces: float


MEASURED = {
    "nmnist-fast": Activity(input_rate=0.0791, rate=0.0912, trace_steps=3.10, overlap=0.533),
    "nmnist-conv": Activity(input_rate=0.0791, rate=0.126, trace_steps=0.6, overlap=0.3),
    "cifar10-learned": Activity(input_rate=0.481, rate=0.16, trace_steps=0.59, overlap=0.6),
    "cifar10-graded": Activity(input_rate=0.884, rate=0.36, trace_steps=0.52, overlap=0.6),
    "nmnist-best": Activity(input_rate=0.1427, rate=0.0571, trace_steps=2.55, overlap=0.633),
}
"""Presets as `python -m bench.roofline` counts them, in the first epoch."""
