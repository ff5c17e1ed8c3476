"""A sample run again on two devices, step by step, to the first place where they differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.layers import ENTRY_WORDS
from golden.spec.registers import Space
from golden.spec.samples import Result
from sw.device.channel import Channel
from sw.device.device import Device, Weights
from sw.device.identity import Frames
from sw.link.simulated import SimulatedTransport


@dataclass(frozen=True)
class Difference:
    """The first differing value of a signal, by where it is."""

    signal: str
    """pre trace, weight, membrane, spike, post trace, or score."""
    layer: int
    neuron: int | None
    row: int | None
    """Input row, for a pre trace or a weight."""
    step: int | None
    """None: found between samples."""
    values: tuple[int, int]
    """Of the device, of its shadow."""
    count: int
    """Values of this signal that differ."""

    def __str__(self) -> str:
        places = (("layer", self.layer), ("neuron", self.neuron), ("row", self.row))
        where = [f"{name} {at}" for name, at in (*places, ("step", self.step)) if at is not None]
        one, two = self.values
        return f"{self.signal} of {', '.join(where)}: {one}, not {two} ({self.count} differ)"


@dataclass(frozen=True)
class State:
    """All that a sample starts from."""

    weights: Weights
    noise_state: int
    table: NDArray[np.uint16]
    """The layer table, rates included."""

    @classmethod
    def of(cls, device: Device) -> State:
        """Read it off a device."""
        table = device.read(Space.LAYERS, 0, len(device.layers) * ENTRY_WORDS)
        return cls(Device.read_weights(device), device.noise_state, table)

    def restore(self, device: Device) -> None:
        """Write it to a device."""
        device.write_weights(self.weights)
        device.noise_state = self.noise_state
        device.write(Space.LAYERS, 0, self.table)


def differing(
    signal: str, layer: int, step: int | None, one: NDArray[Any], two: NDArray[Any]
) -> Difference | None:
    """Compare a signal's values: [neurons], or with rows first [rows] or [rows, neurons]."""
    places = np.argwhere(one != two)
    if not len(places):
        return None
    first = tuple(int(at) for at in places[0])
    row = first[0] if signal in ("pre trace", "weight") else None
    neuron = None if signal == "pre trace" else first[-1]
    values = (int(one[first]), int(two[first]))
    return Difference(signal, layer, neuron, row, step, values, len(places))


def weights_differ(one: Weights, two: Weights, step: int | None = None) -> Difference | None:
    """The weight that is furthest off, of the first layer with any."""
    for layer, (mine, other) in enumerate(zip(one, two, strict=True)):
        off = np.abs(mine - other)
        if off.any():
            row, neuron = (int(at) for at in np.unravel_index(off.argmax(), off.shape))
            values = (int(mine[row, neuron]), int(other[row, neuron]))
            return Difference(
                "weight", layer, neuron, row, step, values, int(np.count_nonzero(off))
            )
    return None


def results_differ(one: Result, two: Result, readout: int) -> Difference | None:
    """Spikes of a layer over the sample, or a class's score. Cycles are no part of it."""
    for layer, (mine, other) in enumerate(zip(one.spikes, two.spikes, strict=True)):
        if mine != other:
            return Difference("spikes", layer, None, None, None, (mine, other), 1)
    scores = differing("score", readout, None, np.array(one.scores), np.array(two.scores))
    if scores is None and one.prediction != two.prediction:
        pair = (one.prediction, two.prediction)
        return Difference("class", readout, None, None, None, pair, 1)
    return scores


def first_difference(
    device: Device, twin: Device, sample: Frames, *, learn: bool
) -> Difference | None:
    """Run a sample on both, step by step; where they first differ, in the order data flows."""
    both = (device, twin)
    for step, _ in zip(*(Device.step_through(d, sample, learn=learn) for d in both), strict=True):
        weights = [Device.read_weights(d) for d in both]
        for layer in range(len(device.layers)):
            for signal, one, two in _signals(both, weights, layer):
                if found := differing(signal, layer, step, one, two):
                    return found
    return weights_differ(Device.read_weights(device), Device.read_weights(twin))


def _signals(
    both: tuple[Device, Device], weights: list[Weights], layer: int
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    one, two = both
    yield "pre trace", one.traces(layer), two.traces(layer)
    yield "weight", weights[0][layer], weights[1][layer]
    yield "membrane", one.membranes(layer), two.membranes(layer)
    yield "spike", one.spikes(layer), two.spikes(layer)
    if one.layers[layer].post_gain:
        yield "post trace", one.post_traces(layer), two.post_traces(layer)


def dump(device: Device, state: State, sample: Frames, *, learn: bool, path: Path) -> list[int]:
    """Run a sample from `state` on a fresh board like the simulated one, every signal to a VCD file.

    Returns the file's time at the start of each step and at the end, two units a clock cycle.
    Raises LinkError when the board cannot be built.
    """
    assert device.network is not None
    assert isinstance(device.channel.transport, SimulatedTransport)
    transport = device.channel.transport.again()
    with Device(Channel(transport), device.config) as board:
        board.load(device.network, state.weights)
        state.restore(board)
        transport.start_trace(path)
        times = [2 * transport.cycles]
        for _ in board.step_through(sample, learn=learn):
            times.append(2 * transport.cycles)
    return times
