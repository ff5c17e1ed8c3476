"""Run folders: a run is never written over unasked, and the command that lists and compares them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from golden.spec.config import PRESETS as CORES
from golden.spec.network import Network
from sw import driver
from sw.data import load
from sw.device import Device
from sw.model import Model
from sw.run import FileError, Log, RunFolder
from sw.run.log import LOG

ROOT = Path(__file__).parent.parent
QUICK = ["train", "--target", "golden", "--preset", "smoke", "--train", "12", "--test", "8"]
QUICK += ["--epochs", "1"]
NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)


def said(capsys, *words):
    """Exit status and output of a command."""
    try:
        status = driver.main([str(word) for word in words])
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def content(folder):
    """Every file below a folder with its bytes, and every folder."""
    paths = sorted(folder.rglob("*"))
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in paths}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A complete run."""
    path = tmp_path_factory.mktemp("trained") / "a"
    assert driver.main([*QUICK, "--out", str(path)]) == 0
    return path


def test_new_runs_get_new_names(here, capsys):
    for number in (1, 2):
        assert f"are in runs/smoke-{number}" in said(capsys, *QUICK)[1]
    (here / "runs" / "smoke-7").mkdir()
    (here / "runs" / "smoke-x").mkdir()
    (here / "runs" / "smoke-fast-90").mkdir()
    assert "are in runs/smoke-8" in said(capsys, *QUICK)[1]
    own = ["--data", "cues", "--steps", "45", "--core", "tiny", "--hidden", "8"]
    status, text = said(capsys, *QUICK[:3], *own, *QUICK[5:])
    assert (status, "are in runs/cues-1" in text) == (0, True)


def test_the_name_is_that_of_the_preset_or_of_other_data(capsys):
    from sw.cli import options

    names = {
        "": "nmnist-fast",
        "--preset nmnist-best": "nmnist-best",
        "--data nmnist:/somewhere": "nmnist-fast",
        "--data folder:/somewhere": "folder",
        "--preset nmnist-best --data folder:/somewhere": "folder",
        "--data tonic.SHD": "tonic.SHD",
    }
    for words, name in names.items():
        assert options.run_name(driver.parser().parse_args(["train", *words.split()])) == name


