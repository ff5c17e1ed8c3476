"""`python -m hw.build`: from the Amaranth sources to a bitstream that meets its clock.

Everything it runs comes from PyPI. The bitstream and report.json appear in build/<board>-<size>/;
when the clock is missed, or something does not fit, there is no bitstream and the exit status is 1.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console

import boards
from boards import Board
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.declare import declarations, option
from golden.spec.fpga import SLOWER
from hw.building.fit import check_logic, check_memories
from hw.building.flow import build
from hw.building.memory import add_memory, memory_of, with_store
from hw.building.program import program
from hw.building.toolchain import BuildError
from hw.building.units import build_unit, time_unit
from hw.document.units import make_unit
from hw.link.uart import phase_step
from hw.top import BoardTop

DEFAULT_BAUD = 1_000_000
EXAMPLES = """examples:
  python -m hw.build --board ulx3s                      the 85F with its preset
  python -m hw.build --board ulx3s --size 12f --lanes 8 a smaller core
  python -m hw.build --board ulx3s --program            build, then load it over USB
  python -m hw.build --board ulx3s --unit sequencer     what one unit costs, in a minute
  python -m hw.build --board ulx3s --sdram --sdram-phase 180   with the memory; its clock half a period late
"""


class Parser(argparse.ArgumentParser):
    """Errors in one line, exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave."""
        self.exit(2, f"hw.build: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a spinner must not end a build
            stream.reconfigure(errors="replace")
    console = Console()
    try:
        board = boards.find(options.board, options.size)
        config = configuration(board, options)
        pll = board.pll(options.clock or SLOWER.get(options.preset))
        phase_step(pll.output_mhz * 1e6, options.baud)
        memory = memory_of(board, options)
        config = with_store(config, memory, options.store_bytes)
        unit = make_unit(options.unit, config) if options.unit else None
    except ValueError as error:
        parser.error(str(error))
    folder = options.out or Path("build") / board.label
    seed = options.seed
    if seed is None:
        seed = boards.SEEDS.get(options.preset, board.seed)
    try:
        if unit:
            folder = (
                options.out or Path("build") / "units" / f"{board.label}-{options.unit.lower()}"
            )
            build_unit(unit, board, folder, console)
            if options.pnr:
                time_unit(board, folder, seed, pll.output_mhz, console)
            return 0
        check_logic(board, config)
        check_memories(board, config)
        top = BoardTop(board, config, pll=pll, baud=options.baud, memory=memory)
        bitstream = build(board, top, folder, seed, console, force=options.force)
        if options.program:
            program(board, bitstream, console)
    except BuildError as error:
        print(f"hw.build: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = error.filename or folder
        print(f"hw.build: {where}: {error.strerror}; choose another --out", file=sys.stderr)
        return 1
    return 0


def make_parser() -> Parser:
    """The command line; a flag for every field of CoreConfig."""
    parser = Parser(
        prog="python -m hw.build",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--board", required=True, help=f"one of {', '.join(boards.names())}")
    add("--size", help="size of the FPGA, where the board comes in several (ulx3s: 85f)")
    add("--clock", type=float, metavar="MHZ", help="clock of the design (default: the board's)")
    add("--baud", type=int, default=DEFAULT_BAUD, help="speed of the serial line (%(default)s)")
    add("--seed", type=int, help="of the placement; the same seed repeats (default: the core's)")
    add("--out", type=Path, metavar="DIR", help="default: build/<board>-<size>")
    add("--force", action="store_true", help="build again even if nothing changed")
    add("--program", action="store_true", help="load the bitstream through openFPGALoader")
    unit = parser.add_argument_group("one unit only")
    unit.add_argument("--unit", metavar="NAME", help="synthesise NAME alone and count its cells")
    unit.add_argument("--pnr", action="store_true", help="also place and route it alone: its clock")
    add_memory(parser)
    core = parser.add_argument_group("core (default: the board's preset)")
    core.add_argument("--preset", choices=PRESETS, help="start from this configuration instead")
    for name, declared in declarations(CoreConfig).items():
        core.add_argument(option(name), type=int, metavar="N", help=declared.option_help)
    return parser


def configuration(board: Board, options: argparse.Namespace) -> CoreConfig:
    """The board's preset, changed by what was given. Raises ValueError."""
    base = (PRESETS[options.preset] if options.preset else board.target.config).as_dict()
    given = {name: getattr(options, name) for name in base if getattr(options, name) is not None}
    return CoreConfig(**(base | given))


if __name__ == "__main__":
    sys.exit(main())
