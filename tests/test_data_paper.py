"""The data sets of the TESS paper, from files laid out as tonic and their authors lay them out."""

import csv
import pickle
from importlib.util import find_spec

import numpy as np
import pytest

from golden.spec.shape import Map
from sw import driver, load
from sw.data import DamagedFile, DataError, Request, Sensor, bin_events, from_tonic
from sw.data.cifar10 import CIFAR10, LEVELS
from sw.data.cifar100 import CIFAR100
from sw.data.dvsgesture import CLASS_NAMES
from sw.data.events import encode_nmnist, make_events
from tests.test_data_aedat import aedat2, aedat3

needs_tonic = pytest.mark.skipif(find_spec("tonic") is None, reason="tonic is not installed")
needs_faery = pytest.mark.skipif(find_spec("faery") is None, reason="faery is not installed")
SENSOR = Sensor(128, 128, 2)


def gesture(label, seed, duration=1_600_000, count=400, start=0):
    """Events in a band of rows that says the class."""
    rng = np.random.default_rng((seed, label))
    x, y = rng.integers(0, 128, count), rng.integers(0, 11, count) + 11 * label
    t = np.sort(rng.integers(0, duration, count)) + start
    t[[0, -1]] = start, start + duration - 1
    return make_events(x, y, t, rng.integers(0, 2, count))


def tonic_file(events):
    """As in tonic's archives: x, y, p, t in ms."""
    columns = [events["x"], events["y"], events["p"], (events["t"] + 0.5) / 1000]
    return np.stack(columns, axis=1).astype(np.float32)


def lay_out(root, train=("user01_fluorescent", "user02_led"), test=("user24_led",)):
    """Save two people to train and one to test, every gesture."""
    for part, people in (("ibmGestureTrain", train), ("ibmGestureTest", test)):
        for number, person in enumerate(people):
            (root / part / person).mkdir(parents=True)
            for label in range(11):
                events = gesture(label, number + 10 * (part == "ibmGestureTest"))
                np.save(root / part / person / f"{label}.npy", tonic_file(events))


# DVS Gesture


@pytest.mark.parametrize("place", [".", "DVSGesture"])
def test_gestures_as_tonic_unpacks_them(tmp_path, place):
    lay_out(tmp_path / place)
    train, test = load("dvsgesture", tmp_path), load("dvsgesture", tmp_path, train=False)
    assert (len(train), len(test), train.steps, train.classes) == (22, 11, 20, 11)
    assert train.input_map == Map(2, 32, 32) and train.class_names == tuple(CLASS_NAMES)
    assert train.labels.tolist() == [*range(11)] * 2
    assert train.keys[0] == "train/user01_fluorescent/0" and test.keys[-1] == "test/user24_led/10"
    assert "22 of the 1077 recordings of the complete set are in" in train.notes[0]
    events = gesture(3, 1)
    window = (0, 1_500_000)
    expected = bin_events(events, steps=20, sensor=SENSOR, window_us=window, pool=4)
    assert np.array_equal(train[11 + 3].frames, expected)
    planes = test[7].frames.reshape(20, 2, 32, 32).any(axis=(0, 1, 3))
    assert np.flatnonzero(planes).tolist() == [19, 20, 21], "rows 77 to 87 of 128"


def test_windows_of_a_recording_stay_on_one_side(tmp_path):
    lay_out(tmp_path)
    options = {"every_window": True, "window_us": (0, 400_000)}
    train, test = (load("dvsgesture", tmp_path, train=part, **options) for part in (True, False))
    assert (len(train), len(test)) == (22 * 4, 11 * 4)
    people = [{key.split("/")[1].split("_")[0] for key in found.keys} for found in (train, test)]
    assert people == [{"user01", "user02"}, {"user24"}]
    with pytest.raises(DataError, match="has people to train and others to test; leave --split"):
        load("dvsgesture", tmp_path, split_time=1_000_000)


@needs_tonic
def test_tonic_reads_the_same_gestures(tmp_path, monkeypatch):
    from tonic.datasets import DVSGesture

    lay_out(tmp_path / "DVSGesture")
    # tonic wants 100 files and the archive next to them before it believes in a download
    monkeypatch.setattr(DVSGesture, "_check_exists", lambda self: True)
    theirs = DVSGesture(str(tmp_path), train=True)
    order = np.lexsort((theirs.targets, theirs.users))
    request = Request(steps=20, pool=4, window_us=(0, 1_500_000))
    found = from_tonic(theirs, request, name="set", classes=11, indices=order.tolist())
    ours = load("dvsgesture", tmp_path)
    assert found.labels.tolist() == ours.labels.tolist()
    assert found.input_map == ours.input_map
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(found, ours, strict=True))


