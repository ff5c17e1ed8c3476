"""A sample run again, step by step: on two devices to their first difference, or into a waveform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.layers import ENTRY_WORDS
from golden.spec.registers import Space
from sw.device import Channel, Device, SampleLike, Weights
from sw.link import SimulatedTransport
from sw.shadow.difference import CLASSIFIER, Difference, differing, weights_differ


@dataclass(frozen=True)
class State:
    """All that the result of a sample depends on, beside the sample."""

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


def first_difference(
    device: Device, twin: Device, sample: SampleLike, *, learn: bool
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
    if layer in weights[0].classifiers:
        mine, other = (each.classifiers[layer] for each in weights)
        yield CLASSIFIER, mine, other


def dump(device: Device, state: State, sample: SampleLike, *, learn: bool, path: Path) -> list[int]:
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
