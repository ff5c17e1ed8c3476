"""Pre traces and the active list. Twin of hw/core/rows/trace.py.

q_j[t] = lambda_pre q_j[t-1] + x_j[t] (causal trace of TESS, arXiv 2502.01837). A row is in the list
of its layer while its trace is not zero, or it spiked in the last step. The list is in row order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from golden.spec.formats import FACTOR_BITS, TRACE_BITS, saturate_unsigned
from golden.spec.layers import Layer

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass
class Pass:
    """The rows one pass over a layer visits, in order.

    `trace` and `previous_spikes` are q[t-1] and x[t-1], with which the deferred update of the last step
    is applied; `spikes` is x[t], integrated now.
    """

    rows: Rows
    trace: Rows
    previous_spikes: Flags
    spikes: Flags

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
            part = slice(first, beyond)
            yield Pass(
                self.rows[part],
                self.trace[part],
                self.previous_spikes[part],
                self.spikes[part],
            )


@dataclass
class ActiveList:
    """Rows of one layer with a trace, ascending, with q and x of the last step."""

    rows: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    trace: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    previous_spikes: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))

    def merge(self, spikes: Rows, layer: Layer, keep: bool) -> Pass:
        """Visit the union of list and `spikes` (ascending); keep what has a trace, if `keep`."""
        rows = np.union1d(self.rows, spikes)
        visit = Pass(
            rows,
            trace=np.zeros(len(rows), np.int64),
            previous_spikes=np.zeros(len(rows), np.bool_),
            spikes=np.zeros(len(rows), np.bool_),
        )
        listed = np.searchsorted(rows, self.rows)
        visit.trace[listed] = self.trace
        visit.previous_spikes[listed] = self.previous_spikes
        visit.spikes[np.searchsorted(rows, spikes)] = True
        trace = next_trace(visit.trace, visit.spikes, layer)
        kept = ((trace != 0) | visit.spikes) & keep
        self.rows, self.trace, self.previous_spikes = rows[kept], trace[kept], visit.spikes[kept]
        return visit


def next_trace(trace: Rows, spikes: Flags, layer: Layer) -> Rows:
    """lambda_pre q + alpha_pre x, rounded down (so that it reaches zero), saturated."""
    decayed = (trace * layer.pre_decay) >> FACTOR_BITS
    return saturate_unsigned(decayed + layer.pre_gain * spikes, TRACE_BITS)
