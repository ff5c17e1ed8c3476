"""Gains and post traces of neurons: signal times eligibility. Twin of hw/core/learn/gain.py."""

import numpy as np

from golden.spec.formats import (
    FACTOR_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
    Ints,
    round_shift,
    saturate_unsigned,
)
from golden.spec.layers import Layer


def gains(signal: Ints, surrogate: Ints, post: Ints, layer: Layer) -> tuple[Ints, Ints]:
    """Causal gain m Psi[t] and non-causal gain +-m h[t], s16[lanes] each.

    Without alpha_post there are no post traces, whatever their memory holds.
    """
    causal = round_shift(signal * surrogate, SURROGATE_BITS)
    if layer.post_gain == 0:
        return causal, np.zeros_like(causal)
    non_causal = round_shift(signal * post, TRACE_BITS)
    return causal, -non_causal if layer.post_negative else non_causal


def next_post(post: Ints, surrogate: Ints, layer: Layer) -> Ints:
    """h[t+1] = lambda_post h[t] + |alpha_post| Psi[t], u8[lanes], saturated.

    The decay is rounded down, so that a trace dies out.
    """
    decayed = (post * layer.post_decay) >> FACTOR_BITS
    added = round_shift(surrogate * layer.post_gain, FACTOR_BITS)
    return saturate_unsigned(decayed + added, TRACE_BITS)
