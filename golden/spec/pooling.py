"""Pooling of a map's spikes: what the next layer takes in, and what it sees of it."""

from enum import StrEnum

from golden.spec.config import ceil_log2
from golden.spec.flags import Flag
from golden.spec.maps import Map

POOL = 2
"""Side of a pooling window, and its stride."""

CORNERS = POOL * POOL
"""Neurons of a pooling window."""


class Pooling(StrEnum):
    """None, the maximum of 2 x 2 neurons, or the average of the whole map."""

    NONE = ""
    MAX = "max"
    MEAN = "mean"

    @property
    def letter(self) -> str:
        """How it is written behind a stage."""
        return LETTERS[self]

    @property
    def flag(self) -> Flag:
        """Its flag in the layer table. An average is the next layer's business."""
        return Flag.POOL if self is Pooling.MAX else Flag(0)

    def passed_on(self, fired: Map) -> Map:
        """What the next layer sees of the map `fired`. Raises ValueError: a map too small to pool."""
        if self is Pooling.MEAN:
            return Map(fired.channels)
        if self is Pooling.MAX:
            if min(fired.height, fired.width) < POOL:
                raise ValueError(f"a {fired} map is too small for 2 x 2 pooling")
            return Map(fired.channels, fired.height // POOL, fired.width // POOL)
        return fired

    def windows(self, width: int) -> int:
        """Pooling windows in a line of `width` pixels."""
        return width // POOL if self is Pooling.MAX else 0

    def cell_shift(self, cell: int, fired: Map) -> int:
        """log2 of a cell's side in pixels of `fired`, from that in pixels that the next layer sees."""
        if self is Pooling.MEAN:
            return ceil_log2(max(fired.width, fired.height))
        return cell + ceil_log2(POOL) if self is Pooling.MAX else cell


LETTERS = {Pooling.NONE: "", Pooling.MAX: "p", Pooling.MEAN: "g"}
