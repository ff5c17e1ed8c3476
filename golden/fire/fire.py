"""Threshold, surrogate, reset and leak of one group of neurons. Twin of hw/core/fire/fire.py."""

from dataclasses import dataclass

import numpy as np

from golden.spec.formats import (
    FACTOR_BITS,
    MEMBRANE_BITS,
    READOUT_SURROGATE,
    SURROGATE_BITS,
    Ints,
    round_shift,
    saturate,
    saturate_unsigned,
)
from golden.spec.layers import Layer


@dataclass(frozen=True)
class Fired:
    """What a group leaves behind in a step, int[lanes] each.

    `membrane` is gamma u, the start of the next step (for a readout: v itself, the logits).
    """

    membrane: Ints
    surrogate: Ints
    spikes: Ints


def fire(total: Ints, neurons: Ints, layer: Layer) -> Fired:
    """o = v > theta; Psi = triangle around theta; u = v - theta o (soft) or v (1 - o) (hard).

    `total` is the row sum; `neurons` is 1, or 0 in lanes beyond the layer's outputs, which stay silent.
    """
    v = saturate(total, MEMBRANE_BITS)
    if layer.readout:
        return Fired(v, READOUT_SURROGATE * neurons, 0 * v)
    distance = v - layer.theta
    spikes = (distance > 0) * neurons
    size = np.where(distance < 0, ~distance, distance)  # |d|, one less below theta: no carry
    height = np.maximum(layer.psi_width - size, 0) >> layer.psi_shift
    surrogate = saturate_unsigned(height, SURROGATE_BITS) * neurons
    reset = v * (1 - spikes) if layer.hard_reset else v - layer.theta * spikes
    return Fired(round_shift(reset * layer.leak, FACTOR_BITS), surrogate, spikes)
