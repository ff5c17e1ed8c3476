"""A live session: what it shows is what the device did, and what it is asked for is done."""

import re

import numpy as np
import pytest

from golden.spec.shape import Map
from sw import DataError, Dataset, Device, Network, Recording, Sample
from sw.data.events import EVENT_DTYPE
from sw.live import DatasetFeed, RecordingFeed, Session, Wishes, shifted
from sw.live.session import ROWS, lines
from sw.samples import Binning
from tests.live import NETWORK, SAMPLES, after, paused, settle, wait


@pytest.fixture
def device():
    with Device.open("golden", config="tiny") as device:
        device.load(NETWORK)
        yield device


@pytest.mark.parametrize("shift", [(0, 0), (2, 0), (-1, 3), (9, 0), (0, -9)])
def test_a_moved_sensor_sees_the_same_further_on(shift):
    shape = Map(2, 4, 5)
    frames = np.random.default_rng(5).random((3, shape.neurons)) < 0.4
    wanted = np.zeros_like(frames)
    for step, channel, y, x in np.argwhere(frames.reshape(3, 2, 4, 5)):
        across, down = x + shift[0], y + shift[1]
        if 0 <= across < 5 and 0 <= down < 4:
            wanted[step, (channel * 4 + down) * 5 + across] = True
    assert np.array_equal(shifted(frames, shape, shift), wanted)


def test_samples_of_the_classes_wanted_come_once_before_any_comes_again():
    feed = DatasetFeed(SAMPLES, seed=3)
    first = [feed.take(range(4)) for _ in SAMPLES]
    assert sorted(g.key for g in first) == sorted(SAMPLES.keys)
    assert {feed.take([2]).label for _ in range(20)} == {2}
    few = Dataset("few", [s for s in SAMPLES if s.label < 2], **SAMPLES.facts)
    with pytest.raises(DataError, match=r"few: no samples of the classes \[3\]"):
        DatasetFeed(few).take([3])


def test_windows_of_a_recording_come_in_turn_and_again():
    events = np.zeros(40, EVENT_DTYPE)
    events["t"] = np.arange(40) * 1000 + 5_000_000
    events["x"] = np.arange(40) % 8
    recording = Recording("walk.csv", events, None, 5_000_000)
    binning = Binning(sensor=(8, 4, 2), steps=2, window_us=(0, 10_000))
    feed = RecordingFeed(
        [recording],
        lambda r, w: binning.frames(r.events, r.source, w),
        window_us=10_000,
        map=binning.input_map,
    )
    keys = [feed.take([0]).key for _ in range(5)]
    assert keys == [f"walk.csv at {at:.2f} s" for at in (0, 0.01, 0.02, 0.03, 0)]
    assert (feed.seconds, feed.labelled, feed.take([0]).label) == (0.01, False, None)


def test_it_classifies_first_and_then_learns_what_the_device_learns(device):
    with paused(device, learning=True, rate=0.5) as session:
        after(session, 10)
        learned, noise = device.read_weights(), device.noise_state
        history, moments = list(session.history), list(session.moments)
    feed = DatasetFeed(SAMPLES)
    given = [feed.take(range(4)) for _ in range(10)]
    device.load(NETWORK)
    for (number, label, answer, on), moment, (frames, true, key) in zip(
        history, moments, given, strict=True
    ):
        (result,) = device.run([Sample(frames, true, key)], learn=False)
        assert (answer, label, on) == (result.prediction, true, True)
        assert moment.number == number and moment.key == key
        scale = NETWORK.logit_one * len(frames)
        assert np.allclose(moment.scores, np.array(result.scores[:4]) / scale)
        assert [len(step) for step in moment.frames] == frames.sum(axis=1).tolist()
        device.set_rates(0.5)
        list(device.run([Sample(frames, true, key)], learn=True))
    assert all(map(np.array_equal, learned, device.read_weights()))
    assert device.noise_state == noise and session.learned == 10
    assert session.accuracy == np.mean([h[1] == h[2] for h in history])


