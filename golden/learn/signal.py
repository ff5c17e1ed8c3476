"""The learning signal of one layer in one step. Twin of hw/core/learn/signal.py.

TESS (arXiv 2502.01837) gives every layer a target of its own: fixed random signs B project its
latents (here: its spikes) on the classes, the error of that guess projected back is each neuron's
learning signal m. Hard sigmoid instead of softmax: no exponential, and an exact zero once a class is
decided, so that nothing is written. Signs are chosen so that an update is an addition: e = target -
prediction.
"""

import numpy as np

from golden.spec.formats import (
    ERROR_ONE,
    FACTOR_BITS,
    SIGNAL_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
    Ints,
    round_shift,
    saturate,
    saturate_unsigned,
)
from golden.spec.layers import Layer


def latents(spikes: Ints, signs: Ints) -> Ints:
    """Sum of B o for each class: spikes 0/1 [neurons], signs +-1 [classes, neurons]."""
    return signs @ spikes


def class_signals(logits: Ints, label: int, layer: Layer) -> Ints:
    """error x rate for each class, s16: logits are latents, or the membranes of a readout."""
    guess = ERROR_ONE // 2 + round_shift(logits * layer.error_gain, 8)
    error = -np.clip(guess, 0, ERROR_ONE)
    if label < len(error):
        error[label] += ERROR_ONE
    return round_shift(error * layer.rate, 8)


def learning_signal(signals: Ints, signs: Ints, spikes: Ints, layer: Layer) -> Ints:
    """m for each lane: s16[neurons] from signals [classes], signs [classes, neurons], spikes 0/1.

    A neuron that fires pays `rate_cost`: it learns to fire less where the error does not object.
    """
    return saturate(signals @ signs - layer.rate_cost * spikes, SIGNAL_BITS)


def map_signal(
    signals: Ints, signs: Ints, spikes: Ints, winners: Ints, cells: Ints, layer: Layer
) -> Ints:
    """m for each neuron of a map, s16[positions, channels].

    Every latent (signs [classes, cells x channels]) has a learning signal of its own; it goes to those
    neurons of its cell that decided a pooling window: `winners` and `spikes` 0/1 [positions, channels],
    `cells` [positions]. Winners that fired pay `rate_cost`.
    """
    latent = learning_signal(signals, signs, np.zeros_like(signs[0]), layer)
    of_cell = latent.reshape(-1, spikes.shape[1])[cells]
    return winners * saturate(of_cell - layer.rate_cost * spikes, SIGNAL_BITS)


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
