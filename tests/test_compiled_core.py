"""The target `golden` runs compiled where it can: every memory and register is that of the NumPy model."""

from dataclasses import replace

import numpy as np
import pytest

import sw.native
from golden.core import Core
from golden.spec.config import PRESETS
from golden.spec.layers import FIELDS
from golden.spec.network import Network
from golden.spec.registers import REGISTERS, Space, memories, register_address
from golden.spec.samples import SampleStatus, encode_sample
from sw.data import Sample, load
from sw.device import Device
from sw.link import GoldenTransport
from sw.native.compiled_core import MEMORIES, CompiledCore
from tests.test_native import CASES, MAPS, ROOMY, first_inputs

CONFIG = replace(PRESETS["tiny"], **ROOMY)
NETWORKS = [Network(**case) for case in CASES]
NETWORKS += [Network.of_stages(shape, stages, 4, **more) for shape, stages, more in MAPS]
NETWORKS = [network for network in NETWORKS if network.inputs == 64]
SPIKING = [network for network in NETWORKS if network.input_bits == 1]


def pair(network):
    """The network on both models."""
    config = replace(CONFIG, input_bits=network.input_bits)
    both = [Device.open(target, config=config) for target in ("golden", "golden-numpy")]
    for device in both:
        device.load(network)
    return both


def core(device):
    return device.channel.transport.device.core


def check_equal(one, two):
    """All that a host can read, and what it cannot."""
    for register in REGISTERS:
        assert one.registers[register.name] == two.registers[register.name], register.name
    for name in {*MEMORIES, "_scores", "_votes", "_spikes", "_step"} - {"lists"}:
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    for mine, other in zip(one.lists, two.lists, strict=True):
        for name in ("rows", "trace", "previous_spikes"):
            assert np.array_equal(getattr(mine, name), getattr(other, name)), name


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_all_memories_and_registers_are_equal(network):
    data = first_inputs(load("synthetic", steps=4, limit=8), network)
    both = pair(network)
    assert isinstance(core(both[0]), CompiledCore) and type(core(both[1])) is Core
    parts = [(0, 3, True), (3, 4, False), (4, 6, True)]
    for first, last, learn in parts:
        results = [list(d.run([data[i] for i in range(first, last)], learn=learn)) for d in both]
        assert results[0] == results[1]
        assert core(both[0])._compiled is not None, "nothing ran compiled"
        check_equal(*map(core, both))
    for device in both:  # with records a sample runs in NumPy, between others
        device.set_rates(0.5)
        for _ in device.step_through(data[6], learn=True):
            pass
    check_equal(*map(core, both))
    results = [list(d.run([data[7]], learn=True)) for d in both]
    assert results[0] == results[1]
    check_equal(*map(core, both))


@pytest.mark.parametrize("seed", range(8))
def test_samples_in_pieces(seed):
    """Pieces in any order, also such that no driver sends; some in NumPy, some with a look between."""
    rng = np.random.default_rng(seed)
    network = NETWORKS[rng.integers(len(NETWORKS))]
    print("seed", seed, network.name)
    both, data = pair(network), first_inputs(load("synthetic", steps=5, limit=8), network)
    compiled = 0
    for number in range(60):
        sample = data[number % len(data)]
        steps = sample.frames[: rng.integers(6)]
        payload = encode_sample(
            *(steps, sample.label),
            learn=bool(rng.integers(4)),
            learn_from=int(rng.choice([0, 3])),
            first=bool(rng.random() < 0.3),
            last=bool(rng.random() < 0.3),
            input_bits=network.input_bits,
        )
        in_numpy, look = rng.random(2) < 0.15
        core(both[0]).records = [] if in_numpy else None
        results = [core(device).sample(payload) for device in both]
        assert results[0] == results[1], number
        compiled += core(both[0])._compiled is not None
        refused = results[0].status & SampleStatus.NOT_BEGUN
        assert refused or in_numpy == (core(both[0])._compiled is None), number
        if look:
            check_equal(*map(core, both))
    check_equal(*map(core, both))
    assert compiled > 30


def test_a_sample_of_many_frames_runs_compiled():
    network = Network(sizes=(600, 6, 4), input_bits=4, eta=0.01, eta_out=0.01)
    config = replace(CONFIG, input_bits=4, frame_bytes=512, weight_words=1300)
    frames = np.random.default_rng(1).integers(-8, 8, (4, 600)).astype(np.int8)
    both = [Device.open(target, config=config) for target in ("golden", "golden-numpy")]
    for device in both:
        device.load(network)
    results = [list(device.run([Sample(frames, 2, "train/0")] * 2, learn=True)) for device in both]
    assert results[0] == results[1] and core(both[0])._compiled is not None
    check_equal(*map(core, both))