def test_looking_changes_nothing_and_sees_every_spike(device):
    device.load(Network(sizes=(64, 12, 4), theta=0.3))
    weights, noise = device.read_weights(), device.noise_state
    with paused(device) as session:
        after(session, 6)
        moments = list(session.moments)
    assert all(map(np.array_equal, weights, device.read_weights())) and device.noise_state == noise
    feed = DatasetFeed(SAMPLES)
    for moment in moments:
        given = feed.take(range(4))
        (result,) = device.run([Sample(given.frames, 0, "")], learn=False)
        assert sum(map(len, moment.spikes[0])) == result.spikes[0]
    assert sum(len(step) for moment in moments for step in moment.spikes[0]) > 0


def test_every_device_shows_the_same_spikes():
    """Compiled, a sample is run up to each step; elsewhere step by step."""
    network = Network(sizes=(64, 12, 6, 4), theta=0.3)
    seen = []
    for target in ("golden", "golden-numpy"):
        with Device.open(target, config="tiny") as device:
            device.load(network)
            with paused(device, learning=True) as session:
                after(session, 4)
                seen.append([(m.spikes, m.scores) for m in session.moments])
            seen.append([device.noise_state, *(w.tolist() for w in device.read_weights())])
    assert seen[:2] == seen[2:]
    assert any(map(len, seen[0][0][0][0]))


def test_many_neurons_share_lines():
    assert lines(np.array([0, 1, 1], bool)) == [1, 2]
    spikes = np.zeros(4 * ROWS, bool)
    spikes[[0, 3, 4, -1]] = True
    assert lines(spikes) == [0, 1, ROWS - 1]


def test_teaching_learns_the_sample_that_is_shown(device):
    with paused(device, rate=1.0) as session:
        after(session, 3)
        shown = session.moments[-1]
        session.teach(2)
        settle(session, 1)
        taught = device.read_weights()
    feed = DatasetFeed(SAMPLES)
    given = [feed.take(range(4)) for _ in range(3)][-1]
    assert given.key == shown.key
    device.load(NETWORK)
    list(device.run([Sample(given.frames, 2, "")], learn=True))
    assert all(map(np.array_equal, taught, device.read_weights()))
    with pytest.raises(ValueError, match="class 4: the network has 0 to 3"):
        session.teach(4)


def test_a_teacher_teaches_all_that_come(device):
    with paused(device, rate=1.0) as session:
        session.set("teacher", 1)
        after(session, 4)
        session.set("teacher", None)
        after(session, 6)
        assert [moment.learned for moment in session.moments] == [1, 1, 1, 1, None, None]
        taught = device.read_weights()
    feed = DatasetFeed(SAMPLES)
    device.load(NETWORK)
    for _ in range(4):
        list(device.run([Sample(feed.take(range(4)).frames, 1, "")], learn=True))
    assert all(map(np.array_equal, taught, device.read_weights()))


def test_what_is_learned_while_in_use_helps(device):
    """From chance to right: the synthetic classes are easy."""
    with Session(
        device, DatasetFeed(SAMPLES), wishes=Wishes(learning=True, pace=50.0, rate=1.0)
    ) as s:
        wait(lambda: len(s.history) >= 120, 60)
        right = [label == answer for _, label, answer, _ in s.history]
    assert np.mean(right[90:120]) > 0.8 > 0.5 > np.mean(right[:10]), right


WRONG = [
    ("learning", 1, "learning is 1: true or false"),
    ("pace", 1000, "pace is 1000: 0.1 to 50 are possible"),
    ("teacher", 4, "class 4: the network has 0 to 3"),
    ("rate", True, "rate is True: 0 to 1"),
    ("shift", [1], "shift is [1]: two numbers, up to 16 pixels"),
    ("shift", [1, 99], "shift is [1, 99]"),
    ("classes", [], "classes is []: some of 0 to 3"),
    ("classes", [4], "classes is [4]"),
    ("colour", 1, "'colour': there is nothing of that name"),
]


@pytest.mark.parametrize("name, value, message", WRONG)
def test_wishes_that_cannot_be(name, value, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Wishes().set(name, value, NETWORK)


def test_a_device_that_fails_is_told(device):
    device.channel.transport.device.core = None
    with Session(device, DatasetFeed(SAMPLES)) as session:
        wait(lambda: session.error)
        assert session.state["error"] == session.error
