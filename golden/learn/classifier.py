"""A layer's own classifier, which learns: in place of random signs. Twin of hw/core/learn/classifier.py.

Of the latents' counts a, in every step with a learning signal, B being [classes, latents]:

    y = B a                    logits
    m = B' (e x rate)          learning signals of the latents, from B as it was
    B <- B + (e x classifier_rate) a

With a `vote_gain` the logits also add to the scores, in every step, whether it learns or not: so every layer
has a say in what class it is, as its own classifier sees it.

It is the delta rule of the output layer, applied to a layer of its own: a local classifier, as in Nokland
and Eidnes (ICML 2019) and, fixed, in DECOLLE (Kaiser et al., Front. Neurosci. 2020).
"""

import numpy as np

from golden.spec.formats import (
    CLASSIFIER_BITS,
    CLASSIFIER_FRACTION,
    ERROR_FRACTION,
    LOGIT_BITS,
    MEMBRANE_BITS,
    MOVE_FRACTION,
    SIGNAL_BITS,
    VOTE_FRACTION,
    Ints,
    round_shift,
    saturate,
)
from golden.spec.layers import Layer


def logits(weights: Ints, counts: Ints) -> Ints:
    """y of each class, s18: weights [classes, latents], counts [latents]."""
    return saturate(round_shift(weights @ counts, CLASSIFIER_FRACTION), LOGIT_BITS)


def latent_signals(signals: Ints, weights: Ints) -> Ints:
    """m of each latent, s16: signals [classes], weights [classes, latents]."""
    return saturate(round_shift(signals @ weights, CLASSIFIER_FRACTION), SIGNAL_BITS)


def learned(weights: Ints, errors: Ints, counts: Ints, layer: Layer) -> Ints:
    """The weights after a step with these errors [classes], s16[classes, latents]."""
    moves = round_shift(errors * layer.classifier_rate, ERROR_FRACTION)
    change = round_shift(np.multiply.outer(moves, counts), MOVE_FRACTION)
    return saturate(weights + change, CLASSIFIER_BITS)


def votes(logits: Ints, layer: Layer) -> Ints:
    """What the logits of a step add to the scores, s16[classes], in units of the readout's membranes."""
    return saturate(round_shift(logits * layer.vote_gain, VOTE_FRACTION), MEMBRANE_BITS)
