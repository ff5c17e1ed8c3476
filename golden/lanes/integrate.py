"""Row sums. Twin of hw/core/lanes/integrate.py.

v_i[t] = gamma u_i[t-1] + sum_j w_ij x_j[t]: the leaked membrane is stored ready for use, so a pass
starts from it and adds a row of weights per spike, times the value that an input carries. The sum is wide
enough never to overflow and is saturated once, in golden/fire/fire.py: the order of spikes does not matter.
"""

import numpy as np
from numpy.typing import NDArray


def integrate(
    start: NDArray[np.int32],
    weights: NDArray[np.integer],
    values: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Sum of `weights` [spikes, lanes] on top of `start` [lanes]; times `values` [spikes], if given."""
    if values is None:
        return start + weights.sum(axis=0, dtype=np.int64)
    return start + values @ weights.astype(np.int64)
