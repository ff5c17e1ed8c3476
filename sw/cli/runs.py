"""The command `runs`: the runs there are, and what is different between two."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from sw.cli.program import PROGRAM
from sw.printable import printable
from sw.run import RunFolder
from sw.run.folder import RUNS, checkpoint_file
from sw.run.listing import Listed, all_runs, compare, listed, weights_apart
from sw.run.sealed import seal

WHEN = "%Y-%m-%d %H:%M"
NAME, WIDTH = 24, 26  # columns of a name, and of a value of one of two runs


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "runs",
        help="list the runs, or compare two",
        usage=f"{PROGRAM} runs [RUN [RUN]] [options]",
        description="List the runs with network, accuracy and time, or compare two of them.",
        epilog="""examples:
  runs                                     all in runs/, the newest last
  runs --in elsewhere                      all in another folder
  runs runs/nmnist-fast-1 runs/nmnist-fast-2    settings that differ, accuracy, weights
  runs --seal runs/old                     give weights of an earlier version a checksum""",
        **style,
    )
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument(
        "--in", dest="folder", type=Path, default=RUNS, metavar="DIR", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--seal",
        type=Path,
        metavar="RUN",
        help="a run, or a file of weights, of a version without checksums",
    )
    parser.set_defaults(command=runs)


def runs(args: argparse.Namespace, console: Console) -> int:
    """List, compare or seal."""
    if args.seal is not None:
        path = checkpoint_file(args.seal)
        console.print(f"{path}: {'has a checksum now' if seal(path) else 'has a checksum already'}")
        return 0
    if len(args.runs) > 2:
        raise ValueError(f"{len(args.runs)} runs: name two to compare them")
    if len(args.runs) == 2:
        return _compare(console, *(RunFolder(path) for path in args.runs))
    for path in args.runs:
        RunFolder(path).config()  # says what is wrong
    found = [listed(RunFolder(path)) for path in args.runs] or all_runs(args.folder)
    _list(console, found)
    return 0


def _list(console: Console, found: list[Listed]) -> None:
    rows: list[tuple[str, ...]] = [("run", "network", "data", "test", "epochs", "state", "written")]
    rows += [_row(run) for run in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        console.print(line.rstrip())


def _row(run: Listed) -> tuple[str, ...]:
    accuracy = "-" if run.accuracy is None else f"{run.accuracy:.1%}"
    when = time.strftime(WHEN, time.localtime(run.when))
    done = f"{run.epochs} of {run.planned}"
    return (
        printable(str(run.path)),
        printable(run.network),
        printable(run.data),
        accuracy,
        done,
        run.state,
        when,
    )


def _compare(console: Console, one: RunFolder, two: RunFolder) -> int:
    console.print(_columns("", str(one.path), str(two.path)))
    for pair in compare(one, two):
        console.print(_columns(pair.name, pair.one, pair.two))
    console.print(weights_apart(one, two))
    return 0


def _columns(name: str, one: str, two: str) -> str:
    texts = [printable(text) for text in (name, one, two)]
    return f"{texts[0]:<{NAME}} {texts[1]:<{WIDTH}} {texts[2]}".rstrip()
