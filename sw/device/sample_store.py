"""The host's view of the board's sample store: which samples it holds, and where.

A sample that is in the store crosses the link once. After that a PLAY names it by its address. The
samples themselves are in the board's memory; this module keeps their addresses alone.

A store in the memory beside the FPGA outlives the host: behind the last word the host writes a key, made of
all words. A host that comes later and wants the same words finds their key, and sends nothing. The board
itself forgets the key when a word changes, by whomever, and when it is switched on; so a host that went away
before its last word was there has left no key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.spec.frames import PLAY_ENTRY, PLAY_LEARN
from golden.spec.registers import KEY_WORDS, Space, key_memory, store_memory
from golden.spec.samples import LONGEST_KEPT, keep
from sw.data.binning import Frames
from sw.device.blocks import Blocks
from sw.device.inputs import SampleLike, Series

PART = 1 << 15
"""Words that are written between two looks at who waits for them."""
OnPart = Callable[[int, int], None]
"""Is called with the words that are on the board, and how many there will be."""


def _unheard(done: int, total: int) -> None:
    """Nobody waits."""


def content_key(words: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The key of a store that holds these words: never all zero."""
    digest = hashlib.sha256(words.astype("<u2").tobytes()).digest()
    key = np.frombuffer(digest[: 2 * KEY_WORDS], "<u2").astype(np.uint16)
    return key if key.any() else np.ones_like(key)


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
        self.lasting = key_memory(blocks.config).depth > 0
        """It outlives the host."""
        self.clear()

    def clear(self) -> None:
        """Take the store for empty. Another network needs it: payloads are made for one network."""
        self._samples: Series | None = None
        self._addresses: list[int] = []
        self._filling = object()
        self.found = False
        """The samples were on the board already: nothing was sent."""

    def fill(
        self,
        samples: Series,
        encode: Callable[[SampleLike], bytes],
        on_part: OnPart | None = None,
    ) -> int:
        """Write the first of `samples` to the board, all that fit, unless they are there; returns how many.

        `encode` gives the payload of one. `on_part` is called with the words that are there, and all, while
        they are sent. Raises LinkError.
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
            self.found = self._keep(np.concatenate(parts), on_part or _unheard)
            self._samples, self._addresses = samples, addresses
        return len(addresses)

    def _keep(self, words: NDArray[np.uint16], on_part: OnPart) -> bool:
        """Have the board hold these words; whether it did already."""
        write, key = self._blocks.write, content_key(words)
        if self.lasting and np.array_equal(self._blocks.read(Space.STORE_KEY, 0, KEY_WORDS), key):
            return True
        for at in range(0, len(words), PART):
            on_part(at, len(words))
            write(Space.STORE, at, words[at : at + PART])
        if self.lasting:
            write(Space.STORE_KEY, 0, key)  # every word was answered by now
        return False

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
        there = ", as they were" if self.found else ""
        return f"{len(self._addresses)} of {total} samples on the board{there}"

    def __len__(self) -> int:
        return len(self._addresses)
