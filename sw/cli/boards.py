"""Options of `train` for several boards that learn one model."""

from __future__ import annotations

import argparse
import os
from typing import Any

from golden.averaging import Averaging
from golden.spec.config import CoreConfig
from sw.averaging import Boards
from sw.averaging.boards import check_targets
from sw.cli.terminal import Terminal

USUAL_EVERY = 100


def add_boards(parser: argparse.ArgumentParser) -> None:
    """--boards, --average-every, --workers, --cluster."""
    group = parser.add_argument_group(
        "several boards, one model",
        "each learns its part of the samples; then the weights of all are averaged",
    )
    group.add_argument(
        "--boards",
        type=int,
        metavar="N",
        help="boards; the weights depend on the number, not on where they are (default: the ports in "
        "--target serial:A,serial:B)",
    )
    group.add_argument(
        "--average-every",
        type=int,
        metavar="N",
        help=f"samples that each learns between two averages (default: {USUAL_EVERY})",
    )
    group.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes of this computer, with a board each; 1 does one part after the other; more need "
        "the extra cluster (default: the boards, the processors at most)",
    )
    group.add_argument(
        "--cluster", metavar="ADDRESS", help="a Dask scheduler, tcp://HOST:8786, instead"
    )


def targets_of(args: argparse.Namespace) -> list[str]:
    """The targets in --target. Raises ValueError, LinkError for what is none."""
    targets = str(args.target).split(",")
    check_targets(targets)
    return targets


def averaging_of(args: argparse.Namespace) -> Averaging | None:
    """What was asked for a new run; None: one board, without averages. Raises ValueError."""
    targets = targets_of(args)
    if args.boards is None and len(targets) == 1:
        if args.average_every is not None:
            raise ValueError("--average-every: there is one board; give --boards N")
        return None
    boards = len(targets) if args.boards is None else args.boards
    every = USUAL_EVERY if args.average_every is None else args.average_every
    return Averaging(boards, every)


def check_boards(args: argparse.Namespace, averaging: Averaging | None) -> None:
    """Raise ValueError for options that do not go with so many boards."""
    if averaging is not None and args.shadow is not None:
        raise ValueError(
            "--shadow: compares one board; with --boards compare at the end: --verify-golden"
        )
    if averaging is None and len(targets_of(args)) > 1:
        raise ValueError(f"--target {args.target}: the run has one board; give one port")
    if averaging is None and (args.cluster is not None or args.workers not in (None, 1)):
        raise ValueError("--workers, --cluster: one board needs neither; give --boards N")
    if args.workers is not None and args.workers < 1:
        raise ValueError(f"--workers {args.workers}: 1 or more")


def open_boards(
    args: argparse.Namespace, config: CoreConfig | None, averaging: Averaging
) -> Boards:
    """The boards as one device. Raises ValueError, LinkError, DeviceError."""
    console = Terminal(stderr=True)
    return Boards(
        targets_of(args),
        boards=averaging.boards,
        every=averaging.every,
        config=config,
        baud=args.baud,
        workers=(os.cpu_count() or 1) if args.workers is None else args.workers,
        cluster=args.cluster,
        tell=lambda text: console.print(text, highlight=False),
    )


def as_options(averaging: Averaging | None) -> dict[str, Any]:
    """For a file of options."""
    if averaging is None:
        return {}
    return {"boards": averaging.boards, "average_every": averaging.every}
