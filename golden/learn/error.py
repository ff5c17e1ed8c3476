"""Class errors and class signals of a layer from its logits. Twin of hw/core/learn/error.py."""

import numpy as np

from golden.spec.formats import ERROR_FRACTION, ERROR_ONE, LOGIT_FRACTION, Ints, round_shift
from golden.spec.layers import Layer


def class_errors(logits: Ints, label: int, layer: Layer) -> Ints:
    """Label minus guess for each class, s10: logits are of latents, or the membranes of a readout.

    The guess is error_offset + logit x error_gain / 256, from 0 to 1.
    """
    guess = layer.error_offset + round_shift(logits * layer.error_gain, LOGIT_FRACTION)
    errors = -np.clip(guess, 0, ERROR_ONE)
    if label < len(errors):
        errors[label] += ERROR_ONE
    return errors


def signals_of(errors: Ints, layer: Layer) -> Ints:
    """error x rate, s16."""
    return round_shift(errors * layer.rate, ERROR_FRACTION)
