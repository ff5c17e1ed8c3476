"""Random numbers of stochastic rounding. Twin of hw/core/lanes/noise.py.

Counter based, so that any number of the sequence can be had without those before it: a 32-bit state
advances by a constant, and three rounds of a Feistel network, one 16 x 16 multiplication each, turn it
into a 32-bit word that does not repeat within 2^32. Every lane takes 16 bits of the word at a rotation
of its own and flips some of them.
"""

import numpy as np
from numpy.typing import NDArray

from golden.spec.formats import NOISE_BITS

WEYL = 0x9E3779B9  # 2^32 / golden ratio, odd
ROUND_KEYS = (0xA3D5, 0xC4C3, 0x9E6D)  # odd multipliers
ROTATION = 11  # coprime with 32: 32 lanes before a rotation comes again
FLIP = 0x9E37


def advance(state: int, rows: int) -> int:
    """The state after `rows` updates."""
    return (state + rows * WEYL) & 0xFFFFFFFF


def word(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """32 random bits for each 32-bit state."""
    left, right = state >> np.uint64(16), state & np.uint64(0xFFFF)
    for key in ROUND_KEYS:
        product = right * np.uint64(key)
        left, right = right, left ^ ((product >> np.uint64(8)) & np.uint64(0xFFFF))
    return (left << np.uint64(16)) | right


def lane_rotation(lane: int) -> int:
    """Left rotation of the word that a lane sees."""
    return (lane * ROTATION) % 32


def lane_flip(lane: int) -> int:
    """Bits that a lane inverts."""
    return (lane * FLIP) & 0xFFFF


def noise(state: int, rows: int, lanes: int) -> NDArray[np.int32]:
    """Noise of the next `rows` updates: u16[rows, lanes]."""
    steps = np.arange(rows, dtype=np.uint64) * np.uint64(WEYL) + np.uint64(state)
    words = word(steps & np.uint64(0xFFFFFFFF))
    twice = words | (words << np.uint64(32))
    shifts = np.array([32 - lane_rotation(lane) for lane in range(lanes)], np.uint64)
    flips = np.array([lane_flip(lane) for lane in range(lanes)], np.int32)
    mask = np.uint64((1 << NOISE_BITS) - 1)
    return ((twice[:, None] >> shifts) & mask).astype(np.int32) ^ flips
