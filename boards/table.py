"""The boards. To add one: an amaranth-boards platform, its clock, a PLL and an entry here."""

from amaranth_boards.icepi_zero import IcepiZero1_3Platform
from amaranth_boards.tang_primer_20k import TangPrimer20kDockPlatform
from amaranth_boards.ulx3s import (
    ULX3S_12F_Platform,
    ULX3S_25F_Platform,
    ULX3S_45F_Platform,
    ULX3S_85F_Platform,
)

from boards.board import Board, BoardError
from boards.pll import find_ecp5, find_gw2a
from golden.spec.fpga import TARGETS, find_target

ULX3S_SIZES = {
    # platform, seed
    "12f": (ULX3S_12F_Platform, 1),
    "25f": (ULX3S_25F_Platform, 1),
    "45f": (ULX3S_45F_Platform, 1),
    "85f": (ULX3S_85F_Platform, 3),
}

SEEDS = {"ulx3s-85f-maps": 1, "ulx3s-85f-128": 2}
"""Seeds of cores that meet their clock with another placement than their board's preset."""


def ulx3s(size: str) -> Board:
    """Radiona ULX3S. The 12F is the die of the 25F."""
    platform, seed = ULX3S_SIZES[size]
    return Board(
        target=TARGETS[f"ulx3s-{size}"],
        title=f"Radiona ULX3S, Lattice ECP5 LFE5U-{size.upper()}",
        platform=platform,
        toolchain="ecp5",
        clock="clk25",
        clock_mhz=25,
        find_pll=find_ecp5,
        seed=seed,
        leds=8,
        held_high=(("esp32", 0, "gpio0"),),
        loader=("-b", "ulx3s"),
    )


def icepi_zero() -> Board:
    """Icepi Zero: the same FPGA as a small ULX3S, another oscillator and other pins."""
    return Board(
        target=TARGETS["icepi-zero-25f"],
        title="Icepi Zero v1.3, Lattice ECP5 LFE5U-25F",
        platform=IcepiZero1_3Platform,
        toolchain="ecp5",
        clock="clk50",
        clock_mhz=50,
        find_pll=find_ecp5,
        leds=5,
        loader=("-b", "icepi-zero"),
    )


def tang_primer_20k() -> Board:
    """Sipeed Tang Primer 20K on its Dock: another vendor's FPGA."""
    return Board(
        target=TARGETS["tang-primer-20k-18c"],
        title="Sipeed Tang Primer 20K on Dock, Gowin GW2A-LV18",
        platform=lambda: TangPrimer20kDockPlatform(toolchain="Apicula"),
        toolchain="gowin",
        clock="clk27",
        clock_mhz=27,
        find_pll=find_gw2a,
        leds=6,
        loader=("-b", "tangprimer20k"),
        usb_ids=("0403", "6010"),
    )


BOARDS = {
    board.label: board for board in (*map(ulx3s, ULX3S_SIZES), icepi_zero(), tang_primer_20k())
}
"""Every board in every size, by label."""


def names() -> list[str]:
    """Names of the boards."""
    return list(dict.fromkeys(board.name for board in BOARDS.values()))


def sizes(name: str) -> list[str]:
    """Sizes of the board called `name`."""
    return [board.size for board in BOARDS.values() if board.name == name]


def find(name: str, size: str | None = None) -> Board:
    """The board; without `size`, the usual one. Raises BoardError with the choices."""
    try:
        return BOARDS[find_target(name, size).label]
    except ValueError as error:
        raise BoardError(str(error)) from error