def test_many_at_once_get_different_names(here):
    """No two take the same folder, however close they are."""
    code = "from sw.run import RunFolder; [print(RunFolder.new('a').path) for _ in range(40)]"
    command, env = [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": str(ROOT)}
    working = [
        subprocess.Popen(command, cwd=here, env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    names = [name for process in working for name in process.communicate()[0].split()]
    assert len(names) == len(set(names)) == 120


FAILING = [
    "--steps 70000",
    "--steps 0",
    "--eta nan",
    "--gamma 7",
    "--hidden 9000",
    "--data nmnist:/does/not/exist",
    "--epochs 0",
    "--until x",
    "--checkpoint-every often",
    "--shadow nothing",
    "--shadow golden --shadow-every 0",
    "--from /does/not/exist",
    "--target serial:/dev/none",
    "--baud 1",
    "--lanes 1000",
    "--train -1",
    "--seed -1",
    "--test 0",
]


@pytest.mark.parametrize("words", FAILING)
def test_a_command_that_fails_writes_nothing(words, here, trained, capsys):
    before = content(trained)
    assert said(capsys, *QUICK, *words.split())[0] in (1, 2)
    assert [p for p in here.rglob("*") if p.is_file()] == []
    assert list(here.glob("runs/*")) == []
    assert said(capsys, *QUICK, *words.split(), "--force", "--out", trained)[0] in (1, 2)
    assert content(trained) == before


@pytest.mark.parametrize("what", ["run", "file", "stranger", "hidden"])
def test_out_that_exists_is_refused(what, here, trained, capsys):
    out = {"run": trained}.get(what, here / "out")
    if what == "file":
        out.write_text("mine")
    elif what != "run":
        out.mkdir()
        (out / (".x" if what == "hidden" else "thesis.tex")).write_text("mine")
    before = content(out)
    status, text = said(capsys, *QUICK, "--out", out)
    assert (status, text.count("\n")) == (1, 1)
    assert "choose another --out" in text
    assert content(out) == before
    if what == "run":
        assert f"holds a run already; go on with it: train --resume {out}" in text
        assert (
            said(capsys, "train", "--resume", out, "--out", here / "b", "--target", "golden")[0]
            == 0
        )
        status, text = said(capsys, "train", "--resume", here / "b", "--out", out)
        assert (status, "holds a run already" in text) == (1, True)
        assert content(out) == before


def test_an_empty_folder_and_one_with_a_log_alone_are_free(here, capsys):
    (here / "out").mkdir()
    (here / "out" / LOG).write_text('{"what": "start", "time": 1.0, "pid": 1}\n')
    assert said(capsys, *QUICK, "--out", here / "out")[0] == 0


def test_force_keeps_the_weights_that_were_there(here, trained, capsys):
    out = here / "out"
    assert said(capsys, *QUICK, "--out", out)[0] == 0
    weights = (out / "weights.safetensors").read_bytes()
    assert said(capsys, *QUICK, "--seed", "3", "--out", out, "--force")[0] == 0
    assert (out / "previous.safetensors").read_bytes() == weights
    assert (out / "weights.safetensors").read_bytes() != weights


def test_a_run_that_goes_on_is_not_forced(here, capsys):
    out = here / "out"
    with Log(out / LOG):
        status, text = said(capsys, *QUICK, "--out", out, "--force")
    assert (status, "a run that goes on writes to it" in text) == (1, True)
    assert [p.name for p in out.iterdir()] == [LOG]


def test_a_run_that_came_between_the_check_and_the_start(here, monkeypatch, capsys):
    """Looked at again when nobody else can write."""
    out = here / "out"

    def late(self, overwrite=False):
        out.mkdir()
        (out / "config.json").write_text("{}")

    monkeypatch.setattr(RunFolder, "check_free", late)
    monkeypatch.setattr("sw.cli.job.check_sample", lambda *_: None)
    assert said(capsys, *QUICK, "--out", out)[0] == 1
    assert (out / "config.json").read_text() == "{}"


def test_import_refuses_it_too(here, trained, capsys):
    file = here / "net.npz"
    assert said(capsys, "export", trained, "--to", file)[0] == 0
    before = content(trained)
    status, text = said(capsys, "import", file, "--out", trained)
    assert (status, "holds a run already" in text) == (1, True)
    assert content(trained) == before
    assert said(capsys, "import", file, "--out", here / "b")[0] == 0
    assert said(capsys, "import", file, "--out", here / "b", "--force")[0] == 0


def test_from_python(here, trained):
    samples = load("synthetic", limit=12, steps=5)
    before = content(trained)
    with Device.open("golden", config=CORES["tiny"]) as device:
        model = Model(NETWORK, device)
        with pytest.raises(FileError, match="holds a run already"):
            model.fit(samples, epochs=1, run=trained)
        assert content(trained) == before
        model.fit(samples, epochs=2, until=1, run=here / "own")
        model.resume(samples, run=here / "own")  # its own folder
        model.fit(samples, epochs=1, run=here / "own")
        with pytest.raises(FileError, match="holds a run already"):
            model.fit(samples, epochs=1, run=trained)
        assert content(trained) == before
        again = Model.load(here / "own", device)
        again.extend(5)
        again.resume(samples, until=4, run=here / "own")
        other = Model(NETWORK, device)
        other.fit(samples, epochs=1, run=here / "own", overwrite=True)
    assert (here / "own" / "previous.safetensors").exists()


def test_the_samples_are_looked_at_before_the_folder(here):
    with Device.open("golden", config=CORES["tiny"]) as device:
        model = Model(NETWORK, device)
        with pytest.raises(ValueError, match="70000 time steps"):
            model.fit(load("synthetic", limit=1, steps=70_000), epochs=1, run=here / "a")
        with pytest.raises(ValueError, match="10 classes, the network has 4"):
            model.fit(load("nmnist", limit=2), epochs=1, run=here / "a")
    assert not (here / "a").exists()


def test_runs_are_listed(here, trained, capsys):
    assert said(capsys, "runs") == (
        1,
        "error: runs/: no run in it; name another folder with --in, or train first\n",
    )
    assert said(capsys, *QUICK)[0] == 0
    assert said(capsys, *QUICK, "--epochs", "3", "--until", "1", "--hidden", "9")[0] == 0
    (here / "runs" / "bad\x1b[31m").mkdir()
    (here / "runs" / "bad\x1b[31m" / "config.json").write_text('{"network": 7}')
    for age, name in enumerate(("bad\x1b[31m", "smoke-2", "smoke-1")):
        for file in (*(here / "runs" / name).iterdir(), here / "runs" / name):
            os.utime(file, (1e9 - age, 1e9 - age))
    status, text = said(capsys, "runs")
    lines = text.splitlines()
    accuracy = json.loads((here / "runs/smoke-1/metrics.json").read_text())["test_accuracy"]
    assert status == 0
    assert lines[0].split() == ["run", "network", "data", "test", "epochs", "state", "written"]
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(1e9 - 2)).split()
    first = f"runs/smoke-1 64-12-4 synthetic {accuracy:.1%} 1 of 1 complete".split()
    assert lines[1].split() == [*first, *when]
    assert "64-9-4" in lines[2]
    assert "1 of 3" in lines[2]
    assert "stopped" in lines[2]
    assert "unreadable" in lines[3]
    assert "\x1b" not in text
    assert said(capsys, "runs", "--in", trained.parent)[1].count("complete") == 1
    assert said(capsys, "runs", trained)[1].count("complete") == 1
    assert said(capsys, "runs", here / "none")[0] == 1
    with Log(here / "runs" / "smoke-2" / LOG):
        assert "goes on" in said(capsys, "runs")[1]


def test_two_runs_are_compared(here, trained, capsys):
    assert said(capsys, *QUICK, "--out", here / "same")[0] == 0
    status, text = said(capsys, "runs", trained, "same")
    assert (status, "all 820 weights are equal" in text) == (0, True)
    assert "network" not in text  # the settings are the same
    assert said(capsys, *QUICK, "--theta", "0.7", "--out", here / "other")[0] == 0
    status, text = said(capsys, "runs", trained, "other")
    assert [
        line.split()[1:] for line in text.splitlines() if line.startswith("network.theta ")
    ] == [["0.6", "0.7"]]
    assert "of 820 weights differ" in text
    assert "test accuracy" in text
    assert said(capsys, *QUICK, "--hidden", "9", "--out", here / "third")[0] == 0
    assert "weights of other shapes" in said(capsys, "runs", trained, "third")[1]
    assert said(capsys, "runs", "a", "b", "c")[0] == 2
    assert said(capsys, "runs", trained, here / "none")[0] == 1
