"""A folder of recordings, tonic's sets by name, and recordings on the command line."""

import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from sw import CORES, Binning, Device, Model, Network, driver, load
from sw.data import DamagedFile, DataError, Sensor
from sw.data.events import encode_nmnist, make_events
from sw.data.split import seeded_share
from sw.run import RunFolder
from sw.windows import most

SENSOR = Sensor(8, 8, 2)


def recording(label, seed, duration=60_000, count=300):
    """Events in the columns of a class: 0 to 3 or 4 to 7."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 4, count) + 4 * label, rng.integers(0, 8, count)
    t = np.sort(rng.integers(0, duration, count))
    t[[0, -1]] = 0, duration - 1
    return make_events(x, y, t + 5_000_000, rng.integers(0, 2, count))


def fill(folder, count=5, **others):
    for label, name in enumerate(("left", "right")):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            np.save(
                folder / name / f"r{number}.npy", recording(label, 10 * label + number, **others)
            )


def test_files_are_split_by_seed_and_the_split_is_stated(tmp_path):
    fill(tmp_path, count=11)
    keys = {}
    for seed in (0, 1):
        options = {"sensor": SENSOR, "split_seed": seed}
        train = load("folder", tmp_path, **options)
        test = load("folder", tmp_path, train=False, **options)
        names = [key.partition("/")[2] for key in train.keys + test.keys]
        assert len(set(names)) == len(names) == 22
        assert (len(train), len(test)) == (18, 4)
        assert f"80% are to train and 20% to test, chosen by split seed {seed}" in train.notes[0]
        assert test.notes == train.notes
        keys[seed] = train.keys
    assert keys[0] != keys[1]
    assert train.class_names == ("left", "right")
    assert train.labels.tolist()[:4] == [0, 1, 0, 1]  # in turns
    assert train.sensor == SENSOR
    assert seeded_share(10, train=False, seed=3, label=1) == [0, 6]  # pinned: the same everywhere
    assert load("folder", tmp_path, limit=3, sensor=SENSOR).labels.tolist() == [0, 1, 0]


def test_train_and_test_folders_are_used(tmp_path):
    fill(tmp_path / "Train", count=3)
    fill(tmp_path / "test", count=1)
    (tmp_path / "test/left/notes.md").write_text("not a recording")
    (tmp_path / "test/left/.hidden.npy").write_text("nor this")
    train = load("folder", tmp_path, sensor=SENSOR)
    test = load("folder", tmp_path, train=False, sensor=SENSOR)
    assert (len(train), train.notes) == (6, ())
    assert test.keys == ["test/left/r0.npy", "test/right/r0.npy"]
    assert "ending .md left out" in test.notes[0]


def test_classes_and_files_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("2", "10", "1"):
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "test" / name).mkdir(parents=True)
        for number in (10, 9):
            np.save(tmp_path / "train" / name / f"{number}.npy", recording(0, number))
    train = load("folder", tmp_path, sensor=SENSOR)
    assert train.class_names == ("1", "2", "10")
    assert train.keys[:2] == ["train/1/9.npy", "train/2/9.npy"]


def test_samples_start_at_the_first_event(tmp_path):
    fill(tmp_path / "train", count=1, duration=100_000)
    fill(tmp_path / "test", count=1, duration=100_000)
    options = {"steps": 2, "pool": 2, "sensor": SENSOR}
    first = load("folder", tmp_path, window_us=(0, 50_000), **options)
    second = load("folder", tmp_path, window_us=(50_000, 100_000), **options)
    every = load("folder", tmp_path, window_us=(0, 50_000), every_window=True, **options)
    assert every.keys[:2] == ["train/left/r0.npy#0", "train/left/r0.npy#1"]
    assert np.array_equal(every[0].frames, first[0].frames)
    assert np.array_equal(every[1].frames, second[0].frames)
    assert first[0].frames.any() and second[0].frames.any()


def test_what_a_folder_can_lack(tmp_path):
    with pytest.raises(DataError, match="no data folder was given"):
        load("folder")
    with pytest.raises(DataError, match=r"no recordings \(files ending in \.aedat4"):
        load("folder", tmp_path)
    fill(tmp_path / "a", count=1)
    with pytest.raises(DataError, match="a single recording in each class, none to test"):
        load("folder", tmp_path / "a", train=False, sensor=SENSOR)
    with pytest.raises(DataError, match=r"r0\.npy: does not say the size of its sensor"):
        load("folder", tmp_path / "a")
    fill(tmp_path / "b/train", count=1)
    with pytest.raises(DataError, match="has train and no test"):
        load("folder", tmp_path / "b")
    with pytest.raises(DataError, match=r"r0\.npy: event \d+ has x=., outside"):
        load("folder", tmp_path / "a", sensor=(2, 2, 2))
    with pytest.raises(DataError, match="split seed: -1"):
        load("folder", tmp_path / "a", split_seed=-1)


def test_sensors_must_agree(tmp_path):
    for name, size in (("a", 8), ("b", 9)):
        for part in ("train", "test"):
            (tmp_path / part / name).mkdir(parents=True)
        (tmp_path / "train" / name / "r.csv").write_text(f"t,x@{size},y@8,p\n1,2,3,1\n")
    with pytest.raises(DataError, match=r"b/r\.csv: recorded with 9 x 8 pixels, not 8 x 8"):
        load("folder", tmp_path)


def test_damaged_files_stop_loading_or_are_salvaged(tmp_path):
    fill(tmp_path / "train", count=2)
    fill(tmp_path / "test", count=1)
    events = recording(0, 1)
    events["t"][200:] -= 50_000
    np.save(tmp_path / "train/left/r0.npy", events)
    (tmp_path / "train/right/r1.npy").write_bytes(b"garbage")
    with pytest.raises(DamagedFile, match=r"left/r0\.npy: time goes backwards"):
        load("folder", tmp_path, sensor=SENSOR)
    train = load("folder", tmp_path, sensor=SENSOR, salvage=True)
    assert train.labels.tolist() == [0, 1, 0]
    assert re.match(r"used up to the damage: .*left/r0\.npy: time goes backwards", train.notes[0])
    assert re.match(r"left out: .*right/r1\.npy: not a readable NumPy file", train.notes[1])


# tonic's sets by name


class Poker:
    """Like a class of tonic's that is divided."""

    sensor_size = (8, 8, 2)
    starts_at = 5_000_000
    classes = ("cl", "he", "di", "sp")
    train_filename, train_url = "train.zip", "https://example.org/train"

    def __init__(self, save_to, train=True, transform=None):
        if "broken" in save_to:
            raise RuntimeError("HTTP Error 403:\n Forbidden")
        self.labels = [3, 1] if train else [2]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        events = recording(0, i)
        events["t"] -= self.starts_at
        return events, self.labels[i]