def test_a_memory_that_is_changed_counts_for_the_next_sample():
    network, data = NETWORKS[0], load("synthetic", steps=5, limit=4)
    both = pair(network)
    for device in both:
        next(device.run([data[0]], learn=True))
        core(device).weights[3] += 1
        device.write(Space.REGISTERS, register_address("class_count"), np.array([3], np.uint16))
        device.noise_state = 12345
    results = [list(d.run(list(data), learn=True)) for d in both]
    assert results[0] == results[1]
    check_equal(*map(core, both))


@pytest.mark.parametrize("seed", range(6))
def test_layer_tables_of_any_kind(seed):
    """A few fields of a network's entries are anything: refused by both models, or run to the same bits."""
    rng = np.random.default_rng(seed)
    data, ran = load("synthetic", steps=2, limit=2), 0
    for _ in range(60):
        both, given = [CompiledCore(CONFIG), Core(CONFIG)], table_with_changes(rng)
        for model in both:
            for name in ("table", "signs", "weights", "classifiers"):
                getattr(model, name)[:] = getattr(given, name)
            model.registers |= {"layer_count": given.layer_count, "class_count": 4}
        answers = [[model.sample(_payload(sample)) for sample in data] for model in both]
        assert answers[0] == answers[1]
        assert (both[0]._compiled is None) == bool(answers[0][0].status)
        ran += not answers[0][0].status
        check_equal(*both)
    assert 10 < ran < 60, ran


def table_with_changes(rng):
    """A core with a network, one to three fields of its layer table changed, a little or much."""
    with Device.open("golden-numpy", config=CONFIG) as device:
        device.load(SPIKING[rng.integers(len(SPIKING))])
        layers, changed = len(device.layers), core(device)
    for _ in range(rng.integers(1, 4)):
        at = rng.integers(layers), rng.integers(len(FIELDS))
        near, low = int(changed.table[at]) + int(rng.choice([-1, 1])), FIELDS[at[1]].low
        bound = min(FIELDS[at[1]].high, int(rng.choice([2, 8, 300, 70000])))
        changed.table[at] = rng.choice([max(near, 0) & 0xFFFF, rng.integers(low, bound + 1)])
    return changed


def test_a_classifier_that_has_learned_stays_when_fewer_classes_are_used():
    network = next(network for network in SPIKING if network.classifiers == "learned")
    both, data = pair(network), load("synthetic", steps=4, limit=4)
    for device in both:
        list(device.run(list(data), learn=True))
    assert core(both[0])._compiled is not None
    for device in both:
        device.set_register("class_count", 2)
    payload = _payload(data[1])
    assert core(both[0]).sample(payload) == core(both[1]).sample(payload)
    check_equal(*map(core, both))


def test_values_for_a_readout_with_its_bias():
    """No driver sends them, but a core takes them."""
    config, rng = replace(CONFIG, input_bits=5), np.random.default_rng(4)
    both = [Device.open(target, config=config) for target in ("golden", "golden-numpy")]
    for device in both:
        device.load(Network(sizes=(64, 4), eta_out=0.1))
    for label in range(3):
        frames = rng.integers(-16, 16, (3, 64)).astype(np.int8)
        payload = encode_sample(frames, label, learn=True, input_bits=5)
        one, two = (core(device).sample(payload) for device in both)
        assert one == two and core(both[0])._compiled is not None
        check_equal(*map(core, both))


def _payload(sample):
    return encode_sample(sample.frames, sample.label, learn=True)


def test_damaged_samples_are_answered_alike():
    rng = np.random.default_rng(3)
    both, data = pair(NETWORKS[0]), load("synthetic", steps=3, limit=2)
    for number in range(60):
        payload = bytearray(_payload(data[number % 2]))
        payload[rng.integers(len(payload))] = rng.integers(256)
        payload = bytes(payload[: rng.integers(6, len(payload) + 3)]) + b"\1" * int(rng.integers(2))
        results = [core(device).sample(payload) for device in both]
        assert results[0] == results[1]
    check_equal(*map(core, both))
    assert memories(CONFIG)[Space.SPIKES].size


@pytest.fixture
def without_compiler(monkeypatch):
    sw.native.library.cache_clear()
    monkeypatch.setenv("CXX", "no-such-compiler")
    yield
    sw.native.library.cache_clear()


def test_without_a_compiler_numpy_does_it_and_says_so(without_compiler):
    transport = GoldenTransport(CONFIG)
    assert type(transport.device.core) is Core
    assert "in NumPy" in transport.about and "no C++ compiler (no-such-compiler)" in transport.about
    with pytest.raises(RuntimeError, match="no C\\+\\+ compiler"):
        CompiledCore(CONFIG)
