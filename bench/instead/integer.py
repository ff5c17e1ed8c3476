"""The integer core, compiled for a processor: the chip's bits without the chip."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bench.accuracy.methods import spikes_for
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.data import Dataset
from sw.native import NativeCore


def trainings(
    network: Network, config: CoreConfig, samples: Dataset, side_by_side: int
) -> Callable[[], int]:
    """A pass over the samples by so many trainings at once, a processor core each. Returns samples learned.

    The compiled core lets go of Python's lock, so threads do. Each pass goes on from the last one's weights.
    """
    spikes, order = spikes_for(network, samples), np.arange(len(samples))
    cores = [NativeCore(network, config) for _ in range(side_by_side)]
    pool = ThreadPoolExecutor(side_by_side)

    def run() -> int:
        list(pool.map(lambda core: core.run(spikes, order, learn=True), cores))
        return side_by_side * len(order)

    return run
