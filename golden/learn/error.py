"""Class signals of a layer from its logits. Twin of hw/core/learn/error.py."""

import numpy as np

from golden.spec.formats import ERROR_FRACTION, ERROR_ONE, LOGIT_FRACTION, Ints, round_shift
from golden.spec.layers import Layer


def class_signals(logits: Ints, label: int, layer: Layer) -> Ints:
    """error x rate for each class, s16: logits are latents, or the membranes of a readout.

    The prediction is a hard sigmoid, 1/2 + logit/4 from 0 to 1, the error label minus prediction.
    """
    guess = ERROR_ONE // 2 + round_shift(logits * layer.error_gain, LOGIT_FRACTION)
    error = -np.clip(guess, 0, ERROR_ONE)
    if label < len(error):
        error[label] += ERROR_ONE
    return round_shift(error * layer.rate, ERROR_FRACTION)
