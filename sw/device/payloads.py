"""Samples as payloads of commands, made once: an epoch encodes nothing that the one before did."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from golden.spec.config import CoreConfig
from golden.spec.frames import HEADER
from golden.spec.network import Network
from golden.spec.samples import Inputs, split_sample
from sw.device.identity import DeviceError
from sw.device.inputs import SampleLike, chip_frames
from sw.kept import Kept


class Payloads:
    """Of samples for one core. They are known by their content, wherever they come from."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self._kept: Kept[Hashable, list[bytes]] = Kept()

    def of(self, sample: SampleLike, network: Network, *, learn: bool) -> list[bytes]:
        """Payloads of SAMPLE commands. Raises ValueError, see `check_sample`; DeviceError: it is too long."""
        frames = chip_frames(sample, network)
        how = {"learn": learn, "learn_from": network.learn_from(len(frames))}
        spikes = frames.dtype == np.bool_
        bits = (np.packbits(frames) if spikes else frames).tobytes()
        key = (bits, frames.shape, spikes, sample.label, *how.values())
        return self._kept.get(
            key, lambda: in_frames(frames, sample.label, self.config, **how), 2 * len(bits)
        )


def in_frames(frames: Inputs, label: int, config: CoreConfig, **how: Any) -> list[bytes]:
    """Payloads of one sample: half the buffer at most each, if the steps allow it. Raises DeviceError."""
    whole, bits = config.frame_bytes, config.input_bits
    for limit in (whole // 2 - HEADER.size, whole - HEADER.size):
        try:
            return split_sample(frames, label, limit=limit, input_bits=bits, **how)
        except ValueError as error:
            too_long = error
    raise DeviceError(f"sample: {too_long}; build the core with a larger frame_bytes")
