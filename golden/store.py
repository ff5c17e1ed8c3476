"""The store of samples on the board. Twin of hw/link: store.py, memory_store.py and player.py."""

import numpy as np
from numpy.typing import NDArray

from golden.host.memory import BadAddress
from golden.spec.config import CoreConfig
from golden.spec.frames import PLAY_LEARN
from golden.spec.registers import key_memory, store_memory
from golden.spec.samples import FLAGS_BYTE, LEARN, SAMPLE_HEADER


class SampleStore:
    """16-bit words, and the samples kept in them (`golden.spec.samples`).

    `memory` is the memory beside the FPGA, uint16, where the store is the first words of one.
    """

    def __init__(self, config: CoreConfig, memory: NDArray[np.uint16] | None = None) -> None:
        depth = store_memory(config).depth
        self.words = np.zeros(depth, np.uint16) if memory is None else memory[:depth]
        self.key = np.zeros(key_memory(config).depth, np.uint16)

    def read(self, index: int, count: int) -> NDArray[np.uint16]:
        """`count` words from `index` on. Raises BadAddress."""
        if index + count > len(self.words):
            raise BadAddress(f"{count} words at {index} reach past the end of the store")
        return self.words[index : index + count]

    def write(self, index: int, words: NDArray[np.uint16]) -> None:
        """Keep words from `index` on, and forget the key. Raises BadAddress, having kept what fits."""
        self.disturb()
        fits = words[: max(len(self.words) - index, 0)]
        self.words[index : index + len(fits)] = fits
        if len(fits) < len(words):
            raise BadAddress(f"{len(words)} words at {index} reach past the end of the store")

    def disturb(self) -> None:
        """The words are about to change: the key names them no more."""
        self.key[:] = 0

    def read_key(self, index: int, count: int) -> NDArray[np.uint16]:
        """`count` words of the key from `index` on. Raises BadAddress."""
        if index + count > len(self.key):
            raise BadAddress(f"{count} words at {index} reach past the end of the key")
        return self.key[index : index + count]

    def write_key(self, index: int, words: NDArray[np.uint16]) -> None:
        """Set words of the key from `index` on. Raises BadAddress, having set those that there are."""
        there = words[: max(len(self.key) - index, 0)]
        self.key[index : index + len(there)] = there
        if len(there) < len(words):
            raise BadAddress(f"{len(words)} words at {index} reach past the end of the key")

    def play(self, entry: int) -> bytes:
        """The payload that an entry of a PLAY names, with its LEARN. Raises BadAddress."""
        index = entry & (PLAY_LEARN - 1)
        size = int(self.read(index, 1)[0])
        if size < SAMPLE_HEADER.size:
            raise BadAddress(f"no sample at {index}: {size} bytes are shorter than its header")
        payload = bytearray(self.read(index + 1, -(-size // 2)).astype("<u2").tobytes()[:size])
        learn = LEARN if entry & PLAY_LEARN else 0
        payload[FLAGS_BYTE] = payload[FLAGS_BYTE] & ~LEARN | learn
        return bytes(payload)
