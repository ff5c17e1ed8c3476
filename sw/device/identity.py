"""Who is at the other end: the identity registers, checked against this software."""

from __future__ import annotations

import warnings
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.frames import READ_PAYLOAD, Command
from golden.spec.registers import IDENTITY, MAGIC, VERSION, Space, address, fingerprint
from golden.spec.samples import Result, SampleStatus, full_layers
from sw.device.channel import Channel


class DeviceError(RuntimeError):
    """The device is not the one this software and this network need. One line, with what to do."""


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
    if expected is not None and found["trace_entries"] == expected.trace_entries & 0xFFFF:
        found["trace_entries"] = (
            expected.trace_entries
        )  # nor these: the fingerprint tells them apart
    found["trace_entries"] = found["trace_entries"] or 1 << 16
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


class ListsFull(UserWarning):
    """A core left out inputs of a layer, as its lists of active inputs were full."""


def check_result(result: Result) -> None:
    """Raise DeviceError when a device found fault with a sample."""
    faults = SampleStatus(result.status & (SampleStatus.LIST_FULL - 1))
    if faults:
        raise DeviceError(f"device found fault with a sample: {faults!r}; {cure(faults)}")


def tell_full(result: Result, config: CoreConfig) -> None:
    """Warn, once for each layer, that a device had no room for all active inputs of a layer."""
    for layer in full_layers(result.status):
        text = (
            f"layer {layer}: more inputs were active in a step than the lists of this core hold "
            f"({config.list_depth:,}); the last ones were left out. Have it fire less (rate_cost, theta), or "
            "build the core with a larger list_rows"
        )
        warnings.warn(text, ListsFull, stacklevel=2)


def cure(fault: SampleStatus) -> str:
    """What to do about a sample that a device found fault with."""
    if fault & (SampleStatus.BAD_TABLE | SampleStatus.NOT_BEGUN):
        return "its layer table is not that of a network that was loaded; load the network again"
    if fault & SampleStatus.STUCK:
        return "the core did not end a step and was reset; load the network again, and report this"
    return "the bitstream does not match this software, rebuild it"


def _differences(config: CoreConfig, expected: CoreConfig) -> str:
    """The fields that differ, as `name 16 (not 64)`."""
    wanted = expected.as_dict()
    return ", ".join(
        f"{name} {value} (not {wanted[name]})"
        for name, value in config.as_dict().items()
        if value != wanted[name]
    )
