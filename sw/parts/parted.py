"""A device whose network is larger than its core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Self

import numpy as np
from numpy.typing import NDArray

from golden.part import GoldenPart
from golden.parts import Given, Ran, Runs, joined, noise_seeds, run_block
from golden.spec.config import CoreConfig
from golden.spec.cutting import cut
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from golden.spec.packing import pack_signs
from golden.spec.parts import Part
from golden.spec.registers import Space
from golden.spec.room import with_room
from golden.spec.samples import Result
from golden.spec.weights import Weights
from sw.device import Device, DeviceError, SampleLike, Series, chip_frames
from sw.device.classifiers import check_classifiers
from sw.device.identity import tell_full
from sw.device.inputs import check_sample
from sw.device.rows import check_weights
from sw.device.sample_store import OnPart
from sw.link import GoldenTransport
from sw.native.part import NativePart
from sw.parts.keeping import Allocator
from sw.parts.linked import LinkedPart

BLOCK, BLOCK_HERE = 100, 8
"""Samples that go through a part before the next one comes: over a link, and in this process."""


class Parted(Device):
    """A device that runs a network part by part. Used like one that holds it whole.

    What parts do not have in common (single steps, membranes, traces) raises DeviceError.
    """

    block: int = BLOCK
    """Samples that go through a part at a time. It changes no bit."""
    parts: tuple[Part, ...] = ()
    """Those of the network that is loaded, in the order in which they run."""
    _runs: Sequence[Runs] = ()

    @classmethod
    def over(cls, device: Device) -> Self:
        """With the channel of a device, which is then its own."""
        parted = cls(device.channel, device.config)
        parted.block = BLOCK_HERE if parted._here else BLOCK
        return parted

    @property
    def cut(self) -> tuple[str, ...]:
        """The parts that its network runs in."""
        return tuple(map(str, self.parts))

    @property
    def _linked(self) -> list[LinkedPart]:
        """Parts that run behind a link."""
        return [run for run in self._runs if isinstance(run, LinkedPart)]

    @property
    def _here(self) -> bool:
        """The core is the integer model of this process: there is no link to bring parts over."""
        return isinstance(self.channel.transport, GoldenTransport)

    def as_model(self) -> Device:
        """An integer model that learns the same. Raises LinkError."""
        return Parted.over(super().as_model())

    def load(self, network: Network, weights: list[NDArray[np.int32]] | None = None) -> None:
        """Cut `network`, and take `weights`, or its initial ones.

        Raises DoesNotFit, DeviceError, ValueError.
        """
        self.parts = cut(network, self.config)
        allocator = Allocator(self.config)
        self._runs = [self._run_of(network, part, allocator) for part in self.parts]
        self.network, self.layers = network, []
        self.sample_store.clear()
        if not self._here:
            self.write(Space.SIGNS, 0, pack_signs(self.config, network.classes))
        self.noise_states = noise_seeds(network, len(self.parts))
        self.write_weights(network.initial_weights() if weights is None else weights)

    def restart(self) -> None:
        """Give up what is under way: weights that the board alone has are lost. Raises LinkError."""
        super().restart()
        for run in self._linked:
            run.kept.forget()

    def attach(self, network: Network) -> None:
        """Raises DeviceError: a device does not keep all parts."""
        raise DeviceError(
            f"network {network.name}: its core holds one part of it at a time; load it, without --keep"
        )

    def set_rates(self, scale: float) -> None:
        """Multiply the learning rates of the network by `scale` (0 to 1) from now on."""
        for run in self._runs:
            run.set_rates(scale)

    def write_weights(self, weights: list[NDArray[np.int32]]) -> None:
        """Take these weights: of every layer, and the classifiers that learn. Raises DeviceError."""
        network, given = self._loaded(), Weights.of(weights)
        check_weights(given, network.weight_shapes, self.config.weight_bits)
        check_classifiers(network, given.classifiers)
        zeros = {at: np.zeros(of, np.int32) for at, of in network.classifier_shapes.items()}
        whole = Weights(given, {at: given.classifiers.get(at, zero) for at, zero in zeros.items()})
        for part, run in zip(self.parts, self._runs, strict=True):
            run.write(part.share(whole))

    def read_weights(self) -> Weights:
        """The weights of the network: int32[rows, outputs] of every layer, and the classifiers that learn."""
        return joined(self._loaded(), self.parts, [run.read() for run in self._runs])

    @property
    def noise_state(self) -> int:
        """That of the first part."""
        return self._runs[0].noise_state

    @noise_state.setter
    def noise_state(self, value: int) -> None:
        self._runs[0].noise_state = value

    @property
    def noise_states(self) -> tuple[int, ...]:
        """Of every part, u32."""
        return tuple(run.noise_state for run in self._runs)

    @noise_states.setter
    def noise_states(self, values: Sequence[int]) -> None:
        if len(values) != len(self._runs):
            raise DeviceError(f"{len(values)} noise states, and {len(self._runs)} parts")
        for run, value in zip(self._runs, values, strict=True):
            run.noise_state = value

    def run(self, samples: Iterable[SampleLike], *, learn: bool) -> Iterator[Result]:
        """Run samples, a block at a time through all parts, and yield their results in order.

        Raises ValueError for a sample that the network cannot take, DeviceError, LinkError.
        """
        network, waiting = self._loaded(), iter(samples)
        total = len(self.parts)

        def run(number: int, given: Sequence[Given]) -> list[Ran]:
            self.on_part(number, total)
            return self._runs[number].run(given, learn=learn)

        while block := list(islice(waiting, self.block)):
            given = [Given(chip_frames(sample, network), sample.label) for sample in block]
            for result in run_block(self.parts, run, given, self.config.classes):
                tell_full(result, self.config)
                yield result

    def store_samples(self, samples: Series, on_part: OnPart | None = None) -> int:
        """Nothing: parts behind the first one take in spikes that no store has."""
        return 0

    def check(self, sample: SampleLike) -> None:
        """Raise ValueError for a sample that the network cannot take."""
        check_sample(sample, self._loaded())

    def counters(self) -> dict[str, int]:
        """What was counted, all parts together: each of them counts samples, steps and events."""
        counted = super().counters()
        for run in self._runs:
            for name, value in run.counters().items():
                counted[name] += value
        return counted

    def step_through(self, sample: SampleLike, *, learn: bool = False) -> Iterator[int]:
        """Raises DeviceError: parts have no step in common."""
        raise DeviceError(self._apart())

    def _state(self, space: Space, layer: int) -> NDArray[np.int32]:
        raise DeviceError(self._apart())

    def spikes(self, layer: int) -> NDArray[np.bool_]:
        """Raises DeviceError: no part is there after a sample."""
        raise DeviceError(self._apart())

    def traces(self, layer: int) -> NDArray[np.int32]:
        """Raises DeviceError: no part is there after a sample."""
        raise DeviceError(self._apart())

    def _apart(self) -> str:
        name = "" if self.network is None else f"network {self.network.name}: "
        return (
            f"{name}it runs in {len(self.parts)} parts, which have no step in common; look at it with "
            "--target golden"
        )

    def _run_of(self, network: Network, part: Part, allocator: Allocator) -> Runs:
        transport = self.channel.transport
        if not isinstance(transport, GoldenTransport):
            return LinkedPart(self, network, part, allocator)
        if transport.compiled:
            with suppress(ValueError):  # sums that 32 bits might not hold: NumPy has 64
                return NativePart(network, part, self.config)
        return GoldenPart(network, part, self.config)

    def __str__(self) -> str:
        tiles = sum(part.tile for part in self.parts)
        text = f"in {len(self.parts)} parts, {tiles} of them tiles of a layer"
        kept = sum(run.kept.on_board for run in self._linked)
        there = (
            f"; the board's memory keeps {'all' if kept == len(self.parts) else kept}"
            if kept
            else ""
        )
        return f"{text}: the core holds one at a time{there}"


def holding(device: Device, network: Network) -> Device:
    """A device for a network: the same if its core holds it whole, else one that runs it in parts.

    Several boards and a device with a shadow stay what they are, and refuse it.
    """
    if type(device) is not Device or whole(network, device.config):
        return device
    return Parted.over(device)


def whole(network: Network, config: CoreConfig) -> bool:
    """The core holds the network whole."""
    try:
        network.check_fit(config)
    except DoesNotFit:
        return False
    return True


def model_core(network: Network, config: CoreConfig) -> CoreConfig:
    """The core of an integer model that shows all layers of a step together, with learning off.

    Where `config` runs the network in parts that is one with room for it, on which all neurons fire alike.
    Raises DoesNotFit where no core could have the room, and where classifiers of tiles vote: each rounds
    its own logits.
    """
    if whole(network, config):
        return config
    if network.classifiers == "learned" and network.score == "all":
        raise DoesNotFit(
            f"network {network.name} runs in {len(cut(network, config))} parts on this core, and their "
            "classifiers vote: no step shows all of them together; give a network that the core holds whole"
        )
    return with_room(network, config)


def check_room(network: Network, config: CoreConfig, *, parts: bool = True) -> None:
    """Raise DoesNotFit for a network that fits neither whole nor, if so wanted, in `parts`.

    Raises ValueError for a rate that has no integer.
    """
    if parts and not whole(network, config):
        for part in cut(network, config):
            part.table(network, config)
    else:
        network.layers(config)
