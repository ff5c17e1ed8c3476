"""The compiled core against the integer model: every weight, score, spike and counter."""

from dataclasses import replace

import numpy as np
import pytest

from bench.native.batched import (
    bptt_gradients,
    evaluate_native,
    fit_batched_native,
    tess_gradients,
)
from bench.native.online import fit_online_native
from golden.reference import FloatConfig, evaluate, fit_bptt, fit_online, fit_tess_batched
from golden.reference.optim import Adam
from golden.spec.config import PRESETS
from golden.spec.network import Network
from golden.spec.registers import Space, memories
from golden.spec.values import value_range
from sw.data import Dataset, load
from sw.device import Device, chip_frames
from sw.native import COUNTERS, NativeCore, Spikes

TINY = PRESETS["tiny"]
ROOMY = {"neuron_groups": 200, "trace_entries": 1000, "weight_words": 800, "map_pixels": 64}
ROOMY["classifier_groups"] = 100
LOUD = {"eta": 0.05, "eta_out": 0.05, "weight_fraction": 6, "rate_cost": 0.2}
CASES = [
    {"sizes": (64, 12, 4)},
    {"sizes": (64, 9, 7, 4), **LOUD, "alpha_post": -0.5, "learn_last": 2},
    {"sizes": (64, 6, 6, 6, 4), **LOUD, "reset": "hard", "alpha_post": 1.0, "gamma": 0.9},
    {"sizes": (64, 12, 4), **LOUD, "train_hidden": False},
]
MAPS = [
    ((1, 8, 8), ("5c3p", "7c3"), LOUD),
    ((4, 4, 4), ("9c3", "6c3p", "8"), {**LOUD, "alpha_post": 0.5, "latent_side": 2}),
    ((4, 4, 4), ("5c3p", "9c3g"), {**LOUD, "alpha_post": 0.5}),
    ((2, 2, 16), ("6c3p", "3c3", "3c3"), {**LOUD, "reset": "hard", "gamma": 0.9}),
]
LEARNED = {**LOUD, "classifiers": "learned", "eta_classifier": 0.2, "tau": 0.1, "theta": 0.3}
LEARNED["init_scale"] = 2.0
MAPS += [
    ((1, 8, 8), ("5c3p", "7c3"), {**LEARNED, "guess": "even", "learn_last": 1}),
    (
        (4, 4, 4),
        ("9c3", "6c3p", "8"),
        {**LEARNED, "score": "all", "alpha_post": 0.5, "latent_side": 2},
    ),
    ((4, 4, 4), ("5c3p", "9c3g"), {**LEARNED, "alpha_post": 0.5, "learn_last": 2}),
    ((2, 5, 6), ("7c3p", "13c3"), {**LEARNED, "guess": "even", "tau": 0.3, "reset": "hard"}),
    ((1, 8, 8), ("6c3p", "3c3g"), {**LEARNED, "guess": "even", "eta_classifier": 0.49}),
    ((1, 8, 8), ("5c3p",), {**LEARNED, "train_hidden": False, "score": "all"}),
    ((1, 8, 8), ("5c3p",), {**LOUD, "guess": "even"}),
]
MAPS += [
    ((1, 8, 8), ("5c3p", "7c3"), {**LEARNED, "score": "all", "input_bits": 4, "input_fraction": 2}),
    ((2, 5, 6), ("7c3p", "13c3"), {**LOUD, "input_bits": 3}),
    ((4, 4, 4), ("9c3g",), {**LOUD, "input_bits": 8, "input_fraction": 6, "eta": 0.01}),
]
CASES += [
    {"sizes": (64, 9, 7, 4), **LOUD, "input_bits": 5, "input_fraction": 3},
    {"sizes": (64, 9, 4), **LOUD, "input_bits": 2, "input_fraction": 1, "alpha_pre": 3.0},
    {"sizes": (64, 9, 4), **LOUD, "input_bits": 8, "lambda_pre": 0.9, "eta": 0.005},
]
CASES += [Network.of_stages(*shape, 4, **settings).as_dict() for *shape, settings in MAPS]


def lists(data, network):
    """Spikes as the chip numbers the network's inputs."""
    frames = [chip_frames(sample, network) for sample in data]
    samples = [s._replace(frames=f) for s, f in zip(data, frames, strict=True)]
    values = {"input_bits": network.input_bits}
    turned = Dataset(
        "turned", samples, classes=4, n_inputs=network.inputs, steps=data.steps, **values
    )
    return Spikes.of(turned)


