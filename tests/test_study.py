"""Studies: every combination once, the same weights as `train`, and nothing lost with a worker."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sw import driver
from sw.cli.train import quietly
from sw.run import RunFolder
from sw.run.files import FileError
from sw.study import Axis, Study, run, tasks
from sw.study.task import train

ROOT = Path(__file__).parent.parent
QUICK = ["--preset", "smoke", "--train", "60", "--test", "12"]
LONG = ["--preset", "smoke", "--epochs", "12", "--checkpoint-every", "100"]


def sweep(*words):
    """Exit status of a sweep."""
    try:
        return driver.main(["sweep", *map(str, words)])
    except SystemExit as stop:
        return stop.code


def weights(folder):
    return [w.tolist() for w in RunFolder(folder).weights()]


def test_axes():
    assert Axis.parse("eta=0.1, 0.2") == Axis("eta", ("0.1", "0.2"))
    assert Axis.parse("init_scale=1") == Axis("init-scale", ("1",))
    assert Axis.parse("hidden=128;64,32").values == ("128", "64,32")


@pytest.mark.parametrize("text", ["", "eta", "eta=", "=1", "eta=1,,2", "eta=1,1"])
def test_what_is_no_axis(text):
    with pytest.raises(ValueError, match="--grid"):
        Axis.parse(text)


def test_options_that_a_study_has_itself():
    with pytest.raises(ValueError, match="give --seeds"):
        Axis.parse("seed=1,2")
    with pytest.raises(ValueError, match="no setting of a study"):
        Axis.parse("out=a,b")


def test_every_combination_has_a_folder_of_its_own():
    axes = [Axis("eta", ("0.1", "0.2")), Axis("hidden", ("12", "16c3p,8"))]
    made = tasks(axes, (1, 2), ("--preset", "smoke"), Path("study"), "mark")
    assert len({task.name for task in made}) == 8
    assert made[3].name == "004-eta=0.1-hidden=16c3p_8-seed=2"
    assert made[3].words == ("--preset", "smoke", "--eta=0.1", "--hidden=16c3p,8", "--seed=2")
    for axes, seeds in (([Axis("a", ("1",)), Axis("a", ("2",))], (1,)), ([], (1, 1))):
        with pytest.raises(ValueError, match="stands there twice"):
            tasks(axes, seeds, (), Path(), "")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """One that was made in this process."""
    path = tmp_path_factory.mktemp("study") / "a"
    words = ["--grid", "eta=0.005,0.01", "--seeds", "1,2", "--workers", "1", *QUICK]
    assert sweep(*words, "--out", path) == 0
    return path


def test_its_runs_are_those_of_train(study, tmp_path):
    found = Study.load(study)
    assert [*found.results()] == [task.name for task in found.tasks] and len(found.tasks) == 4
    for task in found.tasks:
        result, single = found.results()[task.name], tmp_path / task.name
        assert (result["epochs"], result["samples_learned"]) == (4, 240)
        eta = dict(task.settings)["eta"]
        words = ["--target", "golden", "--eta", eta, "--seed", str(task.seed), "--out", str(single)]
        assert driver.main(["train", *QUICK, *words]) == 0
        assert weights(single) == weights(study / task.name)
        assert result["test_accuracy"] == RunFolder(single).epochs()[-1].test_accuracy


def test_the_table_has_a_row_for_each_setting(study, capsys):
    assert sweep("--resume", study, "--workers", "1") == 0
    said = capsys.readouterr().out
    assert "0 of 4 trainings to do" in said
    rows = [line.split() for line in said.splitlines()[1:]]
    assert rows[0] == ["eta", "test", "least", "most", "runs", "firing"]
    assert [row[0] for row in rows[1:]] == ["0.005", "0.01"] and all(r[4] == "2" for r in rows[1:])


def test_what_is_done_is_not_done_again_and_half_a_line_is_nothing(study, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(study, copy)
    lines = (copy / "results.jsonl").read_text().splitlines(keepends=True)
    (copy / "results.jsonl").write_text("".join(lines[:2]) + lines[2][:30])
    shutil.rmtree(copy / json.loads(lines[3])["name"])
    assert sweep("--resume", copy, "--workers", "1") == 0
    assert "2 of 4 trainings to do" in capsys.readouterr().out
    again = Study.load(copy).results()
    for name, result in Study.load(study).results().items():
        assert weights(copy / name) == weights(study / name)
        assert again[name]["test_accuracy"] == result["test_accuracy"]


def test_a_training_that_fails_is_told_and_the_others_go_on(tmp_path, capsys):
    out = tmp_path / "s"
    words = ["--grid", "eta=0.02,0.01", "--workers", "1", *QUICK, "--out", out]
    assert sweep(*words) == 1
    said = capsys.readouterr().out
    assert "001-eta=0.02-seed=1: eta is too large for the chip" in said
    assert "1 of 2 trainings failed" in said and len(Study.load(out).results()) == 1


def test_a_training_that_differs_from_the_model_has_failed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sw.cli.train._verify", lambda console, *_: console.print("differs") or 1)
    words = ["--workers", "1", *QUICK, "--verify-golden", "--out", tmp_path / "s"]
    assert sweep(*words) == 1
    assert "001-seed=1: differs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--grid", "eta=0.1", "--presett", "smoke"], "--preset"),
        (["--grid", "eta=fast"], "'fast' is no rate"),
        (["--seeds", "1,a"], "write numbers"),
        (["--seeds", "1,1"], "twice"),
        (["--workers", "0"], "1 or more"),
        (["--until", "2"], "no option for the trainings"),
        (["--dry-run"], "no option for the trainings"),
        (["--target", "serial:/dev/x", "--workers", "2"], "give --workers 1"),
        (["--cluster", "tcp://127.0.0.1:9", *QUICK], "no Dask scheduler answers"),
    ],
)
def test_wrong_options_are_told_before_anything_is_written(
    words, said, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert sweep(*words) == 2
    assert said in capsys.readouterr().err
    if "--cluster" not in words:
        assert not any(tmp_path.iterdir())


def test_a_folder_that_is_taken_or_no_study(study, capsys):
    assert sweep("--seeds", "1", "--workers", "1", *QUICK, "--out", study) == 1
    assert "not empty" in capsys.readouterr().err
    with pytest.raises(FileError, match="no such file"):
        Study.load(study / "nowhere")
    assert sweep("--resume", study, "--grid", "eta=1") == 2
    assert "keeps its settings" in capsys.readouterr().err


def test_without_dask_one_worker_is_enough(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert [*run(abs, [-1, -2])] == [(-1, 1), (-2, 2)]
    with pytest.raises(ValueError, match=r"tess-fpga\[cluster\].*--workers 1"):
        next(run(abs, [-1, -2], workers=2))


def test_a_worker_that_does_not_see_the_folder_sends_the_run(study, tmp_path):
    given = Study.load(study)
    far = Study(tmp_path / "far", given.axes, given.seeds, given.words, "another mark")
    task = far.tasks[2]
    trained = train(task, quietly)
    assert not (tmp_path / "far").exists() and "weights.safetensors" in trained.files
    far.keep(task, trained)
    assert weights(far.path / task.name) == weights(study / task.name)
    with pytest.raises(ValueError, match="too large for the chip"):
        train(replace(task, words=(*task.words, "--eta=0.05")), quietly)


def start(out, *words):
    """A sweep in a process of its own, of trainings long enough to be disturbed."""
    command = [sys.executable, "-m", "sw.driver", "sweep", *words]
    command += [] if "--resume" in words else ["--seeds", "1,2,3", *LONG, "--out", out]
    return subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, text=True)


def one_that_trains(out, within=60):
    """Process that has a run in hand of which there is a checkpoint, and the run's name."""
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        for log in out.glob("*/log.jsonl"):
            lines = log.read_text().splitlines()
            if lines and (log.parent / "weights.safetensors").exists() and '"end"' not in lines[-1]:
                return json.loads(lines[0])["pid"], log.parent.name
        time.sleep(0.01)
    raise AssertionError("no training began")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The same trainings, one after the other."""
    out = tmp_path_factory.mktemp("undisturbed") / "s"
    assert sweep("--seeds", "1,2,3", "--workers", "1", *LONG, "--out", out) == 0
    return {task.name: weights(out / task.name) for task in Study.load(out).tasks}


def test_a_worker_that_is_killed_costs_nothing_but_time(undisturbed, tmp_path):
    out = tmp_path / "s"
    process = start(out, "--workers", "2")
    pid, _ = one_that_trains(out)
    assert pid != process.pid
    os.kill(pid, signal.SIGKILL)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    assert "dashboard: http://127.0.0.1:" in said and "3 of 3  " in said
    assert {name: weights(out / name) for name in undisturbed} == undisturbed


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_and_resume(workers, undisturbed, tmp_path):
    out = tmp_path / "s"
    process = start(out, "--workers", workers)
    one_that_trains(out)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 130, said
    assert f"go on with: sweep --resume {out}" in said
    process = start(out, "--workers", workers, "--resume", out)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    assert {name: weights(out / name) for name in undisturbed} == undisturbed


def test_on_a_cluster(study, tmp_path, capsys):
    from distributed import LocalCluster

    out = tmp_path / "s"
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as there:
        words = ["--grid", "eta=0.005,0.01", "--seeds", "1,2", *QUICK, "--out", out]
        assert sweep("--cluster", there.scheduler_address, *words) == 0
    for task in Study.load(study).tasks:
        assert weights(out / task.name) == weights(study / task.name)
