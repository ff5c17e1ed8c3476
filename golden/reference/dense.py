"""Fully-connected synapses: weights [inputs, neurons], row j holds what input j sends.

The same operations as `golden.reference.convolution`, which layers use without knowing which.
"""

import numpy as np

from golden.reference.equations import Floats


class Dense:
    """Every input to every neuron; arrays are (..., inputs) and (..., neurons)."""

    def integrate(self, w: Floats, x: Floats) -> Floats:
        """Weighted sums of the inputs; of a lone frame of spikes, the sum of the rows that spiked."""
        if x.ndim == 2 and len(x) == 1 and np.all((x == 0) | (x == 1)):
            return np.asarray(w[x[0] != 0].sum(axis=0, keepdims=True))
        return x @ w

    def gather(self, rows: Floats, columns: Floats) -> Floats:
        """Sum of the outer products of input-side ``rows`` and neuron-side ``columns``."""
        if rows.ndim == 2:
            return rows.T @ columns
        return np.einsum("...j,...i->ji", rows, columns, optimize=True)

    def back(self, w: Floats, columns: Floats) -> Floats:
        """Neuron-side ``columns`` back to the inputs: the transpose of :meth:`integrate`."""
        return columns @ w.T

    def seen(self, x: Floats) -> Floats:
        """What the neurons of each pixel see: there is one, (samples, inputs)."""
        return x

    def add(self, w: Floats, rows: Floats, columns: Floats) -> None:
        """w += gather of one sample, skipping what is all zero: cost follows activity, as on chip."""
        (active,) = np.nonzero(rows[0])
        if len(active) and columns.any():
            w[active] += np.outer(rows[0][active], columns[0])
