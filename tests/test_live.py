"""The live page: what it shows is what the device did, what it asks for is done, nobody else may ask."""

import base64
import http.client
import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from golden.spec.shape import Map
from sw import DataError, Dataset, Device, Network, Recording, Sample, driver, load
from sw.data.events import EVENT_DTYPE
from sw.live import DatasetFeed, RecordingFeed, Session, Wishes, shifted
from sw.live.app import Server
from sw.live.session import ROWS, lines
from sw.samples import Binning
from tests.browser import Browser

NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)
SAMPLES = load("synthetic", limit=24)


@pytest.fixture
def device():
    with Device.open("golden", config="tiny") as device:
        device.load(NETWORK)
        yield device


@contextmanager
def paused(device, feed=None, **wishes):
    """A session that runs a sample when it is told to."""
    feed = feed or DatasetFeed(SAMPLES)
    with Session(device, feed, wishes=Wishes(paused=True, **wishes)) as session:
        yield session


def after(session, number):
    """Step until so many samples ran."""
    for _ in range(number - len(session.history)):
        session.step()
    wait(lambda: len(session.moments) >= number or session.error)
    assert not session.error, session.error


def wait(condition, seconds=60):
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.01)


def settle(session, learned):
    wait(lambda: session.learned == learned)


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


# Over HTTP


@contextmanager
def served(device, feed=None, **wishes):
    """A server, its session, and `ask` for requests to it."""
    feed = feed or DatasetFeed(SAMPLES)
    with Session(device, feed, wishes=Wishes(**{"pace": 20.0, **wishes})) as session:
        server = Server(session, title="a <run>", class_names=["ant", "bee", "<i>cat", "dog"])
        port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_until_stopped)
        thread.start()

        def ask(method, path, body=None, **headers):
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            link.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            reply = link.getresponse()
            return SimpleNamespace(
                status=reply.status, headers=reply.headers, text=reply.read().decode()
            )

        try:
            yield SimpleNamespace(session=session, ask=ask, url=server.address, server=server)
        finally:
            server.stop()
            thread.join(10)
            assert not thread.is_alive()


def test_only_this_computer_and_only_this_page_may_ask(device):
    with served(device, paused=True) as it:
        assert it.server.socket.getsockname()[0] == "127.0.0.1"
        wish = json.dumps({"name": "learning", "value": True})
        assert it.ask("GET", "/facts", Host="evil.example").status == 400
        assert it.ask("POST", "/wish", wish, Content_Type="text/plain").status == 415
        assert it.ask("POST", "/wish", wish).status == 415
        assert it.ask("POST", "/wish", " " * 20_000, Content_Type="application/json").status == 413
        assert not it.session.wishes.learning
        reply = it.ask("GET", "/")
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        assert not re.search(r"https?:|style=|onclick", reply.text)
        for bad, why in [
            ("[", "Expecting"),
            ('{"name":"pace","value":0}', "0.1 to 50"),
            ("{}", "name"),
        ]:
            reply = it.ask("POST", "/wish", bad, Content_Type="application/json")
            assert reply.status == 400 and why in json.loads(reply.text)["error"]
        reply = it.ask("POST", "/wish", wish, Content_Type="application/json")
        assert reply.status == 200 and json.loads(reply.text)["learning"] is True
        facts = json.loads(it.ask("GET", "/facts").text)
        assert (
            facts["layers"] == [{"neurons": 12, "lines": 12, "map": None}] and facts["inputs"] == 64
        )
        with pytest.raises(
            OSError, match=r"port \d+: .* in use; choose another: --port 0 takes any"
        ):
            Server(it.session, title="", class_names=[], port=it.server.socket.getsockname()[1])


def test_in_a_browser_it_shows_what_was_and_does_what_is_asked(device, tmp_path):
    with served(device) as it, Browser(tmp_path) as page:
        page.open(it.url)
        page.until("document.querySelectorAll('#rows tr').length === 4")
        page.until("+document.getElementById('seen').textContent > 3")
        assert page.js("document.getElementById('title').textContent") == "a <run>"
        assert page.js("document.querySelectorAll('#rows .name')[2].textContent") == "<i>cat"
        pixels = "document.querySelector(id).getContext('2d').getImageData(0, 0, 200, 60).data"
        painted = f"(id) => new Set({pixels}).size > 2"
        page.until("moment && moment.frames.some((frame) => frame.length)")
        for canvas in ("#frame", "#rasters canvas", "#curve"):
            page.until(f"({painted})('{canvas}')")
        page.js("document.getElementById('learning').click()")
        page.until("document.getElementById('learning').getAttribute('aria-checked') === 'true'")
        wait(lambda: it.session.learned > 2)
        page.js("document.getElementById('learning').click()")
        page.until("!state.learning")
        page.js("document.getElementById('pause').click()")
        page.until("document.getElementById('pause').textContent === 'Go on'")
        learned, seen = it.session.learned, len(it.session.history)
        page.js("document.querySelectorAll('#rows button')[1].click()")
        settle(it.session, learned + 1)
        page.js("document.getElementById('step').click()")
        wait(lambda: len(it.session.history) == seen + 1)
        page.until(f"document.getElementById('seen').textContent === '{seen + 1}'")
        page.js("document.querySelectorAll('#rows input')[0].click()")
        wait(lambda: it.session.wishes.classes == [1, 2, 3])
        page.js(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '3', bubbles: true}))"
        )
        settle(it.session, learned + 2)
        page.open(it.url)  # who comes later sees what was
        page.until(f"typeof answers !== 'undefined' && answers.length === {seen + 1}")
        assert page.errors == []


