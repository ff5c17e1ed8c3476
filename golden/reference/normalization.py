"""Weight normalization: each output has a direction v, its column of the weights, and a gain g.

w = g v / |v| (Salimans and Kingma, NIPS 2016), per neuron or output channel.
"""

import numpy as np

from golden.reference.equations import Floats


def norms(v: Floats) -> Floats:
    """|v| of every column; never zero."""
    return np.sqrt(np.maximum((v * v).sum(axis=0), np.finfo(v.dtype).tiny))


def normalized(v: Floats, gain: Floats) -> Floats:
    """The weights w that the neurons see."""
    return v * (gain / norms(v))


def to_direction(v: Floats, gain: Floats, dw: Floats) -> tuple[Floats, Floats]:
    """Gradients in v and in g, from that in w: dg = dw . v/|v|; dv = g/|v| (dw - dg v/|v|)."""
    length = norms(v)
    unit = v / length
    dgain = (dw * unit).sum(axis=0)
    return gain / length * (dw - dgain * unit), dgain
