"""Inputs that carry values: their codec, their bounds, and a network that learns from them."""

from dataclasses import replace

import numpy as np
import pytest

from bench.accuracy.floats import float_config
from golden.core import Core
from golden.reference import TessLearner, init_weights
from golden.rows.events import decode_sample
from golden.rows.trace import next_trace
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.layers import Layer
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from golden.spec.samples import SPARSE, SPARSE_VALUES, VALUES, SampleStatus, encode_sample
from golden.spec.values import pack_values, slot_bits, unpack_values, value_range
from sw.device import Device

TINY = PRESETS["tiny"]
STEPS, CLASSES, INPUTS = 5, 3, 24


@pytest.mark.parametrize("bits", range(2, 9))
def test_values_are_packed_and_decoded(bits):
    rng, (least, most) = np.random.default_rng(bits), value_range(bits)
    assert slot_bits(bits) == {2: 2, 3: 4, 4: 4}.get(bits, 8)
    values = rng.integers(least, most + 1, 37)
    packed = np.frombuffer(pack_values(values, bits), np.uint8)
    assert len(packed) == -(-37 * slot_bits(bits) // 8)
    assert np.array_equal(unpack_values(packed, bits)[:37], values)
    for density in (0.0, 0.02, 0.5, 1.0):
        frames = rng.integers(least, most + 1, (6, 600)) * (rng.random((6, 600)) < density)
        frames[0] = rng.integers(0, 2, 600)  # of ones alone: the codes of spikes
        frames[1, 3] = least
        payload = encode_sample(frames.astype(np.int8), 2, learn=False, input_bits=bits)
        events = decode_sample(payload, 600, bits)
        assert events.status == SampleStatus.OK
        for frame, rows, carried in zip(frames, events.steps, events.values, strict=True):
            assert np.array_equal(rows, np.flatnonzero(frame))
            assert np.array_equal(carried, frame[rows])


def test_the_shorter_code_is_taken_and_other_cores_do_not_know_it():
    few, many = np.zeros(400, np.int8), np.full(400, -3, np.int8)
    few[[7, 399]] = -2, 3
    for frame, code, size in ((few, SPARSE_VALUES, 3 + 4 + 1), (many, VALUES, 1 + 200)):
        payload = encode_sample(frame[None], 0, learn=False, input_bits=4)
        assert payload[6] == code and len(payload) == 6 + size
        assert decode_sample(payload, 400).status == SampleStatus.BAD_CODE
    spikes = few != 0
    for bits in (1, 4):
        assert encode_sample(spikes[None], 0, learn=False, input_bits=bits)[6] == SPARSE


def test_a_code_that_ends_before_a_value_is_told():
    head = bytes([0, 7, 1, 0, 0, 0])
    whole = head + bytes([SPARSE_VALUES, 4, 0, 5, 0xFF, 255, 1])  # value -1; then a distance alone
    events = decode_sample(whole, 400, 3)
    assert events.steps[0].tolist() == [5] and events.values[0].tolist() == [-1]
    assert events.status == SampleStatus.OK
    cut = decode_sample(whole[:-3], 400, 3)
    assert cut.steps[0].tolist() == [] and cut.status == SampleStatus.TRUNCATED
    far = decode_sample(head + bytes([SPARSE_VALUES, 2, 0, 9, 2]), 9, 3)
    assert far.steps[0].tolist() == [] and far.status == SampleStatus.ROW_RANGE
    none = decode_sample(head + bytes([SPARSE_VALUES, 2, 0, 3, 0xF8]), 9, 3)  # low bits are 0
    assert none.steps[0].tolist() == [] and none.status == SampleStatus.OK


@pytest.mark.parametrize(
    ("bits", "value", "text"),
    [(1, 2, "spikes are 0 or 1"), (3, 4, "-4 to 3 fit"), (3, -5, "-4 to 3 fit")],
)
def test_values_out_of_range_are_refused(bits, value, text):
    frames = np.zeros((2, 20), np.int64)
    frames[1, 4] = value
    with pytest.raises(ValueError, match=f"input value {value}: .*{text}"):
        encode_sample(frames, 0, learn=False, input_bits=bits)
    with pytest.raises(ValueError, match="whole numbers"):
        encode_sample(frames / 2, 0, learn=False, input_bits=bits)


def test_a_trace_of_negative_values_reaches_zero_from_below():
    layer = Layer(rows=1, groups=1, outputs=1, pre_decay=128, pre_gain=16)
    trace, values = np.array([0]), np.array([-3])
    found = []
    for _ in range(8):
        trace = next_trace(trace, values, layer)
        found.append(int(trace[0]))
        values = np.array([0])
    assert found == [-48, -24, -12, -6, -3, -1, 0, 0]
    held = next_trace(np.array([-250]), np.array([-90]), layer)
    assert held[0] == -256 and next_trace(np.array([200]), np.array([100]), layer)[0] == 255


def test_networks_and_cores_that_do_not_go_together():
    for changes, text in (
        ({"input_fraction": 4}, "below input_bits"),
        ({"sizes": (9, 3)}, "use a hidden layer"),
        ({"alpha_post": 0.5}, "no non-causal term"),
    ):
        with pytest.raises(ValueError, match=text):
            Network(**{"sizes": (9, 4, 3), "input_bits": 4, **changes})
    network = Network(sizes=(9, 4, 3), input_bits=4, input_fraction=2)
    with pytest.raises(DoesNotFit, match="carry values of 4 bits, the core takes 1"):
        network.layers(TINY)
    with Device.open("golden", config=replace(TINY, input_bits=8)) as device:
        device.load(network)
        sample = type("Sample", (), {"frames": np.full((1, 9), 8, np.int8), "label": 0})
        with pytest.raises(ValueError, match="input value 8: with input_bits 4 -8 to 7 fit"):
            list(device.run([sample], learn=False))


@pytest.mark.parametrize(("bits", "fraction"), [(4, 2), (8, 6), (3, 0), (8, 0)])
def test_one_of_a_value_counts_as_it_should(bits, fraction):
    """The layer table's integers against the real numbers that they stand for."""
    settings = {"sizes": (9, 4, 3), "eta": 0.002, "weight_fraction": 8}
    config = replace(TINY, input_bits=bits)
    plain = Network(**settings).layers(TINY)[0]
    layer = Network(**settings, input_bits=bits, input_fraction=fraction).layers(config)[0]
    assert layer.theta == pytest.approx(plain.theta * 2**fraction, abs=2**fraction)
    assert layer.psi_width == 2**layer.psi_shift * 128  # the surrogate's height stays
    # a spike, which is 2^fraction of a value, moves a weight by as much
    moved = layer.rate * layer.pre_gain * 2**fraction * 2**fraction
    assert moved / (plain.rate * plain.pre_gain) == pytest.approx(
        2.0 ** (layer.psi_shift - plain.psi_shift), rel=0.01
    )


def prototypes(count, seed, bits, fraction):
    """Patterns of signed values, and noise; values alone tell the classes apart, not which are zero."""
    rng, (least, most) = np.random.default_rng(seed), value_range(bits)
    centres = np.random.default_rng(99).choice([-1.0, 1.0], (CLASSES, INPUTS))
    labels = rng.integers(0, CLASSES, count)
    real = centres[labels] + rng.normal(0, 1.2, (count, INPUTS))
    values = np.clip(np.rint(real * 2**fraction), least, most).astype(np.int8)
    return np.repeat(values[:, None], STEPS, axis=1), labels


@pytest.mark.parametrize(("bits", "fraction", "alike"), [(4, 2, 0.98), (8, 6, 0.94)])
def test_the_integer_model_learns_as_the_floating_point_one(bits, fraction, alike):
    """Of 6 fraction bits of values, 8 are left to the weights, which so move in coarser steps."""
    network = Network(
        sizes=(INPUTS, 12, CLASSES), input_bits=bits, input_fraction=fraction, eta=0.004,
        eta_out=0.02, weight_fraction=10, seed=3,
    )  # fmt: skip
    config = CoreConfig(
        lanes=4, weight_bits=16, weight_words=200, neuron_groups=8, trace_entries=64, layers=3,
        classes=4, input_bits=bits,
    )  # fmt: skip
    settings = replace(float_config(network, STEPS), precision="float64")
    start, ones = network.initial_weights(), (2.0 ** network.fraction(0), 2.0**7)
    weights = init_weights(settings)
    weights.hidden[0][:] = start[0] / ones[0]
    weights.out[:], weights.bias[:] = start[1][:-1] / ones[1], 0
    learner = TessLearner(settings, weights)
    frames, labels = prototypes(150, 1, bits, fraction)
    with Device.open("golden", config=config) as device:
        device.load(network)
        samples = [Sample(f, int(label)) for f, label in zip(frames, labels, strict=True)]
        list(device.run(samples, learn=True))
        for frame, label in zip(frames, labels, strict=True):
            learner.learn_sample(frame / 2.0**fraction, int(label))
        moved = (device.read_weights()[0] - start[0]) / ones[0]
        wanted = learner.weights.hidden[0] - start[0] / ones[0]
        assert np.abs(wanted).max() > 0.1
        assert np.corrcoef(moved.ravel(), wanted.ravel())[0, 1] > alike
        assert np.abs(moved).mean() == pytest.approx(np.abs(wanted).mean(), rel=0.1)
        tests, truth = prototypes(100, 2, bits, fraction)
        results = device.run([Sample(f, 0) for f in tests], learn=False)
        right = np.array([result.prediction for result in results]) == truth
        assert right.mean() > 0.9
        unsigned = np.abs(np.maximum(tests, -value_range(bits)[1]))
        blind = device.run([Sample(f, 0) for f in unsigned], learn=False)
        assert (np.array([result.prediction for result in blind]) == truth).mean() < 0.6


class Sample:
    """Frames and their class."""

    def __init__(self, frames, label):
        self.frames, self.label = frames, label


def test_states_are_read_back_with_their_signs():
    config = replace(TINY, input_bits=4)
    network = Network(sizes=(9, 4, 3), input_bits=4)
    frames = np.zeros((2, 9), np.int8)
    frames[0] = range(-4, 5)
    with Device.open("golden", config=config) as device:
        device.load(network)
        for step in device.step_through(Sample(frames, 0), learn=True):
            traces = device.traces(0)
            expected = device.layers[0].pre_gain * frames[0].astype(int)
            if step:
                expected = np.trunc(expected / 2)
            assert expected.any() and np.array_equal(traces, expected)


def test_ones_are_what_spikes_are():
    """A core that takes values computes of spikes what a core of spikes does."""
    rng, network = np.random.default_rng(4), Network(sizes=(20, 9, 4), eta=0.01)
    cores = [Core(TINY), Core(replace(TINY, input_bits=5))]
    for core in cores:
        layers = network.layers(core.config)
        core.table[:3] = 0
        for at, layer in enumerate(layers):
            core.table[at, : len(layer.encode())] = layer.encode()[: core.table.shape[1]]
        core.registers |= {"layer_count": 2, "class_count": 4, "noise_state": 77}
        core.weights[:] = np.random.default_rng(5).integers(-200, 200, core.weights.shape)
    for _ in range(4):
        frames = rng.random((5, 20)) < 0.4
        results = [
            core.sample(encode_sample(frames, 1, learn=True, input_bits=core.config.input_bits))
            for core in cores
        ]
        assert results[0] == results[1]
    assert np.array_equal(cores[0].weights, cores[1].weights)