def test_in_a_browser_convolutions_are_maps(tmp_path):
    network = Network.of_stages((1, 8, 8), ("3c3", "12"), 4, theta=0.2)
    frames = np.random.default_rng(7).random((6, 3, 64)) < 0.5
    given = [Sample(frame, number % 4, f"{number}") for number, frame in enumerate(frames)]
    samples = Dataset("maps", given, classes=4, n_inputs=64, steps=3, input_map=Map(1, 8, 8))
    with Device.open("golden", config="ulx3s-85f-maps") as device:
        device.load(network)
        with served(device, DatasetFeed(samples), paused=True) as it, Browser(tmp_path) as page:
            page.open(it.url)
            page.until("document.querySelectorAll('#rasters canvas').length === 2")
            after(it.session, 1)
            page.until("moment")
            said = page.js("document.querySelector('#rasters canvas').getAttribute('aria-label')")
            moment = it.session.moments[0]
            assert page.errors == [] and page.js(
                "document.querySelector('#rasters h3').textContent"
            ) == ("layer 0, 192 neurons: 3 maps of 8 x 8, the darker the more steps")
        counts = np.frombuffer(base64.b64decode(moment.maps[0]), np.uint8).reshape(3, 64)
        assert moment.maps[1] == "" and moment.spikes[0] == []
        assert said == f"layer 0: {counts.sum()} spikes in the newest sample"
        sample = next(s for s in samples if s.key == moment.key)
        wanted = np.zeros((64, 3), int)
        for _ in device.step_through(sample):
            wanted += device.spikes(0).reshape(64, 3)
        assert np.array_equal(counts.T, wanted) and wanted.sum() > 0


def test_in_a_browser_nothing_is_wider_than_the_window(device, tmp_path):
    with served(device) as it, Browser(tmp_path) as page:
        page.open(it.url)
        page.until("document.querySelectorAll('#rows tr').length === 4")
        for width in (360, 500, 768, 1024, 1600):
            page.size(width, 900)
            page.until("document.documentElement.scrollWidth <= window.innerWidth")


def test_samples_without_labels_are_taught_by_hand(device, tmp_path):
    binning = Binning(sensor=(8, 4, 2), steps=3, window_us=(0, 10_000))
    events = np.zeros(90, EVENT_DTYPE)
    events["t"], events["x"], events["y"] = (
        np.arange(90) * 500,
        np.arange(90) % 8,
        np.arange(90) % 4,
    )
    feed = RecordingFeed(
        [Recording("a.csv", events, None, 0)],
        lambda r, w: binning.frames(r.events, r.source, w),
        window_us=10_000,
        map=binning.input_map,
    )
    with served(device, feed, pace=0.1) as it, Browser(tmp_path) as page:
        page.open(it.url)
        page.until("typeof moment !== 'undefined' && moment && moment.number > 2")
        assert page.js("document.getElementById('learning').disabled")
        assert page.js("document.getElementById('over-time').hidden")
        page.js("document.querySelectorAll('#shift button')[1].click()")
        wait(lambda: it.session.wishes.shift == (1, 0))
        page.js("document.querySelectorAll('#rows button')[3].click()")
        settle(it.session, 1)
        held = "document.querySelectorAll('#rows button')[2].dispatchEvent(new PointerEvent('pointer{}'))"
        page.js(held.format("down"))
        wait(lambda: it.session.wishes.teacher == 2)
        page.until("moment.learned === 2")
        page.js(held.format("up"))
        wait(lambda: it.session.wishes.teacher is None)
        assert page.errors == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_serves_until_it_is_ended_and_keeps_what_was_learned(
    ending, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert driver.main(["live"]) == 1
    assert "runs" in capsys.readouterr().err
    assert driver.main(shlex.split("train --target golden --preset smoke --epochs 1 --out a")) == 0
    for wrong, why in [
        (["--port", "70000"], "--port 70000: 0 to 65535"),
        (["--pace", "99"], "pace is 99.0: 0.1 to 50"),
        (["--data", "nmnist"], "2312"),
        (["there.aedat4"], "there.aedat4: cannot be read"),
    ]:
        assert driver.main(["live", "--run", "a", "--port", "0", *wrong]) == 2
        assert why in capsys.readouterr().err
    command = [sys.executable, "-m", "sw.driver", "live", "--run", "a", "--port", "0"]
    command += ["--learning", "--pace", "50"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        address = re.search(r"http://127\.0\.0\.1:(\d+)/", running.stdout.readline())
        link = http.client.HTTPConnection("127.0.0.1", int(address[1]), timeout=10)
        link.request("GET", "/events")
        reply = link.getresponse()
        while "event: moment" not in reply.readline().decode():
            pass
        running.send_signal(ending)
        said = running.communicate(timeout=60)[0]
        link.close()
    assert running.returncode == (0 if ending == signal.SIGINT else -ending), said
    kept = re.fullmatch(r"learned from (\d+) samples; the weights are in (\S+) .*\n", said)
    assert int(kept[1]) > 0
    from sw import Model

    with Device.open("golden", config="tiny") as device:
        model = Model.load(tmp_path / kept[2], device)
        assert any(
            not np.array_equal(a, b)
            for a, b in zip(model.weights, Model.load("a", device).weights, strict=True)
        )
