"""A NIR graph of any tool, read as what the chip can do: spiking layers in a row, then a readout.

Raises Unsupported, naming the node and the reason, for everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.interchange.interpreter import kind
from sw.interchange.package import LARGEST_VALUE, Unsupported
from sw.printable import short

Floats = NDArray[np.float64]

ROUNDING = 1e-6
"""Of parameters in 32-bit floats."""
REASONS = {
    "IF": "it never leaks; the chip's gamma reaches 255/256 (use a LIF)",
    "I": "it never leaks; the chip's gamma reaches 255/256 (use a LIF)",
    "CubaLIF": "it has a synaptic current; the chip's neurons have a membrane alone (use a LIF)",
    "CubaLI": "it has a synaptic current; the chip's neurons have a membrane alone (use a LIF)",
    "Delay": "the chip's synapses have no delays",
    "NIRGraph": "a graph within the graph: recurrence, which the chip has not",
    **{
        name: "the chip's layers are fully connected; unroll it into a Linear"
        for name in ("Conv1d", "Conv2d", "SumPool2d", "AvgPool2d")
    },
}


@dataclass(frozen=True)
class Stage:
    """A spiking layer in real numbers: v = gamma u + W x, a spike where v > threshold."""

    node: str
    """The node that gives its spikes."""
    weight: Floats
    """[neurons, inputs]."""
    gamma: Floats
    """[neurons]."""
    threshold: Floats
    """[neurons]."""
    subtract: Floats | None
    """[neurons]: taken off the membrane after a spike. None: the membrane is set to zero."""

    @property
    def neurons(self) -> int:
        """How many."""
        return len(self.weight)


@dataclass(frozen=True)
class Layers:
    """A whole network in real numbers."""

    stages: list[Stage]
    node: str
    """Where the readout comes from."""
    weight: Floats
    """Of the readout, [classes, neurons]."""
    bias: Floats
    counts: bool = False
    """The graph ended in spikes: this readout counts them."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, neurons of each layer, classes."""
        first = self.stages[0].weight if self.stages else self.weight
        return (first.shape[1], *(stage.neurons for stage in self.stages), len(self.weight))


@dataclass(frozen=True)
class _Weight:
    """A weight on its way to the neurons it belongs to."""

    node: str
    weight: Floats
    bias: Floats


def recognise(graph: Any, *, dt: float) -> Layers:
    """The layers of a graph whose neurons take Euler steps of `dt` seconds."""
    with np.errstate(all="ignore"):  # `_finite` says what is wrong, and where
        return _finite(_Walk(graph, dt).run())


