"""What the program is called, as a user types it, and its version."""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from golden.spec.registers import VERSION
from sw.places import PROJECT
from sw.run.versions import commit

SCRIPT = "tess"


def program() -> str:
    """`tess` where that command was given, else `python -m sw.driver`."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else "python -m sw.driver"


PROGRAM = program()


def about() -> str:
    """The version of the software, its commit if it is a checkout, and of the address map."""
    try:
        found = version(PROJECT)
    except PackageNotFoundError:
        found = "not installed"
    made = f", commit {made}" if (made := commit()) else ""
    return f"{PROJECT} {found}{made}, address map {VERSION}, Python {platform.python_version()}"


class Version(argparse.Action):
    """--version. What it prints is found when it is asked for: it may take another program."""

    def __init__(self, option_strings: list[str], dest: str, **_: Any) -> None:
        text = "show program's version number and exit"
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=text)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print it, and end."""
        print(about())
        parser.exit()
