"""`python -m sw.driver`: train and use spiking networks on a board, a simulation or a model."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from golden.spec.layout import DoesNotFit
from golden.spec.names import UnknownName
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
    sweep,
    train,
    verify,
    watch,
)
from sw.cli.help import Help
from sw.cli.parser import USAGE, Parser, say
from sw.cli.program import PROGRAM, Version
from sw.cli.terminal import Terminal
from sw.data import DataError
from sw.device import DeviceError, ListsFull
from sw.link import LinkError
from sw.printable import printable
from sw.run import FileError

FAILED, INTERRUPTED = 1, 130
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
  sweep --grid eta=0.001,0.003          many settings and seeds, as one table
  evaluate --run runs/nmnist-fast-1     how good is it
  predict --run runs/nmnist-fast-1 0    one sample
  watch                                 see a run while it goes on
  report                                pictures of a run, in one HTML file
  live                                  watch it classify and learn, on a page
  COMMAND --help                        all options, more examples

exit status: 0 done, 1 failed, 2 wrong options, 130 stopped by Ctrl-C (what was
learned is kept; SIGTERM and SIGHUP keep it too, and end the program as usual)"""


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
    for command in (sweep, runs, report, watch, live, export, import_, verify):
        command.add_parser(commands, **style)
    plan.add_parser(commands, **style)
    doctor.add_parser(commands, **style)
    completion.add_parser(commands, parser, **style)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    top = parser()
    args, more = top.parse_known_args(arguments)
    if hasattr(args, "more"):
        args.more = more
    elif more:
        top.error(f"unrecognized arguments: {' '.join(more)}")
    args.words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _lists_full_told():
            status: int = args.command(args, Terminal())
        return status
    except (DoesNotFit, DataError, ValueError, UnknownName) as error:
        return _failed(error, USAGE)
    except (LinkError, DeviceError, FileError, OSError) as error:
        return _failed(error, FAILED)
    except KeyboardInterrupt:
        return _failed("stopped", INTERRUPTED)


@contextmanager
def _lists_full_told() -> Iterator[None]:
    """A ListsFull warning is a line for people, not one of code."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, ListsFull):
                say(f"warning: {message}\n")
            else:
                others(message, category, *where, **more)

        warnings.showwarning = show
        yield


def _failed(error: object, status: int) -> int:
    text = " ".join(str(error).split())
    say(f"error: {printable(text)}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
