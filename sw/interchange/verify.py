"""Does a graph give the golden spikes? Counts what differs, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.interchange.interpreter import run_graph
from sw.interchange.package import Unsupported, step_seconds
from sw.interchange.spikes import Answer, GoldenSpikes
from sw.printable import short

Runner = Callable[[Sequence[NDArray[np.bool_]]], list[Answer]]
"""Answers to samples, by whatever runs the graph."""


@dataclass(frozen=True)
class Difference:
    """One layer of one comparison, over all samples."""

    name: str
    """The node."""
    values: int
    """Neurons x steps x samples."""
    spikes: int
    """Of them golden spikes."""
    wrong: int
    """Of them different."""


@dataclass(frozen=True)
class Comparison:
    """One way to run the graph against one set of golden spikes."""

    what: str
    layers: list[Difference]
    predictions: int
    """Samples with another class."""
    logits: float
    """Largest difference of a readout value, in units of 1."""

    @property
    def wrong(self) -> int:
        """Spikes and predictions that differ."""
        return sum(layer.wrong for layer in self.layers) + self.predictions


def compare(
    what: str, nodes: Sequence[str], golden: Sequence[Answer], found: Sequence[Answer]
) -> Comparison:
    """Count. Raises Unsupported when the two are not of one network."""
    for one, two in zip(golden, found, strict=False):
        shapes = [
            [array.shape for array in (*answer.spikes, answer.logits)] for answer in (one, two)
        ]
        if shapes[0] != shapes[1] or len(one.spikes) != len(nodes) or len(golden) != len(found):
            raise Unsupported("the golden spikes are not of this graph: their shapes differ")
    pairs = list(zip(golden, found, strict=True))
    layers = []
    for index, name in enumerate(nodes):
        ones = np.concatenate([answer.spikes[index].ravel() for answer in golden])
        others = np.concatenate([answer.spikes[index].ravel() for answer in found])
        wrong = int(np.count_nonzero(ones != others))
        layers.append(Difference(name, ones.size, int(ones.sum()), wrong))
    return Comparison(
        what,
        layers,
        sum(one.prediction != two.prediction for one, two in pairs),
        max((float(np.abs(one.logits - two.logits).max()) for one, two in pairs), default=0.0),
    )


def interpreter(graph: Any, nodes: Sequence[str], *, rounded: bool) -> Runner:
    """Runs the graph in NumPy. `rounded`: with the chip's rounding, as its metadata say."""
    dt = step_seconds(graph)
    last = [source for source, target in graph.edges if target in graph.outputs]
    missing = [name for name in nodes if name not in graph.nodes]
    if missing or len(last) != 1:
        raise Unsupported(
            f"the golden spikes are of nodes {short(', '.join(nodes))}, the graph has "
            f"{short(', '.join(graph.nodes))}: they are not of this graph"
        )

    def run(frames: Sequence[NDArray[np.bool_]]) -> list[Answer]:
        answers = []
        for sample in frames:
            given = run_graph(graph, sample, dt=dt, rounded=rounded)
            answers.append(Answer([given[name] > 0 for name in nodes], given[last[0]]))
        return answers

    return run


def in_numpy(graph: Any, golden: GoldenSpikes) -> list[Comparison]:
    """The graph as it is against the exact spikes, and on the chip's grid against the chip's."""
    plain = interpreter(graph, golden.nodes, rounded=False)(golden.frames)
    rounded = interpreter(graph, golden.nodes, rounded=True)(golden.frames)
    return [
        compare("graph / exact spikes", golden.nodes, golden.exact, plain),
        compare(
            "graph with the chip's rounding / chip's spikes", golden.nodes, golden.chip, rounded
        ),
    ]


def rounding(golden: GoldenSpikes) -> Comparison:
    """How far the chip's rounding takes it from the exact spikes: a fact, not a fault."""
    return compare("exact spikes / chip's spikes", golden.nodes, golden.chip, golden.exact)
