"""What the build needs to know about a board."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.build import Platform

from boards.pll import Pll
from golden.spec.fpga import Target


class BoardError(ValueError):
    """A board, size or clock that does not exist. One line, with the choices."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board in one size. Pins are resources of its amaranth-boards platform."""

    target: Target
    """Name, size, chip, clock and core: what the host knows of it too."""
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
    seed: int = 1
    """Of a placement that is known to meet the clock."""
    leds: int = 0
    """LEDs, resource `led` from 0; the design uses as many as there are."""
    held_high: tuple[tuple[str, int, str], ...] = ()
    """(resource, number, subsignal) of pins that must be driven high for the board to stay up."""
    loader: tuple[str, ...] = ()
    """Arguments of openFPGALoader before the name of the bitstream."""
    usb_ids: tuple[str, str] = ("0403", "6015")
    """Vendor and product of the programmer on USB, for the udev rule."""

    @property
    def name(self) -> str:
        """Its name, without a size."""
        return self.target.board

    @property
    def size(self) -> str:
        """Size of its FPGA."""
        return self.target.size

    @property
    def target_mhz(self) -> float:
        """Clock of the whole design; a build that does not meet it fails."""
        return self.target.mhz

    @property
    def label(self) -> str:
        """Name and size, also the name of the build folder."""
        return self.target.label

    def pll(self, mhz: float | None = None) -> Pll:
        """Clock generator for `mhz` (default: target_mhz). Raises BoardError."""
        wanted = self.target_mhz if mhz is None else mhz
        try:
            return self.find_pll(self.clock_mhz, wanted)
        except ValueError as error:
            raise BoardError(f"{self.label}: {error}") from error
