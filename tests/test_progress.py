"""What `train` says while it runs: how long it will take, and what runs it."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from golden.spec.network import Network
from sw import driver
from sw.cli.progress import TerminalWatcher


def said(runs, samples, seconds):
    """What the watcher prints after some samples, twice."""
    out = io.StringIO()
    watcher = TerminalWatcher(Console(file=out, width=80), runs=runs, hint="; a hint")
    tally = SimpleNamespace(
        samples=samples, seconds=seconds, accuracy=0, speed=1, cycles=0, rates=lambda network: []
    )
    with watcher:
        watcher.begin("epoch 1/8", 1000, Network(sizes=(64, 12, 4)))
        watcher.sample(tally)
        watcher.sample(tally)
    return out.getvalue().strip()


@pytest.mark.parametrize(
    "runs, samples, seconds, expected",
    [
        (9600, 40, 2.0, "about 8 min in all; a hint"),
        (9600, 4, 2.0, ""),
        (9600, 40, 0.2, ""),
        (900, 40, 2.0, ""),
    ],
    ids=["long", "too few samples", "too little time", "short anyway"],
)
def test_a_long_training_is_announced_once(runs, samples, seconds, expected):
    assert said(runs, samples, seconds) == expected


def test_results_that_come_in_blocks_are_counted_when_a_block_is_whole():
    """The first ten of a hundred come with all others: half a minute is not for ten."""
    out = io.StringIO()
    watcher = TerminalWatcher(Console(file=out), runs=1000, hint="")
    tally = SimpleNamespace(
        samples=0, seconds=30.0, accuracy=0, speed=1, cycles=0, rates=lambda network: []
    )
    watcher.begin("epoch 1/1", 1000, Network(sizes=(64, 12, 4)))
    watcher.part(0, 2)
    for tally.samples in range(1, 101):
        watcher.sample(tally)
    assert out.getvalue() == ""
    watcher.part(0, 2)
    assert out.getvalue().strip() == "about 5 min in all"


@pytest.mark.parametrize(
    "target, line", [("golden", "compiled C++"), ("golden-numpy", "integer model: in NumPy")]
)
def test_the_integer_model_says_what_runs_it(target, line, tmp_path, capsys):
    command = ["train", "--preset", "smoke", "--train", "4", "--test", "4", "--epochs", "1"]
    assert driver.main([*command, "--target", target, "--out", str(tmp_path / "run")]) == 0
    assert line in capsys.readouterr().out
