"""Pooling of a map's spikes: what the next layer takes in, and what it sees of it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.flags import Flag
from golden.spec.maps import Map
from golden.spec.rules import Rules, Term

if TYPE_CHECKING:
    from golden.spec.table_terms import Entry

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


def pooling_rules(rules: Rules, entry: Entry, seen: tuple[Term, Term], config: CoreConfig) -> None:
    """What a layer table entry that is pooled must be; `seen`: pixels across and down in windows."""
    width, height, groups = (entry.field(name) for name in ("width", "height", "groups"))
    rules.keep(_halves(width) * _halves(height), entry.shown)
    rules.most(Term(argument=1), entry.shown, "a map too small to pool")
    reason = "more pooling windows in a line than there is room for"
    rules.most(_halves(width) * groups, config.latent_groups, reason)
    rules.most(Term(argument=1), entry.field("cell_shift"), "cells smaller than pooling windows")
    for side, pixels in zip((width, height), seen, strict=True):
        rules.keep(_halves(side) * POOL, pixels)


def cell_rules(rules: Rules, entry: Entry, seen: tuple[Term, Term], config: CoreConfig) -> None:
    """What the cells of a map are, over whose pixels latents are averages."""
    shift, line, latents = (entry.field(name) for name in ("cell_shift", "cell_line", "latents"))
    columns, lines = (((side - 1) >> shift) + 1 for side in seen)
    rules.same(columns * entry.field("groups"), line, "cell_line is not that of cells this large")
    rules.same(lines * line, latents, "latents are not those of cells this large")
    rules.most(latents, config.latent_groups, "more latents than there is room for")


def _halves(side: Term) -> Term:
    """Pooling windows along a side."""
    return side >> (POOL.bit_length() - 1)
