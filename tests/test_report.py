"""The report: one file that needs nothing, every section there, its numbers those of the run."""

import base64
import hashlib
import json
import re
import shlex
import shutil
from dataclasses import replace
from html import escape

import numpy as np
import pytest

from golden.spec.registers import CYCLE_CAUSES
from sw import CORES, Dataset, Device, Model, Network, driver, load
from sw.report import Source, comparison, measure, page
from sw.report.source import sensor_of
from sw.run import RunFolder
from tests.report import SECTIONS, SMOKE, Tree, read, samples


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