def check_classifiers(native, device):
    """The classifiers are the same, and those that learn have learned; idle lanes and classes are 0."""
    slots, lanes = native.config.class_slots, native.config.lanes
    memory = memories(native.config)[Space.CLASSIFIERS]
    words = device.read(Space.CLASSIFIERS, 0, memory.size).view(np.int16)
    words = words.reshape(-1, slots, memory.stride)[:, :, :lanes].transpose(1, 0, 2)
    end = 0
    for layer, mine in zip(native.layers, native.classifiers, strict=True):
        first, end = end, end + layer.latent_groups * layer.classifier
        golden = words[:, first:end].reshape(slots, -1)
        assert np.array_equal(golden[: len(mine)], mine) and not golden[len(mine) :].any()
        assert mine.any() == (layer.classifier and layer.plastic)
    assert not words[:, end:].any()


def first_inputs(data, network):
    """Samples without what a network with fewer inputs has no place for; spikes as the values it takes."""
    rng, bits = np.random.default_rng(7), network.input_bits
    least, most = value_range(bits)
    samples = []
    for sample in data:
        frames = sample.frames[:, : network.inputs]
        if bits > 1:
            frames = (frames * rng.integers(least, most + 1, frames.shape)).astype(np.int8)
        samples.append(sample._replace(frames=frames))
    shape = {"classes": 4, "n_inputs": network.inputs, "steps": data.steps}
    return Dataset("cut", samples, **shape, input_bits=bits)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case["sizes"])))
def test_equals_the_integer_model(case):
    network = Network(**{**case, "seed": 5})
    config = replace(TINY, lanes=6, **ROOMY, input_bits=network.input_bits)
    train, test = (
        first_inputs(load("synthetic", seed=5, train=train, limit=16), network)
        for train in (True, False)
    )
    native = NativeCore(network, config)
    with Device.open("golden", config=config) as device:
        device.load(network)
        for scale, data, learn in ((1.0, train, True), (0.37, train, True), (1.0, test, False)):
            device.set_rates(scale)
            native.set_rates(scale)
            order = data.order(0, 5)
            results = list(device.run([data[i] for i in order], learn=learn))
            outcome = native.run(lists(data, network), order, learn=learn)
            assert [r.prediction for r in results] == outcome.predictions.tolist()
            assert [r.scores[:4] for r in results] == [tuple(s) for s in outcome.scores.tolist()]
            spikes = np.array([r.spikes[: len(native.layers)] for r in results])
            assert np.array_equal(spikes, outcome.spikes)
        placed = zip(native.weights, network.placements(config), device.read_weights(), strict=True)
        for mine, place, golden in placed:
            assert np.array_equal(mine[place.row_numbers()], golden)
        check_classifiers(native, device)
        assert native.noise_state == device.noise_state
        counted = device.counters()
        assert {name: counted[name] for name in COUNTERS} == native.counters
        weights = zip(device.read_weights(), network.initial_weights(), strict=True)
        changed = [got != initial for got, initial in weights]
        assert all(c.any() for c in changed) == network.train_hidden


def test_classifiers_that_learn_need_updates_in_every_step():
    shape, stages, settings = MAPS[4]
    network = Network.of_stages(shape, stages, 4, **settings)
    with pytest.raises(ValueError, match="classifiers=signs"):
        NativeCore(network, replace(TINY, **ROOMY), at_end=True)


def test_a_network_that_is_loaded_again_starts_with_classifiers_of_zeros():
    shape, stages, settings = MAPS[4]
    network, data = Network.of_stages(shape, stages, 4, **settings), load("synthetic", limit=4)
    config = replace(TINY, **ROOMY)
    native = NativeCore(network, config)
    with Device.open("golden", config=config) as device:
        for _ in range(2):
            device.load(network)
            list(device.run(list(data), learn=True))
        native.run(lists(data, network), np.arange(len(data)), learn=True)
        check_classifiers(native, device)


ONLINE = {"error": "hard_sigmoid", "error_out": "hard_sigmoid", "output_bias": True}
FLOAT_CASES = [
    {"sizes": (64, 12, 4)},
    {"sizes": (64, 9, 7, 4), "alpha_post": 0.5, "rate_cost": 0.1, "learn_last": 2},
    {"sizes": (64, 9, 7, 4), "reset": "hard", "gamma": 0.9, "theta": 0.5, "eta": (0.05, 0.1)},
    {"sizes": (64, 9, 7, 4), "error": "softmax", "rate_cost": 0.1},
    {"sizes": (64, 12, 4), "error": "softmax", "error_out": "softmax"},
]


