"""What one board does in a round, as a task: a function of the average, the samples and a noise state.

A process that runs tasks keeps the devices it has opened for the next ones. One that an error came from is
closed, so that the task, done again, finds it fresh or finds another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.samples import Result
from sw.data import Sample
from sw.data.bits import Bits, pack, unpack
from sw.device import Device, SampleLike, Weights
from sw.link import LinkError
from sw.run.tensors import from_tensors, to_tensors

Tensors = dict[str, NDArray[np.int16]]


@dataclass(frozen=True)
class Board:
    """Which device to take."""

    targets: tuple[str, ...]
    """Of several (serial ports) the first that nobody has, and that answers."""
    config: CoreConfig | None
    """What a model or simulation is built with, and a board has to be; None: what the board is."""
    baud: int


@dataclass(frozen=True)
class Part:
    """All that decides what a board does in a round."""

    number: int
    """Of the board."""
    board: Board
    network: Network
    weights: Tensors
    noise_state: int
    scale: float
    """Factor of the learning rates."""
    bits: list[Bits]
    """Samples, packed."""
    labels: list[int]
    learn: bool

    @staticmethod
    def pack(samples: Sequence[SampleLike]) -> tuple[list[Bits], list[int]]:
        """Samples as they travel."""
        return [pack(s.frames) for s in samples], [s.label for s in samples]

    @property
    def samples(self) -> list[Sample]:
        """The samples."""
        inputs = self.network.inputs
        pairs = zip(self.bits, self.labels, strict=True)
        return [Sample(unpack(bits, inputs), label, "") for bits, label in pairs]


@dataclass(frozen=True)
class Done:
    """What came of a part."""

    results: list[Result]
    weights: Weights
    noise_state: int
    counters: dict[str, int]
    """What the core counted meanwhile, by name."""
    link: dict[str, int]
    """The link's statistics, meanwhile."""


@dataclass(frozen=True)
class Identity:
    """Who a device is."""

    config: CoreConfig
    name: str
    about: str


def identify(board: Board) -> Identity:
    """Ask the device that this process takes. Raises LinkError, DeviceError."""
    device = take(board)
    transport = device.channel.transport
    give(replace(board, config=device.config), device)
    return Identity(device.config, transport.name, transport.about)


def do(part: Part) -> Done:
    """Learn the samples from the average on, or classify them. Raises LinkError, DeviceError."""
    device = take(part.board)
    try:
        done = _on(device, part)
    except BaseException:
        device.close()
        raise
    give(part.board, device)
    return done


def _on(device: Device, part: Part) -> Done:
    link, counters = dict(vars(device.channel.statistics)), device.counters()
    weights = from_tensors(part.weights)
    if device.network == part.network:
        device.write_weights(weights)
    else:
        device.load(part.network, weights)
    device.noise_state = part.noise_state
    device.set_rates(part.scale)
    results = [*device.run(part.samples, learn=part.learn)]
    if part.learn:
        weights = device.read_weights()
    return Done(
        results,
        weights,
        device.noise_state,
        grown(counters, device.counters()),
        grown(link, vars(device.channel.statistics)),
    )


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What was added, by name."""
    return {name: value - before[name] for name, value in after.items()}


def tensors(weights: Weights) -> Tensors:
    """Weights as they travel."""
    return to_tensors(weights)


_IDLE: dict[Board, list[Device]] = {}
"""Devices of this process that no task has in hand."""


def take(board: Board) -> Device:
    """A device of this process, or a fresh one. Raises LinkError, DeviceError."""
    if idle := _IDLE.get(board):
        return idle.pop()
    release()  # a port that another run has left open is free
    errors: list[LinkError] = []
    for target in board.targets:
        try:
            return Device.open(target, config=board.config, baud=board.baud)
        except LinkError as error:
            errors.append(error)
    raise errors[0] if len(errors) == 1 else LinkError(f"no board is free: {_all(errors)}")


def _all(errors: Sequence[Any]) -> str:
    return "; ".join(str(error) for error in errors)


def give(board: Board, device: Device) -> None:
    """Keep a device for the next task."""
    _IDLE.setdefault(board, []).append(device)


def release() -> None:
    """Let go of all devices that this process keeps."""
    for devices in _IDLE.values():
        while devices:
            devices.pop().close()