class _Walk:
    """From the input to the output, one node after the other."""

    def __init__(self, graph: Any, dt: float) -> None:
        self.graph, self.dt = graph, dt
        self.targets: dict[str, list[str]] = {name: [] for name in graph.nodes}
        for source, target in graph.edges:
            self.targets[source].append(target)
        self.stages: list[Stage] = []
        self.waiting: _Weight | None = None
        """The weight that the next neurons get their input by."""
        self.factor: Floats = np.ones(1)
        """Of the values on their way to the next weight."""

    def run(self) -> Layers:
        """Walk, and return the layers."""
        starts = [name for name, node in self.graph.nodes.items() if kind(node) == "Input"]
        if len(starts) != 1:
            raise Unsupported(
                f"{len(starts)} inputs ({short(', '.join(starts))}): the chip has one"
            )
        at, seen = starts[0], set()
        while kind(self.graph.nodes[at]) != "Output":
            if at in seen:
                raise Unsupported(f"node {at}: recurrence, which the chip has not")
            seen.add(at)
            at = self._next(self._take(at))
        return self._readout(at)

    def _next(self, name: str) -> str:
        targets = self.targets[name]
        if len(targets) != 1:
            many = f"feeds {short(', '.join(targets))}" if targets else "feeds nothing"
            raise Unsupported(f"node {name} {many}: the chip's layers follow one another")
        return targets[0]

    def _take(self, name: str) -> str:
        """Take in a node (or the nodes of one neuron); returns the last of them."""
        node = self.graph.nodes[name]
        if kind(node) in ("Input", "Flatten"):
            return name
        if kind(node) in ("Linear", "Affine"):
            self._weigh(name, node)
        elif kind(node) == "Scale":
            self._scale(name, np.ravel(np.asarray(node.scale, np.float64)))
        elif kind(node) == "LIF":
            weight, gamma = self._membrane(name, node)
            self._reset_is_zero(name, node, len(weight))
            threshold = _each(name, node.v_threshold, len(weight))
            self._add(Stage(name, weight, gamma, threshold, None))
        elif kind(node) == "LI":
            return self._soft(name, node)
        else:
            raise Unsupported(f"node {name} ({kind(node)}): {REASONS.get(kind(node), 'unknown')}")
        return name

    def _weigh(self, name: str, node: Any) -> None:
        if self.waiting is not None:
            raise Unsupported(
                f"node {name}: a weight right after {self.waiting.node}; multiply them into one"
            )
        weight = np.asarray(node.weight, np.float64)
        if weight.ndim != 2:
            raise Unsupported(f"node {name}: a weight of {weight.ndim} dimensions, not 2")
        if self.stages and weight.shape[1] != self.stages[-1].neurons:
            raise Unsupported(
                f"node {name}: {weight.shape[1]} inputs after {self.stages[-1].neurons} neurons"
            )
        if not weight.size:
            raise Unsupported(f"node {name}: a weight of shape {weight.shape} has nothing in it")
        bias = _each(name, getattr(node, "bias", 0.0), len(weight))
        self.waiting = _Weight(name, weight * _each(name, self.factor, weight.shape[1]), bias)
        self.factor = np.ones(1)

    def _scale(self, name: str, scale: Floats) -> None:
        if self.waiting is None:
            self.factor = self.factor * _each(name, scale, max(len(scale), len(self.factor)))
        else:
            scale = _each(name, scale, len(self.waiting.weight))
            weight = self.waiting.weight * scale[:, None]
            self.waiting = replace(self.waiting, weight=weight, bias=self.waiting.bias * scale)

    def _membrane(self, name: str, node: Any) -> tuple[Floats, Floats]:
        """Weights and gamma [neurons] of a leaky node, the waiting weight being its input."""
        waiting, self.waiting = self.waiting, None
        if waiting is None:
            raise Unsupported(f"node {name}: no weight before it; put a Linear there")
        neurons = len(waiting.weight)
        pull = self.dt / _each(name, node.tau, neurons)
        if np.any(pull <= 0) or np.any(pull > 1 + ROUNDING):
            raise Unsupported(
                f"node {name}: tau of {np.min(node.tau):g} s and steps of {self.dt:g} s give no "
                "gamma between 0 and 1; say how long a step is: --dt"
            )
        if np.any(_each(name, node.v_leak, neurons)):
            raise Unsupported(f"node {name}: v_leak is not 0; the chip's membranes leak to 0")
        if np.any(waiting.bias):
            raise Unsupported(
                f"node {waiting.node}: a bias of up to {np.abs(waiting.bias).max():g}; the chip has "
                "a bias in its readout alone; train without"
            )
        pull = np.minimum(pull, 1.0)
        gain = pull * _each(name, node.r, neurons)
        return waiting.weight * gain[:, None], 1 - pull

    @staticmethod
    def _reset_is_zero(name: str, node: Any, neurons: int) -> None:
        if np.any(_each(name, node.v_reset, neurons)):
            raise Unsupported(f"node {name}: v_reset is not 0; the chip resets to 0")

    def _soft(self, name: str, node: Any) -> str:
        """LI, threshold and feedback: reset by subtraction. Returns the threshold's node."""
        ahead = self.targets[name]
        spikes = ahead[0] if len(ahead) == 1 else ""
        if not spikes or kind(self.graph.nodes[spikes]) != "Threshold":
            raise Unsupported(
                f"node {name} (LI): a leaky value that is not a neuron's; the chip's readout adds up "
                "without a leak: end with the Linear or Affine before it"
            )
        weight, gamma = self._membrane(name, node)
        back = [target for target in self.targets[spikes] if self.targets[target] == [name]]
        if len(back) != 1:
            raise Unsupported(
                f"node {spikes}: nothing resets {name} after a spike; the chip always does"
            )
        drive = self.graph.nodes[back[0]]
        matrix = np.asarray(getattr(drive, "weight", np.zeros((0, 0))), np.float64)
        diagonal = np.diag(matrix) if kind(drive) == "Linear" else np.zeros(0)
        if matrix.shape != (len(weight),) * 2 or not np.array_equal(matrix, np.diag(diagonal)):
            raise Unsupported(
                f"node {back[0]}: a feedback that is not a reset (a diagonal Linear); "
                "the chip has no recurrence"
            )
        threshold = _each(spikes, self.graph.nodes[spikes].threshold, len(weight))
        drop = -(1 - gamma) * _each(name, node.r, len(weight)) * diagonal
        forgets = gamma < ROUNDING  # what a neuron forgets at once, nothing need be taken off
        subtract = np.where(forgets, threshold, drop / np.maximum(gamma, ROUNDING))
        self._add(Stage(spikes, weight, gamma, threshold, subtract))
        self.targets = self.targets | {
            spikes: [target for target in self.targets[spikes] if target != back[0]]
        }
        return spikes

    def _add(self, stage: Stage) -> None:
        if np.any(stage.threshold <= 1 / LARGEST_VALUE):
            raise Unsupported(f"node {stage.node}: a threshold of 0 or less; the chip's is above 0")
        self.stages.append(stage)

    def _readout(self, output: str) -> Layers:
        if self.waiting is not None:
            last = self.waiting
            return Layers(self.stages, last.node, last.weight, last.bias)
        if not self.stages:
            raise Unsupported(f"node {output}: nothing but an input before it")
        classes = self.stages[-1].neurons
        return Layers(
            self.stages,
            self.stages[-1].node,
            np.eye(classes) * self.factor,
            np.zeros(classes),
            True,
        )


def _finite(layers: Layers) -> Layers:
    """The layers, if all that was computed of their numbers is one. Raises Unsupported."""
    for stage in layers.stages:
        for name in ("weight", "gamma", "threshold", "subtract"):
            values = getattr(stage, name)
            if values is not None and not np.isfinite(values).all():
                raise Unsupported(f"node {stage.node}: its {name} comes out as no number")
    for values in (layers.weight, layers.bias):
        if not np.isfinite(values).all():
            raise Unsupported(f"node {layers.node}: its weight comes out as no number")
    return layers


def _each(name: str, value: Any, neurons: int) -> Floats:
    """A parameter for each neuron: it may be one for all."""
    values = np.ravel(np.asarray(value, np.float64))
    if len(values) not in (1, neurons):
        raise Unsupported(f"node {name}: a parameter of {len(values)} values for {neurons} neurons")
    return values * np.ones(neurons)
