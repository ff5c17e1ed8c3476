"""What a network is worth after it was quantised: it runs before and after, on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.data import Sample
from sw.device import Device, Weights
from sw.interchange.interpreter import run_graph
from sw.interchange.recognise import Layers
from sw.interchange.spikes import chip_answer
from sw.parts import model_core

SILENT, SATURATED = 0.1, 0.9
"""Silent: less than this part of the rate it had. Saturated: fires in more than this part of steps."""
NOISE_SAMPLES, NOISE_STEPS, NOISE_RATE = 4, 20, 0.1


@dataclass(frozen=True)
class Activity:
    """Spikes per neuron and step of a layer, and neurons that never fire."""

    node: str
    before: float
    """In the graph, in floating point."""
    after: float
    """On the chip."""
    mute_before: float
    """Part of the neurons without a spike."""
    mute_after: float

    @property
    def warning(self) -> str:
        """What is wrong with the layer; empty when nothing is."""
        if self.before > 0 and self.after < SILENT * self.before:
            return "falls silent: its weights are too small for the chip's bits; scale them up"
        if self.after > SATURATED:
            return "saturates: nearly every neuron fires in every step; lower its weights"
        if self.mute_after > 0.5 and self.mute_after > 2 * self.mute_before:
            return "many neurons that fired do not fire any more"
        if self.before == self.after == 0:
            return "does not fire on these samples, in the graph neither"
        return ""


def noise(network: Network, seed: int) -> list[Sample]:
    """Random samples, for a network without a data set."""
    rng = np.random.default_rng(seed)
    return [
        Sample(rng.random((NOISE_STEPS, network.inputs)) < NOISE_RATE, 0, f"noise {number}")
        for number in range(NOISE_SAMPLES)
    ]


def activity(
    graph: Any,
    layers: Layers,
    network: Network,
    weights: Weights,
    core: CoreConfig,
    samples: Sequence[Sample],
    *,
    dt: float,
) -> tuple[list[Activity], float]:
    """Every layer's activity, and the part of samples that keep their class.

    The graph runs in floating point, the chip's integers on the integer model.
    """
    nodes = [stage.node for stage in layers.stages]
    before = [run_graph(graph, sample.frames.astype(np.bool_), dt=dt) for sample in samples]
    with Device.open("golden", config=model_core(network, core)) as device:
        device.load(network, weights)
        after = [chip_answer(device, sample) for sample in samples]
    found = []
    for index, node in enumerate(nodes):
        one = np.concatenate([values[node] > 0 for values in before])
        two = np.concatenate([answer.spikes[index] for answer in after])
        mute = [float(np.mean(~spikes.any(axis=0))) for spikes in (one, two)]
        found.append(Activity(node, float(one.mean()), float(two.mean()), *mute))
    logits = [values[layers.node].sum(axis=0) for values in before]
    same = [int(a.argmax()) == b.prediction for a, b in zip(logits, after, strict=True)]
    return found, float(np.mean(same))
