"""Layers in real numbers become a Network and integer weights.

Spikes do not change when all weights and the threshold of a neuron are multiplied by one factor. So
neurons with thresholds of their own are brought to one threshold, and weights too large or too small
for the chip's bits are multiplied together with it. What is lost is the rounding to `weight_bits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.formats import FACTOR_BITS
from golden.spec.layers import FIELD_OF
from golden.spec.network import LEAST_FRACTION, ONE_BITS, Network
from sw.device import Weights
from sw.interchange.package import Unsupported
from sw.interchange.recognise import Floats, Layers, Stage
from sw.printable import short

LIMITS = {
    "weight_fraction": (LEAST_FRACTION, Network.weight_fraction),
    "readout_fraction": (LEAST_FRACTION, ONE_BITS),
}
"""Fraction bits to choose from. For hidden weights finer than the usual, the usual learning rate would
not fit its register."""
LARGEST_THRESHOLD = FIELD_OF["theta"].high
ALMOST = 1e-4
"""Part of a unit that files in 32-bit floats may be off."""


@dataclass(frozen=True)
class Quantised:
    """What comes of it."""

    network: Network
    weights: Weights
    notes: list[str]
    """What the user should know, a line each."""


def quantise(
    layers: Layers, core: CoreConfig, hint: dict[str, Any] | None = None, reset: str | None = None
) -> Quantised:
    """Integers for `core`.

    Args:
        layers: the network in real numbers.
        core: its weight_bits bound the weights. Whether all fits is for `Network.layers` to say.
        hint: parameters of a Network that a graph has no place for (learning rates, fractions).
        reset: take neurons that reset to zero for ones that subtract: "soft" ("hard": as written).

    Raises Unsupported.
    """
    notes: list[str] = []
    hint = dict(hint or {})
    top = (1 << (core.weight_bits - 1)) - 1
    gamma = _one_gamma(layers.stages, notes)
    kind = _one_reset(layers.stages, reset) or str(hint.get("reset", "soft"))
    threshold, hidden = _one_threshold(layers.stages)
    wanted = hint.get("weight_fraction")
    fraction, scale = _fraction("weight_fraction", hidden, top, wanted, threshold)
    last = [layers.weight, layers.bias]
    wanted = hint.get("readout_fraction")
    readout_fraction, readout_scale = _fraction("readout_fraction", last, top, wanted, None)
    if scale != 1:
        notes.append(
            f"weights and thresholds multiplied by {scale:.3g}: the same spikes, better bits"
        )
    if readout_scale != 1:
        notes.append(f"readout multiplied by {readout_scale:.3g}: same classes, other scores")
    if layers.counts:
        notes.append(f"the graph ends in the spikes of {layers.node}: a readout counts them")
    unit = 2.0**fraction
    theta = _theta(layers.stages, threshold * scale * unit)
    fields = hint | {
        "sizes": layers.sizes,
        "gamma": _as_hinted(hint.get("gamma"), round(gamma * 2**FACTOR_BITS), 2.0**FACTOR_BITS),
        "theta": _as_hinted(hint.get("theta"), theta, unit),
        "reset": kind,
        "weight_fraction": fraction,
        "readout_fraction": readout_fraction,
    }
    weights = [_integers(values.T * (scale * unit), top) for values in hidden]
    readout = np.vstack([layers.weight.T, layers.bias]) * (readout_scale * 2.0**readout_fraction)
    weights.append(_integers(readout, top))
    notes += _lost(layers, weights)
    try:
        return Quantised(Network(**fields), Weights(weights), notes)
    except (TypeError, ValueError) as error:
        raise Unsupported(f"the network has no place on the chip: {error}") from error


def _one_gamma(stages: list[Stage], notes: list[str]) -> float:
    """The leak of all, as the chip has it."""
    one = 2**FACTOR_BITS
    found: dict[int, str] = {}
    for stage in stages:
        for value in np.unique(np.rint(stage.gamma * one)):
            found.setdefault(int(value), stage.node)
    if len(found) > 1:
        names = short(
            ", ".join(f"{value / one:.4g} at node {node}" for value, node in found.items())
        )
        raise Unsupported(f"leaks gamma of {names}: all neurons of a network here have one")
    leak = next(iter(found), one // 2)
    if leak >= one:
        raise Unsupported(
            f"node {found[leak]}: gamma rounds to 1, it never leaks; the chip's reaches 255/256"
        )
    given = stages[0].gamma[0] if stages else leak / one
    if abs(given - leak / one) > 1e-5:
        notes.append(f"gamma {given:.5g} is {leak}/{one} = {leak / one:.5g} on the chip")
    return leak / one


def _one_reset(stages: list[Stage], asked: str | None) -> str | None:
    """ "soft" or "hard"; None without neurons."""
    kinds = {"hard" if stage.subtract is None else "soft": stage.node for stage in stages}
    if len(kinds) > 1:
        raise Unsupported(
            f"node {kinds['hard']} resets to zero, {kinds['soft']} by subtraction: all neurons of a "
            "network here do the same"
        )
    if asked and kinds and asked not in kinds:
        if asked == "hard":
            raise Unsupported(f"node {kinds['soft']} resets by subtraction; leave --reset out")
        return asked
    return next(iter(kinds), None)


def _one_threshold(stages: list[Stage]) -> tuple[float, list[Floats]]:
    """A threshold for all, and the weights [neurons, inputs] of every layer that go with it."""
    if not stages:
        return 1.0, []
    values = np.concatenate([stage.threshold for stage in stages])
    common = float(np.median(values))
    for stage in stages:
        if stage.subtract is None:
            continue
        off = np.abs(stage.subtract / stage.threshold - 1).max()
        if off > 0.05:
            raise Unsupported(
                f"node {stage.node}: a spike takes {off:.0%} more or less than the threshold off "
                "the membrane; the chip takes the threshold"
            )
    return common, [stage.weight * (common / stage.threshold)[:, None] for stage in stages]


def _fraction(
    name: str, values: list[Floats], top: int, wanted: Any, threshold: float | None
) -> tuple[int, float]:
    """Fraction bits, and what to multiply by, so that the largest weight uses the bits there are."""
    low, high = LIMITS[name]
    largest = max((float(np.abs(value).max()) for value in values if value.size), default=0.0)
    if wanted is not None and largest * 2.0 ** int(wanted) <= top + 1 + ALMOST:
        return int(wanted), 1.0
    if largest == 0:
        return high, 1.0
    fits = [n for n in range(high, low - 1, -1) if largest * 2.0**n <= top]
    if not fits:
        return low, top / (largest * 2.0**low)
    scale = top / (largest * 2.0**high)
    if threshold is None or fits[0] < high or scale < 2:
        return fits[0], 1.0
    return high, min(scale, LARGEST_THRESHOLD / (threshold * 2.0**high))


def _theta(stages: list[Stage], real: float) -> int:
    """The largest integer that whole numbers above it are above `real`."""
    theta = int(np.floor(real + ALMOST))
    if stages and not 1 <= theta <= LARGEST_THRESHOLD:
        raise Unsupported(
            f"node {stages[0].node}: the threshold is {real:.3g} weight units, 1 to "
            f"{LARGEST_THRESHOLD} are possible: weights and threshold are too far apart"
        )
    return max(theta, 1)


def _as_hinted(hint: Any, value: int, unit: float) -> float:
    """An integer of the chip as a real number; the hint's if the chip takes it for the same."""
    if isinstance(hint, float) and round(hint * unit) == value:
        return hint
    return value / unit


def _integers(values: Floats, top: int) -> NDArray[np.int32]:
    return np.clip(np.rint(values), -top - 1, top).astype(np.int32)


def _lost(layers: Layers, weights: list[NDArray[np.int32]]) -> list[str]:
    """Layers in which rounding made most weights zero."""
    names = [*(stage.node for stage in layers.stages), layers.node]
    reals = [*(stage.weight for stage in layers.stages), layers.weight]
    notes = []
    for name, real, whole in zip(names, reals, weights, strict=True):
        there = np.count_nonzero(real)
        gone = np.count_nonzero((whole[: real.shape[1]].T == 0) & (real != 0))
        if there and gone > there / 2:
            notes.append(
                f"warning: node {name}: {gone / there:.0%} of its weights are too small for the "
                "chip's bits and became zero: a few large ones decide the scale, clip them"
            )
    return notes
