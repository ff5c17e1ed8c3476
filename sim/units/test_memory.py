"""Units of hw/memory that are tested alone. Others have the model of the chip as twin: sim/memory."""

from golden.spec.registers import SPACE_SHIFT, Space
from golden.spec.sdram import MOST_WORDS, Chip
from hw.memory.cutter import Cutter
from hw.memory.memory import MemorySwitch
from sim.units.base import UnitTest


class TestCutter(UnitTest):
    """Bursts of all lengths, over the ends of rows, banks and the memory, and of no words at all."""

    unit = Cutter
    sizes = {
        "board": {"chip": Chip()},
        "small": {"chip": Chip(row_bits=3, column_bits=4, bank_bits=1)},
    }

    def stimuli(self, rng):
        chip = self.size["chip"]
        for _ in range(300):
            line = rng.choice(
                [0, chip.rows * chip.banks - 1, rng.randrange(chip.rows * chip.banks)]
            )
            column = rng.choice([0, chip.columns - 1, rng.randrange(chip.columns)])
            words = rng.choice([0, 1, chip.columns, MOST_WORDS, rng.randint(1, MOST_WORDS)])
            burst = {"address": line * chip.columns + column, "words": words}
            yield {"i": [burst | {"write": rng.randrange(2)}]}

    def step(self, now):
        if now.i is None:
            return {}
        chip, burst = self.size["chip"], now.i
        address, left, pieces = burst["address"], burst["words"], []
        while left:
            column = address % chip.columns
            count = min(left, chip.columns - column)
            line = address // chip.columns
            piece = {"column": column, "last": column + count - 1, "bank": line % chip.banks}
            pieces.append(piece | {"row": line // chip.banks, "write": burst["write"]})
            address, left = (address + count) % chip.words, left - count
        return {"o": pieces}


class TestMemorySwitch(UnitTest):
    """Commands in all spaces; each is answered before the next one begins."""

    unit = MemorySwitch
    registers = False

    def stimuli(self, rng):
        self.rng = rng
        for _ in range(150):
            space = rng.choice([*Space, Space.SDRAM, Space.SDRAM, 0xFF])
            accesses = [
                {
                    "address": space << SPACE_SHIFT | rng.getrandbits(SPACE_SHIFT),
                    "data": rng.getrandbits(16),
                    "write": rng.randrange(2),
                }
                for _ in range(rng.randint(1, 5))
            ]
            yield {"host_request": accesses}
            yield from self.drain()

    def step(self, now):
        if now.host_request is None:
            return {}
        to_memory = now.host_request["address"] >> SPACE_SHIFT == Space.SDRAM
        side = "memory" if to_memory else "core"
        answer = {"data": self.rng.getrandbits(16), "error": self.rng.randrange(2)}
        self.send(f"{side}_reply", answer)
        return {f"{side}_request": [now.host_request], "host_reply": [answer]}
