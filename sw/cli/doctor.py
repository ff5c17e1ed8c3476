"""The command `doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from golden.spec.config import PRESETS as CORES
from golden.spec.sdram import SdramConfig
from sw.cli import checks, options
from sw.cli import memory as sdram
from sw.cli.checks import FAIL, Computer, Finding
from sw.cli.program import PROGRAM
from sw.device import DeviceError
from sw.link import LinkError


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "doctor",
        help="check this computer, its tools and the board",
        usage=f"{PROGRAM} doctor [options]",
        description="Check Python, packages, tools, compilers, serial ports, permissions, a link, and the "
        "memory of a board that has one (which writes over samples that are kept there).",
        epilog="""examples:
  doctor                                  everything, and a small simulated board
  doctor --target serial:/dev/ttyUSB0     everything, and a board
  doctor --target golden                  without a C++ compiler
  doctor --sdram                          a simulated board with a memory, which is tested

exit status: 0 nothing is wrong, 1 something is, with what to do on its line""",
        **style,
    )
    options.add_target(parser, "sim")
    parser.add_argument(
        "--sdram", action="store_true",
        help="a simulated or golden board gets a memory; that of a real board is always tested",
    )  # fmt: skip
    parser.set_defaults(command=command)


def command(args: argparse.Namespace, console: Console) -> int:
    """Print all findings; 1 when one is a failure."""
    failed = False
    for finding in findings(args, Computer()):
        failed |= finding.level == FAIL
        cure = f": {finding.cure}" if finding.cure else ""
        console.print(f"{finding.level:<5} {finding.what}{cure}", highlight=False)
    console.print("something is wrong, see FAIL" if failed else "nothing is wrong")
    return int(failed)


def findings(args: argparse.Namespace, computer: Computer) -> Iterator[Finding]:
    """Of the computer, then of the link."""
    yield from checks.software(computer)
    yield from checks.ports(computer)
    serial = args.target.startswith("serial:")
    try:
        core = None if serial else CORES["tiny"]
        memory = SdramConfig() if getattr(args, "sdram", False) and not serial else None
        with options.open_device(args.target, core, args.baud, memory) as it:
            yield from checks.device(it, args.baud if serial else None)
            yield from sdram.findings(it, real=serial)
    except (LinkError, DeviceError) as error:
        what, _, cure = str(error).rpartition("; ")
        cure = cure if what else "try --target golden: does this computer work without the device?"
        yield Finding(FAIL, what or str(error), cure)
