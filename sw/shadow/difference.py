"""What is different between two devices, named by where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.samples import Result
from sw.device import Weights

CLASSIFIER = "classifier weight"


@dataclass(frozen=True)
class Difference:
    """The first differing value of a signal, by where it is."""

    signal: str
    """pre trace, weight, membrane, spike, post trace, classifier weight, or score."""
    layer: int
    neuron: int | None
    row: int | None
    """Input row, for a pre trace or a weight."""
    step: int | None
    """None: found between samples."""
    values: tuple[int, int]
    """Of the device, of its twin."""
    count: int
    """Values of this signal that differ."""
    of_class: int | None = None
    """Class and latent, for a classifier's weight."""
    latent: int | None = None

    def __str__(self) -> str:
        places = (
            ("layer", self.layer),
            ("neuron", self.neuron),
            ("row", self.row),
            ("class", self.of_class),
            ("latent", self.latent),
            ("step", self.step),
        )
        where = [f"{name} {at}" for name, at in places if at is not None]
        one, two = self.values
        return f"{self.signal} of {', '.join(where)}: {one}, not {two} ({self.count} differ)"


def differing(
    signal: str, layer: int, step: int | None, one: NDArray[Any], two: NDArray[Any]
) -> Difference | None:
    """Compare a signal's values: [neurons], or with rows first [rows] or [rows, neurons].

    Of a classifier: [classes, latents].
    """
    found = np.argwhere(one != two)
    if not len(found):
        return None
    first = tuple(int(at) for at in found[0])
    if signal == CLASSIFIER:
        return _of_classifier(layer, step, one, two, first)
    row = first[0] if signal in ("pre trace", "weight") else None
    neuron = None if signal == "pre trace" else first[-1]
    values = (int(one[first]), int(two[first]))
    return Difference(signal, layer, neuron, row, step, values, len(found))


def _of_classifier(
    layer: int, step: int | None, one: NDArray[Any], two: NDArray[Any], at: tuple[int, ...]
) -> Difference:
    """A classifier's weight that differs, of `at`: class, latent."""
    values, count = (int(one[at]), int(two[at])), int(np.count_nonzero(one != two))
    return Difference(CLASSIFIER, layer, None, None, step, values, count, *at)


def weights_differ(one: Weights, two: Weights, step: int | None = None) -> Difference | None:
    """The weight that is furthest off, of the first layer with any; then of the first classifier."""
    for layer, (mine, other) in enumerate(zip(one, two, strict=True)):
        off = np.abs(mine - other)
        if off.any():
            row, neuron = (int(at) for at in np.unravel_index(off.argmax(), off.shape))
            values = (int(mine[row, neuron]), int(other[row, neuron]))
            return Difference(
                "weight", layer, neuron, row, step, values, int(np.count_nonzero(off))
            )
    for layer, mine in one.classifiers.items():
        other = two.classifiers[layer]
        off = np.abs(mine - other)
        if off.any():
            at = tuple(int(part) for part in np.unravel_index(off.argmax(), off.shape))
            return _of_classifier(layer, step, mine, other, at)
    return None


def results_differ(one: Result, two: Result, readout: int) -> Difference | None:
    """Spikes of a layer over the sample, or a class's score. Cycles are no part of it."""
    for layer, (mine, other) in enumerate(zip(one.spikes, two.spikes, strict=True)):
        if mine != other:
            return Difference("spikes", layer, None, None, None, (mine, other), 1)
    scores = differing("score", readout, None, np.array(one.scores), np.array(two.scores))
    if scores is None and one.prediction != two.prediction:
        pair = (one.prediction, two.prediction)
        return Difference("class", readout, None, None, None, pair, 1)
    return scores
