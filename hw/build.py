"""`python -m hw.build`: from the Amaranth sources to a bitstream that meets its clock.

Everything it runs comes from PyPI. The bitstream and report.json appear in build/<board>-<size>/;
when the clock is missed, or something does not fit, there is no bitstream and the exit status is 1.
"""

import argparse
import ast
import dataclasses
import hashlib
import inspect
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console

import boards
from boards import Board
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.registers import fingerprint
from hw.fit import check_memories
from hw.link.uart import phase_step
from hw.program import program
from hw.report import Report, read_critical_path, read_fmax, read_resources
from hw.toolchain import TOOLCHAINS, BuildError, Stage, Toolchain, show_stage
from hw.top import BoardTop
from hw.units import build_unit, make_unit, time_unit

DEFAULT_BAUD = 1_000_000
EXAMPLES = """examples:
  python -m hw.build --board ulx3s                      the 85F with its preset
  python -m hw.build --board ulx3s --size 12f --lanes 8 a smaller core
  python -m hw.build --board ulx3s --program            build, then load it over USB
  python -m hw.build --board ulx3s --unit sequencer     what one unit costs, in a minute
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
    console = Console()
    try:
        board = boards.find(options.board, options.size)
        config = configuration(board, options)
        pll = board.pll(options.clock)
        phase_step(pll.output_mhz * 1e6, options.baud)
        unit = make_unit(options.unit, config) if options.unit else None
    except ValueError as error:
        parser.error(str(error))
    folder = options.out or Path("build") / board.label
    try:
        if unit:
            folder = (
                options.out or Path("build") / "units" / f"{board.label}-{options.unit.lower()}"
            )
            build_unit(unit, board, folder, console)
            if options.pnr:
                time_unit(board, folder, options.seed, pll.output_mhz, console)
            return 0
        check_memories(board, config)
        top = BoardTop(board, config, pll=pll, baud=options.baud)
        bitstream = build(board, top, folder, options.seed, console, force=options.force)
        if options.program:
            program(board, bitstream, console)
    except BuildError as error:
        print(f"hw.build: {error}", file=sys.stderr)
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
    add("--seed", type=int, default=1, help="of the placement; the same seed repeats (%(default)s)")
    add("--out", type=Path, metavar="DIR", help="default: build/<board>-<size>")
    add("--force", action="store_true", help="build again even if nothing changed")
    add("--program", action="store_true", help="load the bitstream through openFPGALoader")
    unit = parser.add_argument_group("one unit only")
    unit.add_argument("--unit", metavar="NAME", help="synthesise NAME alone and count its cells")
    unit.add_argument("--pnr", action="store_true", help="also place and route it alone: its clock")
    core = parser.add_argument_group("core (default: the board's preset)")
    core.add_argument("--preset", choices=PRESETS, help="start from this configuration instead")
    notes = field_notes()
    for field in dataclasses.fields(CoreConfig):
        flag = f"--{field.name.replace('_', '-')}"
        core.add_argument(flag, type=int, metavar="N", help=notes[field.name].replace("%", "%%"))
    return parser


def field_notes() -> dict[str, str]:
    """The line under every field of CoreConfig."""
    body = ast.parse(inspect.getsource(CoreConfig)).body[0]
    assert isinstance(body, ast.ClassDef)
    notes = {}
    for field, note in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(note, ast.Expr):
            notes[ast.unparse(field.target)] = ast.literal_eval(note.value)
    return notes


def configuration(board: Board, options: argparse.Namespace) -> CoreConfig:
    """The board's preset, changed by what was given. Raises ValueError."""
    base = PRESETS[options.preset or board.preset].as_dict()
    if not options.preset:
        base |= dict(board.overrides)
    given = {name: getattr(options, name) for name in base if getattr(options, name) is not None}
    return CoreConfig(**(base | given))


# Yosys 0.70 now and then fails in abc9 on the unflattened names of Amaranth; this avoids it.
AFTER_READ = "proc; flatten; opt_expr -keepdc; wreduce; opt_clean -purge"


def build(
    board: Board, top: BoardTop, folder: Path, seed: int, console: Console, *, force: bool = False
) -> Path:
    """Build `top` in `folder`; the bitstream. Raises BuildError: no tool, no room, clock missed."""
    family = TOOLCHAINS[board.toolchain]
    bitstream, saved = folder / family.bitstream, folder / "report.json"
    with console.status(f"{board.title}: elaborate"):
        platform = board.platform()
        plan = platform.prepare(top, "top", debug_verilog=False, script_after_read=AFTER_READ)
        plan.files["top.il"] = re.sub(r"(?m)^\s*attribute \\src .*\n", "", plan.files["top.il"])
        stages = family.stages(platform, seed, top.pll.output_mhz)
    tools = {stage.tool.program: stage.tool.version() for stage in stages}
    key = digest(plan.files, stages, tools)
    if (
        not force
        and (known := previous(saved, key))
        and (bitstream.exists() or not known.timing_met)
    ):
        console.print("nothing changed since the last build")
        return deliver(known, bitstream, console)
    bitstream.unlink(missing_ok=True)
    saved.unlink(missing_ok=True)
    plan.extract(str(folder))
    seconds = {stage.title: show_stage(stage, folder, console) for stage in stages[:2]}
    report = make_report(board, top, family, folder, key, seed, tools, seconds)
    report.save(saved)
    if report.timing_met:
        show_stage(stages[2], folder, console)
    return deliver(report, bitstream, console)


def digest(files: dict[str, str], stages: Sequence[Stage], tools: dict[str, str]) -> str:
    """Hash of everything the bitstream depends on."""
    sources = {name: text for name, text in files.items() if not name.startswith("build_")}
    parts = [sorted(sources.items()), [stage.arguments for stage in stages], tools]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def previous(saved: Path, key: str) -> Report | None:
    """The report of the last build, if it was of the very same thing."""
    try:
        known = Report.load(saved)
    except ValueError:
        return None
    return known if known.build_fingerprint == key else None


def make_report(
    board: Board,
    top: BoardTop,
    family: Toolchain,
    folder: Path,
    key: str,
    seed: int,
    tools: dict[str, str],
    seconds: dict[str, float],
) -> Report:
    """What nextpnr measured, with all that led to it."""
    nextpnr = json.loads((folder / "top.report.json").read_text())
    return Report(
        board=board.label,
        target_mhz=top.pll.output_mhz,
        fmax_mhz=round(read_fmax(nextpnr), 2),
        resources=read_resources(nextpnr, family.cells),
        critical_path=read_critical_path(nextpnr),
        seed=seed,
        baud=top.baud,
        config=top.config.as_dict(),
        config_fingerprint=f"{fingerprint(top.config):016x}",
        build_fingerprint=key,
        tools=tools,
        seconds=seconds,
    )


def deliver(report: Report, bitstream: Path, console: Console) -> Path:
    """Show the report; the bitstream. Raises BuildError when the clock is missed."""
    report.show(console)
    if not report.timing_met:
        raise BuildError(
            f"clock missed: {report.fmax_mhz:.1f} MHz of {report.target_mhz:g} MHz, so no bitstream "
            f"was made; try another --seed, fewer --lanes, or a slower --clock"
        )
    console.print(f"{bitstream}  ({bitstream.stat().st_size:,} bytes)", highlight=False)
    return bitstream


if __name__ == "__main__":
    sys.exit(main())
