"""Saturation and rounding, in one place. Twin of golden/spec/formats.py."""

from typing import Any

from amaranth import Mux, Value


def saturate(value: Any, bits: int) -> Value:
    """Clip a signed value to the two's-complement range of `bits` bits."""
    top = 1 << (bits - 1)
    return Mux(value >= top, top - 1, Mux(value < -top, -top, value))[:bits].as_signed()


def saturate_unsigned(value: Any, bits: int) -> Value:
    """Clip an unsigned value to 0 … 2^bits - 1."""
    full = (1 << bits) - 1
    return Mux(value > full, full, value)[:bits]


def half(shift: int) -> int:
    """What is added before a shift so that it rounds to nearest, halves up."""
    return 1 << (shift - 1)


def round_shift(value: Any, shift: int) -> Value:
    """value / 2^shift, rounded to nearest, halves up."""
    return (value + half(shift)) >> shift
