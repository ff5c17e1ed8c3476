"""Weight update of one row, with stochastic rounding. Twin of hw/core/lanes/update.py.

Delta w_ij = g_i q_j + k_i x_j is the deferred update of the step before. g_i and k_i are the causal and
the non-causal gain of lane i: learning rate, learning signal and Psi or post trace, multiplied once per
step (golden/learn/gain.py).
"""

import numpy as np
from numpy.typing import NDArray

from golden.spec.formats import NOISE_BITS, POST_FRACTION

Words = NDArray[np.int32]


def update_rows(
    weights: Words,
    gains: Words,
    post_gains: Words,
    trace: Words,
    previous_spikes: NDArray[np.bool_],
    noise: Words,
    weight_bits: int,
) -> Words:
    """New weights [rows, lanes], saturated.

    weights [rows, lanes]; gains, post_gains s16[lanes]; trace s9[rows]; previous_spikes bool[rows];
    noise u16[rows, lanes].
    """
    change = trace[:, None] * gains
    if post_gains.any():
        change += np.where(previous_spikes[:, None], post_gains << POST_FRACTION, 0)
    change += noise
    change >>= NOISE_BITS
    change += weights
    top = 1 << (weight_bits - 1)
    return np.clip(change, -top, top - 1, out=change)
