"""Data sets whose inputs carry values: normalised colours of images, numbers of events."""

import numpy as np
import pytest

from golden.spec.network import Network
from sw.data import DataError, Dataset, Sample, Sensor, bin_events, load
from sw.data.cache import decode, encode
from sw.data.cifar10 import CIFAR10
from sw.data.events import make_events
from sw.presets import PRESETS
from sw.samples import Binning, as_dataset

SENSOR = Sensor(4, 3, 2)


def cifar_folder(folder):
    """A small set in a folder, and its training images."""
    rng = np.random.default_rng(6)
    arrays = {"x_train": rng.integers(0, 256, (4, 32, 32, 3), np.uint8), "y_train": np.arange(4)}
    arrays |= {"x_test": arrays["x_train"][:2], "y_test": np.arange(2)}
    np.savez(folder / "cifar.npz", **arrays)
    return folder, arrays["x_train"].transpose(0, 3, 1, 2)


def events(count, seed=1):
    """Events at few pixels, so that many fall together."""
    rng = np.random.default_rng(seed)
    x, y, p = rng.integers(0, 2, count), rng.integers(0, 2, count), rng.integers(0, 2, count)
    return make_events(x, y, np.sort(rng.integers(0, 1000, count)), p)


def test_events_are_counted_up_to_the_largest_value():
    given, options = events(300), {"steps": 4, "sensor": SENSOR, "window_us": (0, 1000)}
    counts = bin_events(given, **options, input_bits=8)
    assert counts.dtype == np.int8 and counts.sum() == 300 and counts.max() > 7
    wanted = np.zeros((4, 24), int)
    for one in given:
        wanted[one["t"] * 4 // 1000, (one["p"] * 3 + one["y"]) * 4 + one["x"]] += 1
    assert np.array_equal(counts, wanted)
    assert np.array_equal(bin_events(given, **options, input_bits=4), np.minimum(counts, 7))
    assert np.array_equal(bin_events(given, **options), counts > 0)


def test_recordings_of_the_repository_are_counted_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("TESS_FPGA_CACHE", str(tmp_path))
    counted = load("nmnist", limit=3, input_bits=5)
    spikes = load("nmnist", limit=3)
    again = load("nmnist", limit=3, input_bits=5)
    assert (counted.input_bits, counted.input_fraction, spikes.input_bits) == (5, 0, 1)
    for one, two, three in zip(counted, spikes, again, strict=True):
        assert np.array_equal(one.frames != 0, two.frames) and one.frames.max() > 1
        assert np.array_equal(one.frames, three.frames) and three.frames.dtype == np.int8
    turned = counted.channel_last()
    assert turned.input_bits == 5
    assert turned[0].frames[0].reshape(-1, 2)[:, 1].tolist() == counted[0].frames[0][1156:].tolist()
    kept = decode(encode(counted))
    assert kept.input_bits == 5 and np.array_equal(kept[2].frames, counted[2].frames)


@pytest.mark.parametrize(("bits", "fraction"), [(4, None), (8, 5), (2, 0)])
def test_colours_are_normalised(tmp_path, bits, fraction):
    root, images = cifar_folder(tmp_path)
    found = load("cifar10", root, steps=3, input_bits=bits, input_fraction=fraction)
    used = bits - 2 if fraction is None else fraction
    assert (found.input_bits, found.input_fraction, found.n_inputs) == (bits, used, 3072)
    colours = images[0].reshape(3, -1) / 255
    real = (colours.T - CIFAR10.mean) / CIFAR10.deviation
    wanted = np.clip(np.rint(real.T * 2**used), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert np.array_equal(found[0].frames, np.repeat(wanted.reshape(1, -1), 3, axis=0))
    assert wanted.min() < 0 < wanted.max()
    assert found.packed.bits[0].strides[0] == 0  # a frame that is repeated is kept once


def test_what_cannot_be_is_refused(tmp_path):
    root, _ = cifar_folder(tmp_path)
    for name, options, text in (
        ("synthetic", {"input_bits": 4}, "carry no values; leave out input_bits"),
        ("cifar10", {"input_bits": 4, "code": "rate"}, "code: rate draws spikes"),
        ("nmnist", {"input_bits": 9}, r"use 1 \(spikes\) to 8"),
        ("nmnist", {"input_bits": 4, "input_fraction": 4}, "use 0 to 3"),
    ):
        with pytest.raises(DataError, match=text):
            load(name, root if name == "cifar10" else None, limit=1, **options)
    frames = np.full((1, 2), 9, np.int8)
    with pytest.raises(DataError, match="one: input value 9: with input_bits 4 -8 to 7 fit"):
        Dataset("own", [Sample(frames, 0, "one")], classes=2, n_inputs=2, steps=1, input_bits=4)


def test_a_network_takes_what_the_samples_have():
    preset = PRESETS["nmnist-fast"]
    samples = load("nmnist", limit=1, input_bits=3, input_fraction=1)
    network = preset.make_network(samples)
    assert (network.input_bits, network.input_fraction) == (3, 1)
    assert PRESETS["cifar10-graded"].config.input_bits == 4


def test_arrays_and_events_of_ones_own():
    network = Network(sizes=(24, 5, 2), input_bits=4)
    frames = np.random.default_rng(2).integers(-8, 8, (6, 3, 24))
    found = as_dataset((frames, np.zeros(6, int)), network)
    assert found.input_bits == 4 and np.array_equal(found[5].frames, frames[5])
    binning = Binning(sensor=(4, 3, 2), steps=4, window_us=(0, 1000))
    counted = as_dataset([(events(100), 1)], network, binning)
    assert counted[0].frames.max() > 1
    with pytest.raises(DataError, match="input value 8"):
        as_dataset((frames + 1, np.zeros(6, int)), network)
    with pytest.raises(DataError, match="more than 0 and 1"):
        as_dataset((frames, np.zeros(6, int)), Network(sizes=(24, 5, 2)))
