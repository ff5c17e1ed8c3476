"""Updates at the end of a sample: one order of work equals the other, and both the core where it can."""

from dataclasses import replace

import numpy as np
import pytest

from bench.accuracy.methods import Task, chip
from bench.layer_major import check_orders, loaded
from golden.core import Core
from golden.layer_major import LayerMajor, StepMajor
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.packing import unpack_weights
from golden.spec.samples import encode_sample, split_sample
from sw.data import Sample
from sw.native import COUNTERS, NativeCore, Spikes
from sw.presets import PRESETS

CONFIG = CoreConfig(
    lanes=4, weight_words=4096, neuron_groups=512, trace_entries=2048, layers=5, classes=8,
    frame_bytes=512, store_bytes=0, map_pixels=64,
)  # fmt: skip
MAPS = [
    ((2, 5, 7), ("6c3", "5c3p")),
    ((1, 6, 4), ("3c3p", "9")),
    ((3, 4, 5), ("7c3",)),
    ((2, 4, 4), ("5c3p", "6c3g")),
]


def neurons_of(rng):
    """Random fields of a network: how its neurons fire and learn."""
    return {
        "reset": str(rng.choice(["soft", "hard"])),
        "gamma": float(rng.uniform(0, 0.98)),
        "theta": float(rng.uniform(0.02, 0.2)),
        "lambda_pre": float(rng.uniform(0, 0.9)),
        "alpha_post": float(rng.choice([0, 1, -1, 0.3])),
        "rate_cost": float(rng.choice([0, 0.3])),
    }


