"""The package nir, imported only when a graph is read or written, and what is said when it cannot be."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.child import Child, NoAnswer
from sw.printable import printable, short
from sw.run import FileError, write_atomically

DT = 1e-4
"""Seconds of a time step. NIR has none; snnTorch assumes this one, Norse is told."""
LARGEST = 1 << 31
"""Bytes of numbers in a file, at most."""
MOST_NODES = 500
LARGEST_VALUE = 1e30
CHILD = Child(Path(__file__).with_name("graph_child.py"), "HDF5")
SECONDS, BYTES_PER_SECOND = 5, 10_000_000
"""Time a file may take: a hundred times what it takes."""
MEMORY = 2 * LARGEST
"""Bytes of address space of the child, beside four times the file."""
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
    """The graph in a file. Raises FileError; Unsupported for what no tool can run."""
    nir = nir_package()
    if not path.is_file():
        raise FileError(f"{path}: no such file")
    kind, text = _trial(path)
    try:
        if not kind:
            # `recognise` checks the shapes: nir refuses parameters that are one number for all neurons
            graph = nir.read(path, type_check=False)
    except Exception as error:  # the file was changed since
        kind, text = type(error).__name__, str(error)
    if kind:
        raise FileError(
            f"{path}: not a NIR graph that can be read ({kind}: {short(text) or kind}); "
            "write it again with its tool"
        )
    check_graph(graph)
    return graph


def _trial(path: Path) -> tuple[str, str]:
    """Read a graph in a child process: the kind and the text of what is wrong; no kind: it can be read."""
    size = path.stat().st_size
    request = {"path": str(path.absolute()), "largest": LARGEST}
    try:
        answer = CHILD.ask(request, SECONDS + size / BYTES_PER_SECOND, MEMORY + 4 * size)
    except NoAnswer as error:
        return "damage", str(error)
    return answer["kind"], answer["error"]


def check_graph(graph: Any) -> None:
    """Raise Unsupported for what no tool can run: edges to nowhere, numbers that are none."""
    if not isinstance(getattr(graph, "nodes", None), dict):
        raise Unsupported("a single node is no graph: it has no input and no output")
    if len(graph.nodes) > MOST_NODES:
        raise Unsupported(f"{len(graph.nodes)} nodes: {MOST_NODES} are read at most")
    for source, target in graph.edges:
        for name in (source, target):
            if name not in graph.nodes:
                raise Unsupported(f"an edge from {source} to {target}: there is no node {name}")
    for name, node in graph.nodes.items():
        for field, value in vars(node).items():
            if isinstance(value, np.ndarray | np.generic | float):
                _check_numbers(name, field, np.asarray(value))


def _check_numbers(name: str, field: str, values: NDArray[Any]) -> None:
    if values.dtype.kind in "SUO":  # a name
        return
    if values.dtype.kind not in "fiub":
        raise Unsupported(f"node {name}: its {field} is {values.dtype}, not real numbers")
    wrong = int(np.count_nonzero(~np.isfinite(values)))
    if wrong:
        raise Unsupported(
            f"node {name}: its {field} is not a number (NaN or infinite) in {wrong} of {values.size} "
            "places; the training diverged: train it again"
        )
    if np.any(np.abs(values.astype(np.float64)) > LARGEST_VALUE):
        raise Unsupported(
            f"node {name}: its {field} is above {LARGEST_VALUE:g}, no size of a neuron's"
        )


def write_graph(path: Path, graph: Any) -> None:
    """Write a graph, whole or not at all. Raises FileError."""
    handle, name = tempfile.mkstemp(suffix=".nir")
    os.close(handle)
    try:
        nir_package().write(name, graph)
        write_atomically(path, Path(name).read_bytes())
    finally:
        os.unlink(name)


def step_seconds(graph: Any) -> float:
    """Seconds of a step, as the graph's metadata say. Raises Unsupported for what is no time."""
    given = hints(graph).get("dt", DT)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 1000:
        raise Unsupported(f"its metadata say that a step takes {given!r:.40} s; give it: --dt")
    return float(given)


def hints(graph: Any) -> dict[str, Any]:
    """What this software wrote into a graph's metadata; empty for graphs of others."""
    text = (graph.metadata or {}).get(OURS)
    if text is None:
        return {}
    try:
        found = json.loads(text.decode() if isinstance(text, bytes) else text)
    except (TypeError, ValueError, AttributeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
