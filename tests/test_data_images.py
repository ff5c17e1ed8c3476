"""Images of CIFAR, and the same in motion (CIFAR10-DVS), as their authors lay them out."""

import pickle

import numpy as np
import pytest

from golden.spec.shape import Map
from sw import driver, load
from sw.data import DamagedFile, DataError
from sw.data.cifar10 import CIFAR10, LEVELS
from sw.data.cifar100 import CIFAR100
from tests.test_data_aedat import aedat2
from tests.test_data_gestures import SENSOR, gesture, needs_faery

# CIFAR10-DVS


def lay_out_cifar10dvs(root, write=None, ending=".aedat", count=3):
    for label, name in enumerate(CIFAR10.class_names):
        (root / name).mkdir(parents=True)
        for number in range(count):
            events = gesture(label, number, 1_310_000)
            path = root / name / f"cifar10_{name}_{number}{ending}"
            if write is None:
                path.write_bytes(aedat2(events))
            else:
                write(events, path)


def faery_file(events, path):
    """AEDAT4, with the time since 1970 as DV writes it."""
    import faery

    found = np.zeros(len(events), faery.EVENTS_DTYPE)
    for ours, theirs in (("x", "x"), ("y", "y"), ("p", "on")):
        found[theirs] = events[ours]
    found["t"] = events["t"] + 1_500_000_000_000_000
    faery.events_stream_from_array(found, SENSOR[:2]).to_file(path)


@pytest.mark.parametrize("place", [".", "CIFAR10DVS"])
def test_moving_images(tmp_path, place):
    lay_out_cifar10dvs(tmp_path / place)
    train, test = (load("cifar10dvs", tmp_path, train=part) for part in (True, False))
    assert (len(train), len(test), train.steps, train.classes) == (20, 10, 10, 10)
    assert train.input_map == Map(2, 48, 48) and train.class_names == CIFAR10.class_names
    assert train.labels.tolist() == [*range(10)] * 2
    assert not {key[6:] for key in train.keys} & {key[5:] for key in test.keys}
    assert "90% are to train and 10% to test, chosen by split seed 0" in train.notes[0]
    assert "30 of the 10000 recordings of the set are in" in train.notes[1]
    key = train.keys[4]
    number = int(key.rpartition("_")[2].removesuffix(".aedat"))
    frames = np.zeros((10, 2, 48, 48), bool)
    for x, y, t, p in gesture(4, number, 1_310_000).tolist():
        if t < 1_300_000:
            frames[t // 130_000, int(p), y * 48 // 128, x * 48 // 128] = True
    assert np.array_equal(train[4].frames, frames.reshape(10, -1))
    assert load("cifar10dvs", tmp_path, pool=4).input_map == Map(2, 32, 32)


@needs_faery
def test_moving_images_as_tonic_unpacks_them(tmp_path):
    lay_out_cifar10dvs(tmp_path / "a/CIFAR10DVS", faery_file, ".aedat4", count=2)
    lay_out_cifar10dvs(tmp_path / "b", count=2)
    ours, other = (load("cifar10dvs", tmp_path / name) for name in "ab")
    assert ours.labels.tolist() == other.labels.tolist()
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(ours, other, strict=True))


def test_moving_images_that_are_missing(tmp_path):
    with pytest.raises(
        DataError, match=r"airplane, .* not found; looked in .*; get CIFAR10DVS\.zip"
    ):
        load("cifar10dvs", tmp_path)
    (tmp_path / "CIFAR10DVS").mkdir()
    (tmp_path / "CIFAR10DVS/airplane.zip").write_bytes(b"packed")
    with pytest.raises(DataError, match=r"airplane\.zip is packed; unpack it in"):
        load("cifar10dvs", tmp_path)
    lay_out_cifar10dvs(tmp_path / "b")
    for name in ("frog", "ship"):
        (tmp_path / "b" / name).rename(tmp_path / name)
    with pytest.raises(
        DataError, match=r"cifar10dvs: no recordings of frog, ship in .*; get CIFAR"
    ):
        load("cifar10dvs", tmp_path / "b")
    for name in ("frog", "ship"):
        (tmp_path / name).rename(tmp_path / "b" / name)
    for path in (tmp_path / "b/cat").iterdir():
        path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DamagedFile, match=r"cat/.*\.aedat: event 399 is cut short"):
        load("cifar10dvs", tmp_path / "b")
    assert len(load("cifar10dvs", tmp_path / "b", salvage=True)) == 20
    with pytest.raises(DataError, match="split seed: -1"):
        load("cifar10dvs", tmp_path / "b", split_seed=-1)


# CIFAR-100, CIFAR-10

PICTURES = np.random.default_rng(3).integers(0, 256, (6, 3, 32, 32)).astype(np.uint8)
KINDS = [99, 0, 41, 7, 50, 3]


def write_cifar100(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("train", "test"):
        labels = {b"fine_labels": KINDS, b"coarse_labels": [1] * 6}
        batch = {b"data": PICTURES.reshape(6, -1), **labels}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))


@pytest.mark.parametrize("place", [".", "cifar-100-python"])
def test_cifar100(tmp_path, place):
    write_cifar100(tmp_path / place)
    train = load("cifar100", tmp_path)
    assert (train.classes, train.steps, train.labels.tolist()) == (100, 6, KINDS)
    assert train.class_names == CIFAR100.class_names and train.class_names[41] == "lawn_mower"
    assert train.input_map == Map(3 * LEVELS, 32, 32)
    four = load("cifar100", tmp_path, levels=4)
    assert four.input_map == Map(12, 32, 32)
    levels = four[2].frames.reshape(6, 4, 3, 32, 32)
    for level in range(4):
        assert np.array_equal(levels[5, level], PICTURES[2] > 51 * (level + 1))
    one = load("cifar100", tmp_path, levels=1)
    assert one.input_map == Map(3, 32, 32)
    assert np.array_equal(one[1].frames[0].reshape(3, 32, 32), PICTURES[1] > 127.5)
    assert load("cifar100", tmp_path, code="rate", pool=2).input_map == Map(3, 16, 16)


def test_cifar_sets_that_are_missing_or_damaged(tmp_path):
    with pytest.raises(DataError, match=r"cifar100: train .* get cifar-100-python\.tar\.gz from"):
        load("cifar100", tmp_path)
    write_cifar100(tmp_path)
    raw = (tmp_path / "train").read_bytes()
    (tmp_path / "train").write_bytes(raw[:-100])
    with pytest.raises(DataError, match=r"train: not a file of CIFAR-100's .*; copy it again"):
        load("cifar100", tmp_path)
    half = tmp_path / "half"
    half.mkdir()
    for number in (1, 2, 4, 5):
        (half / f"data_batch_{number}").write_bytes(raw)
    with pytest.raises(
        DataError, match=r"half has data_batch_1, but not data_batch_3; get cifar-10"
    ):
        load("cifar10", half)


def test_codes_and_levels_on_the_command_line(tmp_path, capsys):
    images, labels = PICTURES.transpose(0, 2, 3, 1), np.arange(6)
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "a.npz", **arrays)
    out = ["--out", str(tmp_path / "run"), "--hidden", "none", "--epochs", "1"]
    words = ["--data", f"cifar10:{tmp_path / 'a.npz'}", "--levels", "2", "--pool", "4"]
    assert driver.main(["train", "--target", "golden", *words, *out]) == 0
    assert "cifar10: 384-10 on golden, 6 samples" in capsys.readouterr().out
    assert driver.main(["train", "--target", "golden", "--data", "nmnist", "--code", "rate"]) == 2
    assert "nmnist: has no option 'code'" in capsys.readouterr().err
