"""The command `completion`: a script that lets a shell complete commands and options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from sw.cli.program import SCRIPT
from sw.places import install

SHELLS = ("bash", "zsh", "tcsh")


def add_parser(commands: Any, whole: Callable[[], argparse.ArgumentParser], **style: Any) -> None:
    """Declare the command. `whole` gives the parser of all commands."""
    parser = commands.add_parser(
        "completion",
        help="a script that completes commands and options in a shell",
        usage=f"{SCRIPT} completion SHELL",
        description=f"Print a script with which a shell completes commands, options and names of {SCRIPT}.",
        epilog=f"""examples:
  eval "$({SCRIPT} completion bash)"      in ~/.bashrc; in ~/.zshrc with zsh, behind compinit
  {SCRIPT} completion tcsh > ~/.tess.tcsh     then: source ~/.tess.tcsh""",
        **style,
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    parser.set_defaults(command=lambda args, console: completion(args, console, whole()))


def completion(args: argparse.Namespace, console: Console, parser: argparse.ArgumentParser) -> int:
    """Print the script. Raises ValueError when the package for it is missing."""
    try:
        import shtab
    except ModuleNotFoundError as error:
        how = install("completion", "shtab")
        raise ValueError(f"completion: {error.name} is missing; {how}") from error
    parser.prog = SCRIPT
    _complete_files(parser, shtab.FILE)
    console.print(shtab.complete(parser, shell=args.shell), end="")
    return 0


def _complete_files(parser: argparse.ArgumentParser, how: Any) -> None:
    """Options and arguments that are paths are completed as such."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_files(command, how)
        elif action.type is Path:
            action.complete = how  # type: ignore[attr-defined]
