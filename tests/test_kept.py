"""Samples that come again are not encoded and decoded again, and nothing else changes."""

import numpy as np
import pytest

import golden.spec.samples
import sw.device.payloads
import sw.native.compiled_core
from sw import DataError, Dataset, Device, Model, Network, Sample, load
from sw.data import dataset
from sw.kept import Kept

NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)


def test_values_are_made_once_and_no_more_is_held_than_there_is_room_for():
    kept, made = Kept[str, str](100), []

    def value(name, size):
        def make():
            made.append(name)
            return name.upper()

        return kept.get(name, make, size)

    assert [value(n, 60) for n in "abab"] == ["A", "B", "A", "B"]
    assert made == ["a", "b", "b"]  # there was no room for b
    assert value("c", 40) == value("c", 40) == "C" and made == ["a", "b", "b", "c"]


def test_an_epoch_encodes_nothing_that_the_one_before_did(monkeypatch):
    calls = {"encode": 0, "decode": 0}

    def counted(what, function):
        def call(*args, **options):
            calls[what] += 1
            return function(*args, **options)

        return call

    encode = counted("encode", golden.spec.samples.split_sample)
    decode = counted("decode", sw.native.compiled_core.decode_sample)
    monkeypatch.setattr(sw.device.payloads, "split_sample", encode)
    monkeypatch.setattr(sw.native.compiled_core, "decode_sample", decode)
    samples = load("synthetic", limit=20)
    with Device.open("golden", config="tiny") as device:
        model = Model(NETWORK, device)
        model.fit(samples, epochs=1)
        once = dict(calls)
        model.fit(samples, epochs=3)
        again, learned = dict(calls), model.weights
    assert once["encode"] <= 21 and once == again
    with Device.open("golden-numpy", config="tiny") as device:
        plain = Model(NETWORK, device)
        plain.fit(samples, epochs=1)
        plain.fit(samples, epochs=3)
        assert all(map(np.array_equal, learned, plain.weights))


def test_the_same_frames_with_another_label_or_shape_are_other_samples():
    frames = load("synthetic", limit=1)[0].frames
    with Device.open("golden", config="tiny") as device:
        device.load(NETWORK)
        start = device.read_weights()
        list(device.run([Sample(frames, 0, "a")] * 2, learn=False))
        assert all(map(np.array_equal, start, device.read_weights()))
        found = []
        for label in (0, 1, 0):
            device.load(NETWORK)
            list(device.run([Sample(frames, label, "a")], learn=True))
            found.append(device.read_weights()[1])
        assert np.array_equal(found[0], found[2]) and not np.array_equal(found[0], found[1])
        whole = next(device.run([Sample(frames, 0, "a")], learn=False))
        half = next(device.run([Sample(frames[:2], 0, "a")], learn=False))
        assert whole.scores != half.scores


def test_a_data_set_larger_than_memory_is_refused_while_it_is_read(monkeypatch):
    monkeypatch.setattr(dataset, "memory_bytes", lambda: 1000)
    samples = (Sample(np.ones((5, 64), bool), 0, str(n)) for n in range(10**9))
    with pytest.raises(
        DataError, match="big: 13 samples of 5 steps and 64 inputs take half of this"
    ):
        Dataset("big", samples, classes=2, n_inputs=64, steps=5)
