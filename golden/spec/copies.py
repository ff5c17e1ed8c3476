"""A COPY: words between the store in the memory beside the FPGA and a memory of the core.

A COPY names a word of STORE, a word of a memory of the core as in the address map, and how many words follow
each other in both. With COPY_TO_CORE they go to the core, else to the store. A word of the store takes what a
WRITE of 16 bits to that address would: a lane of weights, sign extended, padded to the memory's stride. The
core's memories are those that the host may write: LAYERS, SIGNS, WEIGHTS and, where there are some,
CLASSIFIERS.

Commands run one after the other, so no sample runs meanwhile, and whatever is sent behind a COPY finds its
words in place. A COPY past the end of either side, or of another space, is answered BAD_ADDRESS, and no word
was moved. One to the store forgets its key, as a WRITE there does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from golden.spec.config import CoreConfig
from golden.spec.frames import COPY_PAYLOAD, COPY_TO_CORE
from golden.spec.registers import SPACE_SHIFT, Memory, memories, store_memory


@dataclass(frozen=True)
class Copy:
    """What a COPY asks for."""

    kept: int
    """First word in the store."""
    address: int
    """First word in the core, as in the address map."""
    words: int
    to_core: bool

    def encode(self) -> bytes:
        """The payload."""
        return COPY_PAYLOAD.pack(
            self.kept | (COPY_TO_CORE if self.to_core else 0), self.address, self.words
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """What a payload of the right length asks for."""
        kept, address, words = COPY_PAYLOAD.unpack(payload)
        return cls(kept & (COPY_TO_CORE - 1), address, words, bool(kept & COPY_TO_CORE))

    def fits(self, config: CoreConfig) -> bool:
        """Both sides have these words, and the core's may be written."""
        space, index = self.address >> SPACE_SHIFT, self.address & ((1 << SPACE_SHIFT) - 1)
        sizes = {memory.space: memory.size for memory in copied(config)}
        there = self.kept + self.words <= store_memory(config).depth
        return there and space in sizes and index + self.words <= sizes[space]  # type: ignore[index]


def copied(config: CoreConfig) -> Iterator[Memory]:
    """Memories of the core that a COPY reaches: those that the host may write."""
    return (memory for memory in memories(config).values() if memory.access == "rw")
