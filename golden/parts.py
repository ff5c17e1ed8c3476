"""A network that runs part by part: the integer model of a core that holds one part at a time.

A block of samples goes through the first part, then through the second one, and so on. Between two parts, the
spikes of every step are kept: of a block of K samples, K x steps x neurons bits, all that grows with steps.
Membranes and traces begin at zero with every sample, and each part has a random sequence of its own. So
nothing but weights, classifier and noise state belongs to a part between two samples, and **the size of the
block changes no bit**: it says how often a part is fetched.

`run_block` is the order of work. Whoever runs a part offers `Runs`: the integer model (`golden.part`), the
compiled one, a device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from golden.lanes.noise import advance
from golden.spec.formats import SCORE_BITS, saturate
from golden.spec.network import Network
from golden.spec.parts import Part
from golden.spec.samples import (
    MOST_SPIKES,
    Inputs,
    Result,
    SampleStatus,
    full_layers,
    lists_full,
)
from golden.spec.weights import Weights


@dataclass(frozen=True)
class Given:
    """A sample as a part takes it: `frames` [steps, inputs] in the order of its rows, and the class."""

    frames: Inputs
    label: int


@dataclass(frozen=True)
class Ran:
    """What became of a sample in a part."""

    result: Result
    """Its spikes are those of the part's layers."""
    shown: NDArray[np.bool_]
    """What the parts behind it take in, [steps, pixels, channels]; of the last part [steps, 0, 0]."""


class Runs(Protocol):
    """One part of a network, wherever it runs."""

    noise_state: int
    """State of its random sequence, u32."""

    def write(self, share: Weights) -> None:
        """Take weights and classifiers (`Part.share`)."""

    def read(self) -> Weights:
        """Weights and classifiers as they are now."""

    def set_rates(self, scale: float) -> None:
        """Multiply the learning rates of the network by `scale`."""

    def run(self, samples: Sequence[Given], *, learn: bool) -> list[Ran]:
        """Run samples, one after the other."""

    def counters(self) -> dict[str, int]:
        """What was counted since it was made, by name (`golden.spec.registers`)."""


def nothing(steps: int) -> NDArray[np.bool_]:
    """What the last part shows."""
    return np.zeros((steps, 0, 0), np.bool_)


def noise_seeds(network: Network, parts: int) -> tuple[int, ...]:
    """The noise state that each part begins with: equally far apart in the one sequence of 2^32 states."""
    return tuple(advance(network.noise_seed, number * (2**32 // parts)) for number in range(parts))


Run = Callable[[int, Sequence[Given]], list[Ran]]
"""Runs samples through the part of a number."""


def run_block(
    parts: Sequence[Part], run: Run, samples: Sequence[Given], classes: int
) -> list[Result]:
    """A block of samples through all parts; `run` does one of them. Returns the results of the network.

    `classes` are those of a result's scores.
    """
    totals = [_Total(classes) for _ in samples]
    flowing, tiles = list(samples), [list[NDArray[np.bool_]]() for _ in samples]
    for number, part in enumerate(parts):
        for at, ran in enumerate(run(number, flowing)):
            totals[at].add(part, ran.result)
            tiles[at].append(ran.shown)
        if part.ends_layer:
            shown = [np.concatenate(each, axis=2) for each in tiles]
            labels = [given.label for given in samples]
            flowing = [
                Given(each.reshape(len(each), -1), label)
                for each, label in zip(shown, labels, strict=True)
            ]
            tiles = [[] for _ in samples]
    return [total.result() for total in totals]


class _Total:
    """The result of a sample, from those of its parts."""

    def __init__(self, classes: int) -> None:
        self._status, self._cycles, self._used = SampleStatus.OK, 0, 0
        self._spikes: dict[int, int] = {}
        self._scores = np.zeros(classes, np.int64)

    def add(self, part: Part, result: Result) -> None:
        """Add a part's: spikes of its layers, and scores: votes, or the readout's.

        What a blank readout leaves out counts for nothing.
        """
        at = [layer for layer in full_layers(result.status) if layer < len(part.layers)]
        faults = result.status & (SampleStatus.LIST_FULL - 1)
        self._status |= faults | lists_full(part.layers[layer] for layer in at)
        self._cycles += result.cycles
        self._used = part.placements[-1].stage.outputs
        for layer, spikes in zip(part.layers, result.spikes, strict=False):
            self._spikes[layer] = self._spikes.get(layer, 0) + spikes
        self._scores += result.scores

    def result(self) -> Result:
        """That of the network; spikes of every layer, the readout's 0."""
        scores = saturate(self._scores, SCORE_BITS)
        return Result(
            status=self._status,
            prediction=int(np.argmax(scores[: self._used])),
            cycles=self._cycles,
            spikes=tuple(min(self._spikes[at], MOST_SPIKES) for at in sorted(self._spikes)),
            scores=tuple(int(score) for score in scores),
        )


def joined(network: Network, parts: Sequence[Part], shares: Sequence[Weights]) -> Weights:
    """The weights of a network from those of its parts."""
    shapes = network.weight_shapes
    found = Weights(
        [np.zeros(shape, np.int32) for shape in shapes],
        {at: np.zeros(shape, np.int32) for at, shape in network.classifier_shapes.items()},
    )
    for part, share in zip(parts, shares, strict=True):
        part.give(share, found)
    return found
