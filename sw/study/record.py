"""The folder of a study: what is to be trained (study.json), what came out (results.jsonl), and the runs."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from sw.printable import reason
from sw.run.files import FileError, read_json, write_atomically, write_json
from sw.run.folder import RunFolder
from sw.study.grid import Axis, Task, tasks
from sw.study.task import STUDY, Trained

RESULTS = "results.jsonl"


@dataclass
class Study:
    """A study: what it trains, and what is there of it."""

    path: Path
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...]
    words: tuple[str, ...]
    """Options of `train` that all its runs have."""
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def begin(
        cls,
        path: Path | None,
        axes: Sequence[Axis],
        seeds: Sequence[int],
        words: Sequence[str],
    ) -> Self:
        """A new one, in a new folder: `path`, or runs/sweep-1, -2, ... Raises FileError."""
        if path is None:
            path = RunFolder.new("sweep").path
        else:
            RunFolder(path).check_empty()
        study = cls(path, tuple(axes), tuple(seeds), tuple(words))
        content = {
            "grid": {axis.name: list(axis.values) for axis in study.axes},
            "seeds": list(study.seeds),
            "train": list(study.words),
            "mark": study.mark,
        }
        write_json(path / STUDY, content)
        return study

    @classmethod
    def load(cls, path: Path) -> Self:
        """One that was begun. Raises FileError."""
        content = read_json(path / STUDY)
        try:
            axes = tuple(Axis(name, tuple(values)) for name, values in content["grid"].items())
            seeds = tuple(map(int, content["seeds"]))
            return cls(path, axes, seeds, tuple(content["train"]), str(content["mark"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileError(
                f"{path / STUDY}: no study ({reason(error)}); begin a new one"
            ) from error

    @property
    def tasks(self) -> list[Task]:
        """Its trainings."""
        return tasks(self.axes, self.seeds, self.words, self.path, self.mark)

    def results(self) -> dict[str, dict[str, Any]]:
        """Figures of the trainings that are done, by name. Half a line that a crash left is no result."""
        found: dict[str, dict[str, Any]] = {}
        try:
            lines = (self.path / RESULTS).read_text().splitlines()
        except FileNotFoundError:
            return found
        for line in lines:
            try:
                content = json.loads(line)
                found[content["name"]] = content
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def keep(self, task: Task, trained: Trained) -> dict[str, Any]:
        """Write a result, and the files of its run if they are not there. Raises FileError."""
        for name, data in trained.files.items():
            write_atomically(self.path / task.name / name, data)
        content = {"name": task.name, "settings": dict(task.settings), "seed": task.seed}
        content |= trained.figures
        try:
            with (self.path / RESULTS).open("a+b") as file:
                if file.tell() and not _ends(self.path / RESULTS):
                    file.write(b"\n")
                file.write(json.dumps(content).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise FileError(
                f"{self.path / RESULTS}: cannot be written ({error.strerror})"
            ) from error
        return content

    def summary(self) -> list[tuple[dict[str, str], list[float], list[float]]]:
        """By settings: test accuracies of the seeds that are done, and mean firing rates."""
        rows: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
        for task in self.tasks:
            rows.setdefault(task.settings, [])
        for result in self.results().values():
            rows.setdefault(tuple(result["settings"].items()), []).append(result)
        made = []
        for settings, found in rows.items():
            tests = [r["test_accuracy"] for r in found if r["test_accuracy"] is not None]
            rates = np.mean([r["firing_rates"] for r in found], axis=0).tolist() if found else []
            made.append((dict(settings), tests, rates))
        return made


def _ends(path: Path) -> bool:
    """Whether the last line is whole."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
