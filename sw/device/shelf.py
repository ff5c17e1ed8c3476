"""Samples kept on the board: they cross the link once, and are played from there after that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from golden.spec.frames import PLAY_ENTRY, PLAY_LEARN
from golden.spec.registers import Space, store_memory
from golden.spec.samples import LONGEST_KEPT, keep
from sw.device.blocks import Blocks
from sw.device.identity import Frames


class Series(Protocol):
    """Samples by number: a `Dataset`, a list."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(self, index: int, /) -> Frames:
        """One of them."""
        ...


@dataclass(frozen=True, eq=False)
class Kept:
    """A sample that is on a board. Any other device is sent its frames, as usual."""

    samples: Series
    index: int
    token: object
    """Of the filling of the shelf it is on."""
    place: int
    """Word of the store where it begins."""

    @property
    def frames(self) -> NDArray[np.bool_]:
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
        """What names it in a PLAY."""
        return PLAY_ENTRY.pack(self.place | (PLAY_LEARN if learn else 0))


class Shelf:
    """The store of a device: what of a series of samples is on the board."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self.words = store_memory(blocks.config).depth
        """Capacity, 16-bit words; 0: the board has no store."""
        self.clear()

    def clear(self) -> None:
        """Take it that nothing is kept: a sample's payload is made for one network."""
        self._samples: Series | None = None
        self._places: list[int] = []
        self._token = object()

    def fill(self, samples: Series, encode: Callable[[Frames], bytes]) -> int:
        """Write the first of `samples` to the board, all that fit; returns how many.

        `encode` gives the payload of one. Raises LinkError.
        """
        self.clear()
        parts: list[NDArray[np.uint16]] = []
        places, end = [], 0
        for index in range(len(samples) if self.words else 0):
            payload = encode(samples[index])
            if len(payload) > LONGEST_KEPT or end + len(part := keep(payload)) > self.words:
                break
            parts.append(part)
            places.append(end)
            end += len(part)
        if places:
            self._blocks.write(Space.STORE, 0, np.concatenate(parts))
            self._samples, self._places = samples, places
        return len(places)

    def find(self, samples: Series, index: int) -> Frames:
        """Sample `index` of `samples`: one that is kept, if it is."""
        if samples is self._samples and index < len(self._places):
            return Kept(samples, index, self._token, self._places[index])
        return samples[index]

    def holds(self, sample: Frames) -> bool:
        """The sample is on this board, now."""
        return isinstance(sample, Kept) and sample.token is self._token

    def __str__(self) -> str:
        total = len(self._samples) if self._samples is not None else 0
        return f"{len(self._places)} of {total} samples on the board"

    def __len__(self) -> int:
        return len(self._places)
