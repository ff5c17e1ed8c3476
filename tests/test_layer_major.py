"""Updates at the end of a sample: one order of work equals the other, and both the core where it can."""

from dataclasses import replace

import numpy as np
import pytest

from bench.accuracy.methods import Task, chip
from bench.layer_major import at_end, check_orders, loaded
from golden.core import Core
from golden.layer_major import LayerMajor, StepMajor
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.samples import encode_sample, split_sample
from sw.presets import PRESETS

CONFIG = CoreConfig(
    lanes=4, weight_words=4096, neuron_groups=512, trace_entries=2048, layers=5, classes=8,
    frame_bytes=512, store_bytes=0, map_pixels=64,
)  # fmt: skip
MAPS = [
    ((2, 5, 7), ("6c3", "5c3p")),
    ((1, 6, 4), ("3c3p", "9")),
    ((3, 4, 5), ("7c3",)),
]


def drawn(seed, maps=False):
    """A random network and samples for it: frames and label."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 9))
    settings = {
        "reset": str(rng.choice(["soft", "hard"])),
        "gamma": float(rng.uniform(0, 0.98)),
        "theta": float(rng.uniform(0.02, 0.2)),
        "lambda_pre": float(rng.uniform(0, 0.9)),
        "alpha_post": float(rng.choice([0, 1, -1, 0.3])),
        "rate_cost": float(rng.choice([0, 0.3])),
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


def test_the_bench_trains_and_compares():
    smoke = PRESETS["smoke"]
    task = Task(smoke, smoke.samples(limit=80), smoke.samples(train=False, limit=40), 2)
    check_orders(task)
    outcome = at_end(task, 1)
    assert len(outcome.accuracy) == 2 and outcome.accuracy[-1] > 0.4
    assert all(0 < rate < 1 for rate in outcome.firing_rates)
    assert outcome.firing_rates != chip(task, {}, 1).firing_rates
