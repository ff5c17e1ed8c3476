"""What a user looks at: the best epoch, every class, windows as they come, and 80 columns."""

import argparse
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from sw import CORES, Device, Model, Network, driver, load
from sw.cli.watch import _measures, _task
from sw.run import RunFolder
from sw.run.folder import BEST
from sw.run.recorder import _is_best


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "a"
    size = ["--train", "40", "--test", "20", "--epochs", "4", "--constant-rate", "--eta-out", "0.1"]
    command = ["train", "--preset", "smoke", "--target", "golden", *size]
    assert driver.main([*command, "--out", str(path)]) == 0
    return path


def test_the_best_epoch_is_kept_beside_the_last(run, capsys):
    epochs = RunFolder(run).epochs()
    tests = [epoch.test_accuracy for epoch in epochs]
    with Device.open("golden", config=CORES["tiny"]) as device:
        best = Model.load(run / BEST, device)
        assert len(best.progress.epochs) == 1 + tests.index(max(tests))
        assert best.progress.epochs[-1].test_accuracy == max(tests)
    command = ["evaluate", "--run", str(run), "--target", "golden", "--json"]
    for words, accuracy in (([], tests[-1]), (["--best"], max(tests))):
        capsys.readouterr()
        assert driver.main([*command, *words]) == 0
        assert json.loads(capsys.readouterr().out)["accuracy"] == accuracy


@pytest.mark.parametrize(
    "tests, best",
    [([None], False), ([0.5], True), ([0.5, 0.5], False), ([0.5, 0.6], True), ([0.0], True)],
)
def test_the_first_of_several_best_is_the_best(tests, best):
    assert _is_best([SimpleNamespace(test_accuracy=accuracy) for accuracy in tests]) == best


def test_another_run_in_the_folder_takes_no_best_over(tmp_path, run):
    (tmp_path / BEST).write_bytes((run / BEST).read_bytes())
    RunFolder(tmp_path).start({})
    assert not (tmp_path / BEST).exists()


def test_evaluate_counts_every_class(run, capsys):
    capsys.readouterr()
    assert driver.main(["evaluate", "--run", str(run), "--target", "golden", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    confusion = np.array(found["confusion"])
    assert confusion.shape == (4, 4) and confusion.sum() == found["samples"] == 20
    assert np.trace(confusion) == found["correct"] == sum(c["correct"] for c in found["classes"])
    test = load("synthetic", steps=5, train=False, limit=20)
    assert [c["samples"] for c in found["classes"]] == np.bincount(
        test.labels, minlength=4
    ).tolist()
    with Device.open("golden", config=CORES["tiny"]) as device:
        predicted = Model.load(run, device).predict(sample.frames for sample in test)
    for label, prediction in zip(test.labels, predicted, strict=True):
        confusion[label, prediction] -= 1
    assert not confusion.any()


def test_a_stream_is_answered_as_it_comes():
    """The class of a sample is there before the next one is taken."""
    data, taken = load("synthetic", limit=6), []
    with Device.open("golden", config=CORES["tiny"]) as device:
        model = Model(Network(sizes=(64, 12, 4)), device)

        def camera():
            for sample in data:
                taken.append(sample)
                yield sample.frames

        found = []
        for prediction in model.predict_each(camera()):
            found.append(prediction)
            assert len(taken) == len(found)
        assert found == model.predict(sample.frames for sample in data).tolist()


def commands(parser, found):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found.update(action.choices)
    return found


PARSERS = commands(driver.parser(), {"": driver.parser()})


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("columns", ["80", "200"])
def test_help_fits_80_columns(name, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert [line for line in PARSERS[name].format_help().splitlines() if len(line) > 80] == []


def test_watch_fits_80_columns():
    at = {"task": "training samples", "samples": 60000, "total": 60000, "accuracy": 0.9751}
    at |= {"rates": [0.1, 0.2, 0.3], "speed": 12345.6, "cycles": 228582.0}
    follower = SimpleNamespace(at=at, trail=[0.5] * 40, task_left=36000, left=lambda now: 36000)
    lines = [str(text) for text in _measures(follower, 80)]
    assert max(map(len, lines)) <= 80 and "228,582 cycles/sample" in "".join(lines)
    out = io.StringIO()
    Console(file=out, width=80).print(_task(follower, None))
    assert out.getvalue().count("\n") == 1 and "all 10:00:00 left" in out.getvalue()
