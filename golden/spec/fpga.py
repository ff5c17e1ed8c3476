"""The FPGAs: what each has, what a memory takes of it, and which board carries which."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from golden.spec.config import PRESETS, CoreConfig


@dataclass(frozen=True)
class Fpga:
    """What a chip has."""

    name: str
    luts: int
    """Look-up tables of four inputs."""
    block_rams: int
    """Block RAMs of 18 kbit."""
    multipliers: int
    """18 x 18."""


@dataclass(frozen=True)
class Sdram:
    """Memory beside the chip."""

    megabytes: int
    bits: int
    """Width of its data bus."""

    def bytes_per_second(self, mhz: float) -> float:
        """Peak: a word in every clock; refresh and changes of row cost some of it."""
        return self.bits / 8 * mhz * 1e6


@dataclass(frozen=True, kw_only=True)
class Target:
    """A board in one size, as far as host and build both need to know it."""

    board: str
    size: str
    fpga: Fpga
    mhz: float
    """Clock of the whole design."""
    preset: str
    """Name in `golden.spec.config.PRESETS` it is built with."""
    overrides: Mapping[str, int] = field(default_factory=dict)
    """Fields of the preset that it needs otherwise."""
    sdram: Sdram | None = None

    @property
    def label(self) -> str:
        """Board and size."""
        return f"{self.board}-{self.size}"

    def clocked(self, preset: str) -> "Target":
        """The same with the clock that a core of that name has."""
        return replace(self, mhz=SLOWER.get(preset, self.mhz))

    @property
    def config(self) -> CoreConfig:
        """The core it is built with."""
        return CoreConfig(**{**PRESETS[self.preset].as_dict(), **self.overrides})


ECP5_12F = Fpga("Lattice ECP5 LFE5U-12F", 24_288, 56, 28)  # the die of the 25F
ECP5_25F = Fpga("Lattice ECP5 LFE5U-25F", 24_288, 56, 28)
ECP5_45F = Fpga("Lattice ECP5 LFE5U-45F", 43_848, 108, 72)
ECP5_85F = Fpga("Lattice ECP5 LFE5U-85F", 83_640, 208, 156)
GW2A_18 = Fpga("Gowin GW2A-LV18", 20_736, 46, 48)

SDRAM_32MB = Sdram(megabytes=32, bits=16)


def _ecp5(board: str, size: str, fpga: Fpga, mhz: float, preset: str) -> Target:
    return Target(board=board, size=size, fpga=fpga, mhz=mhz, preset=preset, sdram=SDRAM_32MB)


_TARGETS = (
    _ecp5("ulx3s", "12f", ECP5_12F, 70, "ulx3s-12f"),
    _ecp5("ulx3s", "25f", ECP5_25F, 70, "ulx3s-12f"),
    _ecp5("ulx3s", "45f", ECP5_45F, 70, "ulx3s-12f"),
    _ecp5("ulx3s", "85f", ECP5_85F, 80, "ulx3s-85f"),
    _ecp5("icepi-zero", "25f", ECP5_25F, 70, "ulx3s-12f"),
    Target(
        board="tang-primer-20k",
        size="18c",
        fpga=GW2A_18,
        mhz=54,
        preset="ulx3s-12f",
        overrides={"lanes": 4, "weight_words": 8192, "neuron_groups": 16},
    ),
)
SLOWER = {
    "ulx3s-85f-128": 50.0,
    "ulx3s-85f-maps": 60.0,
    "ulx3s-85f-classifiers": 50.0,
    "ulx3s-85f-vgg9": 50.0,
}
"""Clock of cores, MHz, for which that of their board is too fast."""
TARGETS = {target.label: target for target in _TARGETS}
"""Every board in every size, by label."""

USUAL_SIZES = {"ulx3s": "85f"}
"""Sizes meant when none is given."""


def find_target(board: str, size: str | None = None) -> Target:
    """The board; without `size`, the usual one. Raises ValueError with the choices."""
    sizes = [target.size for target in _TARGETS if target.board == board]
    if not sizes:
        names = ", ".join(dict.fromkeys(target.board for target in _TARGETS))
        raise ValueError(f"board {board!r}: unknown; choose from {names}")
    chosen = (size or USUAL_SIZES.get(board, sizes[0])).lower()
    if chosen not in sizes:
        raise ValueError(f"size {size!r}: {board} comes as {', '.join(sizes)}")
    return TARGETS[f"{board}-{chosen}"]
