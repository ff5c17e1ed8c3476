"""The memory chip beside the FPGA: geometry, times of its data sheet, and the rules that follow for a clock.

Declared here once: the controller takes its clocks from it (hw/memory), the chip models and the proofs take
the same rules (hw/simulate/sdram.h, sim/proofs/sdram.py).
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from math import ceil

from golden.spec.config import STORE_BLOCK, CoreConfig


class Command(IntEnum):
    """What the pins say: WE in bit 0, CAS in bit 1, RAS in bit 2, 1 for a pin that is active (low)."""

    NOP = 0
    STOP = 1
    READ = 2
    WRITE = 3
    ACTIVATE = 4
    PRECHARGE = 5
    REFRESH = 6
    MODE = 7


ALL_BANKS = 1 << 10
"""Address bit of PRECHARGE for all banks; of READ and WRITE for a precharge behind it, never used here."""

MOST_WORDS = 512
"""Words of a burst."""


@dataclass(frozen=True, kw_only=True)
class Chip:
    """An SDR SDRAM. Times are the shortest ones allowed, in nanoseconds, unless said otherwise.

    The values are the slower of ISSI IS42S16160G-7 and Micron MT48LC16M16A2-75, so that both work.
    """

    bank_bits: int = 2
    row_bits: int = 13
    column_bits: int = 9
    data_bits: int = 16
    fastest: tuple[tuple[int, float], ...] = ((2, 10.0), (3, 7.5))
    """CAS latency, and the shortest clock with it."""
    power_up: float = 200_000.0
    """From a steady clock to the first command."""
    refreshes_first: int = 8
    """Refreshes before the mode is set."""
    activate_to_column: float = 20.0
    """tRCD"""
    precharge: float = 20.0
    """tRP"""
    active: float = 45.0
    """tRAS, from ACTIVATE to PRECHARGE."""
    most_active: float = 100_000.0
    """tRAS, the longest."""
    cycle: float = 66.0
    """tRC, from ACTIVATE to ACTIVATE in a bank."""
    other_bank: float = 15.0
    """tRRD, from ACTIVATE to ACTIVATE in another bank."""
    write_recovery: float = 15.0
    """tWR (tDPL), from the last word written to PRECHARGE."""
    refresh: float = 70.0
    """tRFC, from REFRESH to the next command."""
    mode_clocks: int = 2
    """tMRD, clocks from MODE to the next command."""
    retention: float = 64e6
    """tREF: every row is refreshed within that time."""

    @property
    def banks(self) -> int:
        """Banks."""
        return 1 << self.bank_bits

    @property
    def rows(self) -> int:
        """Rows of a bank."""
        return 1 << self.row_bits

    @property
    def columns(self) -> int:
        """Words of a row."""
        return 1 << self.column_bits

    @property
    def address_bits(self) -> int:
        """Bits of the address of a word: column, then bank, then row, so that neighbours of a row are in
        other banks.
        """
        return self.bank_bits + self.row_bits + self.column_bits

    @property
    def address_pins(self) -> int:
        """Address pins: a row, or a column beside the bit ALL_BANKS."""
        return max(self.row_bits, ALL_BANKS.bit_length())

    @property
    def words(self) -> int:
        """Words of the chip."""
        return 1 << self.address_bits


@dataclass(frozen=True)
class Rule:
    """A command of `after` comes at least `clocks` behind one of `before`."""

    name: str
    before: tuple[Command, ...]
    after: tuple[Command, ...]
    clocks: int
    same_bank: bool
    """Only when both are of the same bank; a command of all banks is of each."""


@dataclass(frozen=True)
class Timing:
    """A chip at a clock: everything in clocks. Raises ValueError for a clock that is too fast for the chip.

    `cas` is the CAS latency; 0 takes the smallest that the clock allows.
    """

    chip: Chip
    mhz: float
    cas: int = 0

    def __post_init__(self) -> None:
        possible = [cas for cas, ns in self.chip.fastest if ns * self.mhz <= 1000 * (1 + 1e-9)]
        if not possible or (self.cas and self.cas not in possible):
            choices = ", ".join(f"{1000 / ns:g} MHz with {cas}" for cas, ns in self.chip.fastest)
            raise ValueError(
                f"a memory clock of {self.mhz:g} MHz with CAS latency {self.cas or 'of any kind'}: at most "
                f"{choices}"
            )
        if self.mhz < 25:
            raise ValueError(f"a memory clock of {self.mhz:g} MHz: at least 25 MHz are needed")
        if not self.cas:
            object.__setattr__(self, "cas", possible[0])

    def clocks(self, ns: float) -> int:
        """Clocks that last at least so long."""
        return max(1, ceil(ns * self.mhz / 1000 - 1e-9))

    @property
    def mode(self) -> int:
        """Word of the mode register: bursts of one word, in sequence."""
        return self.cas << 4

    @property
    def turn(self) -> int:
        """Clocks from a READ to a WRITE: its word has left the bus, and nobody drives it for a clock."""
        return self.cas + 2

    @property
    def refresh_interval(self) -> int:
        """Clocks from a refresh to the next, such that a late one is in time still."""
        late = self.clocks(self.chip.active) + self.clocks(self.chip.precharge) + 16
        return int((self.chip.retention * self.mhz / 1000 - late) / self.chip.rows)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What is too early."""
        chip, clocks = self.chip, self.clocks
        read, write, activate = (Command.READ,), (Command.WRITE,), (Command.ACTIVATE,)
        precharge, refresh, mode = (Command.PRECHARGE,), (Command.REFRESH,), (Command.MODE,)
        rest = refresh + mode
        any_command = tuple(Command)[1:]
        return (
            Rule("tRCD", activate, read + write, clocks(chip.activate_to_column), True),
            Rule("tRP", precharge, activate + rest, clocks(chip.precharge), True),
            Rule("tRAS", activate, precharge, clocks(chip.active), True),
            Rule("tRC", activate, activate + rest, clocks(chip.cycle), True),
            Rule("tRRD", activate, activate, clocks(chip.other_bank), False),
            Rule("tWR", write, precharge, clocks(chip.write_recovery), True),
            Rule("tRFC", refresh, any_command, clocks(chip.refresh), False),
            Rule("tMRD", mode, any_command, chip.mode_clocks, False),
            Rule("turn-around", read, write, self.turn, False),
        )


