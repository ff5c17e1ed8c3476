"""What the build needs to know about a board."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from amaranth.build import Platform

from boards.pll import Pll


class BoardError(ValueError):
    """A board, size or clock that does not exist. One line, with the choices."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board in one size. Pins are resources of its amaranth-boards platform."""

    name: str
    size: str
    title: str
    """Vendor, board and part, for people."""
    platform: Callable[[], Platform]
    toolchain: str
    """Key of `hw.toolchain.TOOLCHAINS`: the tools that place, route and pack."""
    clock: str
    """Resource of the oscillator."""
    clock_mhz: float
    """Frequency of the oscillator."""
    find_pll: Callable[[float, float], Pll]
    """(oscillator, wanted) in MHz -> PLL; raises ValueError with the nearest that exist."""
    target_mhz: float
    """Clock of the whole design; a build that does not meet it fails."""
    seed: int = 1
    """Of a placement that is known to meet the clock."""
    preset: str
    """Name in `golden.spec.config.PRESETS` the board is built with."""
    overrides: Mapping[str, int] = field(default_factory=dict)
    """Fields of the preset that this board needs otherwise."""
    block_rams: int
    """Block RAMs of 18 kbit."""
    leds: int = 0
    """LEDs, resource `led` from 0; the design uses as many as there are."""
    held_high: tuple[tuple[str, int, str], ...] = ()
    """(resource, number, subsignal) of pins that must be driven high for the board to stay up."""
    loader: tuple[str, ...] = ()
    """Arguments of openFPGALoader before the name of the bitstream."""
    usb_ids: tuple[str, str] = ("0403", "6015")
    """Vendor and product of the programmer on USB, for the udev rule."""

    @property
    def label(self) -> str:
        """Name and size, also the name of the build folder."""
        return f"{self.name}-{self.size}"

    def pll(self, mhz: float | None = None) -> Pll:
        """Clock generator for `mhz` (default: target_mhz). Raises BoardError."""
        wanted = self.target_mhz if mhz is None else mhz
        try:
            return self.find_pll(self.clock_mhz, wanted)
        except ValueError as error:
            raise BoardError(f"{self.label}: {error}") from error
