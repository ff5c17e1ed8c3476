"""The memory beside the FPGA as options of the build."""

import argparse
from dataclasses import replace

from boards.board import Board
from golden.spec.config import CoreConfig
from golden.spec.sdram import SdramConfig, beside, check_beside

USUAL = SdramConfig()


def add_memory(parser: argparse.ArgumentParser) -> None:
    """--sdram and what belongs to it."""
    group = parser.add_argument_group(
        "memory", "the SDRAM of the board; `python -m sw.driver doctor` tests it"
    )
    add = group.add_argument
    add("--sdram", action="store_true", help="build it in: the sample store is there")
    add("--sdram-clock", type=float, metavar="MHZ", help=f"its clock (default: {USUAL.mhz:g})")
    add(
        "--sdram-phase", type=float, metavar="DEG",
        help=f"degrees by which the chip's clock is behind the controller's (default: {USUAL.phase:g})",
    )  # fmt: skip
    add(
        "--sdram-delay", type=int, metavar="N",
        help=f"clocks, 0 to 3, for the way of a word back from the chip (default: {USUAL.read_delay})",
    )  # fmt: skip
    add(
        "--sdram-cas",
        type=int,
        metavar="N",
        help="CAS latency (default: the smallest for the clock)",
    )


def memory_of(board: Board, options: argparse.Namespace) -> SdramConfig | None:
    """The memory that is asked for; its phase is one that the PLL can make. Raises ValueError."""
    names = {"mhz": "clock", "phase": "phase", "read_delay": "delay", "cas": "cas"}
    found = {name: getattr(options, f"sdram_{label}") for name, label in names.items()}
    given = {name: value for name, value in found.items() if value is not None}
    if not options.sdram:
        if given:
            label = names[next(iter(given))]
            raise ValueError(f"--sdram-{label}: only with --sdram")
        return None
    if board.target.sdram is None:
        raise ValueError(
            f"--sdram: {board.label} has no SDRAM that this project knows; leave it out"
        )
    config = SdramConfig(**given)
    pll = board.pll(config.mhz)
    return replace(config, mhz=pll.output_mhz, phase=pll.phase(config.phase))


def with_store(config: CoreConfig, memory: SdramConfig | None, given: int | None) -> CoreConfig:
    """The core with its sample store in that memory. Raises ValueError when another size was given."""
    config = beside(config, memory) if given is None else config
    check_beside(config, memory)
    return config
