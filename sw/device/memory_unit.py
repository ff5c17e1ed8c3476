"""The memory beside a board's FPGA: what it is, and tests that its tester runs at full speed."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from golden.spec.memory_test import (
    IDENTITY,
    PAUSE_CLOCKS,
    RESULTS,
    Pass,
    Pattern,
    memory_fingerprint,
    memory_register,
)
from golden.spec.registers import Register, Space
from golden.spec.sdram import SdramConfig
from sw.device.blocks import Blocks
from sw.device.identity import DeviceError, register_value
from sw.device.in_flight import Refused

BOTH = Pass.WRITE | Pass.CHECK
POLL_SECONDS, PATIENCE_SECONDS = 0.01, 60.0


@dataclass(frozen=True)
class MemoryResult:
    """What came of a test."""

    words: int
    """Words of the test."""
    errors: int
    """Words that were wrong."""
    bad_address: int
    """Address of the first of them."""
    bad_expected: int
    """What it should have been."""
    bad_found: int
    """What it was."""
    write_clocks: int
    """Clocks of the memory that writing took; 0 where nothing is clocked."""
    check_clocks: int
    """The same, of reading."""

    @property
    def bad_bits(self) -> list[int]:
        """Data lines in which the first wrong word differs."""
        differs = self.bad_expected ^ self.bad_found
        return [bit for bit in range(16) if differs >> bit & 1]


class MemoryUnit:
    """The memory of a device. Raises DeviceError when it is none of this software."""

    def __init__(self, device: Blocks, words: np.ndarray) -> None:
        self._device = device
        found = _values(IDENTITY, words)
        self.words = found["memory_words"]
        """Words of 16 bits."""
        self.mhz = found["memory_khz"] / 1000
        """Its clock."""
        self.phase = found["memory_phase"]
        """Degrees by which the chip's clock is behind the controller's."""
        self.read_delay = found["memory_read_delay"]
        """Clocks for the way of a word back from the chip."""
        self.cas = found["memory_cas"]
        """CAS latency."""
        if found["memory_fingerprint"] != memory_fingerprint(SdramConfig()):
            raise DeviceError(
                f"the memory has fingerprint {found['memory_fingerprint']:016x}, this software expects "
                f"{memory_fingerprint(SdramConfig()):016x}; rebuild the bitstream from this checkout"
            )

    @classmethod
    def find(cls, device: Blocks) -> MemoryUnit | None:
        """The memory of a device, if it is built with one. Raises LinkError, DeviceError."""
        count = sum(register.words for register in IDENTITY)
        try:
            return cls(device, device.read(Space.SDRAM, 0, count))
        except Refused:
            return None

    def test(
        self,
        pattern: Pattern,
        *,
        seed: int = 1,
        address: int = 0,
        words: int | None = None,
        passes: Pass = BOTH,
        burst: int = 512,
        pause_seconds: float = 0.0,
    ) -> MemoryResult:
        """Write words from `address` on (default: all), wait, and check them, in bursts of `burst` words.

        Raises DeviceError when it does not end, LinkError.
        """
        words = self.words if words is None else words
        pause = round(pause_seconds * self.mhz * 1e6 / PAUSE_CLOCKS)
        asked = {"pattern": pattern, "seed": seed, "burst": burst, "address": address}
        for name, value in {**asked, "words": words, "pause": pause, "start": passes}.items():
            at, register = memory_register(name)
            parts = [int(value) >> 16 * part & 0xFFFF for part in range(register.words)]
            self._device.write(Space.SDRAM, at, np.array(parts))
        self._wait(pause_seconds)
        first, count = memory_register(RESULTS[0].name)[0], sum(r.words for r in RESULTS)
        return MemoryResult(words, **_values(RESULTS, self._device.read(Space.SDRAM, first, count)))

    def rate(self, words: int, clocks: int) -> float:
        """Megabytes a second, of so many words in so many clocks; 0 where nothing is clocked."""
        return 2 * words * self.mhz / clocks if clocks else 0.0

    @property
    def peak(self) -> float:
        """Megabytes a second of a word in every clock."""
        return 2 * self.mhz

    def _wait(self, pause_seconds: float) -> None:
        """Until the test is over."""
        at = memory_register("start")[0]
        deadline = time.monotonic() + pause_seconds + PATIENCE_SECONDS
        while self._device.read(Space.SDRAM, at, 1)[0]:
            if time.monotonic() > deadline:
                raise DeviceError(
                    f"a test of the memory did not end in {pause_seconds + PATIENCE_SECONDS:.0f} s: "
                    "its clock stands still; build the bitstream anew"
                )
            if self._device.channel.transport.clocked_by_itself:
                time.sleep(POLL_SECONDS)


def _values(registers: tuple[Register, ...], words: np.ndarray) -> dict[str, int]:
    """Registers by name, from their words one behind the other."""
    parts = np.split(words, np.cumsum([register.words for register in registers])[:-1])
    return {r.name: register_value(part) for r, part in zip(registers, parts, strict=True)}
