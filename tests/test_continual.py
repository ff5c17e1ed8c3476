"""The continual-learning bench: its streams hold what they say, and its course is that of the device."""

import numpy as np
import pytest

from bench.continual import (
    AFTER_EACH,
    OLD,
    REMEMBERED,
    accuracy,
    chosen,
    in_use,
    moved,
    with_memory,
)
from golden.spec.shape import Map
from sw import Dataset, Device, Network, Sample, load

NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)


def part(samples, classes):
    return chosen(samples, [s for s in samples if s.label in classes])


def test_new_samples_come_once_each_with_some_that_are_remembered():
    samples = load("synthetic", limit=256)
    old, new = part(samples, (0, 1, 2)), part(samples, (3,))
    stream = with_memory(new, old, np.random.default_rng(3))
    assert len(stream) == len(new) * (1 + AFTER_EACH) and not set(new.keys) & set(old.keys)
    first, rest = (
        stream[:: 1 + AFTER_EACH],
        [s.key for n, s in enumerate(stream) if n % (1 + AFTER_EACH)],
    )
    assert sorted(s.key for s in first) == sorted(new.keys)
    assert set(rest) <= set(old.keys) and len(set(rest)) <= REMEMBERED < len(set(old.keys))
    assert len(OLD) == 8


def test_the_course_is_that_of_learning_on_the_device():
    samples = load("synthetic", limit=64)
    stream, tests = list(samples), load("synthetic", train=False, limit=24)
    known, new = part(tests, (0, 1)), part(tests, (2, 3))
    with Device.open("golden", config="tiny") as device:
        device.load(NETWORK)
        course = in_use(device, stream, 0.5, new, known)
        weights = device.read_weights()
        device.load(NETWORK)
        wanted = [(0, accuracy(device, new), accuracy(device, known))]
        device.set_rates(0.5)
        for number, sample in enumerate(stream, start=1):
            list(device.run([sample], learn=True))
            if number % 16 == 0:
                wanted.append((number, accuracy(device, new), accuracy(device, known)))
        assert course == wanted
        assert all(map(np.array_equal, weights, device.read_weights()))
        assert course[-1][1] > course[0][1]  # the synthetic classes are easy


def test_a_moved_set_keeps_labels_and_order():
    frames = np.zeros((2, 16), bool)
    frames[:, 5] = True
    samples = Dataset(
        "a", [Sample(frames, 1, "x")], classes=2, n_inputs=16, steps=2, input_map=Map(1, 4, 4)
    )
    (sample,) = moved(samples, (1, 2))
    assert (sample.label, sample.key) == (1, "x")
    assert np.flatnonzero(sample.frames[0]).tolist() == [5 + 1 + 2 * 4]
    flat = Dataset("b", [Sample(frames, 1, "x")], classes=2, n_inputs=16, steps=2)
    with pytest.raises(ValueError, match="b: its inputs are no map"):
        moved(flat, (1, 0))
