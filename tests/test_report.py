"""The report: one file that needs nothing, every section there, its numbers those of the run."""

import base64
import hashlib
import json
import re
import shlex
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest

from golden.spec.registers import CYCLE_CAUSES
from sw import CORES, Dataset, Device, Model, Network, driver, load
from sw.cli import options
from sw.html import VOID
from sw.report import Source, comparison, measure, page
from sw.report.pictures import png, spike_pixels, weight_pixels
from sw.report.plots import Axes, some, ticks
from sw.report.source import sensor_of
from sw.run import RunFolder
from tests.browser import QUIET, Browser, browser

SECTIONS = [
    *("accuracy", "confusion", "sample", "explore", "fields"),
    *("rates", "weights", "cycles", "setup"),
]
SMOKE = "--preset smoke --train 80 --test 24 --epochs 3"
EVENTS = "--data nmnist --hidden 12,6 --train 30 --test 20 --epochs 2 --steps 4"


class Tree(HTMLParser):
    """Elements of a page with their attributes, and the text of every section's parts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        inside = next((a["id"] for t, a in reversed(self.open) if t == "section"), "")
        self.elements.append((tag, dict(attrs), inside))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for tag, attrs in self.open:
            key = attrs.get("id", "") if tag == "section" else tag
            self.words[key] = self.words.get(key, "") + data + " "

    def all(self, tag, inside=None):
        return [a for t, a, s in self.elements if t == tag and inside in (None, s)]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """Folder of a run whose inputs are no image."""
    return trained(tmp_path_factory, SMOKE)


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """Folder of a run on a sensor's events, two hidden layers."""
    return trained(tmp_path_factory, EVENTS)


def trained(factory, arguments):
    path = factory.mktemp("run") / "a & <b>"
    command = f"train --target golden {arguments}".split()
    assert driver.main([*command, "--out", str(path)]) == 0
    assert driver.main(["report", str(path), "--sample", "3"]) == 0
    return path


def read(path):
    text = (path / "report.html").read_text()
    return text, Tree(text)


def samples(path, **changes):
    return options.load_data(RunFolder(path).config()["data"] | changes, train=False)