class Cifar(Poker):
    """Like one that is not."""

    classes = {str(label): label for label in range(10)}

    def __init__(self, save_to, transform=None):
        self.labels = self.targets = [0] * 10 + [1] * 10


@pytest.fixture
def tonic(monkeypatch):
    module = SimpleNamespace(POKERDVS=Poker, CIFAR10DVS=Cifar)
    monkeypatch.setitem(sys.modules, "tonic", SimpleNamespace(datasets=module))
    monkeypatch.setitem(sys.modules, "tonic.datasets", module)


def test_tonic_sets_by_name(tonic, tmp_path):
    train = load("tonic.POKERDVS", tmp_path)
    assert (train.name, train.classes, train.labels.tolist()) == ("tonic.POKERDVS", 4, [3, 1])
    assert train.class_names == ("cl", "he", "di", "sp")
    assert (train.sensor, train.notes) == (SENSOR, ())
    assert load("tonic.POKERDVS", tmp_path, train=False).labels.tolist() == [2]


def test_undivided_tonic_sets_are_split(tonic, tmp_path):
    train = load("tonic.CIFAR10DVS", tmp_path, split_seed=4)
    test = load("tonic.CIFAR10DVS", tmp_path, train=False, split_seed=4)
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 1] * 8, [0, 1] * 2)
    assert len({key[-5:] for key in train.keys + test.keys}) == 20
    assert "split seed 4" in train.notes[0]


def test_times_that_do_not_start_at_0(tonic, monkeypatch, tmp_path):
    monkeypatch.setattr(Poker, "starts_at", 0)
    with pytest.raises(DataError, match="no sample has an event from 0 to 300000 us"):
        load("tonic.POKERDVS", tmp_path)


def test_what_tonic_cannot_do(tonic, tmp_path):
    (tmp_path / "broken").mkdir()
    with pytest.raises(
        DataError, match=r"\(HTTP Error 403: Forbidden\); put train\.zip from https:"
    ):
        load("tonic.POKERDVS", tmp_path / "broken")
    with pytest.raises(DataError, match=r"tonic\.VPR: not a set that can be used; ASLDVS"):
        load("tonic.VPR", tmp_path)
    with pytest.raises(DataError, match="no data folder was given"):
        load("tonic.POKERDVS")
    with pytest.raises(DataError, match="has no option 'sensor'; it takes split_seed"):
        load("tonic.POKERDVS", tmp_path, sensor=SENSOR)


