"""NIR graphs in NumPy: enough of them for networks of this chip, step by step, in 64-bit floats.

Every node is evaluated once a step, after those it hears from. An edge that closes a circle carries
what its source gave one step earlier. Neurons take one Euler step of `dt` and start from zero.

With `rounded`, membranes of nodes whose metadata hold the chip's grid (see sw.interchange.export) are
rounded and saturated as the chip does it. Otherwise the graph is what NIR says it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.interchange.package import Unsupported
from sw.printable import reason

Floats = NDArray[np.float64]


def run_graph(
    graph: Any, frames: NDArray[np.bool_], *, dt: float, rounded: bool = False
) -> dict[str, Floats]:
    """What every node gives: float64[steps, ...] by name, for `frames` bool[steps, inputs].

    Raises Unsupported for a node this interpreter does not know, or whose numbers do not fit.
    """
    try:
        with np.errstate(all="ignore"):
            return _run(graph, frames, dt, rounded)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, Unsupported):
            raise
        raise Unsupported(f"the graph does not run: {reason(error)}") from error


def _run(graph: Any, frames: NDArray[np.bool_], dt: float, rounded: bool) -> dict[str, Floats]:
    """`run_graph`, raising whatever NumPy does."""
    order, late = schedule(graph)
    nodes = {name: _Node(name, graph.nodes[name], dt, rounded) for name in order}
    sources: dict[str, list[str]] = {name: [] for name in order}
    for source, target in graph.edges:
        if source in sources and target in sources:
            sources[target].append(source)
    given: dict[str, list[Floats]] = {name: [] for name in order}
    for step, frame in enumerate(frames.astype(np.float64)):
        for name in order:
            heard = [
                given[source][step - delay]
                for source in sources[name]
                if step >= (delay := int((source, name) in late))
            ]
            given[name].append(nodes[name](frame if not sources[name] else sum(heard)))
    return {name: np.array(values) for name, values in given.items()}


def schedule(graph: Any) -> tuple[list[str], set[tuple[str, str]]]:
    """Nodes in the order of evaluation, and the edges that close a circle."""
    targets: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for source, target in graph.edges:
        targets[source].append(target)
    done: list[str] = []
    under_way: list[str] = []
    late: set[tuple[str, str]] = set()

    def visit(name: str) -> None:
        under_way.append(name)
        for target in targets[name]:
            if target in under_way:
                late.add((name, target))
            elif target not in done:
                visit(target)
        under_way.remove(name)
        done.append(name)

    for name, node in graph.nodes.items():
        if kind(node) == "Input":
            visit(name)
    return done[::-1], late


def kind(node: Any) -> str:
    """Type of a node, as NIR names it."""
    return type(node).__name__


class _Node:
    """A node and its membrane."""

    def __init__(self, name: str, node: Any, dt: float, rounded: bool) -> None:
        self.node, self.dt = node, dt
        self.grid: Mapping[str, Any] = (node.metadata or {}) if rounded else {}
        self.membrane: Floats | float = 0.0
        self.step = getattr(self, f"_{kind(node).lower()}", None)
        if self.step is None:
            raise Unsupported(f"node {name}: the interpreter knows no {kind(node)}")

    def __call__(self, current: Any) -> Floats:
        """Its output of one step."""
        assert self.step is not None
        return np.asarray(self.step(current), np.float64)

    def _input(self, current: Any) -> Any:
        return current

    _output = _input

    def _flatten(self, current: Any) -> Any:
        return np.ravel(current)

    def _scale(self, current: Any) -> Any:
        return current * self._value("scale")

    def _linear(self, current: Any) -> Any:
        return self._value("weight") @ current

    def _affine(self, current: Any) -> Any:
        return self._value("weight") @ current + self._value("bias")

    def _threshold(self, current: Any) -> Any:
        return current > self._value("threshold")

    def _li(self, current: Any) -> Any:
        self.membrane = self._leak(current)
        return self.membrane

    def _lif(self, current: Any) -> Any:
        v = self._leak(current)
        spikes = v > self._value("v_threshold")
        self.membrane = np.where(spikes, self._value("v_reset"), v)
        return spikes

    def _leak(self, current: Any) -> Any:
        """v after one Euler step."""
        pull = self.dt / self._value("tau")
        drive = self._value("v_leak") + self._value("r") * current
        return self._on_grid((1 - pull) * self.membrane + pull * drive)

    def _on_grid(self, v: Any) -> Any:
        """v as the chip holds it: leaked to a multiple of 2^-leak_bits units, then rounded half up."""
        if not self.grid:
            return v
        unit, fine = float(self.grid["unit"]), 2.0 ** int(self.grid["leak_bits"])
        whole = np.floor(np.rint(v / unit * fine) / fine + 0.5)
        top = 2 ** (int(self.grid["state_bits"]) - 1)
        return np.clip(whole, -top, top - 1) * unit

    def _value(self, name: str) -> Floats:
        value = np.asarray(getattr(self.node, name), np.float64)
        return value if name == "weight" or value.ndim < 2 else value.ravel()
