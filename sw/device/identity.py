"""Who is at the other end, and whether a sample is one its network can take."""

from __future__ import annotations

from dataclasses import fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.frames import READ_PAYLOAD, Command
from golden.spec.network import Network
from golden.spec.registers import IDENTITY, MAGIC, VERSION, Space, address, fingerprint
from golden.spec.samples import MOST_STEPS
from golden.spec.shape import Map
from sw.data.maps import channel_last
from sw.device.channel import Channel


class DeviceError(RuntimeError):
    """The device is not the one this software and this network need. One line, with what to do."""


class Frames(Protocol):
    """A sample to run: what `sw.data.Sample` has."""

    @property
    def frames(self) -> NDArray[np.bool_]:
        """Input spikes, bool[steps, inputs]."""
        ...

    @property
    def label(self) -> int:
        """Its class."""
        ...


def check_sample(sample: Frames, network: Network) -> None:
    """Raise ValueError for a sample that `network` has no inputs, class or steps for."""
    if sample.frames.ndim != 2 or sample.frames.shape[1] != network.inputs:
        raise ValueError(
            f"sample of shape {sample.frames.shape}: the network takes [steps, {network.inputs}]; "
            "check the data set and its pooling"
        )
    if not 1 <= len(sample.frames) <= MOST_STEPS:
        raise ValueError(f"sample of {len(sample.frames)} steps: 1 to {MOST_STEPS} fit")
    if not 0 <= sample.label < network.classes:
        raise ValueError(
            f"label {sample.label}: the network has classes 0 to {network.classes - 1}; "
            "check the data set"
        )


def chip_frames(sample: Frames, network: Network) -> NDArray[np.bool_]:
    """Its spikes as the chip numbers inputs: of a convolution, the channels of a pixel side by side.

    Raises ValueError, see `check_sample`.
    """
    check_sample(sample, network)
    if not (network.stages and network.input_map):
        return sample.frames
    return channel_last(sample.frames, Map(*network.input_map))


def register_value(words: NDArray[np.integer]) -> int:
    """A register's value from its words, lowest first."""
    return sum(int(word) << (16 * part) for part, word in enumerate(words))


def identify(channel: Channel, expected: CoreConfig | None = None) -> CoreConfig:
    """Read the identity registers and check them against this software.

    Raises DeviceError: no core, another version, another configuration than `expected`, or a core
    whose registers and frames are not those of this software.
    """
    name = channel.transport.name
    count = sum(register.words for register in IDENTITY)
    payload = READ_PAYLOAD.pack(address(Space.REGISTERS), count)
    words = np.frombuffer(channel.call(Command.READ, payload), "<u2")
    found, at = {}, 0
    for register in IDENTITY:
        found[register.name] = register_value(words[at : at + register.words])
        at += register.words
    if found["magic"] != MAGIC:
        raise DeviceError(
            f"{name} is not this project's core: magic {found['magic']:#010x}, expected "
            f"{MAGIC:#010x}; load its bitstream, or check the port"
        )
    if found["version"] != VERSION:
        raise DeviceError(
            f"{name} has address map version {found['version']}, this software {VERSION}; "
            "rebuild the bitstream from this checkout, or check out the version it was built from"
        )
    found["weight_words"] = found["weight_words"] or 1 << 16  # 16 bits cannot hold the largest
    try:
        config = CoreConfig(**{field.name: found[field.name] for field in fields(CoreConfig)})
    except ValueError as error:
        raise DeviceError(f"{name} has an impossible configuration: {error}; rebuild it") from error
    if expected is not None and config != expected:
        raise DeviceError(
            f"{name} was built with {_differences(config, expected)}; "
            "leave out the core options, or rebuild the bitstream with them"
        )
    if found["fingerprint"] != fingerprint(config):
        raise DeviceError(
            f"{name} has fingerprint {found['fingerprint']:016x}, this software expects "
            f"{fingerprint(config):016x}: registers or frames differ; rebuild the bitstream from "
            "this checkout, or check out the version it was built from"
        )
    return config


def _differences(config: CoreConfig, expected: CoreConfig) -> str:
    """The fields that differ, as `name 16 (not 64)`."""
    wanted = expected.as_dict()
    return ", ".join(
        f"{name} {value} (not {wanted[name]})"
        for name, value in config.as_dict().items()
        if value != wanted[name]
    )