# The command line


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on a folder of recordings, and a long recording of first one class, then the other."""
    path = tmp_path_factory.mktemp("folder")
    fill(path / "data", count=16, duration=40_000)
    binning = ["--sensor", "8x8", "--window", "40ms", "--steps", "5", "--pool", "2"]
    network = ["--hidden", "8", "--eta", "0.01", "--eta-out", "0.01", "--core", "tiny"]
    arguments = ["train", "--target", "golden", "--data", f"folder:{path / 'data'}", *binning]
    out = ["--epochs", "2", "--out", str(path / "run")]
    assert driver.main([*arguments, *network, *out]) == 0
    both = np.concatenate([recording(0, 50, 80_000, 400), recording(1, 51, 80_000, 400)])
    both["t"][400:] += 80_000
    np.save(path / "both.npy", both)
    return path


def said(capsys, *arguments):
    status = driver.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def test_predict_prints_the_class_of_every_window(trained, capsys):
    status, text = said(capsys, "predict", "--run", trained / "run", trained / "both.npy")
    assert status == 0
    assert "800 events in 0.160 s, 4 windows of 40 ms" in text
    rows = re.findall(r"^ +(\d)  +([\d.]+)s +([\d.]+)s +(\d+)  (\d \w+)", text, re.M)
    assert [row[4] for row in rows] == ["0 left", "0 left", "1 right", "1 right"]
    assert [row[1] for row in rows] == ["0.000", "0.040", "0.080", "0.120"]
    assert sum(int(row[3]) for row in rows) == 800
    assert "both.npy: class 0 left in 2 of 4 windows" in text
    status, text = said(
        capsys, "predict", "--run", trained / "run", trained / "both.npy", "--window", "80ms"
    )
    assert "2 windows of 80 ms" in text


def test_predict_tells_programs_too(trained, capsys):
    both = trained / "both.npy"
    _, text = said(capsys, "predict", "--run", trained / "run", both, "0", "--json")
    recording, sample = (json.loads(line) for line in text.splitlines())
    assert [window["name"] for window in recording["windows"]] == ["0 left"] * 2 + ["1 right"] * 2
    assert sample["sample"].startswith("test/left/")
    assert (sample["label"], sample["prediction"], len(sample["scores"])) == (0, 0, 2)


def test_predict_and_the_api_agree(trained, capsys):
    _, text = said(capsys, "predict", "--run", trained / "run", trained / "both.npy", "--json")
    with Device.open("golden", config=CORES["tiny"]) as device:
        model = Model.load(trained / "run", device)
        assert model.binning == Binning(sensor=(8, 8, 2), steps=5, pool=2, window_us=(0, 40_000))
        results = model.predict_recording(trained / "both.npy")
        assert model.predict_recording(np.load(trained / "both.npy")) == results
        model.save(trained / "copy.safetensors")
        again = Model.load(trained / "copy.safetensors", device)
        assert again.predict_recording(trained / "both.npy", window_us=40_000) == results
    windows = json.loads(text)["windows"]
    assert [window["scores"] for window in windows] == [result.scores for result in results]
    assert most(results) == (0, 2, 4)


def test_a_run_on_a_folder_goes_on_and_is_evaluated(trained, capsys):
    config = RunFolder(trained / "run").config()["data"]
    assert config["class_names"] == ["left", "right"]
    status, text = said(capsys, "evaluate", "--run", trained / "run")
    assert status == 0
    assert "chosen by split seed 0" in text and "of 6)" in text
    again = ("train", "--resume", trained / "run", "--target", "golden", "--epochs", "3")
    status, text = said(capsys, *again, "--out", trained / "longer")
    assert (status, "resumed after 52 samples" in text) == (0, True)


def test_damaged_recordings_are_used_up_to_the_damage(trained, capsys):
    path = trained / "cut.bin"
    events = recording(1, 9, 40_000)
    events["t"] -= 5_000_000
    path.write_bytes(encode_nmnist(events)[:-2])
    status, text = said(capsys, "predict", "--run", trained / "run", path)
    assert (status, "cut short" in text, "--salvage" in text) == (2, True, True)
    status, text = said(capsys, "predict", "--run", trained / "run", path, "--salvage")
    assert (status, "class 1 right" in text) == (0, True)
    assert "used up to the damage: " in text


def test_recordings_of_other_sensors_are_refused(trained, capsys):
    path = trained / "other.csv"
    path.write_text("t,x@9,y@8,p\n1,2,3,1\n")
    status, text = said(capsys, "predict", "--run", trained / "run", path)
    assert (status, "recorded with 9 x 8 pixels, not 8 x 8" in text) == (2, True)


@pytest.mark.parametrize("option", [("--window", "300"), ("--window", "0ms"), ("--sensor", "8")])
def test_times_and_sizes_are_checked(option, capsys):
    with pytest.raises(SystemExit):
        driver.main(["train", *option])
    assert "write " in capsys.readouterr().err


def test_a_run_on_no_events_has_no_windows(tmp_path, capsys):
    arguments = (
        "train",
        "--target",
        "golden",
        "--preset",
        "smoke",
        "--train",
        "4",
        "--epochs",
        "1",
    )
    assert said(capsys, *arguments, "--out", tmp_path / "run")[0] == 0
    with Device.open("golden", config=CORES["tiny"]) as device:
        plain = Model(Network(sizes=(64, 12, 4)), device)
        with pytest.raises(DataError, match="binning"):
            plain.predict_recording(recording(0, 1))
