"""Runs side by side: a line about each, and what is different between two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from golden.spec.network import Network
from sw.run.files import FileError
from sw.run.folder import CONFIG, RUNS, RunFolder
from sw.run.follow import Follower
from sw.run.metrics import Epoch

MISSING = "-"
NOISE = ("commands", "versions")
"""Parts of config.json that differ between any two runs."""


@dataclass(frozen=True)
class Listed:
    """A run in a list."""

    path: Path
    when: float
    """When it was written to last, seconds since 1970."""
    network: str = MISSING
    data: str = MISSING
    accuracy: float | None = None
    """Test accuracy after the last epoch."""
    epochs: int = 0
    planned: int = 0
    state: str = "unreadable"
    """goes on, complete, stopped, failed, killed or unreadable."""


def listed(run: RunFolder) -> Listed:
    """What its files say. A run that cannot be read has `state` unreadable."""
    when = _written(run.path)
    follower = Follower(run)
    try:
        follower.poll()
        network = Network(**follower.config["network"]).name
        data = str((follower.config.get("data") or {}).get("name", MISSING))
    except (FileError, KeyError, TypeError, ValueError, AttributeError):
        return Listed(run.path, when)
    return Listed(
        path=run.path,
        when=when,
        network=network,
        data=data,
        accuracy=_last_accuracy(follower.epochs),
        epochs=len(follower.epochs),
        planned=follower.planned,
        state=_state(follower),
    )


def all_runs(folder: Path = RUNS) -> list[Listed]:
    """The runs in a folder, the one written to last at the end. Raises FileError without any."""
    found = [listed(RunFolder(path.parent)) for path in sorted(folder.glob(f"*/{CONFIG}"))]
    if not found:
        raise FileError(f"{folder}/: no run in it; name another folder with --in, or train first")
    return sorted(found, key=lambda run: run.when)


@dataclass(frozen=True)
class Compared:
    """A value of two runs."""

    name: str
    one: str
    two: str

    @property
    def differs(self) -> bool:
        """The two are not the same."""
        return self.one != self.two


def compare(one: RunFolder, two: RunFolder) -> Iterator[Compared]:
    """Settings that differ, then what came out, then weights. Raises FileError."""
    given = [settings(run) for run in (one, two)]
    for name in dict.fromkeys([*given[0], *given[1]]):
        pair = Compared(name, *(values.get(name, MISSING) for values in given))
        if pair.differs:
            yield pair
    outcomes = [outcome(run) for run in (one, two)]
    for name in outcomes[0]:
        yield Compared(name, outcomes[0][name], outcomes[1][name])


def weights_apart(one: RunFolder, two: RunFolder) -> str:
    """How the weights of two runs differ, in words. Raises FileError."""
    mine, other = one.weights(), two.weights()
    if [w.shape for w in mine] != [w.shape for w in other]:
        return "weights of other shapes"
    wrong = sum(int(np.count_nonzero(a != b)) for a, b in zip(mine, other, strict=True))
    count = sum(values.size for values in mine)
    return f"{wrong} of {count} weights differ" if wrong else f"all {count} weights are equal"


def settings(run: RunFolder) -> dict[str, str]:
    """Everything that was set, by dotted names, as text. Raises FileError."""
    given = {name: value for name, value in run.config().items() if name not in NOISE}
    return {name: str(value) for name, value in _flat(given)}


def outcome(run: RunFolder) -> dict[str, str]:
    """What came out, as text. Raises FileError."""
    epochs = run.epochs()
    tests = [epoch.test_accuracy for epoch in epochs if epoch.test_accuracy is not None]
    last = epochs[-1] if epochs else None
    return {
        "epochs done": str(len(epochs)),
        "samples learned": str(run.metrics().get("samples_learned", MISSING)),
        "test accuracy": _percent(_last_accuracy(epochs)),
        "best test accuracy": _percent(max(tests, default=None)),
        "train accuracy": _percent(last.train_accuracy if last else None),
        "firing rates": " ".join(f"{r:.3f}" for r in last.firing_rates) if last else MISSING,
        "cycles a sample": f"{last.cycles_per_sample:.0f}" if last else MISSING,
        "samples a second": f"{last.samples_per_second:.1f}" if last else MISSING,
    }


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested tables, by dotted names."""
    if not isinstance(value, dict):
        yield name, value
        return
    for key, part in value.items():
        yield from _flat(part, f"{name}.{key}" if name else str(key))


def _percent(value: float | None) -> str:
    return MISSING if value is None else f"{value:.1%}"


def _last_accuracy(epochs: list[Epoch]) -> float | None:
    return epochs[-1].test_accuracy if epochs else None


def _state(follower: Follower) -> str:
    if follower.live:
        return "goes on"
    if follower.complete:
        return "complete"
    if follower.error:
        return "failed"
    return "killed" if follower.killed else "stopped"


def _written(path: Path) -> float:
    """When anything in a folder was written last."""
    times = [path.stat().st_mtime]
    for file in path.iterdir():
        try:
            times.append(file.stat().st_mtime)
        except OSError:  # gone since it was listed
            continue
    return max(times)
