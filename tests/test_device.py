"""The device API against the integer model: what goes in comes out, and identity is checked."""

import os
import threading
import tty
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from golden.spec.registers import Space
from sw.data import load
from sw.device import Channel, Device, DeviceError
from sw.link import GoldenTransport, LinkError

TINY = PRESETS["tiny"]
NETWORK = Network(sizes=(64, 12, 6, 4), eta=0.02, eta_out=0.02, alpha_post=-0.5, weight_fraction=7)
ODD = CoreConfig(lanes=6, weight_words=300, neuron_groups=9, trace_entries=100, frame_bytes=512)


@pytest.fixture
def device():
    with Device.open("golden", config=TINY) as opened:
        opened.load(NETWORK)
        yield opened


@pytest.fixture
def samples():
    return list(load("synthetic", limit=30))


def golden_core(device):
    return device.channel.transport.device.core


def test_load_writes_what_the_core_needs(device):
    core = golden_core(device)
    assert [core.layer(i) for i in range(3)] == NETWORK.layers(TINY)
    assert (core.layer_count, core.class_count) == (3, 4)
    assert device.noise_state == NETWORK.noise_seed
    for read, written in zip(device.read_weights(), NETWORK.initial_weights(), strict=True):
        assert np.array_equal(read, written)


@pytest.mark.parametrize("config", [TINY, ODD])
def test_weights_round_trip_at_their_limits(config):
    with Device.open("golden", config=config) as device:
        device.load(NETWORK)
        rng = np.random.default_rng(1)
        weights = [rng.integers(-256, 256, w.shape, np.int32) for w in device.read_weights()]
        device.write_weights(weights)
        for read, written in zip(device.read_weights(), weights, strict=True):
            assert np.array_equal(read, written)
        with pytest.raises(DeviceError, match="9 bits hold -256 to 255"):
            device.write_weights([w + 256 for w in weights])
        with pytest.raises(DeviceError, match="shapes"):
            device.write_weights(weights[:1])


def test_pipelined_results_equal_one_by_one(device, samples):
    many = list(device.run(samples, learn=True))
    with Device.open("golden", config=TINY) as other:
        other.load(NETWORK)
        single = [next(other.run([sample], learn=True)) for sample in samples]
        assert many == single
        for one, two in zip(device.read_weights(), other.read_weights(), strict=True):
            assert np.array_equal(one, two)
    assert device.counters()["samples"] == len(samples)
    assert device.counters()["updates"] > 0


def test_long_samples_are_cut_and_give_one_result(samples):
    long = [SimpleNamespace(frames=np.tile(s.frames, (20, 1)), label=s.label) for s in samples[:4]]
    roomy = replace(TINY, frame_bytes=1 << 16)
    with Device.open("golden", config=TINY) as small, Device.open("golden", config=roomy) as large:
        for device in (small, large):
            device.load(NETWORK)
        cut, whole = list(small.run(long, learn=True)), list(large.run(long, learn=True))
        assert cut == whole
        assert len(cut) == len(long)


def test_set_rates_zero_stops_learning(device, samples):
    before = device.read_weights()
    device.set_rates(0)
    list(device.run(samples, learn=True))
    assert all(np.array_equal(*pair) for pair in zip(before, device.read_weights(), strict=True))
    device.set_rates(1)
    list(device.run(samples, learn=True))
    assert not np.array_equal(before[0], device.read_weights()[0])


def test_a_run_can_be_restored_from_weights_and_noise(device, samples):
    list(device.run(samples[:10], learn=True))
    weights, noise = device.read_weights(), device.noise_state
    first = list(device.run(samples[10:], learn=True))
    device.write_weights(weights)
    device.noise_state = noise
    assert list(device.run(samples[10:], learn=True)) == first


@pytest.mark.parametrize("lanes", [6, 8, 24, 64])
def test_spikes_are_read_whatever_the_chunks(samples, lanes):
    network = Network(sizes=(64, 100, 70, 4), weight_fraction=7, init_scale=6)
    config = replace(ODD, lanes=lanes, neuron_groups=40, trace_entries=300, weight_words=4000)
    with Device.open("golden", config=config) as device:
        device.load(network)
        core, seen = golden_core(device), 0
        for _ in device.step_through(samples[0]):
            for layer, outputs in ((0, 100), (1, 70)):
                at = device.layers[layer]
                group = core.spikes[at.state_base : at.state_base + at.groups]
                assert np.array_equal(device.spikes(layer), group.reshape(-1)[:outputs])
                seen += int(group.sum())
        assert seen > 100


