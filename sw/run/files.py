"""Files of a run: written whole or not at all, and read with an error that says what to do."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from sw.printable import printable, reason


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
            if hasattr(os, "fchmod"):  # not on Windows
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
    """Let a rename survive a power cut. Windows opens no folders."""
    if os.name == "nt":
        return
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
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"{path}: not readable ({reason(error)}); train again") from error
    return content
