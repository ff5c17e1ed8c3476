"""A training that is killed again and again ends with the bits of one that nothing stopped.

A round is a training of a small network on the integer model. Its process gets a SIGKILL after a random
time, or in front of a random one of its calls that change files, and is resumed, until it comes to its
end. Then weights, noise state, position and every epoch's metrics but the clocks must be those of the run
that was not stopped. Every process is forked off this one, which has imported everything: a kill takes
milliseconds.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sw import driver
from sw.run import Checkpoint, FileError, RunFolder

TRAIN = "train --target golden --preset smoke --train 24 --test 4 --epochs 2"
CLOCKS = ("seconds", "samples_per_second")
CALLS = ("open", "write", "fsync", "replace", "unlink", "ftruncate", "mkdir", "fchmod")
"""Functions of `os` before which a process may be killed."""
MOST = 60
"""Kills of a round before it may run to its end."""
Say = Callable[[str], None]


@dataclass
class Figures:
    """What a campaign did."""

    rounds: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    """By where: `time`, or the call that did not happen any more."""
    unbegun: int = 0
    """Kills before there was anything to resume: the run began anew."""
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        where = ", ".join(f"{count} {place}" for place, count in self.kills.most_common())
        return (
            f"{self.rounds} trainings, {self.kills.total()} kills ({where}; {self.unbegun} before the first "
            f"checkpoint), {len(self.wrong)} wrong"
        )


def run(minutes: float, seed: int, say: Say) -> bool:
    """Kill trainings for so long; whether all ended with the same bits."""
    figures = campaign(seed, say, until=time.monotonic() + 60 * minutes)
    say(str(figures))
    return not figures.wrong


def campaign(
    seed: int, say: Say, *, until: float = float("inf"), rounds: int | None = None
) -> Figures:
    """Rounds until a time, or so many."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        started = time.monotonic()
        assert forked([*TRAIN.split(), "--out", str(whole)], None, None) == 0
        seconds = time.monotonic() - started
        expected = outcome(whole)
        while time.monotonic() < until and figures.rounds != rounds:
            name = f"{seed}.{figures.rounds}"
            path = Path(folder) / name
            train(path, random.Random(name), seconds, figures)
            figures.rounds += 1
            if (found := outcome(path)) != expected:
                figures.wrong.append(name)
                say(f"round {name}: DIFFERENT in {', '.join(apart(found, expected))}")
    return figures


def train(path: Path, rng: random.Random, seconds: float, figures: Figures) -> None:
    """A training in a folder, killed on its way as `rng` has it. `seconds`: what it takes without."""
    often = ["--checkpoint-every", str(rng.choice((1, 3, 10, 25)))]
    for kill in range(MOST + 1):
        words = [*TRAIN.split(), "--out", str(path), "--force"]
        if begun(path):
            words = ["train", "--resume", str(path), "--target", "golden"]
        elif kill:
            figures.unbegun += 1
        delay, call = None, None
        if kill < MOST:
            by_time = rng.random() < 0.5
            delay = rng.uniform(0, seconds) if by_time else None
            call = None if by_time else rng.randrange(1, 80)
        where = path.with_suffix(".call")
        status = forked([*words, *often], delay, call, where)
        if status == 0:
            return
        if status != -signal.SIGKILL:
            raise RuntimeError(f"{path.name}: {' '.join(words)} ended with {status}")
        figures.kills[where.read_text() if call and where.exists() else "time"] += 1


def begun(path: Path) -> bool:
    """There is a checkpoint to go on from. It must be whole."""
    if not (file := RunFolder(path).checkpoint).exists():
        return False
    Checkpoint.load(file)
    return True


def forked(
    words: list[str], delay: float | None, call: int | None, where: Path | None = None
) -> int:
    """Exit status of a command in a process of its own; negative: the signal that killed it.

    It is killed after `delay` seconds, or before its `call`-th call that changes files, whose name then
    is in the file `where`.
    """
    child = os.fork()
    if not child:
        _become(words, call, where)
    if delay is not None:
        time.sleep(delay)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become(words: list[str], call: int | None, where: Path | None) -> None:
    """The child: run the command, and never return."""
    status = 70
    try:
        log = os.open(os.devnull, os.O_WRONLY)
        os.dup2(log, 1)
        if call is not None and where is not None:
            _arm(call, where)
        status = driver.main(words)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _arm(left: int, where: Path) -> None:
    """Let the process be killed before the `left`-th call that changes files."""
    real = {name: getattr(os, name) for name in CALLS}

    def armed(name: str) -> Callable[..., Any]:
        def function(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                for other, was in real.items():
                    setattr(os, other, was)
                where.write_text(name)
                os.kill(os.getpid(), signal.SIGKILL)
            return real[name](*args, **options)

        return function

    for name in CALLS:
        setattr(os, name, armed(name))


def outcome(path: Path) -> dict[str, Any]:
    """What a run came to, without its clocks."""
    run = RunFolder(path)
    try:
        end = Checkpoint.load(run.checkpoint)
        kept = run.metrics()
    except FileError as error:
        return {"files": str(error)}
    epochs = [
        {name: value for name, value in epoch.as_dict().items() if name not in CLOCKS}
        for epoch in run.epochs()
    ]
    return {
        "weights": [values.tolist() for values in end.weights],
        "noise state": end.noise_state,
        "position": [end.progress.samples, len(end.progress.epochs), end.progress.tally],
        "epochs": epochs,
        "metrics": [kept["test_accuracy"], kept["samples_learned"], len(kept["epochs"])],
        "files left": sorted(file.name for file in path.glob(".*")),
    }


def apart(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    """Names of what differs."""
    return [name for name in {**one, **two} if one.get(name) != two.get(name)]