def test_state_can_be_read_between_steps(device, samples):
    core = golden_core(device)
    weights = device.read_weights()
    for step in device.step_through(samples[0]):
        spikes = np.flatnonzero(device.spikes(0))
        assert np.array_equal(spikes, np.flatnonzero(core.spikes[:3].reshape(-1)[:12]))
        assert np.array_equal(device.membranes(0), core.membranes[:3].reshape(-1)[:12])
        assert np.array_equal(device.post_traces(1), core.post_traces[3:5].reshape(-1)[:6])
        traces = device.traces(1)
        assert len(traces) == 12
        assert (traces[spikes] >= 16).all()
        assert device.traces(0)[samples[0].frames[step]].all()
    assert all(np.array_equal(*pair) for pair in zip(weights, device.read_weights(), strict=True))
    assert not device.traces(0).any()


def test_wrong_samples_are_refused_before_they_are_sent(device):
    def run(frames, label):
        return list(device.run([SimpleNamespace(frames=frames, label=label)], learn=True))

    with pytest.raises(ValueError, match="label 4"):
        run(np.zeros((2, 64), bool), 4)
    with pytest.raises(ValueError, match="takes"):
        run(np.zeros((2, 65), bool), 0)
    with pytest.raises(ValueError, match="steps"):
        run(np.zeros((0, 64), bool), 0)


def test_network_too_large_is_refused_unwritten(device):
    with pytest.raises(DoesNotFit, match="weight words"):
        device.load(Network(sizes=(64, 20, 4)))
    assert device.network is NETWORK
    assert next(device.run([SimpleNamespace(frames=np.zeros((2, 64), bool), label=0)], learn=False))


@pytest.mark.parametrize(
    ("register", "value", "message"),
    [
        ("magic", 1, "not this project's core: magic 0x00000001, expected 0x53534554"),
        ("version", 7, "address map version 7, this software 3; rebuild"),
        ("fingerprint", 5, "has fingerprint 0000000000000005, this software expects [0-9a-f]{16}"),
        ("lanes", 0, "impossible configuration: lanes is 0"),
        ("lanes", 8, "fingerprint"),
    ],
)
def test_other_devices_are_refused_with_both_sides_named(register, value, message):
    transport = GoldenTransport(TINY)
    transport.device.core.registers[register] = value
    with pytest.raises(DeviceError, match=message):
        Device(Channel(transport))


def test_another_configuration_than_asked_for_is_named():
    with pytest.raises(DeviceError, match=r"lanes 4 \(not 64\)"):
        Device(Channel(GoldenTransport(TINY)), CoreConfig())
    assert Device(Channel(GoldenTransport(TINY))).config == TINY


def test_blocks_longer_than_a_frame(device):
    words = np.arange(900, dtype=np.uint16) & 0x1FF
    device.write(Space.WEIGHTS, 4, words)
    back = device.read(Space.WEIGHTS, 4, 900)
    assert np.array_equal(back & 0x1FF, words)


class Board:
    """The integer model at a pseudo terminal: what a board is to the serial transport."""

    def __init__(self):
        self.inside, outside = os.openpty()
        self.port = os.ttyname(outside)
        tty.setraw(outside)
        self.outside, self.device = outside, GoldenDevice(TINY)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                os.write(self.inside, self.device.exchange(os.read(self.inside, 4096)))
            except OSError:
                return


def test_a_board_at_a_serial_port(samples):
    board = Board()
    with Device.open(f"serial:{board.port}") as device:
        assert device.config == TINY
        device.load(NETWORK)
        results = list(device.run(samples, learn=True))
        with pytest.raises(LinkError, match="in use"):
            Device.open(f"serial:{board.port}")
    with Device.open("golden", config=TINY) as other:
        other.load(NETWORK)
        assert list(other.run(samples, learn=True)) == results


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied"), "usermod -aG dialout"),
        (OSError(16, "Device or resource busy"), "in use by another program"),
        (FileNotFoundError(2, "No such file or directory"), "no such port"),
        (ValueError("Invalid baud rate: 7"), "choose another --baud"),
    ],
)
def test_ports_that_cannot_be_opened_say_what_to_do(error, message, monkeypatch):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("serial.Serial", refuse)
    with pytest.raises(LinkError, match=message):
        Device.open("serial:/dev/ttyUSB0")