def test_gestures_that_are_missing(tmp_path):
    where = (
        r"looked in .*DVSGesture.*; get ibmGestureTrain\.tar\.gz from https://.*unpack both in DIR"
    )
    with pytest.raises(DataError, match=r"dvsgesture: ibmGestureTrain, .*nowhere .*in DIR/DVS"):
        load("dvsgesture")
    with pytest.raises(DataError, match=where.replace("DIR", str(tmp_path) + "/DVSGesture")):
        load("dvsgesture", tmp_path)
    (tmp_path / "DVSGesture").mkdir()
    (tmp_path / "DVSGesture/ibmGestureTrain.tar.gz").write_bytes(b"packed")
    with pytest.raises(DataError, match=r"ibmGestureTrain\.tar\.gz is packed; unpack it in"):
        load("dvsgesture", tmp_path)


def test_half_of_the_gestures_is_missing(tmp_path):
    lay_out(tmp_path)
    (tmp_path / "ibmGestureTest").rename(tmp_path / "elsewhere")
    assert len(load("dvsgesture", tmp_path)) == 22
    with pytest.raises(DataError, match=r"ibmGestureTest, .* not found; looked in .*; get ibm"):
        load("dvsgesture", tmp_path, train=False)
    (tmp_path / "ibmGestureTest").mkdir()
    with pytest.raises(DataError, match=r"userNN_LIGHT/CLASS\.npy files not found"):
        load("dvsgesture", tmp_path, train=False)
    for path in (tmp_path / "ibmGestureTrain").glob("*/[38].npy"):
        path.unlink()
    assert load("dvsgesture", tmp_path).notes[1] == (
        "dvsgesture: no recording of right_arm_clockwise, air_drums"
    )
    (tmp_path / "ibmGestureTrain/user01_fluorescent/11.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"11\.npy: is not named userNN_LIGHT/CLASS\.npy"):
        load("dvsgesture", tmp_path)


def test_gesture_files_that_are_damaged(tmp_path):
    lay_out(tmp_path)
    path = tmp_path / "ibmGestureTrain/user01_fluorescent/0.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[: -200 * 16 - 5])
    with pytest.raises(DamagedFile, match=r"0\.npy: 199 of its 400 events are there.*--salvage"):
        load("dvsgesture", tmp_path)
    train = load("dvsgesture", tmp_path, salvage=True)
    assert len(train) == 22 and "used up to the damage: " in train.notes[1]
    events = gesture(0, 0)[:199]
    window = (0, 1_500_000)
    expected = bin_events(events, steps=20, sensor=SENSOR, window_us=window, pool=4)
    assert np.array_equal(train[0].frames, expected)
    path.write_bytes(whole[:60])
    with pytest.raises(DamagedFile, match=r"0\.npy: not a readable NumPy file"):
        load("dvsgesture", tmp_path)
    assert len(load("dvsgesture", tmp_path, salvage=True)) == 21
    np.save(path, np.zeros((5, 3)))
    with pytest.raises(DataError, match=r"an array \[events, 4\] of x, y, p, t \(ms\) is wanted"):
        load("dvsgesture", tmp_path)
    for rows, message in (
        ([[200, 0, 1, 5]], "event 0 has x=200, outside the sensor"),
        ([[0, 0, 1, np.nan]], "holds what is no number"),
        ([[0, 0, 7, 5]], "event 0 has p=7; -1 to 1 are possible"),
    ):
        np.save(path, np.array(rows, float))
        with pytest.raises(DataError, match=message):
            load("dvsgesture", tmp_path)
    np.save(path, np.zeros((0, 4)))
    with pytest.raises(DamagedFile, match="holds no event"):
        load("dvsgesture", tmp_path)


def lay_out_originals(root):
    """The authors' files: two recordings, each with all gestures one after the other."""
    root.mkdir(parents=True, exist_ok=True)
    for split, person, seed in (("train", "user01_led", 0), ("test", "user24_lab", 5)):
        starts = 1000 + 2_000_000 * np.arange(11)
        events = [gesture(label, seed, start=start) for label, start in enumerate(starts)]
        (root / f"{person}.aedat").write_bytes(aedat3(np.concatenate(events)))
        with (root / f"{person}_labels.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["class", "startTime_usec", "endTime_usec"])
            rows.writerows((n + 1, start, start + 1_600_000) for n, start in enumerate(starts))
        (root / f"trials_to_{split}.txt").write_text(f"{person}.aedat\n\n")


def test_gestures_as_their_authors_publish_them(tmp_path):
    lay_out_originals(tmp_path / "DvsGesture")
    lay_out(tmp_path / "tonic", train=["user01_led"])
    ours = load("dvsgesture", tmp_path)
    theirs = load("dvsgesture", tmp_path / "tonic")
    assert ours.keys[3] == "train/user01_led/3" and theirs.labels.tolist() == ours.labels.tolist()
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(ours, theirs, strict=True))
    assert load("dvsgesture", tmp_path, train=False, limit=3).labels.tolist() == [0, 1, 2]
    table = tmp_path / "DvsGesture/user01_led_labels.csv"
    table.write_text(table.read_text() + "12,5,9\n")
    with pytest.raises(DataError, match=r"user01_led_labels\.csv: line 13: no gesture of 1 to 11"):
        load("dvsgesture", tmp_path)
    table.write_text("class,startTime_usec,endTime_usec\n1,99000000,99000001\n")
    with pytest.raises(DamagedFile, match=r"user01_led\.aedat: no event from 99000000 to 99000001"):
        load("dvsgesture", tmp_path)
    (tmp_path / "DvsGesture/user24_lab.aedat").unlink()
    with pytest.raises(DataError, match=r"names user24_lab\.aedat, but .* is not there"):
        load("dvsgesture", tmp_path, train=False)


def list_gestures(root, count=1, heading="file,label,class"):
    root.mkdir(exist_ok=True)
    lines = [heading]
    for label, name in enumerate(CLASS_NAMES[:10]):
        for number in range(count):
            path = root / f"{label}_{number}.bs2"
            path.write_bytes(encode_nmnist(gesture(label, number, 1_450_000)))
            lines.append(f"{path.name},{label},{name}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")


def test_a_list_of_gestures(tmp_path):
    list_gestures(tmp_path, count=5)
    train, test = (load("dvsgesture", tmp_path, train=part) for part in (True, False))
    assert (len(train), len(test)) == (40, 10)
    assert not {key[6:] for key in train.keys} & {key[5:] for key in test.keys}
    assert "80% are to train and 20% to test, chosen by split seed 0" in train.notes[0]
    assert "dvsgesture: no recording of other_gestures" in train.notes
    assert load("folder", tmp_path, sensor=SENSOR).class_names == tuple(sorted(CLASS_NAMES[:10]))
    (tmp_path / "labels.csv").write_text("file,class\n0_0.bs2,juggling\n")
    with pytest.raises(DataError, match=r"labels\.csv: juggling is no gesture; use hand_clapping"):
        load("dvsgesture", tmp_path)


def test_recordings_can_be_split_in_time(tmp_path):
    list_gestures(tmp_path)
    with pytest.raises(DataError, match=r"a single recording in each class.*--split-time 1s"):
        load("dvsgesture", tmp_path, train=False)
    options = {"every_window": True, "split_time": 1_000_000, "window_us": (0, 150_000)}
    train, test = (load("dvsgesture", tmp_path, train=part, **options) for part in (True, False))
    assert (len(train), len(test)) == (60, 30), "six before 1 s, three in the 0.45 s after it"
    assert "so accuracy says nothing of recordings that were not seen" in train.notes[-1]
    events = gesture(0, 0, 1_450_000)
    windows = {"train": (750_000, 900_000), "test": (1_000_000, 1_150_000)}
    for found, key in ((train, "train/0_0.bs2#5"), (test, "test/0_0.bs2#0")):
        frames = found[found.keys.index(key)].frames
        window = windows[key.partition("/")[0]]
        expected = bin_events(events, steps=20, sensor=SENSOR, window_us=window, pool=4)
        assert np.array_equal(frames, expected) and frames.any()
    with pytest.raises(DataError, match="split time: 0 us is no time"):
        load("dvsgesture", tmp_path, split_time=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no file"),
        ("file,class\n", "lists no file"),
        ("name,label\n0_0.bs2,1\n", "line 2 has no file and class"),
        ("file,class\n0_0.bs2\n", "line 2 has no file and class"),
        ("file,class\nnone.bs2,arm_roll\n", r"line 2: .*none\.bs2 is not there"),
    ],
)
@pytest.mark.parametrize("name", ["dvsgesture", "folder"])
def test_lists_that_are_damaged(tmp_path, name, text, message):
    list_gestures(tmp_path)
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load(name, tmp_path)


def test_a_network_is_trained_on_gestures_by_name(tmp_path, capsys):
    lay_out(tmp_path / "data", train=["user01_led"])
    size = ["--hidden", "8", "--epochs", "1", "--size", "16x16", "--steps", "4", "--test", "3"]
    start = ["train", "--target", "golden", "--data", f"dvsgesture:{tmp_path / 'data'}"]
    assert driver.main([*start, *size, "--out", str(tmp_path / "run")]) == 0
    assert "dvsgesture: 512-8-11 on golden, 11 samples" in capsys.readouterr().out
    path = tmp_path / "data/ibmGestureTest/user24_led/3.npy"
    np.save(path, gesture(3, 8))  # any event file; tonic's arrays have no names for their columns
    assert driver.main(["predict", "--run", str(tmp_path / "run"), str(path)]) == 0
    assert driver.main(["evaluate", "--run", str(tmp_path / "run")]) == 0
    assert "test accuracy" in capsys.readouterr().out


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
