"""The same graph in other people's simulators. Needs an environment with them: see docs/interchange.md.

| simulator | reset to zero                           | reset by subtraction                          |
|-----------|-----------------------------------------|-----------------------------------------------|
| snnTorch  | its own loader                          | built here: RLeaky with a feedback of -gamma theta |
| Norse     | its own loader, with dt                 | none: its loader knows no Threshold           |
| sinabs    | built here: LIF, MembraneReset          | built here: LIF, MembraneSubtract             |

sinabs' own loader takes tau for a number of steps of exp(-1/tau), which is not Euler's step: hence
tau = -1 / ln gamma here. Its neurons fire at v >= threshold, the chip's at v > theta; a threshold
between two whole numbers (sw.interchange.export.MARGIN) makes that the same.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw.interchange.package import Unsupported, step_seconds
from sw.interchange.recognise import Layers, Stage, recognise
from sw.interchange.spikes import Answer
from sw.interchange.verify import Runner
from sw.printable import short
from sw.run import FileError

Step = Callable[[Any], tuple[list[Any], Any]]
"""From input spikes [1, inputs] to the spikes of every layer, and the readout."""


def other_simulator(name: str, graph: Any, nodes: Sequence[str]) -> Runner:
    """Runs the graph in `name`, a key of SIMULATORS.

    Raises FileError when it is not installed, Unsupported when it has no such network.
    """
    try:
        import torch

        begin = SIMULATORS[name](graph, list(nodes))
    except ImportError as error:
        raise FileError(
            f"{name} is not installed here ({error}); python -m tests.interop makes an environment "
            "that has it, run this command with its Python"
        ) from error

    def run(frames: Sequence[NDArray[np.bool_]]) -> list[Answer]:
        answers = []
        with torch.no_grad():
            for sample in frames:
                step = begin()
                inputs = torch.from_numpy(sample.astype(np.float32))
                steps = [step(inputs[t : t + 1]) for t in range(len(sample))]
                spikes = [
                    np.array([s[0][layer][0].numpy() > 0 for s in steps])
                    for layer in range(len(nodes))
                ]
                logits = np.array([s[1][0].numpy() for s in steps], np.float64)
                answers.append(Answer(spikes, logits))
        return answers

    return run


def _snntorch(graph: Any, nodes: list[str]) -> Callable[[], Step]:
    import snntorch
    import torch
    from snntorch.import_nir import import_from_nir

    layers = _layers(graph)
    if any(stage.subtract is None for stage in layers.stages):

        def load() -> Step:
            with contextlib.redirect_stdout(io.StringIO()):  # it says what it scales
                module = import_from_nir(deepcopy(graph))  # loaders change what they are given
            return _stateful(module, nodes)

        return load

    def build() -> Step:
        cells = [
            snntorch.RLeaky(
                beta=float(stage.gamma[0]),
                V=torch.tensor(-stage.gamma * _drop(stage), dtype=torch.float32),
                threshold=float(stage.threshold[0]),
                all_to_all=False,
                reset_mechanism="none",
            )
            for stage in layers.stages
        ]
        states = [cell.reset_mem() for cell in cells]

        def neuron(index: int, current: Any) -> Any:
            spikes, membrane = cells[index](current, *states[index])
            states[index] = (spikes, membrane)
            return spikes

        return _by_hand(layers, neuron)

    return build


def _norse(graph: Any, nodes: list[str]) -> Callable[[], Step]:
    import norse.torch

    if any(stage.subtract is not None for stage in _layers(graph).stages):
        raise Unsupported(
            "norse: its loader knows neither LI nor Threshold, which reset by subtraction takes; "
            "use --with snntorch or sinabs, or a graph of the hard form: export --reset hard"
        )

    def load() -> Step:
        module = norse.torch.from_nir(deepcopy(graph), dt=step_seconds(graph))
        heard = _listen(module, nodes)
        state: Any = None

        def step(frame: Any) -> tuple[list[Any], Any]:
            nonlocal state
            logits, state = module(frame, state)
            return [heard[name] for name in nodes], logits

        return step

    return load


def _sinabs(graph: Any, nodes: list[str]) -> Callable[[], Step]:
    import sinabs.layers
    import torch
    from sinabs.activation import MembraneReset, MembraneSubtract, SingleSpike

    layers = _layers(graph)
    if any(not 0 < gamma < 1 for stage in layers.stages for gamma in stage.gamma):
        raise Unsupported("sinabs: gamma of 0 has no time constant there")

    def build() -> Step:
        cells = [
            sinabs.layers.LIF(
                tau_mem=-1 / math.log(stage.gamma[0]),
                spike_threshold=torch.tensor(stage.threshold, dtype=torch.float32),
                spike_fn=SingleSpike,
                reset_fn=MembraneReset()
                if stage.subtract is None
                else MembraneSubtract(torch.tensor(stage.subtract, dtype=torch.float32)),
                norm_input=False,
            )
            for stage in layers.stages
        ]

        def neuron(index: int, current: Any) -> Any:
            return cells[index](current[:, None])[:, 0]

        return _by_hand(layers, neuron)

    return build


SIMULATORS: dict[str, Callable[[Any, list[str]], Callable[[], Step]]] = {
    "snntorch": _snntorch,
    "norse": _norse,
    "sinabs": _sinabs,
}
"""By name."""


def _layers(graph: Any) -> Layers:
    return recognise(graph, dt=step_seconds(graph))


def _drop(stage: Stage) -> Any:
    assert stage.subtract is not None
    return stage.subtract


def _by_hand(layers: Layers, neuron: Callable[[int, Any], Any]) -> Step:
    """Weights as matrices, neurons as given."""
    import torch

    weights = [torch.tensor(stage.weight, dtype=torch.float32) for stage in layers.stages]
    readout = torch.tensor(layers.weight, dtype=torch.float32)
    bias = torch.tensor(layers.bias, dtype=torch.float32)

    def step(frame: Any) -> tuple[list[Any], Any]:
        spikes = []
        for index, weight in enumerate(weights):
            frame = neuron(index, frame @ weight.T)
            spikes.append(frame)
        return spikes, frame @ readout.T + bias

    return step


def _stateful(module: Any, nodes: list[str]) -> Step:
    """A module that keeps its state."""
    heard = _listen(module, nodes)

    def step(frame: Any) -> tuple[list[Any], Any]:
        logits = module(frame)
        logits = logits[0] if isinstance(logits, tuple) else logits
        return [heard[name] for name in nodes], logits

    return step


def _listen(module: Any, nodes: list[str]) -> dict[str, Any]:
    """The last output of the named parts of a module."""
    heard: dict[str, Any] = {}

    def hook(name: str) -> Callable[..., None]:
        def keep(_: Any, __: Any, output: Any) -> None:
            heard[name] = output[0] if isinstance(output, tuple) else output

        return keep

    parts = dict(module.named_modules())
    for name in nodes:
        if name not in parts:
            raise Unsupported(f"node {name}: lost in loading; there are {short(', '.join(parts))}")
        parts[name].register_forward_hook(hook(name))
    return heard
