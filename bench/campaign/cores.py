"""Small cores that campaigns try, networks for them, and inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from golden.spec.values import value_range

CORES = {
    "tiny": PRESETS["tiny"],
    "maps": CoreConfig(
        lanes=4, layers=4, classes=6, weight_words=600, neuron_groups=120, trace_entries=400,
        frame_bytes=512, store_bytes=512, map_pixels=25, classifier_groups=40, input_bits=3,
    ),
}  # fmt: skip
"""Boards that are tried, one after the other."""
LIVELY = {"eta": 0.05, "eta_out": 0.1, "init_scale": 3.0, "weight_fraction": 7, "logit_scale": 0.4}
FLAT = [(20, 9, 3), (13, 5, 6, 4), (19, 5), (7, 12, 2), (40, 16, 8)]
MAPS = [
    ((1, 4, 5), ("4c3", "6"), 3),
    ((2, 5, 5), ("4c3p", "5c3"), 4),
    ((1, 4, 4), ("6c3g",), 4),
    ((3, 1, 5), ("3c3g", "7"), 2),
]


def networks(config: CoreConfig) -> list[Network]:
    """Networks that fit a core."""
    found = [Network(sizes=sizes, alpha_post=-0.7, **LIVELY) for sizes in FLAT]
    values = {"input_bits": config.input_bits, "input_fraction": 1}
    if config.graded:
        found += [Network(sizes=sizes, **values, **LIVELY) for sizes in FLAT[:2]]
    if config.map_pixels:
        found += [Network.of_stages(*shape, **LIVELY) for shape in MAPS]
        if config.classifier_groups:
            learned = {"classifiers": "learned", "tau": 0.1, "eta_classifier": 0.1}
            found += [Network.of_stages(*shape, **learned, **LIVELY) for shape in MAPS[:3]]
        if config.graded:
            found += [Network.of_stages(*shape, **values, **LIVELY) for shape in MAPS[:2]]
    return [network for network in found if fits(network, config)]


def fits(network: Network, config: CoreConfig) -> bool:
    """The core has room for it."""
    try:
        network.layers(config)
    except DoesNotFit:
        return False
    return True


def random_frames(
    rng: np.random.Generator, steps: int, density: float, network: Network
) -> NDArray[Any]:
    """Inputs of so many steps: spikes, or values where the network takes them."""
    spikes = rng.random((steps, network.inputs)) < density
    if network.input_bits == 1:
        return spikes
    least, most = value_range(network.input_bits)
    values = rng.integers(least, most + 1, spikes.shape, dtype=np.int8)
    return np.where(spikes, values, np.int8(0))
