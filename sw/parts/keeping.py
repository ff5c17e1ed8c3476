"""Where a part's words are while another part is in the core: in this process, or in the board's memory.

A board with a memory beside its FPGA copies a part into its core and back by itself (`golden.spec.copies`).
Then weights cross the link when they are given, before the part first runs, and when they are asked for.
Anywhere else, and where that memory is full, they cross it whenever the part runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from golden.spec.config import CoreConfig
from golden.spec.layers import Layer
from golden.spec.registers import Space, store_memory
from golden.spec.weights import Weights
from sw.device.blocks import Blocks, Words
from sw.device.identity import DeviceError
from sw.parts.image import Image


class Allocator:
    """Words of a board's store that parts are kept in; none where the board cannot copy them."""

    def __init__(self, config: CoreConfig) -> None:
        self._next, self._end = 0, store_memory(config).depth if config.store_off_chip else 0

    def take(self, words: int) -> int | None:
        """So many words: the first of them, or None when there are not so many left."""
        first = self._next
        if first + words > self._end:
            return None
        self._next += words
        return first


class InHost:
    """In this process."""

    on_board = False
    """They stay on the board."""

    def __init__(self, device: Blocks, image: Image) -> None:
        self.device, self.image = device, image
        self._share = Weights()

    def write(self, share: Weights) -> None:
        """Take weights and classifiers."""
        self._share = share

    def read(self, layers: Sequence[Layer]) -> Weights:
        """Weights and classifiers as they are now."""
        return self._share

    def bring(self, layers: Sequence[Layer]) -> None:
        """Put everything where the core needs it."""
        words = self.image.encode(layers, self._share)
        for piece, each in zip(self.image.pieces, words, strict=True):
            self.device.write(piece.space, 0, each)

    def take(self, layers: Sequence[Layer]) -> None:
        """Keep what the core has learned."""
        found = [self.device.read(piece.space, 0, piece.words) for piece in self.image.learned]
        self._share = self.image.decode(layers, found)

    def forget(self) -> None:
        """The device may hold anything."""


class OnBoard:
    """In the board's memory, from word `first` of its store on. What is known here is not read again."""

    on_board = True

    def __init__(self, device: Blocks, image: Image, first: int) -> None:
        self.device, self.image, self.first = device, image, first
        self._share: Weights | None = Weights()
        """As the board has them; None: it alone knows."""
        self._table: Words | None = None
        """The layer table that the board has; None: it has nothing."""

    def write(self, share: Weights) -> None:
        """Take weights and classifiers; they are sent when the part runs."""
        self._share, self._table = share, None

    def read(self, layers: Sequence[Layer]) -> Weights:
        """Weights and classifiers as they are now. Raises LinkError, and DeviceError when they were lost."""
        if self._share is None:
            if self._table is None:
                raise DeviceError(
                    "what the network has learned was in the memory of a board that was given up; load the "
                    "network again"
                )
            found = [
                self.device.read(Space.STORE, self.first + piece.first, piece.words)
                for piece in self.image.learned
            ]
            self._share = self.image.decode(layers, found)
        return self._share

    def bring(self, layers: Sequence[Layer]) -> None:
        """Have everything copied to the core, and send before what the board does not have."""
        table = self.image.encode_table(layers)
        if self._table is None:
            words = self.image.encode(layers, self.read(layers))
            for piece, each in zip(self.image.pieces, words, strict=True):
                self.device.write(Space.STORE, self.first + piece.first, each)
        elif (table != self._table).any():
            self.device.write(Space.STORE, self.first, table)
        self._table = table
        self._copy(to_core=True)

    def take(self, layers: Sequence[Layer]) -> None:
        """Have what was learned copied to the board's memory."""
        self._share = None
        self._copy(to_core=False)

    def forget(self) -> None:
        """The device may hold anything: what is known here is sent again, what is not is lost."""
        self._table = None

    def _copy(self, *, to_core: bool) -> None:
        pieces = self.image.pieces if to_core else self.image.learned
        asked = [
            self.device.copy(piece.space, 0, self.first + piece.first, piece.words, to_core=to_core)
            for piece in pieces
        ]
        for one in asked:
            one.result()
