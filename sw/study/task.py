"""One training of a study, on a worker."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sw.run import RunFolder
from sw.run.files import FileError, read_json
from sw.run.folder import WEIGHTS
from sw.run.log import LOG, goes_on
from sw.study.grid import Task

STUDY = "study.json"


@dataclass(frozen=True)
class Trained:
    """What came out of a training."""

    figures: dict[str, Any]
    """For the table: accuracies (of 1), firing rates, samples learned, seconds."""
    files: dict[str, bytes]
    """The run's, when the worker does not see the study's folder."""


Command = Callable[[list[str]], None]
"""Trains with options of `train`, to the end, or raises what went wrong."""


def train(task: Task, command: Command) -> Trained:
    """Train, or go on with what a lost worker or an earlier try has left. Raises what the command raises."""
    if _sees(task):
        return Trained(_train(task, task.study / task.name, command), {})
    with tempfile.TemporaryDirectory() as own:
        folder = Path(own) / task.name
        figures = _train(task, folder, command)
        return Trained(figures, {path.name: path.read_bytes() for path in folder.iterdir()})


def _sees(task: Task) -> bool:
    """Whether the study's folder on this computer is the study's."""
    try:
        return bool(read_json(task.study / STUDY)["mark"] == task.mark)
    except (FileError, KeyError, TypeError):
        return False


def _train(task: Task, folder: Path, command: Command) -> dict[str, Any]:
    while goes_on(folder / LOG):  # a worker that was given up, but lives
        time.sleep(1)
    words = [*task.words, "--out", str(folder), "--force"]
    if (folder / WEIGHTS).exists():
        words = ["--resume", str(folder), *_kept(task.words)]
    command(words)
    return _figures(RunFolder(folder))


def _kept(words: tuple[str, ...]) -> list[str]:
    """Options that a resumed run must be told again: where it runs."""
    kept: list[str] = []
    for at, word in enumerate(words):
        if word.split("=")[0] in ("--target", "--checkpoint-every", "--baud"):
            kept += [word] if "=" in word else [word, words[at + 1]]
    return kept


def _figures(run: RunFolder) -> dict[str, Any]:
    """Those of the last epoch."""
    epochs = run.epochs()
    last = epochs[-1]
    tests = [epoch.test_accuracy for epoch in epochs if epoch.test_accuracy is not None]
    return {
        "test_accuracy": last.test_accuracy,
        "best_test_accuracy": max(tests, default=None),
        "train_accuracy": last.train_accuracy,
        "firing_rates": list(last.firing_rates),
        "epochs": len(epochs),
        "samples_learned": run.metrics().get("samples_learned"),
        "seconds": round(sum(epoch.seconds for epoch in epochs), 3),
    }
