"""Values of input events: signed numbers of `input_bits` bits, packed in slots of bytes.

A slot is the narrowest of 2, 4 and 8 bits that holds a value; the first slot of a byte is in its lowest
bits. Of a slot the low `input_bits` bits count, as two's complement; those above them are not looked at.
A value of 0 is no event. With 1 bit there are no values: an event is a spike, which is worth 1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SLOT_BITS = (2, 4, 8)
"""Widths that a slot may have."""


def slot_bits(input_bits: int) -> int:
    """Bits of a slot."""
    return next(bits for bits in SLOT_BITS if bits >= input_bits)


def value_range(input_bits: int) -> tuple[int, int]:
    """Least and greatest value; 0 and 1 of a spike."""
    if input_bits == 1:
        return 0, 1
    top = 1 << (input_bits - 1)
    return -top, top - 1


def check_values(values: NDArray[Any], input_bits: int) -> None:
    """Raise ValueError, with a value that is out of range, unless all are whole numbers that fit."""
    if values.dtype == np.bool_:
        return
    least, most = value_range(input_bits)
    if values.dtype.kind not in "iu":
        raise ValueError(f"input values of {values.dtype}: whole numbers are needed")
    wrong = values[(values < least) | (values > most)]
    if wrong.size:
        what = "spikes are 0 or 1" if input_bits == 1 else f"{least} to {most} fit"
        raise ValueError(f"input value {wrong[0]}: with input_bits {input_bits} {what}")


def pack_values(values: NDArray[np.integer], input_bits: int) -> bytes:
    """A slot for each of the values."""
    bits = slot_bits(input_bits)
    share = 8 // bits
    slots = np.zeros(-(-len(values) // share) * share, np.int64)
    slots[: len(values)] = values.astype(np.int64) & ((1 << bits) - 1)
    placed = slots.reshape(-1, share) << (bits * np.arange(share))
    return placed.sum(axis=1).astype(np.uint8).tobytes()


def unpack_values(data: NDArray[np.uint8], input_bits: int) -> NDArray[np.int64]:
    """The value of every slot of `data`."""
    bits = slot_bits(input_bits)
    slots = data.astype(np.int64)[:, None] >> (bits * np.arange(8 // bits))
    return signed_values(slots.reshape(-1), input_bits)


def signed_values(slots: NDArray[np.int64], input_bits: int) -> NDArray[np.int64]:
    """Slots as two's complement numbers of `input_bits` bits."""
    sign = 1 << (input_bits - 1)
    return ((slots & (2 * sign - 1)) ^ sign) - sign
