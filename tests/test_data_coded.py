"""Data sets that are coded or generated: MNIST, the 8-class set, synthetic patterns."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sw.data import DataError, Request, load
from sw.data.mnist import latency_code, pool_images, rate_code
from sw.data.nmnist8 import split_indices

RNG = np.random.default_rng(7)
IMAGES = RNG.integers(0, 256, (5, 28, 28)).astype(np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder, *, images=IMAGES, labels=LABELS, prefix="train"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))


# MNIST


@pytest.mark.parametrize("place", [".", "MNIST/raw", "smnist"])
def test_mnist_from_idx_files(tmp_path, place):
    write_mnist(tmp_path / place)
    dataset = load("mnist", tmp_path, steps=6)
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset[0].frames.shape == (6, 784)
    assert dataset.keys[4] == "train/00004"
    assert len(load("mnist", tmp_path, limit=2)) == 2


def test_mnist_test_split_has_its_own_files(tmp_path):
    write_mnist(tmp_path, prefix="t10k")
    assert load("mnist", tmp_path, train=False).keys[0] == "test/00000"
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte .* not found"):
        load("mnist", tmp_path)


def test_intensities_are_values_of_zero_to_one(tmp_path):
    write_mnist(tmp_path)
    for bits, fraction, white in ((4, None, 4), (4, 3, 7), (8, 7, 127), (2, 0, 1)):
        found = load("mnist", tmp_path, steps=3, input_bits=bits, input_fraction=fraction)
        used = bits - 2 if fraction is None else fraction
        assert (found.input_bits, found.input_fraction) == (bits, used)
        for sample, image in zip(found, IMAGES, strict=True):
            wanted = np.minimum(np.rint(image.reshape(-1) / 255 * 2**used), white)
            assert np.array_equal(sample.frames, np.repeat(wanted[None], 3, axis=0))
        assert found[0].frames.max() == white and found[0].frames.min() == 0
    with pytest.raises(DataError, match="code: rate makes spikes"):
        load("mnist", tmp_path, input_bits=4, code="rate")


def test_rate_code_is_seeded_and_follows_the_intensity():
    image = np.array([[0, 64], [128, 255]], np.uint8)
    frames = rate_code(image, 4000, 5, 0, 0)
    assert np.array_equal(frames, rate_code(image, 4000, 5, 0, 0))
    assert not np.array_equal(frames, rate_code(image, 4000, 6, 0, 0))
    assert np.allclose(frames.mean(axis=0), image.reshape(-1) / 255, atol=0.03)
    assert not frames[:, 0].any() and frames[:, 3].all()


def test_a_sample_does_not_depend_on_the_limit(tmp_path):
    write_mnist(tmp_path)
    full, part = load("mnist", tmp_path, seed=3), load("mnist", tmp_path, seed=3, limit=2)
    assert np.array_equal(full[1].frames, part[1].frames)
    assert not np.array_equal(full[1].frames, load("mnist", tmp_path, seed=4)[1].frames)


@given(st.integers(1, 40))
def test_latency_code_is_one_spike_and_brighter_is_sooner(steps):
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    frames = latency_code(image, steps)
    assert frames.shape == (steps, 256)
    assert frames.sum(axis=0).tolist() == [0] + [1] * 255
    step = frames[:, 1:].argmax(axis=0)
    assert np.all(np.diff(step) <= 0) and step[-1] == 0


def test_pooling_an_image_takes_the_brightest_pixel(tmp_path):
    blocks = IMAGES.reshape(5, 14, 2, 14, 2).max(axis=(2, 4))
    assert np.array_equal(pool_images(IMAGES, 2), blocks)
    assert pool_images(IMAGES, 3).shape == (5, 10, 10)
    assert pool_images(IMAGES, 3)[0, 9, 9] == IMAGES[0, 27, 27]
    write_mnist(tmp_path)
    assert load("mnist", tmp_path, pool=2).n_inputs == 196


def test_mnist_damage_is_refused(tmp_path):
    image_file = tmp_path / "train-images-idx3-ubyte.gz"
    write_mnist(tmp_path, labels=LABELS[:4])
    with pytest.raises(DataError, match=r"does not fit 28x28 pixels and the 4 labels"):
        load("mnist", tmp_path)
    write_mnist(tmp_path, labels=LABELS + 8)
    with pytest.raises(DataError, match="mnist train/00000: label 11 is not one of the 10"):
        load("mnist", tmp_path)
    image_file.write_bytes(gzip.compress(idx(IMAGES)[:-1]))
    with pytest.raises(DataError, match=r"ubyte\.gz: 3919 data bytes instead of 3920"):
        load("mnist", tmp_path)
    image_file.write_bytes(gzip.compress(idx(LABELS)))
    with pytest.raises(DataError, match="not an IDX file of bytes in 3 dimensions"):
        load("mnist", tmp_path)
    image_file.write_bytes(gzip.compress(idx(IMAGES))[:-20])
    with pytest.raises(DataError, match=r"ubyte\.gz: cannot be read"):
        load("mnist", tmp_path)


def test_unknown_code_lists_the_codes():
    with pytest.raises(DataError, match="code: 'phase' is not a spike code; use one of rate, lat"):
        load("mnist", code="phase")


# the 8-class set


def cells(**changes):
    """Twelve samples of two classes, each with one event at 5 ms and one at 205 ms."""
    n = 12
    return {
        "label": np.repeat([0, 7], n // 2).astype(np.uint8),
        "n_bins": np.full(n, 300, np.uint16),
        "offsets": np.arange(0, 2 * n + 1, 2, dtype=np.int64),
        "dt_ms": np.tile([5, 200], n).astype(np.uint8),
        "addr": np.stack([np.arange(n), np.full(n, 2311)], axis=1).reshape(-1).astype(np.uint16),
        "count": np.ones(2 * n, np.uint8),
    } | changes


def test_nmnist8_bins_cells_and_divides_each_class(tmp_path):
    np.savez_compressed(tmp_path / "any.npz", **cells())
    train, test = load("nmnist8", tmp_path), load("nmnist8", tmp_path / "any.npz", train=False)
    assert (len(train), len(test), train.classes) == (10, 2, 8)
    assert train.labels.tolist() == [0, 7] * 5
    assert [sample.key for sample in test] == ["test/00005", "test/00011"]
    step, address = np.nonzero(test[1].frames)
    assert list(zip(step, address, strict=True)) == [(0, 11), (6, 2311)]


@given(st.lists(st.integers(0, 7), max_size=60).map(lambda x: np.array(x, np.uint8)))
def test_nmnist8_splits_are_disjoint_and_complete(label):
    train, test = (split_indices(label, Request(train=train)) for train in (True, False))
    assert sorted([*train, *test]) == list(range(len(label)))
    for value in np.unique(label):
        assert np.sum(label[test] == value) == np.sum(label == value) * 5 // 24


def test_nmnist8_has_3800_samples_to_learn_and_1000_to_test():
    label = np.repeat(np.arange(8, dtype=np.uint8), 600)
    assert [len(split_indices(label, Request(train=train))) for train in (True, False)] == [
        3800,
        1000,
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"addr": np.full(24, 2312, np.uint16)}, "address 2312 is outside"),
        ({"addr": np.zeros(23, np.uint16)}, "do not fit together"),
        ({"offsets": np.arange(0, 24, 2)}, "do not fit together"),
        ({"offsets": np.array([0, 4, 2, *range(6, 25, 2)])}, "do not fit together"),
        ({"label": np.full(12, 8, np.uint8)}, "label 8 is not one of the 8 classes"),
    ],
)
def test_nmnist8_damage_is_refused(tmp_path, changes, message):
    np.savez(tmp_path / "any.npz", **cells(**changes))
    with pytest.raises(DataError, match=message):
        load("nmnist8", tmp_path)


def test_nmnist8_needs_its_arrays_and_one_file(tmp_path):
    np.savez(tmp_path / "a.npz", label=LABELS)
    with pytest.raises(DataError, match=r"a\.npz: not a readable \.npz with the arrays label, n_b"):
        load("nmnist8", tmp_path)
    np.savez(tmp_path / "b.npz", label=LABELS)
    with pytest.raises(DataError, match=r"holds 2 \.npz files; name the one to load"):
        load("nmnist8", tmp_path)


# synthetic patterns


def test_synthetic_is_reproducible_and_balanced():
    a, b = load("synthetic", seed=2, limit=9), load("synthetic", seed=2)
    assert (len(a), len(b), len(load("synthetic", train=False))) == (9, 256, 64)
    assert all(np.array_equal(x.frames, y.frames) for x, y in zip(a, b, strict=False))
    assert np.bincount(b.labels).tolist() == [64] * 4
    assert not np.array_equal(a[0].frames, load("synthetic", seed=3)[0].frames)


def test_synthetic_test_samples_have_the_training_patterns_but_other_noise():
    train, test = load("synthetic"), load("synthetic", train=False)
    assert not np.array_equal(train[0].frames, test[0].frames)
    means = np.array(
        [
            np.mean([s.frames.mean(axis=0) for s in train if s.label == label], axis=0)
            for label in range(4)
        ]
    )
    guesses = [int(np.argmax(means @ sample.frames.mean(axis=0))) for sample in test]
    assert np.mean(np.array(guesses) == test.labels) > 0.95


@given(st.integers(1, 6), st.integers(0, 30), st.integers(1, 5))
def test_synthetic_of_any_size(classes, more, steps):
    sizes = {"n_inputs": classes + more, "classes": classes, "samples": 3}
    dataset = load("synthetic", steps=steps, **sizes)
    assert len(dataset) == 3
    assert dataset[2].frames.shape == (steps, classes + more)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 0}, "0 classes of 64 inputs"),
        ({"classes": 5, "n_inputs": 4}, "5 classes of 4 inputs"),
        ({"pool": 2}, "no image to pool"),
        ({"samples": 0}, "no samples"),
    ],
)
def test_synthetic_bad_sizes(options, message):
    with pytest.raises(DataError, match=message):
        load("synthetic", **options)
