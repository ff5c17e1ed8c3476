"""A run followed from another process, by its files alone: how far it is, and how long it will take."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sw.run.folder import RunFolder
from sw.run.log import LOG, goes_on
from sw.run.metrics import Epoch

NUMBER = (int, float)
LINES: dict[str, dict[str, tuple[type, ...]]] = {
    "start": {"time": NUMBER},
    "end": {"error": (str,)},
    "at": {
        **dict.fromkeys(("time", "accuracy", "speed", "cycles"), NUMBER),
        **dict.fromkeys(("total", "samples"), (int,)),
        "task": (str,),
        "rates": (list,),
    },
}
"""Fields of every kind of line, and what they are."""
MOST = 1e15
"""No number of a run is larger; NaN is none."""
SLOWEST = 1e-6
"""Samples a second that are worth an estimate."""


@dataclass
class Follower:
    """What the files of a run folder say. `poll` reads what is new."""

    run: RunFolder
    config: dict[str, Any] = field(default_factory=dict)
    epochs: list[Epoch] = field(default_factory=list)
    """The complete epochs."""
    at: dict[str, Any] = field(default_factory=dict)
    """The newest line about samples, see `sw.run.log`; empty: none yet."""
    trail: list[float] = field(default_factory=list)
    """Accuracies of the lines about the task under way."""
    live: bool = False
    """A process is at work."""
    error: str = ""
    """What ended the run, if it said so."""
    killed: bool = False
    """It ended without an end line: a kill or a power cut."""
    began: float | None = None
    """Time of the newest start, seconds since 1970."""
    _offset: int = 0
    _ended: bool = True
    _turns: list[tuple[str, float]] = field(default_factory=list)
    """When each epoch since the newest start began."""

    def poll(self) -> None:
        """Read what is new. Raises FileError when there is no run."""
        path = self.run.path / LOG
        self.live = goes_on(path)  # first: what is written after the lock is gone is read now
        self.config = self.run.config()
        self.epochs = self.run.epochs()
        for line in self._lines(path):
            self._take(line)
        self.killed = not self.live and not self._ended

    @property
    def planned(self) -> int:
        """Epochs in all."""
        training = self.config.get("training")
        planned = training.get("epochs") if isinstance(training, dict) else None
        if isinstance(planned, int) and _sensible(planned):
            return planned
        return len(self.epochs)

    @property
    def complete(self) -> bool:
        """Nothing is left to do."""
        return len(self.epochs) >= self.planned

    @property
    def task_left(self) -> float | None:
        """Seconds until the task under way is over; None: not known."""
        if not self.at or self.at["speed"] < SLOWEST:
            return None
        return float(max(0, self.at["total"] - self.at["samples"]) / self.at["speed"])

    def left(self, now: float | None = None) -> float | None:
        """Seconds until the run is over; None: not known.

        The epochs to come are taken to be as long as the last three.
        """
        now = time.time() if now is None else now
        turns = zip(self._turns, self._turns[1:], strict=False)
        lengths = [max(0.0, b - a) for (_, a), (_, b) in turns]  # a clock may be set back
        if not lengths:
            if self.task_left is None or not self.at["task"].startswith("epoch"):
                return None
            whole = self.at["total"] / self.at["speed"]
            return self.task_left + whole * (self.planned - len(self.epochs) - 1)
        each = sum(lengths[-3:]) / len(lengths[-3:])
        done = max(0.0, now - self._turns[-1][1])
        return max(0.0, each * (self.planned - len(self.epochs)) - done)

    def _lines(self, path: Path) -> list[dict[str, Any]]:
        """New complete lines; of a file that became shorter, all."""
        try:
            with path.open("rb") as file:
                if file.seek(0, 2) < self._offset:
                    self._offset, self.at, self._ended = 0, {}, True
                file.seek(self._offset)
                data = file.read()
        except OSError:  # a run without a log
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [line for text in whole.splitlines() if (line := _parse(text))]

    def _take(self, line: dict[str, Any]) -> None:
        kind = line.get("what")
        if kind == "start":
            self.began, self.at, self.trail, self._turns = line["time"], {}, [], []
            self.error, self._ended = "", False
        elif kind == "end":
            self.error, self._ended = line["error"], True
        elif kind == "at":
            if line["task"] != self.at.get("task"):
                self.trail = []
            self.at = line
            self.trail.append(line["accuracy"])
            if re.match("epoch ", line["task"]) and line["task"] not in dict(self._turns):
                self._turns.append((line["task"], line["time"]))


def _parse(text: bytes) -> dict[str, Any] | None:
    """A line, or None for what a crash left."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and _whole(line) else None


def _whole(line: dict[str, Any]) -> bool:
    """Whether a line has what `sw.run.log` writes: a crash may leave parts of two lines as one."""
    wanted = LINES.get(str(line.get("what")), {"what": (str,)})
    values = [(line.get(name), kinds) for name, kinds in wanted.items()]
    if any(type(value) not in kinds for value, kinds in values):
        return False
    numbers = [value for value, kinds in values if set(kinds) & set(NUMBER)]
    return all(map(_sensible, numbers + (line["rates"] if "rates" in wanted else [])))


def _sensible(value: Any) -> bool:
    """Whether it is a number that a run may have."""
    return type(value) in NUMBER and abs(value) <= MOST
