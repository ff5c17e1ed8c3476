"""Checkpoint and resume: whatever stops a run, and wherever it goes on, the bits are the same."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from golden.spec.config import PRESETS as CORES
from golden.spec.network import Network
from sw import driver
from sw.data import DataError, load
from sw.device import Device
from sw.model import Model
from sw.run import Checkpoint, Every, FileError, RunFolder

ROOT = Path(__file__).parent.parent
QUICK = [
    "train",
    "--target",
    "golden",
    "--preset",
    "smoke",
    "--train",
    "60",
    "--test",
    "12",
    "--epochs",
    "4",
]
CLOCKS = ("seconds", "samples_per_second")
NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)


def outcome(path):
    """Weights, noise state, position and metrics of a run, without its clocks."""
    end = Checkpoint.load(RunFolder(path).checkpoint)
    lines = (path / "metrics.jsonl").read_text().splitlines()
    epochs = [{k: v for k, v in json.loads(x).items() if k not in CLOCKS} for x in lines]
    return [w.tolist() for w in end.weights], end.noise_state, len(end.progress.epochs), epochs


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing stopped."""
    path = tmp_path_factory.mktemp("whole") / "a"
    assert driver.main([*QUICK, "--out", str(path)]) == 0
    return path


def train(*arguments):
    """Exit status of a train command."""
    try:
        return driver.main(["train", *map(str, arguments)])
    except SystemExit as stop:
        return stop.code


def test_n_and_n_epochs_are_2n(whole, tmp_path, capsys):
    assert driver.main([*QUICK, "--until", "2", "--out", str(tmp_path)]) == 0
    assert f"go on with: train --resume {tmp_path}" in capsys.readouterr().out
    assert outcome(tmp_path)[2] == 2
    assert train("--resume", tmp_path, "--target", "golden", "--verify-golden") == 0
    assert "resumed after 120 samples" in capsys.readouterr().out
    assert outcome(tmp_path) == outcome(whole)


def test_kill_9_in_mid_epoch(whole, tmp_path):
    """A process that ends with nothing said, in an epoch, between two checkpoints."""
    code = """
import os, signal, sys
from sw import driver
from sw.cli.progress import TerminalWatcher
seen = []
def sample(self, tally):
    seen.append(tally.samples)
    if seen.count(37) == 2:  # epoch 2: the test passes have only 12 samples
        os.kill(os.getpid(), signal.SIGKILL)
TerminalWatcher.sample = sample
driver.main(sys.argv[1:])
"""
    command = [*QUICK, "--checkpoint-every", "10", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    middle = Checkpoint.load(RunFolder(tmp_path).checkpoint)
    assert len(middle.progress.epochs) == 1
    assert middle.progress.tally.samples == 30
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"half a li')  # what a crash can leave
    (tmp_path / ".weights.safetensors.draft").write_bytes(b"half a fi")
    assert train("--resume", tmp_path, "--target", "golden", "--checkpoint-every", 7) == 0
    assert outcome(tmp_path) == outcome(whole)
    assert not list(tmp_path.glob(".*"))


def test_kill_9_at_any_moment(tmp_path):
    """Killed from outside, again and again, later and later behind a checkpoint, until it is through."""
    long = [*QUICK, "--train", "250", "--epochs", "12"]
    whole, out = tmp_path / "whole", tmp_path / "run"
    assert driver.main([*long, "--out", str(whole)]) == 0
    often = ["--checkpoint-every", "20"]
    command = [sys.executable, "-m", "sw.driver", *long, "--out", out, *often]
    kills = 0
    for _ in range(30):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        before, limit = learned(out), time.monotonic() + 30
        while process.poll() is None and learned(out) == before and time.monotonic() < limit:
            time.sleep(0.01)
        time.sleep(0.05 * kills)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        command = [sys.executable, "-m", "sw.driver", "train", "--resume", out]
        command += ["--target", "golden", *often]
    else:
        pytest.fail("it never came to its end")
    assert kills >= 1
    assert outcome(out) == outcome(whole)


def learned(out):
    """Samples learned up to the run's checkpoint."""
    path = RunFolder(out).checkpoint
    return Checkpoint.load(path).progress.samples if path.exists() else 0


def test_ctrl_c_and_resume(whole, tmp_path, monkeypatch, capsys):
    from sw.cli.progress import TerminalWatcher

    def interrupt(self, tally):
        if tally.samples == 23 and not asked:
            asked.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    asked = []
    monkeypatch.setattr(TerminalWatcher, "sample", interrupt)
    assert driver.main([*QUICK, "--out", str(tmp_path)]) == 130
    assert 23 <= Checkpoint.load(RunFolder(tmp_path).checkpoint).progress.tally.samples < 60
    assert train("--resume", tmp_path, "--target", "golden", "--verify-golden") == 0
    assert "bit for bit" in capsys.readouterr().out
    assert outcome(tmp_path) == outcome(whole)


def test_more_epochs_can_be_added(tmp_path):
    arguments = ("--train", "40", "--test", "4", "--constant-rate", "--out")
    long, short = tmp_path / "long", tmp_path / "short"
    assert driver.main([*QUICK, *arguments, str(long)]) == 0
    assert driver.main([*QUICK, *arguments, str(short), "--epochs", "2"]) == 0
    resumed = ("--resume", short, "--target", "golden", "--epochs", 4, "--verify-golden")
    assert train(*resumed) == 0
    assert outcome(long) == outcome(short)


def test_the_same_from_python(whole, tmp_path):
    train_set, test_set = load("synthetic", limit=60, steps=5, seed=0), None
    with Device.open("golden", config=CORES["tiny"]) as device:
        model = Model(NETWORK, device)
        model.fit(train_set, test_set, epochs=4, until=1)
        model.save(tmp_path / "model.safetensors")
    with Device.open("golden", config=CORES["tiny"]) as device:
        model = Model.load(tmp_path / "model.safetensors", device)
        progress = model.resume(train_set, checkpoint_every=Every(samples=11))
        assert [w.tolist() for w in model.weights] == outcome(whole)[0]
        assert (len(progress.epochs), model.complete) == (4, True)
        with pytest.raises(DataError, match=r"not the .* samples training began with"):
            model.resume(load("synthetic", limit=61, steps=5))


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("--eta 0.1", 2, "--eta: a resumed run keeps its settings"),
        ("--lanes 8", 2, "--lanes: a resumed run keeps"),
        ("--from X", 2, "--from: a resumed run keeps"),
        ("--epochs 1", 2, "4 are done already"),
        ("--checkpoint-every often", 2, "write 500 (samples), 90s, 5m, or never"),
        ("--checkpoint-every 0", 2, "write 500"),
    ],
)
def test_what_does_not_go_with_resume(arguments, status, message, whole, capsys):
    words = arguments.split()
    assert train("--resume", whole, "--target", "golden", *words) == status
    assert message in capsys.readouterr().err


