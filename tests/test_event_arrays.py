"""Event arrays in Python: windows count from the first event, and what is odd is refused or said."""

import numpy as np
import pytest

from sw import CORES, Binning, Device, Model, Network
from sw.data import DataError, DataWarning

FIELDS = [("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.bool_)]
BINNING = Binning(sensor=(4, 8, 2), steps=3, window_us=(0, 3000))
UNIX_US = 1_600_000_000_000_000


def events(count=40, start=0, seed=1, fields=FIELDS):
    rng = np.random.default_rng(seed)
    made = np.zeros(count, fields)
    made["x"], made["y"] = rng.integers(0, 4, count), rng.integers(0, 8, count)
    made["t"] = start + np.concatenate([[0], np.sort(rng.integers(0, 3000, count - 1))])
    if "p" in made.dtype.names:
        made["p"] = rng.integers(0, 2, count)
    return made


@pytest.fixture
def model():
    with Device.open("golden-numpy", config=CORES["tiny"]) as device:
        yield Model(Network(sizes=(64, 12, 4)), device, binning=BINNING)


@pytest.mark.parametrize("start", [0, 7, UNIX_US])
def test_windows_count_from_the_first_event(start):
    frames = BINNING.frames(events(start=start))
    assert np.array_equal(frames, BINNING.frames(events())) and frames.any(axis=1).all()
    late = Binning(sensor=(4, 8, 2), steps=2, window_us=(1000, 3000))
    assert np.array_equal(late.frames(events(start=start)), frames[1:])


def test_a_window_may_count_from_time_0(model):
    absolute = Binning(sensor=(4, 8, 2), steps=3, window_us=(0, 3000), from_first=False)
    assert not absolute.frames(events(start=UNIX_US)).any()
    model.binning = absolute
    with pytest.raises(
        DataError, match=r"none of its 40 events is in the window 0\.\.3000 us.*first"
    ):
        model.predict([events(start=UNIX_US)])


def test_what_a_run_was_trained_with_is_kept(model, tmp_path):
    model.binning = Binning(sensor=(4, 8, 2), steps=3, window_us=(0, 3000), from_first=False)
    model.fit([(events(), 1)], epochs=1)
    model.save(tmp_path / "a.safetensors")
    assert Model.load(tmp_path / "a.safetensors", model.device).binning == model.binning
    assert not Binning.of_run({"binning": {"sensor": [4, 8, 2]}}).from_first  # of an older version
    data = {"name": "folder", "sensor": (4, 8, 2), "steps": 3, "pool": 1}
    assert Binning.of_run({"data": data}).from_first
    assert not Binning.of_run({"data": {**data, "name": "nmnist"}}).from_first


def seconds():
    made = events(fields=[("x", "i2"), ("y", "i2"), ("t", "f8"), ("p", "?")])
    made["t"] = made["t"] / 1e6 + 0.25
    return made


def floats():
    made = events(fields=[("x", "f4"), ("y", "i2"), ("t", "i8"), ("p", "?")])
    made["x"] += 0.5
    return made


REFUSED = [
    (seconds, r"t is float64 with values that are no whole numbers; .*\(t \* 1e6\)"),
    (floats, "x is float32 with values that are no whole numbers"),
    (lambda: events(fields=FIELDS[:3]), r"no field p among x, y, t; .*sensor is \(4, 8, 1\)"),
    (lambda: events(fields=FIELDS)[["x", "y", "p"]], "no field t among x, y, p"),
    (lambda: events().reshape(2, 20), r"events of shape \(2, 20\)"),
]


@pytest.mark.parametrize("made, message", REFUSED, ids=["seconds", "x", "p", "t", "shape"])
def test_arrays_that_cannot_be_events_are_refused(model, made, message):
    with pytest.raises(DataError, match=message):
        model.predict([made()])
    with pytest.raises(DataError, match=message):
        model.fit([(made(), 0)], epochs=1)


def test_whole_microseconds_may_be_floats(model):
    made = events(fields=[("x", "i2"), ("y", "i2"), ("t", "f8"), ("p", "?")])
    assert np.array_equal(BINNING.frames(made), BINNING.frames(events()))


def test_events_out_of_order_are_taken_and_told():
    with pytest.warns(DataWarning, match="not in the order of time"):
        frames = BINNING.frames(events()[::-1])
    assert np.array_equal(frames, BINNING.frames(events()))


def test_samples_without_a_spike_are_told(model):
    silent = np.zeros(0, FIELDS)
    with pytest.warns(DataWarning, match=r"1 of 3 samples have no spike .* first is 00001"):
        model.fit([(events(), 0), (silent, 1), (events(seed=2), 2)], epochs=1)
    with pytest.warns(DataWarning, match="2 of 2 samples have no spike .*check how they are made"):
        model.evaluate((np.zeros((2, 3, 64)), [0, 1]))
    with pytest.warns(DataWarning, match="the class of silence"):
        model.predict([silent, events()])
