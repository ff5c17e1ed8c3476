"""The host's view of the board's sample store: which samples it holds, and where.

A sample that is in the store crosses the link once. After that a PLAY names it by its address. The
samples themselves are in the board's memory; this module keeps their addresses alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.spec.frames import PLAY_ENTRY, PLAY_LEARN
from golden.spec.registers import Space, store_memory
from golden.spec.samples import LONGEST_KEPT, keep
from sw.data.binning import Frames
from sw.device.blocks import Blocks
from sw.device.inputs import SampleLike, Series


@dataclass(frozen=True, eq=False)
class StoredSample:
    """A sample that is in a sample store. Another device than that one is sent its frames."""

    samples: Series
    index: int
    filling: object
    """Names the filling of the store that it is part of: the next filling overwrites it."""
    address: int
    """Word of the sample store where it begins."""

    @property
    def frames(self) -> Frames:
        """Input spikes, bool[steps, inputs]."""
        return self.samples[self.index].frames

    @property
    def label(self) -> int:
        """Its class."""
        return self.samples[self.index].label

    @property
    def key(self) -> str:
        """Its name, if it has one."""
        return getattr(self.samples[self.index], "key", "")

    def entry(self, learn: bool) -> bytes:
        """The entry of a PLAY that names it."""
        return PLAY_ENTRY.pack(self.address | (PLAY_LEARN if learn else 0))


class SampleStore:
    """What of a series of samples is in the sample store of a board."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self.words = store_memory(blocks.config).depth
        """Capacity, 16-bit words; 0: the board has no sample store."""
        self.clear()

    def clear(self) -> None:
        """Take the store for empty. Another network needs it: payloads are made for one network."""
        self._samples: Series | None = None
        self._addresses: list[int] = []
        self._filling = object()

    def fill(self, samples: Series, encode: Callable[[SampleLike], bytes]) -> int:
        """Write the first of `samples` to the board, all that fit; returns how many.

        `encode` gives the payload of one. Raises LinkError.
        """
        self.clear()
        parts: list[NDArray[np.uint16]] = []
        addresses, end = [], 0
        for index in range(len(samples) if self.words else 0):
            payload = encode(samples[index])
            if len(payload) > LONGEST_KEPT or end + len(part := keep(payload)) > self.words:
                break
            parts.append(part)
            addresses.append(end)
            end += len(part)
        if addresses:
            self._blocks.write(Space.STORE, 0, np.concatenate(parts))
            self._samples, self._addresses = samples, addresses
        return len(addresses)

    def find(self, samples: Series, index: int) -> SampleLike:
        """Sample `index` of `samples`: a StoredSample if the store holds it."""
        if samples is self._samples and index < len(self._addresses):
            return StoredSample(samples, index, self._filling, self._addresses[index])
        return samples[index]

    def holds(self, sample: SampleLike) -> bool:
        """Whether the sample is in this store now."""
        return isinstance(sample, StoredSample) and sample.filling is self._filling

    def __str__(self) -> str:
        total = len(self._samples) if self._samples is not None else 0
        return f"{len(self._addresses)} of {total} samples on the board"

    def __len__(self) -> int:
        return len(self._addresses)