def test_checkpoints_that_cannot_be_used(whole, tmp_path, monkeypatch, capsys):
    assert train("--resume", tmp_path / "none") == 1
    assert "no such file" in capsys.readouterr().err
    path = RunFolder(shutil.copytree(whole, tmp_path / "a")).checkpoint
    path.write_bytes(path.read_bytes()[:-1])
    assert train("--resume", path) == 1
    assert "its checksum is wrong" in capsys.readouterr().err
    with Device.open("golden") as device, pytest.raises(FileError, match="another core"):
        Checkpoint.load(RunFolder(whole).checkpoint).restore(device)
    monkeypatch.setattr("sw.run.checkpoint.fingerprint", lambda _: 5)
    with pytest.raises(FileError, match="may not go on to the same bits"):
        Checkpoint.load(RunFolder(whole).checkpoint)


def test_a_new_run_in_the_same_folder_keeps_the_old_checkpoint(whole, tmp_path):
    assert driver.main([*QUICK, "--until", "2", "--out", str(tmp_path)]) == 0
    assert (
        driver.main([*QUICK, "--until", "1", "--seed", "9", "--force", "--out", str(tmp_path)]) == 0
    )
    old, again = tmp_path / "previous.safetensors", tmp_path / "again"
    assert train("--resume", old, "--target", "golden", "--out", again) == 0
    assert outcome(again) == outcome(whole)


def test_cadence():
    assert Every.parse("90s") == Every(seconds=90)
    assert Every.parse("1.5m") == Every(seconds=90)
    assert Every.parse("7") == Every(samples=7)
    assert list(Every.parse("never").until(range(9))) == list(range(9))
    assert list(Every(samples=4).until(range(9))) == [0, 1, 2, 3]
    assert list(Every(seconds=0).until(range(9))) == [0]


def test_checkpoints_take_16_bit_weights(tmp_path):
    weights = [np.full(w.shape, -32768, np.int32) for w in NETWORK.initial_weights()]
    kept = Checkpoint(weights=weights, noise_state=2**32 - 1, network=NETWORK, core=CORES["tiny"])
    kept.save(tmp_path / "a")
    back = Checkpoint.load(tmp_path / "a")
    assert back.noise_state == kept.noise_state
    assert all(np.array_equal(*pair) for pair in zip(back.weights, weights, strict=True))
