"""Updates at the end of a sample: one order of work equals the other, and both the core where it can."""

from dataclasses import replace

import numpy as np
import pytest

from bench.accuracy.methods import Task, chip
from bench.layer_major import at_end, check_orders, loaded
from golden.core import Core
from golden.layer_major import SampleCore
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.samples import encode_sample
from sw.presets import PRESETS

CONFIG = CoreConfig(
    lanes=4, weight_words=2048, neuron_groups=32, trace_entries=256, layers=5, classes=8,
    frame_bytes=512, store_bytes=0,
)  # fmt: skip


def drawn(seed):
    """A random network, and its samples: frames and label."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    sizes = (
        int(rng.integers(3, 40)),
        *rng.integers(1, 30, rng.integers(1, 4)).tolist(),
        int(rng.integers(2, 9)),
    )
    network = Network(
        sizes=sizes,
        reset=str(rng.choice(["soft", "hard"])),
        gamma=float(rng.uniform(0, 0.98)),
        theta=float(rng.uniform(0.05, 0.4)),
        lambda_pre=float(rng.uniform(0, 0.9)),
        alpha_post=float(rng.choice([0, 1, -1, 0.3])),
        rate_cost=float(rng.choice([0, 0.3])),
        train_hidden=bool(rng.random() < 0.9),
        eta=float(rng.uniform(0.003, 0.012)),
        eta_out=0.05,
        init_scale=2.0,
        seed=seed,
    )
    samples = [
        (rng.random((int(rng.integers(1, 9)), sizes[0])) < 0.3, int(rng.integers(sizes[-1])))
        for _ in range(3)
    ]
    return network, samples, rng


def same(one, other):
    """Everything that stays after a sample."""
    return one.noise_state == other.noise_state and np.array_equal(one.weights, other.weights)


@pytest.mark.parametrize("seed", range(12))
def test_layer_by_layer_is_step_by_step(seed):
    network, samples, rng = drawn(seed)
    steps, layers = loaded(SampleCore, network, CONFIG), loaded(SampleCore, network, CONFIG)
    start = steps.weights.copy()
    for frames, label in samples:
        last = int(rng.integers(0, len(frames)))
        payload = encode_sample(frames, label, learn=True, learn_from=last)
        assert steps.sample(payload, layer_major=False) == layers.sample(payload, layer_major=True)
        assert same(steps, layers)
    assert not np.array_equal(start, steps.weights), "nothing was learned: the test says nothing"


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("layer_major", [False, True])
def test_a_signal_in_the_last_step_is_what_the_core_does(seed, layer_major):
    """Then nothing is added up, and the core applies its only update at the end, too."""
    network, samples, _ = drawn(100 + seed)
    core, ours = loaded(Core, network, CONFIG), loaded(SampleCore, network, CONFIG)
    for frames, label in samples:
        payload = encode_sample(frames, label, learn=True, learn_from=len(frames) - 1)
        assert core.sample(payload) == ours.sample(payload, layer_major=layer_major)
        assert same(core, ours)


@pytest.mark.parametrize("seed", range(6))
def test_without_learning_it_is_the_core(seed):
    network, samples, _ = drawn(200 + seed)
    core, ours = loaded(Core, network, CONFIG), loaded(SampleCore, network, CONFIG)
    for frames, label in samples:
        payload = encode_sample(frames, label, learn=False)
        assert core.sample(payload) == ours.sample(payload, layer_major=True)
        assert same(core, ours)


@pytest.mark.parametrize("seed", range(6))
def test_sums_are_those_of_the_steps_alone(seed):
    """The sample cut off after each step, with a signal in that step alone, adds up to the whole."""
    network, samples, _ = drawn(300 + seed)
    frames, label = max(samples, key=lambda sample: len(sample[0]))
    whole = loaded(SampleCore, network, CONFIG)
    whole.sample(encode_sample(frames, label, learn=True), layer_major=True)
    totals = [np.zeros_like(run.sums) for run in whole.runs]
    for step in range(len(frames)):
        part = loaded(SampleCore, network, CONFIG)
        payload = encode_sample(frames[: step + 1], label, learn=True, learn_from=step)
        part.sample(payload, layer_major=True)
        for total, run in zip(totals, part.runs, strict=True):
            total += run.sums
    assert all(
        np.array_equal(total, run.sums) for total, run in zip(totals, whole.runs, strict=True)
    )
    assert any(total.any() for total in totals)


def test_a_part_of_a_sample_is_refused():
    network = Network(sizes=(6, 5, 2))
    payload = encode_sample(np.zeros((2, 6), np.bool_), 0, learn=True, last=False)
    with pytest.raises(ValueError, match="need it whole"):
        loaded(SampleCore, network, CONFIG).sample(payload, layer_major=True)


def test_frozen_layers_stay():
    network = replace(drawn(1)[0], sizes=(20, 9, 3), train_hidden=False)
    core = loaded(SampleCore, network, CONFIG)
    before = core.weights.copy()
    frames = np.random.default_rng(1).random((6, 20)) < 0.4
    core.sample(encode_sample(frames, 1, learn=True), layer_major=True)
    hidden = network.layers(CONFIG)[0].words
    assert np.array_equal(before[:hidden], core.weights[:hidden])
    assert not np.array_equal(before[hidden:], core.weights[hidden:])


def test_the_bench_trains_and_compares():
    smoke = PRESETS["smoke"]
    task = Task(smoke, smoke.samples(limit=120), smoke.samples(train=False, limit=40), 3)
    check_orders(task)
    outcome = at_end(task, 1)
    assert len(outcome.accuracy) == 3 and outcome.accuracy[-1] > 0.5
    assert all(0 < rate < 1 for rate in outcome.firing_rates)
    assert outcome.firing_rates != chip(task, {}, 1).firing_rates
