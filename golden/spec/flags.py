"""The flags of a layer: the one list from which table, hardware, C++ and docs take their names."""

from enum import IntFlag


class Flag(IntFlag):
    """Bits of the field `flags` of a layer table entry, each with what it says of the layer."""

    doc: str

    def __new__(cls, value: int, doc: str = "") -> "Flag":
        """A flag and its text."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member

    READOUT = 1, "the output layer: no spikes, its membranes are the logits"
    BIAS = 2, "a constant spike drives the last row in every step"
    HARD_RESET = 4, "a spike sets the membrane to zero, instead of taking theta off"
    PLASTIC = 8, "the weights learn"
    POST_NEGATIVE = 16, "alpha_post is negative"
    CONVOLUTION = 32, "3 x 3, one pass for each pixel, the same weights in all of them"
    POOL = 64, "2 x 2 max pooling of the spikes"
    AVERAGE = 128, "flat, sees the average of a map: a row of weights for a channel of all pixels"
    CLASSIFIER = (
        256,
        "of a map: its latents have a classifier that learns, in place of random signs",
    )


FLAG_NAMES = tuple(str(flag.name).lower() for flag in Flag)
"""Their names as attributes and fields have them, lowest bit first."""

ALL_FLAGS = sum(Flag)
"""All of them set."""
