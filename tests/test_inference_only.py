"""A core without a learning rule: results of a core that is told not to learn, and weights that stay."""

from dataclasses import replace

import numpy as np

from golden.spec.config import PRESETS
from golden.spec.network import Network
from sw.data import load
from sw.device import Device

NETWORK = Network(sizes=(64, 12, 6, 4), eta=0.02, eta_out=0.02, alpha_post=-0.5, weight_fraction=7)
LEARNS = PRESETS["tiny"]
INFERS = replace(LEARNS, learning=0)


def trained():
    """Weights after some samples, and the results of other samples with learning off."""
    samples = list(load("synthetic", limit=60))
    with Device.open("golden", config=LEARNS) as device:
        device.load(NETWORK)
        list(device.run(samples[:40], learn=True))
        weights = device.read_weights()
        return samples, weights, list(device.run(samples[40:], learn=False))


def test_a_core_without_a_rule_infers_as_one_that_is_told_not_to_learn():
    samples, weights, expected = trained()
    assert sum(sum(result.spikes) for result in expected)
    with Device.open("golden", config=INFERS) as device:
        device.load(NETWORK)
        device.write_weights(weights)
        assert list(device.run(samples[40:], learn=False)) == expected


def test_a_core_without_a_rule_keeps_its_weights_whatever_it_is_asked():
    samples, weights, expected = trained()
    with Device.open("golden", config=INFERS) as device:
        device.load(NETWORK)
        device.write_weights(weights)
        assert list(device.run(samples[40:], learn=True)) == expected
        for before, after in zip(weights, device.read_weights(), strict=True):
            assert np.array_equal(before, after)
        assert device.counters()["updates"] == 0
