"""Pre traces and the active list. Twin of hw/core/rows/trace.py.

q_j[t] = lambda_pre q_j[t-1] + x_j[t] (causal trace of TESS, arXiv 2502.01837). A row is in the list
of its layer while its trace is not zero, or it spiked in the last step. The list is in row order.
An input that carries a value x spikes where x is not zero; x and so q may be negative.

The lists of all layers lie in one memory of `CoreConfig.list_depth` rows. A row that spikes and is in no list
takes a free place of it. When none is left, such rows are left out, as if they had not spiked; rows that are
in the list are visited all the same. A sample's status says so (`SampleStatus.LIST_FULL`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from golden.spec.formats import FACTOR_BITS, SIGNED_TRACE_BITS, saturate
from golden.spec.layers import Layer

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass
class Pass:
    """The rows one pass over a layer visits, in order.

    `trace` and `previous_spikes` are q[t-1] and whether x[t-1] was not zero, with which the deferred update
    of the last step is applied; `values` is x[t], integrated now: 1 of a spike, 0 of a row without one.
    """

    rows: Rows
    trace: Rows
    previous_spikes: Flags
    values: Rows

    @property
    def spikes(self) -> Flags:
        """Rows that are integrated."""
        return self.values != 0

    @property
    def learns(self) -> Flags:
        """Rows that a deferred update changes."""
        return (self.trace != 0) | self.previous_spikes

    def segments(self) -> Iterator["Pass"]:
        """Its parts without a row twice: one, but for the pass over a map's average."""
        cuts = np.flatnonzero(np.diff(self.rows) <= 0) + 1
        if not len(cuts):
            yield self
            return
        for first, beyond in pairwise([0, *cuts.tolist(), len(self.rows)]):
            yield self.part(slice(first, beyond))

    def part(self, which: slice | Flags) -> "Pass":
        """Some of its rows."""
        return Pass(
            self.rows[which], self.trace[which], self.previous_spikes[which], self.values[which]
        )


@dataclass
class ActiveList:
    """Rows of one layer with a trace, ascending, with q and x of the last step."""

    rows: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    trace: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    previous_spikes: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    full: bool = False
    """In the last merge rows were left out."""

    def merge(
        self,
        spikes: Rows,
        layer: Layer,
        keep: bool,
        values: Rows | None = None,
        room: int | None = None,
    ) -> Pass:
        """Visit the union of list and `spikes` (ascending); keep what has a trace, if `keep`.

        `values` of the spikes, none of them 0; without it 1 each. `room`: spikes of rows that are not in the
        list, at most; the first ones are taken.
        """
        rows = np.union1d(self.rows, spikes)
        visit = Pass(
            rows,
            trace=np.zeros(len(rows), np.int64),
            previous_spikes=np.zeros(len(rows), np.bool_),
            values=np.zeros(len(rows), np.int64),
        )
        listed = np.searchsorted(rows, self.rows)
        visit.trace[listed] = self.trace
        visit.previous_spikes[listed] = self.previous_spikes
        visit.values[np.searchsorted(rows, spikes)] = 1 if values is None else values
        self.full = room is not None and len(rows) - len(self.rows) > room
        if self.full:
            new = np.ones(len(rows), np.bool_)
            new[listed] = False
            visit = visit.part(~new | (new.cumsum() <= room))
        trace = next_trace(visit.trace, visit.values, layer)
        kept = ((trace != 0) | visit.spikes) & keep
        self.rows, self.trace = visit.rows[kept], trace[kept]
        self.previous_spikes = visit.spikes[kept]
        return visit


def next_trace(trace: Rows, values: NDArray[np.integer] | Flags, layer: Layer) -> Rows:
    """lambda_pre q + alpha_pre x, rounded towards zero (so that it reaches zero), saturated.

    A trace of spikes is never negative, so of the signed format it fills the upper half, u8.
    """
    decayed = np.sign(trace) * ((np.abs(trace) * layer.pre_decay) >> FACTOR_BITS)
    return saturate(decayed + layer.pre_gain * values, SIGNED_TRACE_BITS)
