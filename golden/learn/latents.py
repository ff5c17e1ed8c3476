"""Logits of a hidden layer: its latents, projected on the classes. Twin of hw/core/learn/latents.py."""

import numpy as np

from golden.fire.pool import cell_sums
from golden.spec.formats import Ints
from golden.spec.layers import Layer


def latents_of(pooled: Ints, layer: Layer) -> Ints:
    """The latents of spikes 0/1 [pixels, channels] that the next layer sees: [latents].

    Of a map, sums over cells; else the spikes themselves.
    """
    found = cell_sums(pooled, layer) if layer.kind.mapped else pooled
    return np.asarray(found.reshape(-1))


def latents(spikes: Ints, signs: Ints) -> Ints:
    """Sum of B o for each class: spikes 0/1 [neurons], signs +-1 [classes, neurons]."""
    return signs @ spikes
