"""Class signals projected back on neurons: B' e. Twin of hw/core/learn/project.py."""

from golden.spec.formats import SIGNAL_BITS, Ints, saturate
from golden.spec.layers import Layer


def learning_signal(signals: Ints, signs: Ints, spikes: Ints, layer: Layer) -> Ints:
    """m for each lane: s16[neurons] from signals [classes], signs [classes, neurons], spikes 0/1.

    A neuron that fires pays `rate_cost`: it learns to fire less where the error does not object.
    """
    return saturate(signals @ signs - layer.rate_cost * spikes, SIGNAL_BITS)
