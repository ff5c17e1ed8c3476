"""Spikes of a layer into events for the next one. Twin of hw/core/rows/scan.py."""

import numpy as np
from numpy.typing import NDArray


def scan(spikes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Rows that spiked, ascending, from 0/1 [groups, lanes]."""
    return np.flatnonzero(spikes.reshape(-1)).astype(np.int64)