@pytest.mark.parametrize("kind", ["smoke", "events"])
def test_the_page_is_whole_and_needs_nothing(kind, request):
    path = request.getfixturevalue(kind)
    text, tree = read(path)
    assert len(text) < 2_000_000
    assert [a["id"] for a in tree.all("section")] == SECTIONS
    ids = [a["id"] for _, a, _ in tree.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes, _ in tree.elements:
        assert attributes.get("aria-labelledby", ids[0]) in ids
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    (policy,) = [a["content"] for a in tree.all("meta") if "http-equiv" in a]
    data, script = re.findall(r"<script[^>]*>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    fixed = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert policy == f"{fixed}; script-src 'sha256-{digest}'"
    assert "<" not in data and json.loads(data)["samples"]
    assert not re.search(r"@import|https?:|url\(", text)
    assert not re.search(
        r"\bnan\b|inf\b", re.sub(r"base64,[^\"]*|<script.*?</script>", "", text, flags=re.S)
    )
    assert escape(path.name) in text
    assert "<b>" not in text


@pytest.mark.parametrize("kind", ["smoke", "events"])
def test_every_picture_has_words_and_a_table(kind, request):
    _, tree = read(request.getfixturevalue(kind))
    assert all(len(a["alt"]) > 5 for a in tree.all("img"))
    for attributes in tree.all("svg"):
        assert attributes["role"] == "img"
        assert len(attributes["aria-label"]) > 10
    assert all(len(a["aria-label"]) > 10 and a["role"] == "img" for a in tree.all("canvas"))
    for name in set(SECTIONS) - {"explore"}:
        assert tree.all("table", name), name
        assert tree.all("th", name), name
    assert all(a["scope"] in ("row", "col") for a in tree.all("th"))
    drawn = {name for name in SECTIONS if tree.all("svg", name) or tree.all("img", name)}
    assert drawn == set(SECTIONS) - {"confusion", "setup", "explore"}
    assert len(tree.all("td", "confusion")) > 4


def test_the_confusion_matrix_is_that_of_the_model(events):
    _, tree = read(events)
    test = samples(events)
    with Device.open("golden") as device:
        predicted = Model.load(events, device).predict(test)
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (test.labels, predicted), 1)
    cells = [a["title"] for a in tree.all("td", "confusion") if "title" in a]
    found = np.zeros((10, 10), int)
    for title in cells:
        true, taken, count, total = map(int, re.findall(r"\d+", title))
        found[true, taken] = count
        assert total == counts[true].sum()
    assert np.array_equal(found, counts)
    metrics = json.loads((events / "metrics.json").read_text())
    assert np.trace(counts) == metrics["test_accuracy"] * 20
    assert f"{np.trace(counts)} of 20 samples are right" in tree.words["confusion"]


def test_accuracies_counters_and_settings_are_those_of_the_files(smoke):
    text, tree = read(smoke)
    metrics, config = (json.loads((smoke / f"{n}.json").read_text()) for n in ("metrics", "config"))
    assert f"reached {metrics['test_accuracy']:.1%} after 3 epochs" in tree.words["accuracy"]
    for epoch in metrics["epochs"]:
        assert f"epoch {epoch['epoch']}: {epoch['test_accuracy']:.1%} of test samples" in text
    last = metrics["epochs"][-1]
    for cause in CYCLE_CAUSES[:4]:
        each = last["counters"][cause] / last["samples"]
        assert f"epoch 3, {cause.replace('_', ' ')}: {each:,.1f} a sample" in text
    assert "the integer model, which has no clock" in tree.words["cycles"]
    assert config["commands"][0] in tree.words["code"]
    words = shlex.split(config["commands"][0])
    assert words[:4] == ["python", "-m", "sw.driver", "train"]
    assert driver.parser().parse_args(words[3:]).epochs == 3
    for value in (config["fingerprint"], config["versions"]["numpy"], "64 – 12 – 4"):
        assert value in tree.words["setup"]
    assert metrics["energy_estimate"]["formula"] in tree.words["setup"]
    assert "estimate from counts and published constants" in tree.words["setup"]


def test_every_spike_of_the_sample_is_drawn(events):
    """As many ticks as the driver reads step by step, off a device."""
    _, tree = read(events)
    sample, run = samples(events)[3], RunFolder(events)
    with Device.open("golden") as device:
        device.load(run.network_and_core()[0], run.weights())
        fired = np.zeros(2, int)
        for _ in device.step_through(sample):
            fired += [device.spikes(layer).sum() for layer in range(2)]
    ticks_ = [a for a in tree.all("path", "sample") if a["class"].startswith("tick")]
    marks = [a["d"].count("M") for a in ticks_]
    half = sample.frames.shape[1] // 2
    off, on = sample.frames[:, :half].sum(), sample.frames[:, half:].sum()
    assert marks == [off, on, *fired]
    assert sum(fired) > 0
    films = [a["alt"] for a in tree.all("img", "sample")]
    assert len(films) == 4
    assert films[1] == (
        f"step 2: {sample.frames[1, half:].sum()} on, {sample.frames[1, :half].sum()} off"
    )


def explored(text):
    """What the page's script is given."""
    return json.loads(re.search(r'id="samples-data">(.*?)</script>', text, re.S)[1])


def unpacked(bits, steps, count):
    packed = np.frombuffer(base64.b64decode(bits), np.uint8).reshape(steps, -1)
    return np.unpackbits(packed, axis=1, count=count).astype(bool)


@pytest.mark.parametrize("kind", ["smoke", "events"])
def test_samples_to_choose_from_are_those_of_the_device(kind, request):
    path = request.getfixturevalue(kind)
    given, run, test = explored(read(path)[0]), RunFolder(path), samples(path)
    network, core = run.network_and_core()
    by_key = {sample.key: sample for sample in test}
    assert given["samples"][0]["key"] == test[3].key
    kinds = [(one["label"], one["label"] == one["prediction"]) for one in given["samples"]]
    assert len(set(kinds)) >= len(kinds) - 1 and len(kinds) > 4
    with Device.open("golden", config=core) as device:
        model = Model.load(path, device)
        for one in given["samples"]:
            sample = by_key[one["key"]]
            steps = len(sample.frames)
            assert np.array_equal(unpacked(one["frames"], steps, network.inputs), sample.frames)
            assert one["prediction"] == model.predict([sample.frames])[0]
            wanted = model.scores([sample.frames])[0] * steps
            assert np.allclose(one["scores"][-1], wanted, atol=1e-3)
            fired = np.zeros(len(network.hidden), int)
            for _ in device.step_through(sample):
                fired += [device.spikes(layer).sum() for layer in range(len(fired))]
            drawn = [
                unpacked(bits, steps, size).sum()
                for bits, size in zip(one["spikes"], network.hidden, strict=True)
            ]
            assert drawn == fired.tolist()


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Folder of a run with convolutions."""
    command = (
        "--preset nmnist-conv --pool 2 --hidden 4c3p,6c3 --train 12 --test 8 --epochs 1 --steps 3"
    )
    return trained(tmp_path_factory, command)


def test_feature_maps_show_every_spike(maps):
    text, tree = read(maps)
    words = [a["alt"] for a in tree.all("img", "sample") if a["alt"].startswith("channel")]
    assert len(words) == 4 + 6
    given = explored(text)
    assert given["layers"] == [[4, 8, 8], [6, 8, 8]]
    shown = given["samples"][0]
    for layer, counted in enumerate((words[:4], words[4:])):
        channels = given["layers"][layer][0]
        planes = unpacked(shown["spikes"][layer], 3, 64 * channels).reshape(3, channels, 64)
        found = [int(re.search(r": (\d+) spikes", word)[1]) for word in counted]
        assert found == planes.sum(axis=(0, 2)).tolist()
    assert sum(map(len, words)) and "maps of 8 x 8" in tree.words["h3"]
    assert "sorted by the class" not in tree.words["sample"]


@pytest.mark.parametrize("kind", ["events", "maps"])
def test_in_a_browser_a_sample_is_picked_and_a_step_chosen(kind, request, tmp_path):
    path = request.getfixturevalue(kind)
    given = explored(read(path)[0])
    with Browser(tmp_path) as page:
        page.open((path / "report.html").absolute().as_uri())
        page.until("document.querySelectorAll('#pick option').length > 1")
        assert not page.js("document.getElementById('no-script')")
        sample, step = given["samples"][1], 2
        page.js("const p = document.getElementById('pick'); p.value = 1; p.onchange()")
        page.js("const s = document.getElementById('step'); s.value = 2; s.oninput()")
        assert sample["key"] in page.js("document.getElementById('explore-says').textContent")
        label = "(id) => document.getElementById(id).getAttribute('aria-label')"
        inputs = unpacked(sample["frames"], sample["steps"], given["inputs"])[step - 1].sum()
        assert page.js(f"({label})('explore-input')") == f"{inputs} input spikes"
        for layer, shape in enumerate(given["layers"]):
            fired = unpacked(sample["spikes"][layer], sample["steps"], int(np.prod(shape)))
            wanted = f"layer {layer}: {fired[step - 1].sum()} spikes"
            assert page.js(f"({label})('explore-{layer}')") == wanted
        best = np.argmax(sample["scores"][step - 1])
        assert page.js("[...document.querySelectorAll('#scores div')].findIndex("
                       "(r) => r.className === 'right' || r.className === 'wrong')") == best  # fmt: skip
        page.js("document.getElementById('play').click()")
        page.until("document.getElementById('step').value !== '2'")
        assert page.errors == []


def test_runs_beside_each_other(smoke, events, tmp_path, capsys):
    out = tmp_path / "both.html"
    assert driver.main(["report", str(smoke), str(events), "--out", str(out)]) == 0
    text, tree = out.read_text(), Tree(out.read_text())
    assert [a["id"] for a in tree.all("section")] == ["course", "outcomes", "settings"]
    assert "<script" not in text and "<b>" not in text
    metrics = [RunFolder(path).metrics() for path in (smoke, events)]
    for run in metrics:
        for epoch in run["epochs"]:
            assert f"epoch {epoch['epoch']}: {epoch['test_accuracy']:.1%}" in text
        assert f"{run['test_accuracy']:.1%}" in tree.words["outcomes"]
    best = max(run["test_accuracy"] for run in metrics)
    assert f"at {best:.1%}" in tree.words["h1"]
    assert (
        "network.sizes" in tree.words["settings"] and "network.gamma" not in tree.words["settings"]
    )
    assert driver.main(["report", str(smoke), str(events), "--sample", "2"]) == 2
    assert driver.main(["report", *(f"{smoke}-{n}" for n in range(9))]) == 2
    assert "9 runs: 2 to 8 can be compared" in capsys.readouterr().err
    with pytest.raises(ValueError, match="is named twice; name other runs"):
        comparison([RunFolder(smoke)] * 2)
    copied = shutil.copytree(smoke, tmp_path / smoke.name)
    again = comparison([RunFolder(smoke), RunFolder(copied)])
    assert "The settings are the same" in again and "All end at" in Tree(again).words["h1"]


def test_measured_rates_are_those_of_the_device(smoke):
    run, test = RunFolder(smoke), samples(smoke)
    network, core = run.network_and_core()
    measured = measure(network, core, run.weights(), test, shown=5)
    with Device.open("golden", config=core) as device:
        model = Model.load(smoke, device)
        tally = model.evaluate(test)
        scores = model.scores(test)
    assert measured.mean_rates(0).mean() == pytest.approx(tally.rates(network)[0])
    assert (measured.correct, measured.samples) == (tally.correct, 24)
    assert measured.shown.scores[-1] / 5 == pytest.approx(scores[5])
    assert measured.shown.prediction == scores[5].argmax()
    for label in range(4):
        part = [s for s in test if s.label == label]
        one = measure(network, core, run.weights(), as_set(part))
        assert measured.rates[0][label] == pytest.approx(one.mean_rates(0))
    silent = [w * 0 - 1 for w in run.weights()]
    none = measure(network, core, silent, test)
    assert (none.preferred(0) == -1).all()
    assert "12 of 12 neurons never do" in page(source(smoke, weights=silent))


def as_set(samples):
    return Dataset("part", samples, classes=4, n_inputs=64, steps=5)


def source(path, *, weights=None, **metrics):
    """A Source, with other weights or metrics."""
    run = RunFolder(path)
    found = Source.of(run, samples(path))
    if weights is not None:
        network, core = run.network_and_core()
        found = replace(
            found, weights=weights, measured=measure(network, core, weights, samples(path))
        )
    return replace(found, metrics=found.metrics | metrics)


def test_a_run_that_the_model_does_not_repeat_is_told(smoke, tmp_path, capsys):
    assert source(smoke).disagreement == ""
    path = shutil.copytree(smoke, tmp_path / "a")
    metrics = RunFolder(path).metrics()
    (path / "metrics.json").write_text(json.dumps(metrics | {"test_accuracy": 0.125}))
    assert driver.main(["report", str(path)]) == 0
    warning = "The run recorded a test accuracy of 12.5%, the integer model finds"
    assert warning in capsys.readouterr().out
    assert warning in Tree((path / "report.html").read_text()).words["confusion"]
    assert driver.main(["report", str(path), "--samples", "9", "--out", str(tmp_path / "b")]) == 0
    assert "warning" not in capsys.readouterr().out
    assert "of 9 samples are right" in (tmp_path / "b").read_text()


def test_runs_that_are_not_over(smoke):
    begun = page(source(smoke, epochs=[], test_accuracy=None, samples_learned=17))
    assert "No epoch is complete yet" in begun
    assert "0 of 3" in begun
    untested = [
        e | {"test_accuracy": None, "train_accuracy": None}
        for e in RunFolder(smoke).metrics()["epochs"]
    ]
    text = page(source(smoke, epochs=untested, test_accuracy=None))
    assert "while learning, not tested" in text
    for extra, words in ((9, "Counted on chip"), (8, "which has no clock")):
        clocked = [with_cycles(e, extra) for e in untested]
        assert words in Tree(page(source(smoke, epochs=clocked))).words["cycles"]


def test_names_of_classes_and_a_sensor_of_the_files(smoke):
    found = source(smoke)
    data = found.config["data"] | {"class_names": ["cat", "dog", "<i>", "ant"], "sensor": [8, 8, 1]}
    config = found.config | {"data": data}
    measured = replace(found.measured, confusion=np.array([[3, 2, 0, 0]] * 4))
    named = replace(
        found, config=config, measured=measured, sensor=sensor_of(config, found.network)
    )
    tree = Tree(page(named))
    assert named.sensor == (8, 8, 1)
    assert "most often dog is taken for cat, 3 times" in tree.words["confusion"]
    assert "<i>" in tree.words["confusion"]
    assert len(tree.all("img", "sample")) == 5
    assert len(tree.all("img", "fields")) > 1
    assert sensor_of(config | {"data": data | {"sensor": [9, 9, 1]}}, found.network) is None


def with_cycles(epoch, extra):
    """An epoch as a clock would count it: 9 cycles of turnaround more than rows."""
    counters = epoch["counters"]
    rows = sum(counters[cause] for cause in CYCLE_CAUSES)
    return epoch | {"counters": counters | {"cycles": rows + extra, "turnaround": 9}}


def test_a_network_without_hidden_layers(tmp_path):
    assert (
        driver.main([*f"train --target golden {SMOKE} --hidden none --out".split(), str(tmp_path)])
        == 0
    )
    assert driver.main(["report", str(tmp_path)]) == 0
    _, tree = read(tmp_path)
    assert "There is no hidden layer" in tree.words["rates"]


def test_what_cannot_be_reported(smoke, tmp_path, capsys):
    def said(*arguments):
        status = driver.main(["report", *map(str, arguments)])
        return status, capsys.readouterr().err

    status, text = said(tmp_path)
    assert (status, text.count("\n")) == (1, 1)
    assert f"{tmp_path}/config.json: no such file; name the folder that train wrote" in text
    assert said(smoke, "--sample", 24) == (2, "error: sample 24: test samples are 0 to 23\n")
    assert said(smoke, "--samples", 0)[0] == 2
    with Device.open("golden", config=CORES["tiny"]) as device:
        model = Model(Network(sizes=(64, 12, 4)), device)
        model.fit(load("synthetic", limit=8), epochs=1, run=tmp_path)
    assert "begun from Python" in said(tmp_path)[1]
    text = page(Source.of(RunFolder(tmp_path), load("synthetic", train=False, limit=8)))
    assert "recorded no command" in text


def test_png_files_hold_their_pixels():
    pixels = np.random.default_rng(3).integers(0, 256, (5, 7, 4)).astype(np.uint8)
    data = png(pixels)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (7, 5)
    start = data.index(b"IDAT") + 4
    raw = zlib.decompress(data[start : data.index(b"IEND") - 8])
    rows = np.frombuffer(raw, np.uint8).reshape(5, -1)
    assert (rows[:, 0] == 0).all()
    assert np.array_equal(rows[:, 1:].reshape(pixels.shape), pixels)


def test_colours_of_weights_and_spikes():
    def colour(off, on):
        return weight_pixels(np.array([[[off]], [[on]]], float), 1.0)[0, 0].astype(int)

    red, _, blue = colour(-1, 1)
    assert red > blue + 100
    red, _, blue = colour(1, -1)
    assert blue > red + 100
    assert colour(1, 1).min() > 230
    assert colour(-1, -1).max() < 50
    assert np.ptp(colour(0, 0)) <= 1
    assert np.array_equal(colour(9, -9), colour(1, -1))
    spikes = np.array([[[0, 1, 0, 1]], [[0, 0, 1, 1]]], bool)
    assert len({tuple(p) for p in spike_pixels(spikes)[0]}) == 4


def test_places_and_ticks():
    axes = Axes((0, 10), (0, 2))
    assert axes.at(5, 0.5) == "500.0 750.0"
    assert ticks(0, 1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(-43, 2, 4) == [-40, -20, 0]
    assert some(list(range(1, 101)), 8) == list(range(1, 101, 13))
    for high in np.random.default_rng(4).uniform(1e-3, 1e6, 50):
        assert 2 <= len(ticks(0, high, 5)) <= 6


MEASURE = """
<pre id="out"></pre><script>
const page = %s, widths = [360, 500, 768, 1024, 1600], out = [];
for (const width of widths) {
  const frame = document.createElement('iframe');
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  frame.onload = () => {
    const d = frame.contentDocument, bad = [];
    if (d.documentElement.scrollWidth > width) bad.push('wider than the window');
    for (const axis of d.querySelectorAll('.x-axis, .y-axis')) {
      const boxes = [...axis.children].map(c => c.getBoundingClientRect());
      for (const [i, a] of boxes.entries()) {
        if (a.left < 0 || a.right > width) bad.push('label outside: ' + axis.children[i].textContent);
        for (const b of boxes.slice(0, i))
          if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
            bad.push('labels overlap: ' + axis.children[i].textContent);
      }
    }
    for (const box of d.querySelectorAll('.canvas'))
      if (box.clientWidth < 150 || box.clientHeight < 40) bad.push('a plot is too small');
    for (const image of d.images) if (!image.naturalWidth) bad.push('a picture is broken');
    out.push([width, d.querySelectorAll('section').length, bad]);
    if (out.length === widths.length) document.getElementById('out').textContent = JSON.stringify(out);
  };
  frame.srcdoc = page;
  document.body.append(frame);
}
</script>
"""


@pytest.mark.parametrize("kind", ["smoke", "events"])
def test_in_a_browser_nothing_overlaps_at_any_width(kind, request, tmp_path):
    text = read(request.getfixturevalue(kind))[0]
    file = tmp_path / "measure.html"
    file.write_text("<body>" + MEASURE % json.dumps(text).replace("</", "<\\/"))
    done = subprocess.run(
        [browser(), *QUIET, f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=20000",
         "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = re.search(r'<pre id="out">(.+?)</pre>', done.stdout)
    assert found, done.stdout[-500:] + done.stderr[-500:]
    results = json.loads(found[1])
    assert sorted(width for width, _, _ in results) == [360, 500, 768, 1024, 1600]
    for width, sections, bad in results:
        assert (width, sections, bad) == (width, len(SECTIONS), [])