@dataclass(frozen=True, kw_only=True)
class SdramConfig:
    """The memory as a board is built with it. Raises ValueError for what cannot be built."""

    mhz: float = 100.0
    """Clock of chip and controller."""
    phase: float = 225.0
    """Degrees by which the chip's clock is behind the controller's."""
    read_delay: int = 1
    """Clocks, 0 to 3, that a word takes from the chip's pins back into the controller beyond the ideal."""
    cas: int = 0
    """CAS latency, 2 or 3; 0: the smallest for the clock."""
    chip: Chip = Chip()

    def __post_init__(self) -> None:
        if not 0 <= self.read_delay <= 3:
            raise ValueError(f"read_delay is {self.read_delay}: it must lie in 0 to 3")
        if not 0 <= self.phase < 360:
            raise ValueError(f"phase is {self.phase:g}: it must lie in 0 to 359 degrees")
        _ = self.timing

    @property
    def timing(self) -> Timing:
        """Its clocks."""
        return Timing(self.chip, self.mhz, self.cas)

    @property
    def store_bytes(self) -> int:
        """Of its sample store: all but a block, so that it has fewer words than a space."""
        return self.chip.words * self.chip.data_bits // 8 - STORE_BLOCK

    def as_dict(self) -> dict[str, float]:
        """What a board is built with, by name; of the usual chip."""
        return {name: getattr(self, name) for name in ("mhz", "phase", "read_delay", "cas")}


def beside(core: CoreConfig, memory: SdramConfig | None) -> CoreConfig:
    """The core as it is built with that memory: its sample store is there."""
    return replace(core, store_bytes=memory.store_bytes) if memory else core


def check_beside(core: CoreConfig, memory: SdramConfig | None) -> None:
    """Raise ValueError unless core and memory are built for each other."""
    if core.store_off_chip and memory is None:
        raise ValueError(
            f"store_bytes is {core.store_bytes}: only a memory beside the FPGA has room for that; build with "
            "--sdram, or use 524288 or fewer"
        )
    if memory and core.store_bytes != memory.store_bytes:
        raise ValueError(
            f"store_bytes is {core.store_bytes}: with this memory it is {memory.store_bytes}; leave it out"
        )
