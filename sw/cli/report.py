"""The command `report`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from sw.cli import options
from sw.cli.program import PROGRAM
from sw.cli.progress import TerminalWatcher
from sw.report import Source, comparison, page
from sw.run import RunFolder, newest_run, write_atomically

NAME, COMPARISON = "report.html", "comparison.html"


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "report",
        help="one HTML file with pictures of a run",
        usage=f"{PROGRAM} report [RUN...] [options]",
        description="Write one HTML file about a run: accuracy, confusion, a sample's spikes, weights, "
        "firing rates, receptive fields, cycles, configuration. It needs nothing beside it, and no "
        "network. What the run's files lack is measured on the integer model.",
        epilog="""examples:
  report                               the newest run in runs/, to its report.html
  report runs/nmnist-fast-1 --sample 17     show test sample 17 step by step
  report runs/nmnist-fast-1 --samples 200 --out pictures.html
  report runs/nmnist-fast-1 runs/nmnist-best-1     beside each other: accuracy, outcomes, settings""",
        **style,
    )
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN",
        help="folder that train wrote (default: the newest in runs/); several are compared",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path,
        help=f"file to write (default: {NAME} in the folder; of several runs {COMPARISON}, here)",
    )  # fmt: skip
    parser.add_argument(
        "--samples", type=int, metavar="N", help="measure N test samples (default: as trained)"
    )
    parser.add_argument(
        "--sample", type=int, default=0, metavar="N", help="test sample to show (%(default)s)"
    )
    parser.set_defaults(command=report)


def report(args: argparse.Namespace, console: Console) -> int:
    """Measure, and write the page; of several runs, compare."""
    if len(args.runs) > 1:
        return _compare(args, console)
    run = RunFolder(args.runs[0] if args.runs else newest_run())
    data = run.config().get("data")
    if data is None:
        raise ValueError(
            f"{run.path}: begun from Python, so its samples are not known here; "
            "from Python: page(Source.of(RunFolder(path), samples))"
        )
    if args.samples is not None:
        data["test"] = args.samples
    samples = options.load_data(data, train=False)
    with TerminalWatcher(console) as watcher:
        source = Source.of(
            run,
            samples,
            shown=args.sample,
            same_tests=args.samples is None,
            watcher=watcher,
        )
    out = args.out or run.path / NAME
    write_atomically(out, page(source).encode())
    if source.disagreement:
        console.print(f"warning: {source.disagreement}", highlight=False)
    console.print(
        f"{source.measured.correct} of {source.measured.samples} test samples right on the integer "
        f"model; written: {out} ({out.stat().st_size / 1000:.0f} kB, open it in a browser)",
        highlight=False,
    )
    return 0


def _compare(args: argparse.Namespace, console: Console) -> int:
    """Write a page about several runs."""
    if args.samples is not None or args.sample:
        raise ValueError("--sample, --samples: runs are compared by their files; leave it out")
    out = args.out or Path(COMPARISON)
    write_atomically(out, comparison([RunFolder(path) for path in args.runs]).encode())
    console.print(f"written: {out} (open it in a browser)", highlight=False)
    return 0
