"""Registers of the memory beside the FPGA (space SDRAM), and the tests that its tester runs by itself.

A test writes `words` words from `address` on, or checks them, or both, in bursts of `burst` words, as fast
as the memory goes. What a word has to be follows from pattern, seed, address and place in the test. A write
to `start` begins; `start` reads 0 when the test is over, and the results are of the last one. While one
runs, nothing that is written is kept.
"""

import hashlib
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray

from golden.spec.registers import Register
from golden.spec.sdram import MOST_WORDS, SdramConfig

PAUSE_CLOCKS = 1024
STATE = 0x5EED
"""Lower half of the first random state; the seed is the upper one, so that it is never zero."""


class Pattern(IntEnum):
    """What the words of a test are."""

    RANDOM = (
        0  # the lower half of a random state, which goes on with every word (xorshift, 13, 17, 5)
    )
    ADDRESS = 1  # address bits 0 to 15, those from 8 on and the seed, by exclusive or
    TOGGLE = 2  # the seed, and all its bits the other way, in turns


class Pass(IntFlag):
    """What `start` is written with."""

    WRITE = 1
    CHECK = 2  # behind the other, if both are asked for


IDENTITY = (
    Register(
        "memory_fingerprint", 64, "r", "hash of these registers and of how the memory is built"
    ),
    Register("memory_words", 32, "r", "words of 16 bits"),
    Register("memory_khz", 32, "r", "clock of the memory"),
    Register(
        "memory_phase", 16, "r", "degrees by which the chip's clock is behind the controller's"
    ),
    Register("memory_read_delay", 16, "r", "clocks for the way back from the chip"),
    Register("memory_cas", 16, "r", "CAS latency"),
)
CONTROL = (
    Register("start", 16, "rw", "1 writes, 2 checks, 3 both; reads 0 when the test is over"),
    Register("pattern", 16, "rw", "0 random, 1 address, 2 all bits toggle"),
    Register("seed", 16, "rw", "of the pattern"),
    Register(
        "burst", 16, "rw", f"words of a burst, 1 to {MOST_WORDS}; others count as {MOST_WORDS}"
    ),
    Register("address", 32, "rw", "first word of the test"),
    Register(
        "words", 32, "rw", "how many, those of the memory at most; behind its end comes its start"
    ),
    Register(
        "pause", 32, "rw", f"times {PAUSE_CLOCKS} clocks, at least, between writing and checking"
    ),
)
RESULTS = (
    Register("errors", 32, "r", "words that were wrong"),
    Register("bad_address", 32, "r", "address of the first of them"),
    Register("bad_expected", 16, "r", "what it should have been"),
    Register("bad_found", 16, "r", "what it was"),
    Register(
        "write_clocks",
        32,
        "r",
        "clocks of the memory from the first burst written to the last word",
    ),
    Register("check_clocks", 32, "r", "the same, of those read"),
)
MEMORY_REGISTERS = IDENTITY + CONTROL + RESULTS
MEMORY_REGISTER_WORDS = sum(register.words for register in MEMORY_REGISTERS)


def memory_register(name: str) -> tuple[int, Register]:
    """First word of a register in space SDRAM, and the register. Raises KeyError."""
    at = 0
    for register in MEMORY_REGISTERS:
        if register.name == name:
            return at, register
        at += register.words
    raise KeyError(name)


def identity(config: SdramConfig) -> dict[str, int]:
    """Values of IDENTITY."""
    return {
        "memory_fingerprint": memory_fingerprint(config),
        "memory_words": config.chip.words,
        "memory_khz": round(config.mhz * 1000),
        "memory_phase": round(config.phase),
        "memory_read_delay": config.read_delay,
        "memory_cas": config.timing.cas,
    }


def memory_fingerprint(config: SdramConfig) -> int:
    """64-bit hash of all that host and memory must agree on: registers, patterns, geometry."""
    parts = [MEMORY_REGISTERS, list(Pattern), list(Pass), STATE, PAUSE_CLOCKS, config.chip]
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "little")


def pattern_words(
    pattern: int, seed: int, address: int, count: int, memory_words: int
) -> NDArray[np.uint16]:
    """The words of a test, in order."""
    places = (address + np.arange(count)) % memory_words
    if pattern == Pattern.RANDOM:
        return random_words(seed, count)
    if pattern == Pattern.ADDRESS:
        return ((places ^ places >> 8 ^ seed) & 0xFFFF).astype(np.uint16)
    return np.where(np.arange(count) % 2, seed ^ 0xFFFF, seed).astype(np.uint16)


def random_words(seed: int, count: int) -> NDArray[np.uint16]:
    """The words of RANDOM."""
    state, words = seed << 16 | STATE, np.zeros(count, np.uint16)
    for place in range(count):
        words[place] = state & 0xFFFF
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
    return words


def burst_words(written: int) -> int:
    """Words of a burst, by the register."""
    return written if 1 <= written <= MOST_WORDS else MOST_WORDS
