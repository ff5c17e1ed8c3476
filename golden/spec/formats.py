"""Number formats of the core, and the only places where it saturates and rounds.

All values on the chip are integers. What one unit means is the host's choice (`golden.spec.network`
turns real hyper-parameters into these integers); the core only knows widths.

| value             | format   | meaning of the integer                                          |
|-------------------|----------|-----------------------------------------------------------------|
| weight w          | signed   | `weight_bits` wide, one unit = 2^-weight_fraction               |
| membrane u, v     | s16      | weight units; saturated once, after the whole row sum           |
| threshold         | s16      | weight units                                                    |
| surrogate Psi     | u8       | height of the triangle above its foot, saturated                |
| input value x     | signed   | `input_bits` wide, 2^input_fraction = one spike; 1 bit: a spike |
| pre trace q       | u8       | 16 = one spike at alpha_pre = 1; s9 where inputs carry values   |
| post trace h      | u8       | units of 2 Psi at alpha_post = 1                                |
| error e           | s10      | 256 = 1.0; target minus prediction, so it points downhill       |
| learning signal m | s16      | sum of +-(error x rate), less rate_cost if fired, saturated     |
| gain g            | s16      | m x Psi / 256, rounded                                          |
| update            | weight   | (g x q + noise) / 2^16: stochastic rounding                     |
| classifier weight | s16      | 2^13 = 1.0; moves by move x count / 2^3, rounded, saturated     |
| count of a latent | unsigned | spikes of its cell that the next layer sees in a step           |
| vote of a class   | s16      | logit of a classifier x vote_gain / 2^6, as a membrane          |
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.signedinteger]

MOST_MAP_INPUTS = 1 << 16  # of the layer table's word for them, in which 0 stands for so many
MEMBRANE_BITS = 16
SURROGATE_BITS = 8
MOST_INPUT_BITS = 8  # of the value that an input event carries
TRACE_BITS = 8
SIGNED_TRACE_BITS = TRACE_BITS + 1  # of a core whose inputs carry values
TRACE_FRACTION = 4
TRACE_ONE = 1 << TRACE_FRACTION  # what one spike adds to a pre trace when alpha_pre is 1
POST_FRACTION = (
    TRACE_FRACTION + 1
)  # non-causal gains count twice: post traces are in units of 2 Psi
FACTOR_BITS = 8
FACTOR_ONE = 1 << FACTOR_BITS  # leak and trace decays are multiples of 1/256
POST_ONE = FACTOR_ONE >> (POST_FRACTION - TRACE_FRACTION)  # of post_gain: 2 Psi are one unit
ERROR_FRACTION = 8
ERROR_ONE = 1 << ERROR_FRACTION
SIGMOID_SLOPE = 1 / 4  # of the hard sigmoid: a prediction is 1/2 + logit/4, from 0 to 1
LOGIT_FRACTION = 8  # of error_gain, which multiplies logits
SIGNAL_BITS = 16
GAIN_BITS = 16
NOISE_BITS = 16  # fraction bits dropped, at random, by a weight update
UPDATE_FRACTION = (
    SURROGATE_BITS + NOISE_BITS - TRACE_FRACTION
)  # of rate x Psi x q, shifts and units
LOGIT_BITS = 18  # signed sum of latents, or a readout membrane
CLASSIFIER_BITS = 16
CLASSIFIER_FRACTION = 13  # of a classifier's weight, +-4
VOTE_FRACTION = 6  # of vote_gain, which makes a logit a vote
MOVE_FRACTION = 3  # of move x count, what a classifier's weight changes by
MOVE_BITS = 16  # of move = error x classifier_rate / 2^ERROR_FRACTION
SCORE_BITS = 32  # readout summed over the steps of a sample
READOUT_SURROGATE = 1 << (SURROGATE_BITS - 1)  # a readout lane has no threshold: its Psi is 1/2


def saturate(value: Ints, bits: int) -> Ints:
    """Clip to the two's-complement range of `bits` bits."""
    top = 1 << (bits - 1)
    return np.clip(value, -top, top - 1)


def saturate_unsigned(value: Ints, bits: int) -> Ints:
    """Clip to 0 … 2^bits - 1."""
    return np.clip(value, 0, (1 << bits) - 1)


def round_shift(value: Ints, shift: int) -> Ints:
    """value / 2^shift, rounded to nearest, halves up: what a shift-and-add multiplier gives."""
    return (value + (1 << (shift - 1))) >> shift
