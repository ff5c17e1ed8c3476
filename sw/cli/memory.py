"""What `doctor` says of the memory beside a board's FPGA: address lines, patterns, retention, bandwidth."""

from __future__ import annotations

from collections.abc import Iterator

from golden.spec.memory_test import Pass, Pattern, pattern_words
from golden.spec.registers import KEY_WORDS, Space
from sw.cli.checks import FAIL, NOTE, OK, Finding
from sw.device import Device, MemoryResult, MemoryUnit

SIMULATED_WORDS = 1 << 16
"""Of a memory whose clock is simulated."""
RETENTION_SECONDS, SIMULATED_SECONDS = 2.0, 0.0005
"""How long words lie untouched: rows lose theirs after 64 ms, if nobody refreshes them."""
SEED = 0x5A17


def findings(device: Device, *, real: bool) -> Iterator[Finding]:
    """Nothing for a device without a memory. `real`: a board, whose time costs nothing, is tested whole."""
    memory = MemoryUnit.find(device)
    if memory is None:
        return
    yield Finding(
        OK,
        f"memory: {2 * memory.words >> 20} MB at {memory.mhz:g} MHz, CAS latency {memory.cas}, chip's clock "
        f"{memory.phase} degrees late, read delay {memory.read_delay}",
    )
    if device.read(Space.STORE_KEY, 0, KEY_WORDS).any():
        yield Finding(
            NOTE, "memory: samples were kept in it",
            "the tests write over them; the next training sends its samples again",
        )  # fmt: skip
    yield _address_lines(memory)
    words = memory.words if real else min(SIMULATED_WORDS, memory.words)
    for pattern in (Pattern.RANDOM, Pattern.TOGGLE):
        result = memory.test(pattern, seed=SEED, words=words)
        yield _judged(
            memory, result, f"{words:,} words, {pattern.name.lower()}{_rates(memory, result)}"
        )
    seconds = RETENTION_SECONDS if real else SIMULATED_SECONDS
    result = memory.test(Pattern.RANDOM, seed=~SEED & 0xFFFF, words=words, pause_seconds=seconds)
    yield _judged(memory, result, f"{words:,} words kept for {1000 * seconds:g} ms")


def _rates(memory: MemoryUnit, result: MemoryResult) -> str:
    """How fast it was."""
    if not result.check_clocks:
        return ""
    write = memory.rate(result.words, result.write_clocks)
    read = memory.rate(result.words, result.check_clocks)
    share = min(write, read) / memory.peak
    return f": written at {write:.1f} MB/s, read at {read:.1f} MB/s, {share:.1%} of the peak"


def _address_lines(memory: MemoryUnit) -> Finding:
    """A word at each power of two and at 0, all different, written before any is checked."""
    lines = (memory.words - 1).bit_length()
    places = [0, *(1 << line for line in range(lines))]

    def run(place: int, passes: Pass) -> MemoryResult:
        return memory.test(Pattern.ADDRESS, seed=SEED, address=place, words=1, passes=passes)

    for place in places:
        run(place, Pass.WRITE)
    owner = {
        int(pattern_words(Pattern.ADDRESS, SEED, place, 1, memory.words)[0]): place
        for place in places
    }
    mixed = []
    for place in places:
        result = run(place, Pass.CHECK)
        if result.errors:
            other = owner.get(result.bad_found)
            what = f"{result.bad_found:#06x}" if other is None else f"that of {other:#x}"
            mixed.append(f"the word at {place:#x} is {what}")
    if not mixed:
        return Finding(OK, f"memory: {lines} address lines")
    return Finding(FAIL, f"memory: address lines: {'; '.join(mixed)}", _cure(memory))


def _judged(memory: MemoryUnit, result: MemoryResult, what: str) -> Finding:
    """Right or wrong."""
    if not result.errors:
        return Finding(OK, f"memory: {what}")
    lines = ", ".join(f"DQ{bit}" for bit in result.bad_bits)
    return Finding(
        FAIL,
        f"memory: {result.errors:,} wrong of {what}; the first at {result.bad_address:#x}: "
        f"{result.bad_found:#06x} instead of {result.bad_expected:#06x} ({lines})",
        _cure(memory),
    )


def _cure(memory: MemoryUnit) -> str:
    return (
        f"build with another --sdram-phase (it is {memory.phase}) or --sdram-delay (it is "
        f"{memory.read_delay}), or a slower --sdram-clock"
    )
