"""What a study runs: every combination of the values of some options, with every seed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Self

OWN = ("seed", "out", "resume", "force", "dry-run", "until")
"""Options of `train` that a study sets itself, or that have no place in it."""


@dataclass(frozen=True)
class Axis:
    """An option of `train` and its values, as they are written."""

    name: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """`eta=0.001,0.003`; values with commas are parted by semicolons. Raises ValueError."""
        name, equals, values = text.partition("=")
        name = name.strip().removeprefix("--").replace("_", "-")
        parts = [part.strip() for part in values.split(";" if ";" in values else ",")]
        if not equals or not name or not all(parts):
            raise ValueError(f"--grid {text!r}: write OPTION=VALUE,VALUE, as eta=0.001,0.003")
        if name in OWN:
            raise ValueError(f"--grid {text!r}: --{name} is no setting of a study{_instead(name)}")
        if len(set(parts)) < len(parts):
            raise ValueError(f"--grid {text!r}: a value stands there twice")
        return cls(name, tuple(parts))


@dataclass(frozen=True)
class Task:
    """One training of a study."""

    name: str
    """Of its folder in that of the study."""
    settings: tuple[tuple[str, str], ...]
    """Options of the grid and their values."""
    seed: int
    words: tuple[str, ...]
    """Options of `train`, but for the folder."""
    study: Path
    """The study's folder, as its owner sees it."""
    mark: str
    """By which a worker knows that it sees the same folder."""


def tasks(
    axes: Sequence[Axis], seeds: Sequence[int], words: Sequence[str], study: Path, mark: str
) -> list[Task]:
    """All trainings of a study, in the order of the grid; seeds change first. Raises ValueError."""
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names):
        raise ValueError(f"--grid: {', '.join(names)}: an option stands there twice")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"--seeds: {','.join(map(str, seeds))}: a seed stands there twice")
    made: list[Task] = []
    for values in product(*(axis.values for axis in axes)):
        settings = tuple(zip(names, values, strict=True))
        given = [f"--{name}={value}" for name, value in settings]
        for seed in seeds:
            parts = [f"{len(made) + 1:03d}", *(f"{n}={v}" for n, v in settings), f"seed={seed}"]
            name = re.sub(r"[^\w.=+-]+", "_", "-".join(parts))[:120]
            everything = (*words, *given, f"--seed={seed}")
            made.append(Task(name, settings, seed, everything, study, mark))
    return made


def _instead(name: str) -> str:
    return "; give --seeds" if name == "seed" else ""
