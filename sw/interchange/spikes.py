"""Golden spikes: what the integer model answers to a few samples, in a file beside the graph.

Two answers are kept, spike for spike:

- chip: what the chip does. It rounds a leaked membrane to a whole unit and saturates it
- exact: the same network without these two, in whole numbers of any length, so without any error.
  This is what a graph says and what a floating point simulator should give
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.formats import FACTOR_BITS
from golden.spec.layers import Layer
from golden.spec.network import Network
from sw.data import Sample
from sw.data.npy import load_arrays
from sw.device import Device, Weights
from sw.interchange.export import MARGIN
from sw.parts import model_core
from sw.printable import reason
from sw.run import FileError, write_atomically


@dataclass(frozen=True)
class Answer:
    """What a network gives for one sample."""

    spikes: list[NDArray[np.bool_]]
    """[steps, neurons] of each hidden layer."""
    logits: NDArray[np.float64]
    """The readout, [steps, classes], in units of 1."""

    @property
    def prediction(self) -> int:
        """The class with the largest sum over the steps."""
        return int(self.logits.sum(axis=0).argmax())


@dataclass(frozen=True)
class GoldenSpikes:
    """Samples and both answers to each."""

    frames: list[NDArray[np.bool_]]
    """Input spikes, [steps, inputs] of each sample."""
    keys: list[str]
    """What the samples are called."""
    nodes: list[str]
    """The node of the graph that gives the spikes of each hidden layer."""
    chip: list[Answer]
    exact: list[Answer]
    graph: str = ""
    """SHA-256 of the graph's file."""

    def save(self, path: Path, graph: Path) -> None:
        """Write the file that belongs to the file of a graph. Raises FileError."""
        arrays: dict[str, NDArray[np.generic]] = {
            "about": np.array(
                json.dumps({"keys": self.keys, "nodes": self.nodes, "graph": sha256(graph)})
            )
        }
        for number, frames in enumerate(self.frames):
            arrays[f"{number}.frames"] = frames
            for name, answer in (("chip", self.chip[number]), ("exact", self.exact[number])):
                arrays[f"{number}.{name}.logits"] = answer.logits
                for node, spikes in zip(self.nodes, answer.spikes, strict=True):
                    arrays[f"{number}.{name}.{node}"] = spikes
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file. Raises FileError."""
        try:
            file = load_arrays(path)
            about = json.loads(str(file["about"]))
            numbers = range(len(about["keys"]))
            answers = [
                [
                    Answer(
                        [file[f"{n}.{name}.{node}"] for node in about["nodes"]],
                        file[f"{n}.{name}.logits"],
                    )
                    for n in numbers
                ]
                for name in ("chip", "exact")
            ]
            frames = [file[f"{n}.frames"] for n in numbers]
            chip, exact = answers
            return cls(frames, about["keys"], about["nodes"], chip, exact, about["graph"])
        except FileNotFoundError as error:
            raise FileError(
                f"{path}: no such file; golden spikes are written beside a graph by export, "
                "keep the two together"
            ) from error
        except Exception as error:  # whatever the damage leads to
            raise FileError(f"{path}: not golden spikes ({reason(error)}); export again") from error


def golden_path(graph: Path) -> Path:
    """Where the golden spikes of a graph are: net.nir has net.golden.npz."""
    return graph.with_suffix(".golden.npz")


def sha256(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def record(
    network: Network, weights: Weights, core: CoreConfig, samples: Sequence[Sample]
) -> tuple[list[Answer], list[Answer]]:
    """The chip's answers, from the integer model, and the exact ones."""
    with Device.open("golden", config=model_core(network, core)) as device:
        device.load(network, weights)
        chip = [chip_answer(device, sample) for sample in samples]
        frames = [sample.frames.astype(np.bool_) for sample in samples]
        return chip, [exact_answer(network, weights, device.layers, each) for each in frames]


def chip_answer(device: Device, sample: Sample) -> Answer:
    """A device's answer, read off after every step."""
    assert device.network is not None
    hidden = range(len(device.network.hidden))
    one = 2.0**device.network.readout_fraction
    steps = [
        ([device.spikes(layer) for layer in hidden], device.membranes(len(hidden)) / one)
        for _ in device.step_through(sample)
    ]
    spikes = [np.array([step[0][layer] for step in steps]) for layer in hidden]
    return Answer(spikes, np.array([step[1] for step in steps]))


def exact_answer(
    network: Network, weights: Weights, layers: list[Layer], frames: NDArray[np.bool_]
) -> Answer:
    """The answer without rounding and saturation.

    Membranes of step t are whole multiples of 2^(-8 t) weight units: Python's integers hold them.
    """
    found, given = [], frames
    for layer, values in zip(layers[:-1], weights, strict=False):
        given = _exact_layer(layer, given.astype(np.int64) @ values)
        found.append(given)
    logits = given.astype(np.int64) @ weights[-1][:-1] + weights[-1][-1]
    return Answer(found, logits / 2.0**network.readout_fraction)


def _exact_layer(layer: Layer, sums: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Spikes [steps, neurons] for row sums of the same shape."""
    above = layer.theta + MARGIN
    kept, one, spikes = np.zeros(sums.shape[1], object), 1, []
    for total in sums.astype(object):
        v = total * one + layer.leak * kept
        fired = (v * above.denominator > above.numerator * one).astype(bool)
        spikes.append(fired)
        kept = np.where(fired, 0 if layer.hard_reset else v - layer.theta * one, v)
        one <<= FACTOR_BITS
    return np.array(spikes)
