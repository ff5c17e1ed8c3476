"""The package nir, imported only when a graph is read or written, and what is said when it cannot be."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from sw.printable import printable
from sw.run import FileError, write_atomically

DT = 1e-4
"""Seconds of a time step. NIR has none; snnTorch assumes this one, Norse is told."""
OURS = "tess_fpga"
"""Key of a graph's metadata that this software writes: JSON with what a graph has no place for."""


class Unsupported(ValueError):
    """A graph holds what the chip cannot do. Names the node, and says why."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def nir_package() -> Any:
    """The package nir. Raises FileError when it is not installed."""
    try:
        import nir
    except ImportError as error:
        raise FileError(
            f"NIR needs the package nir ({error}); install it: pip install -e '.[nir]'"
        ) from error
    return nir


def read_graph(path: Path) -> Any:
    """The graph in a file. Raises FileError."""
    nir = nir_package()
    if not path.is_file():
        raise FileError(f"{path}: no such file")
    try:
        # `recognise` checks the shapes: nir refuses parameters that are one number for all neurons
        return nir.read(path, type_check=False)
    except Exception as error:  # h5py and nir raise whatever they like for a damaged file
        raise FileError(
            f"{path}: not a NIR graph that can be read ({type(error).__name__}: {error}); "
            "write it again with its tool"
        ) from error


def write_graph(path: Path, graph: Any) -> None:
    """Write a graph, whole or not at all. Raises FileError."""
    handle, name = tempfile.mkstemp(suffix=".nir")
    os.close(handle)
    try:
        nir_package().write(name, graph)
        write_atomically(path, Path(name).read_bytes())
    finally:
        os.unlink(name)


def hints(graph: Any) -> dict[str, Any]:
    """What this software wrote into a graph's metadata; empty for graphs of others."""
    text = (graph.metadata or {}).get(OURS)
    if text is None:
        return {}
    try:
        found = json.loads(text.decode() if isinstance(text, bytes) else text)
    except (TypeError, ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}
