"""The live page over HTTP: in a browser, by the command, and for nobody else."""

import base64
import http.client
import json
import re
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest

from golden.spec.shape import Map
from sw import Dataset, Device, Network, Recording, Sample, driver
from sw.data.events import EVENT_DTYPE
from sw.live import DatasetFeed, RecordingFeed
from sw.live.app import Server
from sw.samples import Binning
from tests.browser import Browser
from tests.live import NETWORK, after, served, settle, wait


@pytest.fixture
def device():
    with Device.open("golden", config="tiny") as device:
        device.load(NETWORK)
        yield device


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
