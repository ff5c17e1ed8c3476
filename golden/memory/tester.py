"""A memory and its tester. Twin of hw/memory/tester.py and hw/memory/registers.py; it counts no clocks."""

import numpy as np
from numpy.typing import NDArray

from golden.host.memory import BadAddress
from golden.spec.memory_test import (
    MEMORY_REGISTER_WORDS,
    MEMORY_REGISTERS,
    Pass,
    identity,
    pattern_words,
)
from golden.spec.registers import Register
from golden.spec.sdram import SdramConfig


class MemoryTester:
    """Registers in space SDRAM. A test is over as soon as it is started.

    `words` is the memory, uint16; `faults`, for tests of who uses it, spoils what was read: (addresses,
    words) -> words.
    """

    def __init__(self, config: SdramConfig) -> None:
        self.words = np.zeros(config.chip.words, np.uint16)
        self.registers = {register.name: 0 for register in MEMORY_REGISTERS} | identity(config)

    def faults(self, places: NDArray[np.int64], words: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """What the memory gives for what it holds."""
        return words

    def read(self, index: int, count: int) -> NDArray[np.uint16]:
        """`count` words of registers from `index` on. Raises BadAddress."""
        if index + count > MEMORY_REGISTER_WORDS:
            raise BadAddress(f"{count} words at {index} reach past the registers of the memory")
        words: list[int] = []
        for register in MEMORY_REGISTERS:
            value = self.registers[register.name]
            words += [value >> 16 * part & 0xFFFF for part in range(register.words)]
        return np.array(words[index : index + count], np.uint16)

    def write(self, index: int, words: NDArray[np.uint16]) -> None:
        """Store words of registers from `index` on. Raises BadAddress, having stored those that can be."""
        refused = False
        for at, word in enumerate(words.tolist(), index):
            found = self._find(at)
            if found is None or found[1].access != "rw":
                refused = True
                continue
            part, register = found
            if register.name == "start":
                self._start(word)
                continue
            kept = self.registers[register.name] & ~(0xFFFF << 16 * part)
            self.registers[register.name] = kept | word << 16 * part
        if refused:
            raise BadAddress(f"not every word from {index} on is a register that can be written")

    @staticmethod
    def _find(index: int) -> tuple[int, Register] | None:
        at = 0
        for register in MEMORY_REGISTERS:
            if at <= index < at + register.words:
                return index - at, register
            at += register.words
        return None

    def _start(self, passes: int) -> None:
        """A test, from start to end."""
        asked, results = self.registers, ("errors", "bad_address", "bad_expected", "bad_found")
        if not passes & (Pass.WRITE | Pass.CHECK):
            return
        asked |= dict.fromkeys(results, 0)
        size = len(self.words)
        first, count = asked["address"] % size, min(asked["words"], size)
        places = (first + np.arange(count)) % size
        wanted = pattern_words(asked["pattern"], asked["seed"], first, count, size)
        if passes & Pass.WRITE:
            self.words[places] = wanted
        if passes & Pass.CHECK:
            found = self.faults(places, self.words[places])
            wrong = np.flatnonzero(found != wanted)
            asked["errors"] = len(wrong)
            if len(wrong):
                bad = int(wrong[0])
                values = (int(places[bad]), int(wanted[bad]), int(found[bad]))
                asked |= dict(zip(results[1:], values, strict=True))