@pytest.mark.parametrize("case", FLOAT_CASES, ids=str)
def test_the_compiled_float_rule_equals_the_reference(case):
    data = load("synthetic", seed=5, steps=5, limit=12)
    config = FloatConfig(
        **{**ONLINE, "eta": 0.1, **case}, steps=5, eta_out=0.1, precision="float32", seed=3
    )
    frames = np.stack([sample.frames for sample in data])
    wanted = fit_online(config, frames, data.labels, epochs=2)
    got = fit_online_native(config, Spikes.of(data), epochs=2)
    for one, two in zip(got.arrays(), wanted.arrays(), strict=True):
        assert np.abs(two).max() > 0.01
        np.testing.assert_allclose(one, two, atol=2e-5)


BATCHED_CASES = [
    {"sizes": (64, 12, 4)},
    {"sizes": (64, 12, 4), "reset": "hard", "gamma": 0.9, "learn_last": 2, "alpha_post": 0.5},
    {"sizes": (64, 12, 4), "error_out": "softmax", "rate_cost": 0.1, "output_bias": False},
]


@pytest.mark.parametrize("case", BATCHED_CASES, ids=str)
def test_compiled_minibatches_equal_the_reference(case):
    data = load("synthetic", seed=6, steps=5, limit=40)
    config = FloatConfig(**{**ONLINE, **case}, steps=5, precision="float32", seed=4)
    frames, lists = np.stack([sample.frames for sample in data]), Spikes.of(data)
    pairs = [(fit_bptt, bptt_gradients), (fit_tess_batched, tess_gradients)]
    for reference, gradients in pairs:
        wanted = reference(config, frames, data.labels, epochs=2, optimizer=Adam(0.01))
        got = fit_batched_native(config, lists, gradients, epochs=2, optimizer=Adam(0.01))
        for one, two in zip(got.arrays(), wanted.arrays(), strict=True):
            assert np.abs(two).max() > 0.001 or not config.output_bias
            np.testing.assert_allclose(one, two, atol=5e-5)
        logits, rates = evaluate_native(config, got, lists)
        result = evaluate(config, got, frames)
        np.testing.assert_allclose(logits, result.logits, atol=1e-4)
        assert rates == pytest.approx(result.firing_rates)
    with pytest.raises(ValueError, match=r"use golden\.reference"):
        fit_batched_native(
            replace(config, train_hidden=False), lists, bptt_gradients, epochs=1, optimizer=Adam()
        )


@pytest.mark.parametrize("learn_last", [0, 1, 2])
def test_inputs_that_are_repeated_are_added_up_anew_when_weights_move(learn_last):
    """Of an image, whose steps are alike; LOUD rates move the weights between them."""
    settings = {**LOUD, "input_bits": 4, "input_fraction": 2, "learn_last": learn_last, "seed": 5}
    network = Network.of_stages((1, 8, 8), ("5c3p", "7c3"), 4, **settings)
    config = replace(TINY, lanes=6, **ROOMY, input_bits=4)
    data = first_inputs(load("synthetic", seed=5, limit=8), network)
    alike = [s._replace(frames=np.repeat(s.frames[3:4], len(s.frames), axis=0)) for s in data]
    alike[1] = alike[0]._replace(label=2)  # the same image again, after what it has taught
    shape = {"classes": 4, "n_inputs": network.inputs, "steps": data.steps, "input_bits": 4}
    images, native = Dataset("images", alike, **shape), NativeCore(network, config)
    with Device.open("golden", config=config) as device:
        device.load(network)
        results = list(device.run(alike, learn=True))
        outcome = native.run(lists(images, network), np.arange(len(alike)), learn=True)
        assert [r.scores[:4] for r in results] == [tuple(s) for s in outcome.scores.tolist()]
        counted = device.counters()
        assert {name: counted[name] for name in COUNTERS} == native.counters
        placed = zip(native.weights, network.placements(config), device.read_weights(), strict=True)
        for mine, place, golden in placed:
            assert np.array_equal(mine[place.row_numbers()], golden)


def test_weights_that_are_written_between_two_samples_count():
    network = Network.of_stages((1, 8, 8), ("5c3p",), 4, **LOUD)
    data, order = load("synthetic", seed=5, steps=1, limit=2), np.zeros(2, np.int64)
    spikes = lists(data, network)
    used, fresh = (NativeCore(network, replace(TINY, lanes=6, **ROOMY)) for _ in range(2))
    before = used.run(spikes, order, learn=False)
    for native in (used, fresh):
        native.weights[0][:] += 9
        native.weights[1][:] = 5 * np.arange(4)
    after = used.run(spikes, order, learn=False)
    assert np.array_equal(after.spikes, fresh.run(spikes, order, learn=False).spikes)
    assert not np.array_equal(before.spikes, after.spikes)
