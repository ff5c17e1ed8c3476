"""The run folder: config.json, weights.safetensors, best.safetensors, metrics.jsonl, metrics.json, log.jsonl.

weights.safetensors is the checkpoint: weights, and all else that a resumed run needs. best.safetensors is
that of the epoch with the best test accuracy, where there are test samples. A file is
written beside its place and then renamed, so that a reader (and a crash) sees the old or the new one.
Two files grow line by line. One is metrics.jsonl, which a resumed run writes anew from the checkpoint;
the other is log.jsonl (`sw.run.log`).
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.device import Weights
from sw.run.files import FileError, read_json, write_atomically, write_json
from sw.run.log import LOG, busy, goes_on
from sw.run.metrics import Epoch
from sw.run.sealed import load_weights

CONFIG, WEIGHTS, METRICS, EPOCHS = (
    "config.json",
    "weights.safetensors",
    "metrics.json",
    "metrics.jsonl",
)

SHARED = ("network", "core", "config")
"""Metadata of the weights that config.json has, too."""

RUNS = Path("runs")
"""Where runs are that nobody named."""

BEST = "best.safetensors"
"""The checkpoint of the epoch with the best test accuracy so far, beside the newest one."""

PREVIOUS = "previous.safetensors"
"""The checkpoint of the run that was in the folder before; `train --resume` takes the file."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of a training run."""

    path: Path
    """The folder; text will do."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    @classmethod
    def new(cls, name: str, parent: Path = RUNS) -> Self:
        """Make the folder `name`-1, or that of the first number above all there are. Raises FileError."""
        try:
            parent.mkdir(parents=True, exist_ok=True)
            pattern = re.compile(re.escape(name) + r"-(\d{1,18})", re.ASCII)
            found = [pattern.fullmatch(entry.name) for entry in parent.iterdir()]
            for number in count(1 + max((int(m[1]) for m in found if m), default=0)):
                with suppress(FileExistsError):  # another process was quicker
                    (path := parent / f"{name}-{number}").mkdir()
                    return cls(path)
        except OSError as error:
            raise FileError(
                f"{parent}: no folder can be made in it ({error.strerror or error}); choose another --out"
            ) from error
        raise AssertionError("numbers do not end")

    def discard(self) -> None:
        """Remove the folder if nothing came into it."""
        with suppress(OSError):
            self.path.rmdir()

    def check_free(self, *, overwrite: bool = False) -> None:
        """Raise FileError when a run goes on here, or a new one would write over something.

        A log alone is nothing. With `overwrite` only the former counts.
        """
        if goes_on(self.path / LOG):
            raise FileError(busy(self.path))
        if not overwrite:
            self.check_empty()

    def check_empty(self) -> None:
        """The same for the one who holds the log."""
        try:
            inside = {entry.name for entry in self.path.iterdir()} - {LOG}
        except FileNotFoundError:
            return
        except OSError as error:
            raise FileError(
                f"{self.path}: no folder to write to ({error.strerror}); choose another --out"
            ) from error
        if not inside:
            return
        what = "is not empty"
        if inside & {CONFIG, WEIGHTS}:
            what = f"holds a run already; go on with it: train --resume {self.path}"
        raise FileError(
            f"{self.path}: {what}; or choose another --out, or write over it: --force "
            "(from Python overwrite=True)"
        )

    def start(self, config: dict[str, Any]) -> None:
        """Begin: write the configuration. The checkpoint of an earlier run is kept as PREVIOUS."""
        if self.checkpoint.exists():
            self.checkpoint.replace(self.path / PREVIOUS)
        for name in (METRICS, EPOCHS, BEST):
            (self.path / name).unlink(missing_ok=True)
        write_json(self.path / CONFIG, config)

    def sweep(self) -> None:
        """Remove what a kill in the middle of a write left. For the one who holds the log."""
        for name in (CONFIG, WEIGHTS, BEST, METRICS, EPOCHS):
            for draft in self.path.glob(f".{name}.*"):
                draft.unlink(missing_ok=True)

    def go_on(self, config: dict[str, Any], epochs: list[dict[str, Any]]) -> None:
        """Resume: write the configuration, and the metrics of `epochs`, whatever a crash left."""
        write_json(self.path / CONFIG, config)
        lines = "".join(json.dumps(epoch) + "\n" for epoch in epochs)
        write_atomically(self.path / EPOCHS, lines.encode())

    @property
    def checkpoint(self) -> Path:
        """weights.safetensors."""
        return self.path / WEIGHTS

    def add_epoch(self, epoch: dict[str, Any]) -> None:
        """Append a line to metrics.jsonl."""
        try:
            with (self.path / EPOCHS).open("a") as file:
                file.write(json.dumps(epoch) + "\n")
        except OSError as error:
            raise FileError(
                f"{self.path / EPOCHS}: cannot be written ({error.strerror})"
            ) from error

    def epoch_lines(self) -> list[dict[str, Any]]:
        """The complete lines of metrics.jsonl; none before the first epoch."""
        try:
            text = (self.path / EPOCHS).read_text()
        except OSError:
            return []
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def epochs(self) -> list[Epoch]:
        """The complete epochs. Raises FileError."""
        try:
            return [Epoch(**line) for line in self.epoch_lines()]
        except (RecursionError, TypeError, ValueError) as error:
            raise FileError(
                f"{self.path / EPOCHS}: not of this version ({error}); train again"
            ) from error

    def finish(self, metrics: dict[str, Any]) -> None:
        """Write metrics.json."""
        write_json(self.path / METRICS, metrics)

    def config(self) -> dict[str, Any]:
        """config.json. Raises FileError."""
        return read_json(self.path / CONFIG)

    def metrics(self) -> dict[str, Any]:
        """metrics.json, as of the last checkpoint. Raises FileError."""
        return read_json(self.path / METRICS)

    def network_and_core(self) -> tuple[Network, CoreConfig]:
        """What was trained, on what core. Raises FileError."""
        config = self.config()
        try:
            return Network(**config["network"]), CoreConfig(**config["core"])
        except (KeyError, TypeError, ValueError) as error:
            raise FileError(
                f"{self.path / CONFIG}: not a run's configuration ({error}); train again"
            ) from error

    def data(self) -> dict[str, Any]:
        """Its data set, as `sw.cli.options.load_data` takes it. Raises FileError without one."""
        data = self.config().get("data")
        if not isinstance(data, dict):
            raise FileError(
                f"{self.path / CONFIG}: no data set in it; for an imported network name one: "
                "import --data"
            )
        return data

    def weights(self, *, best: bool = False) -> Weights:
        """The weights, int32 [rows, outputs] of each layer, classifiers with them; the newest, or the best.

        Raises FileError, also when config.json names another network, core or data set than the
        weights do: it has no checksum of its own.
        """
        weights, metadata = load_weights(self.path / (BEST if best else WEIGHTS))
        if (self.path / CONFIG).exists():
            self._compare(metadata)
        return weights

    def _compare(self, metadata: dict[str, str]) -> None:
        """Hold config.json against the metadata of the weights. Raises FileError."""
        config = self.config()
        kept = {name: json.loads(metadata[name]) for name in SHARED if name in metadata}
        kept |= {"data": kept.pop("config", {}).get("data", config.get("data"))}
        if wrong := [name for name, value in kept.items() if config.get(name) != value]:
            raise FileError(
                f"{self.path / CONFIG}: not what the weights beside it say ({', '.join(wrong)}); "
                f"train --resume {self.path} writes it anew from them"
            )


def checkpoint_file(path: str | Path) -> Path:
    """The checkpoint of a run's folder, or the file itself."""
    path = Path(path)
    return path / WEIGHTS if path.is_dir() else path


def newest_run(folder: Path = RUNS) -> Path:
    """The run that was written to last. Raises FileError when there is none."""
    written = {path.parent: path.stat().st_mtime for path in sorted(folder.glob(f"*/{CONFIG}"))}
    for run in written:
        written[run] = max(file.stat().st_mtime for file in run.iterdir() if file.is_file())
    if not written:
        raise FileError(
            f"{folder}/: no run in it; name the folder that train wrote (--out), or train first"
        )
    return max(written, key=lambda run: written[run])
