"""A run seen from another process: going on, over, stopped, failed, killed, and not there."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from golden.spec.network import Network
from sw import driver
from sw.cli import watch as command
from sw.cli.chart import chart, sparkline
from sw.run import FileError, Follower, Log, RunFolder, Tally, newest_run
from sw.run.folder import LOG
from sw.run.log import goes_on

ROOT = Path(__file__).parent.parent
QUICK = [
    "train",
    "--preset",
    "smoke",
    "--target",
    "golden",
    "--train",
    "60",
    "--test",
    "12",
    "--epochs",
    "3",
]
NETWORK = Network(sizes=(64, 12, 4))
KILLED = """
import os, signal, sys
from sw import driver
from sw.cli.progress import TerminalWatcher
seen = []
def sample(self, tally):
    seen.append(tally.samples)
    if seen.count(37) == 2:  # epoch 2
        os.kill(os.getpid(), signal.SIGKILL)
TerminalWatcher.sample = sample
driver.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that is over."""
    path = tmp_path_factory.mktemp("whole") / "a"
    assert driver.main([*QUICK, "--out", str(path)]) == 0
    return path


def followed(path):
    """A follower that has read once."""
    follower = Follower(RunFolder(path))
    follower.poll()
    return follower


def shown(follower, now=None):
    """Text of the picture of the moment."""
    console = Console(width=100, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(command.view(follower, 100, now))
    return console.export_text()


def test_a_run_that_is_over(whole, capsys):
    assert driver.main(["watch", str(whole)]) == 0
    text = capsys.readouterr().out
    metrics = json.loads((whole / "metrics.json").read_text())
    for epoch in metrics["epochs"]:
        assert (
            f"{epoch['epoch']:5d}  {epoch['rate_scale']:5.3f}  {epoch['test_accuracy']:6.1%}"
            in text
        )
    assert f"is complete: 3 of 3 epochs, test accuracy {metrics['test_accuracy']:.1%}" in text
    assert f"report {whole}" in text
    follower = followed(whole)
    assert (follower.live, follower.killed, follower.error, follower.complete) == (0, 0, "", True)
    picture = shown(follower)
    best = max(epoch["test_accuracy"] for epoch in metrics["epochs"])
    assert f"test accuracy {metrics['test_accuracy']:.1%}, best {best:.1%}" in picture
    assert "synthetic 64-12-4 on golden" in picture
    assert any(ord(sign) > 0x2800 for sign in picture)


def test_the_log_of_a_run(whole):
    lines = [json.loads(line) for line in (whole / LOG).read_text().splitlines()]
    assert [lines[0]["what"], lines[-1]["what"], lines[-1]["error"]] == ["start", "end", ""]
    last = {line["task"]: line for line in lines if line["what"] == "at"}
    epochs = json.loads((whole / "metrics.json").read_text())["epochs"]
    for epoch in epochs:
        line = last[f"epoch {epoch['epoch']}/3"]
        assert (line["samples"], line["total"]) == (60, 60)
        assert line["accuracy"] == round(epoch["online_accuracy"], 6)
        assert line["rates"] == [round(rate, 6) for rate in epoch["firing_rates"]]
    assert last["test"]["accuracy"] == round(epochs[-1]["test_accuracy"], 6)


def test_a_run_that_grows(whole, tmp_path):
    """Line by line, as the run writes them."""
    for name in ("config.json", "metrics.json"):
        shutil.copy(whole / name, tmp_path)
    follower, log, tally = Follower(RunFolder(tmp_path)), Log(tmp_path / LOG), Tally(1)
    with log:
        follower.poll()
        assert (follower.live, follower.at, follower.left()) == (True, {}, None)
        assert "starting" in shown(follower)
        log.begin("epoch 1/3", 60, NETWORK)
        tally.samples, tally.correct, tally.steps, tally.spikes = 15, 12, 75, [90]
        tally.before, tally.started = 3.0, time.monotonic()
        log.sample(tally)
        follower.poll()
        assert follower.at["accuracy"] == 0.8
        assert follower.at["rates"] == [0.1]
        assert follower.at["speed"] == pytest.approx(5, rel=0.1)
        assert follower.task_left == pytest.approx(9, rel=0.1)
        assert follower.left() == pytest.approx(9 + 2 * 12, rel=0.1)
        picture = shown(follower)
        assert "epoch 1/3" in picture
        assert "15/60" in picture
        assert "accuracy while learning 80.0%   firing rate 0.100   " in picture
        tally.samples += 1
        log.sample(tally)  # a second is not over
        follower.poll()
        assert follower.at["samples"] == 15
        tally.samples = 60
        log.sample(tally)
        with (tmp_path / LOG).open("a") as file:
            file.write('{"what": "at", "ta')  # not complete yet
        shutil.copy(whole / "metrics.jsonl", tmp_path)
        follower.poll()
        assert (follower.at["samples"], len(follower.trail)) == (60, 2)
        assert "best" in shown(follower)
    follower.poll()
    assert (follower.live, follower.complete) == (False, True)


def test_time_left_is_that_of_whole_epochs(whole, tmp_path):
    shutil.copy(whole / "config.json", tmp_path)
    lines = (whole / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_text("".join(lines[:1]))
    at = {
        "what": "at",
        "total": 60,
        "samples": 1,
        "accuracy": 1,
        "rates": [],
        "speed": 9,
        "cycles": 0,
    }
    times = {"epoch 1/3": 1000.0, "test": 1030.0, "epoch 2/3": 1040.0}
    content = [{"what": "start", "time": 999.0, "pid": 1}]
    content += [{**at, "task": task, "time": when} for task, when in times.items()]
    (tmp_path / LOG).write_text("".join(json.dumps(line) + "\n" for line in content))
    assert followed(tmp_path).left(now=1050.0) == 70


def test_a_killed_run_is_told_from_one_that_goes_on(tmp_path, capsys):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *QUICK, "--out", str(tmp_path)], cwd=ROOT, check=False
    )
    assert done.returncode == -signal.SIGKILL
    follower = followed(tmp_path)
    assert (follower.live, follower.killed, len(follower.epochs)) == (False, True, 1)
    assert driver.main(["watch", str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert "ended without a word" in text
    assert f"go on with: train --resume {tmp_path}" in text
    with (tmp_path / LOG).open("a") as file:
        file.write('{"half a li')
    assert driver.main(["train", "--resume", str(tmp_path), "--target", "golden"]) == 0
    follower.poll()
    assert (follower.killed, follower.complete) == (False, True)
    assert driver.main(["watch", str(tmp_path)]) == 0


def test_a_run_that_failed_says_why(tmp_path, capsys, monkeypatch):
    def dying(self, dataset, task, limit=None):
        raise OSError("the board was unplugged")

    monkeypatch.setattr("sw.run.training.Trainer.evaluate", dying)
    assert driver.main([*QUICK, "--out", str(tmp_path)]) == 1
    monkeypatch.undo()
    assert driver.main(["watch", str(tmp_path)]) == 1
    assert "failed (the board was unplugged) after 0 of 3 epochs" in capsys.readouterr().out


def test_a_stopped_run(tmp_path, capsys):
    assert driver.main([*QUICK, "--until", "1", "--out", str(tmp_path)]) == 0
    assert driver.main(["watch", str(tmp_path)]) == 0
    assert "was stopped after 1 of 3 epochs" in capsys.readouterr().out
    assert driver.main([*QUICK, "--until", "1", "--force", "--out", str(tmp_path)]) == 0
    assert sum('"start"' in line for line in (tmp_path / LOG).read_text().splitlines()) == 1


def test_two_runs_cannot_write_to_one_folder(whole, tmp_path, capsys):
    path = shutil.copytree(whole, tmp_path / "a")
    before = (path / "weights.safetensors").read_bytes()
    with Log(path / LOG):
        assert goes_on(path / LOG)
        for arguments in (QUICK, ["train", "--resume", str(path), "--target", "golden"]):
            assert driver.main([*arguments, "--out", str(path)]) == 1
            assert "a run that goes on writes to it" in capsys.readouterr().err
    assert not goes_on(path / LOG)
    assert (path / "weights.safetensors").read_bytes() == before


def test_the_newest_run_is_taken(whole, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert driver.main(["watch"]) == 1
    assert "no run in it; name the folder that train wrote" in capsys.readouterr().err
    for age, name in enumerate(("new", "old")):
        shutil.copytree(whole, tmp_path / "runs" / name)
        for file in (tmp_path / "runs" / name).iterdir():
            os.utime(file, (1e9 - age, 1e9 - age))
    assert newest_run() == Path("runs/new")
    assert driver.main(["watch"]) == 0
    assert "runs/new is complete" in capsys.readouterr().out
    assert driver.main(["watch", "runs/none"]) == 1
    assert "no such file; name the folder that train wrote" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["q", "\x03"])
def test_a_key_leaves_and_the_run_goes_on(key, whole, tmp_path):
    path = shutil.copytree(whole, tmp_path / "a")
    master, slave = pty.openpty()
    with Log(path / LOG):
        watcher = subprocess.Popen(
            [sys.executable, "-m", "sw.driver", "watch", str(path)],
            cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm"}, preexec_fn=_own_terminal,
        )  # fmt: skip
        os.close(slave)
        output: list[bytes] = []
        reader = threading.Thread(target=_read, args=(master, output))
        reader.start()
        limit = time.monotonic() + 60
        while b"starting" not in b"".join(output) and time.monotonic() < limit:
            time.sleep(0.05)
        os.write(master, key.encode())
        assert watcher.wait(60) == 0
        reader.join(10)
    assert b"goes on" in b"".join(output)


def _own_terminal():
    """The pseudo-terminal is the process's own, so that Ctrl-C there is its SIGINT.

    A shell starts what it puts in the background with SIGINT ignored, and that is inherited.
    """
    import fcntl
    import termios

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(master, output):
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            return
        if not data:
            return
        output.append(data)


def test_damaged_metrics_are_named(whole, tmp_path):
    path = shutil.copytree(whole, tmp_path / "a")
    (path / "metrics.jsonl").write_text('{"epoch": 1}\n')
    with pytest.raises(FileError, match="not of this version"):
        followed(path)


def test_charts():
    rising = chart([0, 1], 4, 2, 0, 1)
    assert [len(line) for line in rising] == [4, 4]
    assert rising[0][0] == rising[1][3] == "\u2800"
    assert rising[0][3] != "\u2800"
    assert chart([0.5], 3, 1, 0, 1) == chart([0.5, 0.5], 3, 1, 0, 1)
    assert sparkline([0, 0.5, 1, 2], 0, 1) == "▁▅██"


@pytest.mark.parametrize(
    "line",
    [
        b'{"what": "at"}', b'{"what": "at", "task": 5}', b'{"what": "start", "time": "x"}', b"[" * 9999,
        b'{"what": "end"}', b'{"what": "at", "time": 1, "task": "epoch 1/2", "total": 9, "samp', b"\xff\x00",
        b'{"what": "at", "time": 1, "task": "epoch 1/2", "total": 9, "samples": 1, "accuracy": 1, '
        b'"rates": ["x"], "speed": 1, "cycles": 0}',
        b'{"what": "end", "error": 5, "rates": 0.1}', b'{"what": "start", "time": 1%s}' % (b"0" * 400),
        b'{"what": "start", "time": NaN}', b'{"what": "at", "time": 1, "task": "epoch 1/2", "total": 1%s, '
        b'"samples": 1, "accuracy": 1, "rates": [], "speed": 1, "cycles": 0}' % (b"0" * 400),
    ],
)  # fmt: skip
def test_lines_that_are_none_are_passed_over(line, tmp_path):
    (tmp_path / "config.json").write_text('{"training": []}')
    whole = {
        "what": "at", "time": 1.0, "task": "epoch 1/2", "total": 9, "samples": 3, "accuracy": 0.5,
        "rates": [0.1], "speed": 2.0, "cycles": 0.0,
    }  # fmt: skip
    log = tmp_path / "log.jsonl"
    log.write_bytes(line + b"\n" + json.dumps(whole).encode() + b"\n" + line)
    follower = Follower(RunFolder(tmp_path))
    follower.poll()
    assert (follower.at["samples"], follower.task_left, follower.planned) == (3, 3.0, 0)
    command.view(follower, 80)


@pytest.mark.parametrize("speed", [0, -1.0, 5e-324])
def test_no_speed_and_no_samples_left_are_no_negative_time(speed, tmp_path):
    (tmp_path / "config.json").write_text('{"training": {"epochs": 1%s}}' % ("0" * 400))
    line = {
        "what": "at", "time": 1.0, "task": "epoch 1/2", "total": 2, "samples": 3, "accuracy": 0.5,
        "rates": [], "speed": speed, "cycles": 0.0,
    }  # fmt: skip
    log = tmp_path / "log.jsonl"
    for rates in ("", '{"what": "end", "error": "", "rates": 0.1}\n'):
        log.write_text(rates + json.dumps(line) + "\n")
        follower = Follower(RunFolder(tmp_path))
        follower.poll()
        assert follower.task_left is None and follower.left() is None and follower.planned == 0
        command.view(follower, 80)
    log.write_text(json.dumps(line | {"speed": 1.0}) + "\n")
    follower.poll()
    assert follower.task_left == 0.0


def test_json_without_end_is_one_line(tmp_path, capsys):
    (tmp_path / "config.json").write_text("[" * 100_000)
    assert driver.main(["watch", str(tmp_path)]) == 1
    text = capsys.readouterr().err
    assert "config.json: not readable" in text and text.count("\n") == 1
