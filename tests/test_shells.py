"""What others take up: TensorBoard, the completion of shells, systems that are no Unix."""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event

from sw import driver
from sw.cli import completion
from sw.run import RunFolder, TensorBoard
from sw.run.tensorboard import scalars

ROOT = Path(__file__).parent.parent
SMOKE = "--preset smoke --target golden --train 40 --test 20".split()  # noqa: SIM905


def logged(folder):
    """Tag, step and value of every scalar, in the order in which they were written."""
    found = []
    for path in sorted(folder.glob("events.out.*"), key=lambda path: path.stat().st_mtime_ns):
        data = path.read_bytes()
        while data:  # records: length, its checksum, content, its checksum
            (length,) = struct.unpack_from("<Q", data)
            event = Event.FromString(data[12 : 12 + length])
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
            data = data[16 + length :]
    return found


def test_tensorboard_gets_the_metrics_of_every_epoch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logs = ["--tensorboard", "logs/a"]
    assert driver.main(["train", *SMOKE, "--epochs", "3", "--until", "2", "--out", "a", *logs]) == 0
    assert {step for _, step, _ in logged(Path("logs/a"))} == {1, 2}
    assert driver.main(["train", "--resume", "a", "--target", "golden", *logs]) == 0
    wanted = [
        (tag, epoch.epoch, pytest.approx(value, rel=1e-6))
        for epoch in RunFolder("a").epochs()
        for tag, value in scalars(epoch)
    ]
    assert logged(Path("logs/a")) == wanted
    tags = {tag for tag, _, _ in wanted}
    assert {"accuracy/test", "accuracy/online", "firing_rate/layer_0", "rate_scale"} <= tags
    assert "speed/cycles_per_sample" not in tags  # the integer model has no clock


def test_without_the_package_one_line_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for module in ("tensorboardX", "tensorboardX.event_file_writer", "shtab"):
        monkeypatch.setitem(sys.modules, module, None)
    assert driver.main(["train", *SMOKE, "--out", "a", "--tensorboard", "logs"]) == 2
    assert (
        "--tensorboard: TensorBoard: tensorboardX.event_file_writer is missing; pip install"
        in capsys.readouterr().err
    )
    assert driver.main(["completion", "bash"]) == 2
    assert "completion: shtab is missing; pip install" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(ModuleNotFoundError, match="is missing; pip install"):
        TensorBoard(tmp_path / "logs")


@pytest.mark.parametrize(
    "typed, offered",
    [
        ("tr", ["train"]),
        ("train --pre", ["--preset"]),
        ("train --preset nmnist-", ["nmnist-fast", "nmnist-best", "nmnist-conv", "nmnist-learned"]),
        ("live --br", ["--browser"]),
        ("report --out he", ["here.txt"]),
    ],
)
def test_bash_completes(typed, offered, tmp_path, capsys):
    assert driver.main(["completion", "bash"]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "here.txt").write_text("")
    words = " ".join(f"'{word}'" for word in ["tess", *typed.split(" ")])
    count = len(typed.split(" "))
    ask = (
        f"source ./script; COMP_WORDS=({words}); COMP_CWORD={count}; _shtab_tess; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    found = done.stdout.split()
    assert set(offered) <= set(found), done.stderr
    assert all(word.startswith(typed.split(" ")[-1]) for word in found)


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_scripts_are_such_of_their_shells(shell, tmp_path, capsys):
    assert driver.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "nmnist-fast" in script and "tess" in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


# Python as it is on Windows: no fcntl and the like, no user numbers, no SIGHUP.
NO_UNIX = """
import os, signal, sys
for name in ("fcntl", "termios", "tty", "pwd", "grp", "resource"):
    sys.modules[name] = None
for name in ("geteuid", "getuid", "fchmod"):
    delattr(os, name)
del signal.SIGHUP

"""


def test_it_trains_and_goes_on_where_there_is_no_unix(tmp_path):
    program = f"""{NO_UNIX}

from sw import driver
smoke = {SMOKE!r}
assert driver.main(["train", *smoke, "--epochs", "2", "--until", "1", "--out", "a"]) == 0
assert driver.main(["train", "--resume", "a", "--target", "golden-numpy"]) == 0
assert driver.main(["runs", "a"]) == 0
assert driver.main(["watch", "a"]) == 0
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a is complete: 2 of 2 epochs" in done.stdout
