"""The files of a run: config.json, weights.safetensors, metrics.jsonl, metrics.json, log.jsonl.

weights.safetensors is the checkpoint: weights, and all that going on needs. Every file is written
beside its place and renamed, so that a reader (and a crash) sees the old or the new one; two grow
line by line: metrics.jsonl, which is written anew from the checkpoint on a resume, and log.jsonl
(`sw.run.log`).
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.device.device import Weights

CONFIG, WEIGHTS, METRICS, EPOCHS, LOG = (
    "config.json",
    "weights.safetensors",
    "metrics.json",
    "metrics.jsonl",
    "log.jsonl",
)


PREVIOUS = "previous.safetensors"
"""The checkpoint of the run that was in the folder before; `train --resume` takes the file."""


class StoreError(RuntimeError):
    """A run's folder or file is missing or damaged. One line, with what to do."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file in whole or not at all. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            os.fchmod(handle, 0o644)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
            _sync(path.parent)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror or error}); choose another --out"
        ) from error


def _sync(folder: Path) -> None:
    """Let a rename survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, indented. Raises StoreError."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """An object from a run's file. Raises StoreError."""
    try:
        content = json.loads(path.read_text())
        if not isinstance(content, dict):
            raise ValueError("not an object")
    except FileNotFoundError as error:
        raise StoreError(
            f"{path}: no such file; name the folder that train wrote (--out)"
        ) from error
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: not readable ({error}); train again") from error
    return content


@dataclass(frozen=True)
class Run:
    """A folder with a training run."""

    path: Path

    def start(self, config: dict[str, Any]) -> None:
        """Begin: write the configuration. The checkpoint of an earlier run is kept as PREVIOUS."""
        if self.checkpoint.exists():
            self.checkpoint.replace(self.path / PREVIOUS)
        for name in (METRICS, EPOCHS):
            (self.path / name).unlink(missing_ok=True)
        write_json(self.path / CONFIG, config)

    def sweep(self) -> None:
        """Remove what a kill in the middle of a write left. For the one who holds the log."""
        for name in (CONFIG, WEIGHTS, METRICS, EPOCHS):
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
            raise StoreError(
                f"{self.path / EPOCHS}: cannot be written ({error.strerror})"
            ) from error

    def epoch_lines(self) -> list[dict[str, Any]]:
        """The complete lines of metrics.jsonl; none before the first epoch."""
        try:
            text = (self.path / EPOCHS).read_text()
        except OSError:
            return []
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def finish(self, metrics: dict[str, Any]) -> None:
        """Write metrics.json."""
        write_json(self.path / METRICS, metrics)

    def config(self) -> dict[str, Any]:
        """config.json. Raises StoreError."""
        return read_json(self.path / CONFIG)

    def metrics(self) -> dict[str, Any]:
        """metrics.json, as of the last checkpoint. Raises StoreError."""
        return read_json(self.path / METRICS)

    def network_and_core(self) -> tuple[Network, CoreConfig]:
        """What was trained, on what core. Raises StoreError."""
        config = self.config()
        try:
            return Network(**config["network"]), CoreConfig(**config["core"])
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"{self.path / CONFIG}: not a run's configuration ({error}); train again"
            ) from error

    def data(self) -> dict[str, Any]:
        """Its data set, as `sw.cli.options.load_data` takes it. Raises StoreError without one."""
        data = self.config().get("data")
        if not isinstance(data, dict):
            raise StoreError(
                f"{self.path / CONFIG}: no data set in it; for an imported network name one: "
                "import --data"
            )
        return data

    def weights(self) -> Weights:
        """The weights, int32 [rows, outputs] of each layer. Raises StoreError."""
        return load_weights(self.path / WEIGHTS)[0]


def newest_run(folder: Path = Path("runs")) -> Path:
    """The run that was written to last. Raises StoreError when there is none."""
    written = {path.parent: path.stat().st_mtime for path in sorted(folder.glob(f"*/{CONFIG}"))}
    for run in written:
        written[run] = max(file.stat().st_mtime for file in run.iterdir() if file.is_file())
    if not written:
        raise StoreError(
            f"{folder}/: no run in it; name the folder that train wrote (--out), or train first"
        )
    return max(written, key=lambda run: written[run])


def save_weights(path: Path, weights: Weights, metadata: dict[str, str]) -> None:
    """Write safetensors `layer0.weight`, … int16 [rows, outputs]; the readout's last row is its bias.

    Raises StoreError.
    """
    # safetensors writes an array as it lies in memory: in C order, or its values are mixed up
    tensors = {f"layer{i}.weight": w.astype(np.int16, order="C") for i, w in enumerate(weights)}
    write_atomically(path, save(tensors, metadata))


def load_weights(path: Path) -> tuple[Weights, dict[str, str]]:
    """Weights and metadata of a weights.safetensors. Raises StoreError."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = [f"layer{i}.weight" for i in range(len(file.keys()))]
            weights = [file.get_tensor(name).astype(np.int32) for name in names]
            return weights, file.metadata() or {}
    except FileNotFoundError as error:
        raise StoreError(f"{path}: no such file; train until the end of an epoch first") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise StoreError(f"{path}: not the weights of a run ({error}); train again") from error
