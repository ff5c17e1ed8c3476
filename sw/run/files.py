"""Files of a run: written whole or not at all, and read with an error that says what to do."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sw.device import Weights
from sw.printable import printable


class FileError(RuntimeError):
    """A file or folder is missing, damaged, or cannot be written. One line, with what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file in whole or not at all. Raises FileError."""
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
        raise FileError(
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
    """Write JSON, indented. Raises FileError."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """An object from a run's file. Raises FileError."""
    try:
        content = json.loads(path.read_text())
        if not isinstance(content, dict):
            raise ValueError("not an object")
    except FileNotFoundError as error:
        raise FileError(
            f"{path}: no such file; name the folder that train wrote (--out)"
        ) from error
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: not readable ({error}); train again") from error
    return content


def save_weights(path: Path, weights: Weights, metadata: dict[str, str]) -> None:
    """Write safetensors `layer0.weight`, … int16 [rows, outputs]; the readout's last row is its bias.

    Raises FileError.
    """
    # safetensors writes an array as it lies in memory: in C order, or its values are mixed up
    tensors = {f"layer{i}.weight": w.astype(np.int16, order="C") for i, w in enumerate(weights)}
    write_atomically(path, save(tensors, metadata))


def load_weights(path: Path) -> tuple[Weights, dict[str, str]]:
    """Weights and metadata of a weights.safetensors. Raises FileError."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = [f"layer{i}.weight" for i in range(len(file.keys()))]
            weights = [file.get_tensor(name).astype(np.int32) for name in names]
            return weights, file.metadata() or {}
    except FileNotFoundError as error:
        raise FileError(f"{path}: no such file; train until the end of an epoch first") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise FileError(f"{path}: not the weights of a run ({error}); train again") from error