def drawn(seed, maps=False):
    """A random network and samples for it: frames and label."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 9))
    settings = {
        **neurons_of(rng),
        "train_hidden": bool(rng.random() < 0.9),
        "eta": float(rng.uniform(0.003, 0.012)),
        "eta_out": 0.05,
        "init_scale": 0.4,
        "seed": seed,
    }
    if maps:
        network = Network.of_stages(*MAPS[seed % len(MAPS)], classes, **settings)
    else:
        hidden = rng.integers(3, 30, rng.integers(1, 4)).tolist()
        network = Network(sizes=(int(rng.integers(3, 40)), *hidden, classes), **settings)
    samples = [
        (rng.random((int(rng.integers(1, 9)), network.inputs)) < 0.3, int(rng.integers(classes)))
        for _ in range(3)
    ]
    return network, samples, rng


def same(one, other):
    """Everything that stays after a sample, counters of what was done included."""
    return one.registers == other.registers and np.array_equal(one.weights, other.weights)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("maps", [False, True], ids=["flat", "maps"])
def test_layer_by_layer_is_step_by_step(seed, maps):
    network, samples, rng = drawn(seed, maps)
    steps, layers = (loaded(kind, network, CONFIG) for kind in (StepMajor, LayerMajor))
    start = steps.weights.copy()
    for frames, label in samples:
        first = int(rng.integers(0, len(frames)))
        payload = encode_sample(frames, label, learn=True, learn_from=first)
        assert steps.sample(payload) == layers.sample(payload)
        assert same(steps, layers)
    assert not np.array_equal(start, steps.weights), "nothing was learned: the test says nothing"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", [StepMajor, LayerMajor])
def test_a_signal_in_the_last_step_is_what_the_core_does(seed, kind):
    """Then nothing is added up, and the core applies its only update at the end, too."""
    network, samples, _ = drawn(100 + seed)
    core, ours = loaded(Core, network, CONFIG), loaded(kind, network, CONFIG)
    for frames, label in samples:
        payload = encode_sample(frames, label, learn=True, learn_from=len(frames) - 1)
        assert core.sample(payload) == ours.sample(payload)
        assert core.noise_state == ours.noise_state
        assert np.array_equal(core.weights, ours.weights)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("maps", [False, True], ids=["flat", "maps"])
def test_without_learning_it_is_the_core(seed, maps):
    network, samples, _ = drawn(200 + seed, maps)
    core, ours = loaded(Core, network, CONFIG), loaded(LayerMajor, network, CONFIG)
    for frames, label in samples:
        payload = encode_sample(frames, label, learn=False)
        assert core.sample(payload) == ours.sample(payload)
        assert same(core, ours)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("maps", [False, True], ids=["flat", "maps"])
def test_sums_are_those_of_the_steps_alone(seed, maps):
    """The sample cut off after each step, with a signal in that step alone, adds up to the whole."""
    network, samples, _ = drawn(300 + seed, maps)
    frames, label = max(samples, key=lambda sample: len(sample[0]))
    whole = loaded(LayerMajor, network, CONFIG)
    whole.sample(encode_sample(frames, label, learn=True))
    total = np.zeros_like(whole.sums)
    for step in range(len(frames)):
        part = loaded(LayerMajor, network, CONFIG)
        part.sample(encode_sample(frames[: step + 1], label, learn=True, learn_from=step))
        total += part.sums
    assert np.array_equal(total, whole.sums) and total.any()


def test_the_rounded_sum_is_within_a_unit_of_the_sum():
    network, samples, _ = drawn(400, maps=True)
    core = loaded(LayerMajor, network, CONFIG)
    before = core.weights.copy()
    for frames, label in samples[:1]:
        core.sample(encode_sample(frames, label, learn=True))
    top = 1 << (CONFIG.weight_bits - 1)
    exact = np.clip(before + core.sums / 2**16, -top, top - 1)
    assert np.abs(core.weights - exact).max() < 1 and (core.weights != before).any()


def test_a_sample_may_come_in_parts():
    network, samples, _ = drawn(7)
    frames, label = max(samples, key=lambda sample: len(sample[0]))
    limit = 6 + 2 * (1 + -(-network.inputs // 8))
    parts = split_sample(frames, label, learn=True, learn_from=1, limit=limit)
    assert len(parts) > 1
    cores = [loaded(kind, network, CONFIG) for kind in (StepMajor, LayerMajor, LayerMajor)]
    results = [[core.sample(part) for part in parts][-1] for core in cores[:2]]
    results.append(cores[2].sample(encode_sample(frames, label, learn=True, learn_from=1)))
    assert results[0] == results[1] == results[2]
    assert same(cores[0], cores[1]) and same(cores[1], cores[2])


def test_frozen_layers_stay():
    network = replace(drawn(1)[0], sizes=(20, 9, 3), train_hidden=False)
    core = loaded(LayerMajor, network, CONFIG)
    before = core.weights.copy()
    frames = np.random.default_rng(1).random((6, 20)) < 0.4
    core.sample(encode_sample(frames, 1, learn=True))
    hidden = network.layers(CONFIG)[0].words
    assert np.array_equal(before[:hidden], core.weights[:hidden])
    assert not np.array_equal(before[hidden:], core.weights[hidden:])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("maps", [False, True], ids=["flat", "maps"])
def test_the_compiled_core_does_the_same(seed, maps):
    network, samples, rng = drawn(500 + seed, maps)
    steps = max(len(frames) for frames, _ in samples)
    network = replace(network, learn_last=int(rng.integers(0, steps)))
    data = [Sample(rng.random((steps, network.inputs)) < 0.3, label, "") for _, label in samples]
    golden, native = loaded(LayerMajor, network, CONFIG), NativeCore(network, CONFIG, at_end=True)
    outcome = native.run(spikes_of(data), np.arange(len(data)), learn=True)
    first = network.learn_from(steps)
    for number, sample in enumerate(data):
        payload = encode_sample(sample.frames, sample.label, learn=True, learn_from=first)
        result = golden.sample(payload)
        assert result.scores[: network.classes] == tuple(outcome.scores[number])
        assert result.spikes[: len(native.layers)] == tuple(outcome.spikes[number])
    words = [
        unpack_weights(golden.weights[layer.weight_base : layer.weight_base + layer.words], place)
        for layer, place in zip(native.layers, network.placements(CONFIG), strict=True)
    ]
    places = zip(native.weights, network.placements(CONFIG), words, strict=True)
    assert all(np.array_equal(mine[place.row_numbers()], theirs) for mine, place, theirs in places)
    assert native.noise_state == golden.noise_state
    assert native.counters == {name: golden.registers[name] for name in COUNTERS}


def spikes_of(samples):
    """Samples as lists of rows."""
    rows = [np.nonzero(sample.frames)[1].astype(np.int32) for sample in samples]
    counts = np.concatenate([sample.frames.sum(axis=1) for sample in samples])
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    labels = np.array([sample.label for sample in samples], np.int32)
    values = np.ones(offsets[-1], np.int8)
    return Spikes(offsets, np.concatenate(rows), values, labels, len(samples[0].frames))


@pytest.mark.parametrize("kind", [StepMajor, LayerMajor])
def test_classifiers_that_learn_are_refused(kind):
    settings = {"classifiers": "learned", "tau": 0.1, "seed": 1}
    network = Network.of_stages((2, 4, 4), ("5c3p",), 4, **settings)
    core = loaded(kind, network, replace(CONFIG, classifier_groups=8))
    payload = encode_sample(np.ones((2, network.inputs), bool), 1, learn=True)
    with pytest.raises(ValueError, match="classifiers=signs"):
        core.sample(payload)


def test_the_bench_compares():
    smoke = PRESETS["smoke"]
    task = Task(smoke, smoke.samples(limit=120), smoke.samples(train=False, limit=40), 3)
    check_orders(task)
    outcome = chip(task, {}, 1, at_end=True)
    assert len(outcome.accuracy) == 3 and outcome.accuracy[-1] > 0.5
    assert outcome.firing_rates != chip(task, {}, 1).firing_rates
