"""The price of a spike: in the learning signal, in the layer table, and in what a network becomes."""

from dataclasses import replace

import numpy as np
import pytest

from golden.learn.project import learning_signal
from golden.spec.config import PRESETS
from golden.spec.layers import Layer
from golden.spec.network import Network
from golden.spec.registers import Space, memories
from sw.data import load
from sw.device import Device

TINY = PRESETS["tiny"]


@pytest.mark.parametrize("seed", range(20))
def test_a_spike_takes_the_cost_off_its_neuron(seed):
    print("seed", seed)
    rng = np.random.default_rng(seed)
    signals = rng.integers(-0x8000, 0x8000, 4) >> rng.integers(0, 12)
    signs = rng.choice([-1, 1], (4, 9))
    spikes, cost = rng.integers(0, 2, 9), int(rng.integers(0, 0x8000))
    got = learning_signal(
        signals, signs, spikes, Layer(rows=1, groups=1, outputs=9, rate_cost=cost)
    )
    for lane in range(9):
        total = sum(int(signals[c]) * int(signs[c, lane]) for c in range(4)) - cost * int(
            spikes[lane]
        )
        assert got[lane] == max(-0x8000, min(0x7FFF, total))


def test_the_cost_is_in_units_of_an_error_and_follows_the_schedule():
    network = Network(sizes=(64, 12, 4), rate_cost=0.25)
    for scale in (1.0, 0.5):
        hidden, readout = network.layers(TINY, scale)
        assert hidden.rate_cost == pytest.approx(0.25 * hidden.rate, abs=1)
        assert readout.rate_cost == 0
    with pytest.raises(ValueError, match="rate_cost is too large for the chip by a factor of"):
        replace(network, rate_cost=16).layers(TINY)
    with pytest.raises(ValueError, match="rate_cost is -1"):
        replace(network, rate_cost=-1)


def test_a_device_takes_cost_and_rate_of_every_layer():
    network = Network(sizes=(64, 12, 6, 4), rate_cost=0.25)
    with Device.open("golden", config=TINY) as device:
        device.load(network)
        device.set_rates(0.5)
        table = device.memory(Space.LAYERS, 0, 3)
        wanted = network.layers(TINY, 0.5)
        width = memories(TINY)[Space.LAYERS].elements
        assert table.tolist() == [layer.encode()[:width] for layer in wanted]


def test_a_network_that_pays_for_spikes_fires_less():
    spikes = {}
    for cost in (0.0, 0.5):
        network = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01, rate_cost=cost)
        with Device.open("golden", config=TINY) as device:
            device.load(network)
            list(device.run(load("synthetic", steps=5), learn=True))
            results = device.run(load("synthetic", steps=5, train=False), learn=False)
            spikes[cost] = sum(result.spikes[0] for result in results)
    assert 0 < spikes[0.5] < 0.8 * spikes[0.0]
