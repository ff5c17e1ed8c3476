"""`python -m sw.driver`: train and use spiking networks on a board, a simulation or a model."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from golden.spec.layout import DoesNotFit
from golden.spec.names import UnknownName, near
from sw.cli import (
    completion,
    doctor,
    export,
    import_,
    live,
    look,
    plan,
    report,
    runs,
    train,
    verify,
    watch,
)
from sw.cli.help import Help
from sw.cli.program import PROGRAM, Version
from sw.cli.terminal import Terminal, lenient
from sw.data import DataError
from sw.device import DeviceError
from sw.link import LinkError
from sw.printable import printable
from sw.run import FileError

USAGE, FAILED, INTERRUPTED = 2, 1, 130
DESCRIPTION = """\
Train spiking neural networks on the chip, and use what they learned.

The chip learns by itself (TESS rule); this program feeds it samples, sets
learning rates, reads weights back and keeps them. The same commands run on
  --target sim            the simulated board: its RTL, compiled; same bits, same cycles
  --target golden         the integer model: same bits, in seconds
  --target serial:PORT    a board"""
EPILOG = """\
start here:
  train                                 the N-MNIST subset, simulated
  train --target golden                 the same in seconds
  runs                                  the runs there are
  evaluate --run runs/nmnist-fast-1     how good is it
  predict --run runs/nmnist-fast-1 0    one sample
  watch                                 see a run while it goes on
  report                                pictures of a run, in one HTML file
  live                                  watch it classify and learn, on a page
  COMMAND --help                        all options, more examples

exit status: 0 done, 1 failed, 2 wrong options, 130 stopped by Ctrl-C (what was
learned is kept; SIGTERM and SIGHUP keep it too, and end the program as usual)"""


class Parser(argparse.ArgumentParser):
    """Errors in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is; exit status 2."""
        if found := re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message):
            message += near(found[1], re.findall(r"'?([\w.-]+)'?", found[2]))
        elif message.startswith("unrecognized arguments: "):
            message += near(message.split()[2].partition("=")[0], self._flags())
        _say(f"error: {printable(message)}; see {self.prog} --help\n")
        raise SystemExit(USAGE)

    def _flags(self) -> list[str]:
        """All flags of all commands."""
        found = [flag for action in self._actions for flag in action.option_strings]
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for command in action.choices.values():
                    found += command._flags()
        return found


def parser() -> argparse.ArgumentParser:
    """The command line."""
    style = {"formatter_class": Help, "allow_abbrev": False}
    top = Parser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=Help,
        allow_abbrev=False,
    )
    top.add_argument("--version", action=Version)
    commands = top.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=Parser
    )
    train.add_parser(commands, **style)
    look.add_parsers(commands, **style)
    for command in (runs, report, watch, live, export, import_, verify):
        command.add_parser(commands, **style)
    plan.add_parser(commands, **style)
    doctor.add_parser(commands, **style)
    completion.add_parser(commands, parser, **style)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    args = parser().parse_args(arguments)
    args.words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status: int = args.command(args, Terminal())
        return status
    except (DoesNotFit, DataError, ValueError, UnknownName) as error:
        return _failed(error, USAGE)
    except (LinkError, DeviceError, FileError, OSError) as error:
        return _failed(error, FAILED)
    except KeyboardInterrupt:
        return _failed("stopped", INTERRUPTED)


def _failed(error: object, status: int) -> int:
    text = " ".join(str(error).split())
    _say(f"error: {printable(text)}\n")
    return status


def _say(text: str) -> None:
    """Write to the standard error, if there is one."""
    if sys.stderr is not None:
        lenient(sys.stderr)
        sys.stderr.write(text)


if __name__ == "__main__":
    sys.exit(main())
