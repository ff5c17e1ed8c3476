"""DVS Gesture, as its authors publish it and as tonic unpacks it."""

import csv
from importlib.util import find_spec

import numpy as np
import pytest

from golden.spec.shape import Map
from sw import driver, load
from sw.data import DamagedFile, DataError, Request, Sensor, bin_events, from_tonic
from sw.data.dvsgesture import CLASS_NAMES
from sw.data.events import encode_nmnist, make_events
from tests.test_data_aedat import aedat3

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
