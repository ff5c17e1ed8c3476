"""A trained network as a NIR graph.

NIR neurons follow tau dv/dt = v_leak - v + R I. One Euler step of dt gives

    v[t] = (1 - dt/tau) v[t-1] + (dt/tau) R I[t]

which is the chip's v = gamma u + W x for tau = dt / (1 - gamma), R = 1 and weights W / (1 - gamma).

Reset to zero is NIR's LIF. NIR has no reset by subtraction, but the same spikes come from a leaky
integrator, a threshold, and a feedback of -gamma theta / (1 - gamma) that arrives one step later:

    weight -> membrane (LI) -> spikes (Threshold) -> ...
                 ^                 |
                 +---- reset <-----+     (Linear, diagonal)

A threshold lies between two whole numbers of weight units, where the chip cannot tell: v > 614 is
v > 614.58 when v is whole. Then no float, however it was rounded, sits on it: see MARGIN.

Nothing in NIR rounds. The chip rounds its leaked membranes to whole units, so a plain run of the graph
has, rarely, another spike. The metadata of every neuron node say what the chip's grid is; with them
`sw.interchange.interpreter` gives the chip's spikes, all of them.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.formats import FACTOR_BITS, MEMBRANE_BITS
from golden.spec.layers import Layer
from golden.spec.network import Network
from sw.device import Weights
from sw.interchange.package import DT, OURS, Unsupported, nir_package
from sw.parts import model_core

MARGIN = Fraction(7, 12)
"""Part of a unit above theta where a graph's threshold is: near the middle of two whole numbers, and
a third away from every sum of halves, quarters, 256ths, ... that a leaked membrane can be."""


def to_nir(
    network: Network, weights: Weights, core: CoreConfig, data: dict[str, Any] | None = None
) -> Any:
    """The graph (nir.NIRGraph) of a network with integer `weights` [rows, outputs].

    Args:
        network: its `reset` decides the form, LI with feedback (soft) or LIF (hard).
        weights: as the chip holds them.
        core: the core it was trained on; kept in the metadata, as the network is.
        data: the data set it was trained on, as in a run's config.json.

    Raises Unsupported for a network with convolutions, whose pooling of spikes no graph can say, and for
    one whose inputs carry values: golden spikes are of spikes.
    """
    if network.input_bits > 1:
        raise Unsupported(
            f"network {network.name}: graphs are written of networks whose inputs are spikes, these carry "
            "values; give a .safetensors or .npz file, which hold every network"
        )
    if network.stages:
        raise Unsupported(
            f"network {network.name}: graphs are written of flat layers only; "
            "give a .safetensors or .npz file, which hold every network"
        )
    nir = nir_package()
    nodes: dict[str, Any] = {"input": nir.Input(input_type={"input": np.array([network.inputs])})}
    edges, last = [], "input"
    for index, layer in enumerate(network.layers(model_core(network, core))[:-1]):
        unit = 2.0 ** -network.fraction(index)
        more, inner, out = _hidden(nir, index, layer, weights[index], unit)
        nodes |= more
        edges += [(last, f"weight_{index}"), *inner]
        last = out
    unit = 2.0 ** -network.fraction(len(network.hidden))
    readout = (weights[-1] * unit).astype(np.float32)
    nodes["readout"] = nir.Affine(weight=readout[:-1].T.copy(), bias=readout[-1])
    nodes["output"] = nir.Output(output_type={"output": np.array([network.classes])})
    edges += [(last, "readout"), ("readout", "output")]
    known = {"dt": DT, "network": network.as_dict(), "core": core.as_dict(), "data": data}
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata={OURS: json.dumps(known)})


def spiking_node(network: Network, index: int) -> str:
    """Name of the node that gives the spikes of hidden layer `index`."""
    return f"spikes_{index}"


def _hidden(
    nir: Any, index: int, layer: Layer, weights: NDArray[np.int32], unit: float
) -> tuple[dict[str, Any], list[tuple[str, str]], str]:
    """Nodes and edges of a hidden layer, and the node its spikes come from."""
    gamma = layer.leak / 2**FACTOR_BITS
    full = np.ones(layer.outputs, np.float32)
    weight = (weights.T * (unit / (1 - gamma))).astype(np.float32)
    threshold = full * np.float32(float(layer.theta + MARGIN) * unit)
    grid = {"unit": unit, "leak_bits": FACTOR_BITS, "state_bits": MEMBRANE_BITS}
    leaky = {"tau": full * np.float32(DT / (1 - gamma)), "r": full, "v_leak": 0 * full}
    enter, member, spikes, back = (
        f"{n}_{index}" for n in ("weight", "membrane", "spikes", "reset")
    )
    nodes = {enter: nir.Affine(weight=weight, bias=0 * full)}
    if layer.hard_reset:
        nodes[spikes] = nir.LIF(
            **leaky, v_threshold=threshold, v_reset=0 * full, metadata=dict(grid)
        )
        return nodes, [(enter, spikes)], spikes
    nodes[member] = nir.LI(**leaky, metadata=dict(grid))
    nodes[spikes] = nir.Threshold(threshold=threshold)
    feedback = -gamma * layer.theta * unit / (1 - gamma)
    nodes[back] = nir.Linear(weight=np.diag(full * np.float32(feedback)))
    return nodes, [(enter, member), (member, spikes), (spikes, back), (back, member)], spikes
