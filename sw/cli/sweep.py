"""The command `sweep`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from sw.cli.program import PROGRAM
from sw.cli.train import STOPPED, quietly, train_parser
from sw.printable import printable
from sw.study import Axis, Study, Task
from sw.study import run as run_tasks
from sw.study.engine import SchedulerLost
from sw.study.options import add_workers
from sw.study.task import Trained, train

HOME = "--target"  # where it trains: the integer model, unless something else is said


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "sweep",
        help="train with many settings and seeds, on one computer or many",
        usage=f"{PROGRAM} sweep --grid OPTION=VALUES [options] [train options]",
        description="Train with every combination of values of some options, with every seed. All other "
        "options go to train; without --target it is golden. The folder has a run for each training, and "
        "results.jsonl, a line for each that is done.",
        epilog="""examples:
  sweep --grid eta=0.001,0.003 --grid theta=0.4,0.6 --seeds 1,2,3
  sweep --grid "hidden=128;256;128,64" --preset nmnist-fast --train 500
  sweep --seeds 1,2,3,4,5 --preset nmnist8 --data nmnist8:set.npz
  sweep --resume runs/sweep-1               go on with what is not done
  sweep --grid steps=5,10 --cluster tcp://lab:8786      on a Dask cluster

Workers are those of Dask distributed (pip install 'tess-fpga[cluster]');
--workers 1 needs nothing. A worker that is lost costs its training the time
since its last checkpoint, not the study. On a cluster every worker has this
package and the data at the same place. Runs come back by the network if the
folder is not shared.""",
        **style,
    )
    parser.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="OPTION=VALUES",
        help="an option of train and its values, parted by commas, or semicolons; may be repeated",
    )
    parser.add_argument("--seeds", default="1", metavar="N,N", help="(default: %(default)s)")
    add_workers(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="new folder (default: runs/sweep-1, -2, ...)"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="DIR", help="go on with the study in this folder"
    )
    parser.set_defaults(command=sweep, more=[])


def sweep(args: argparse.Namespace, console: Console) -> int:
    """Train all that is not done; returns the exit status."""
    study = _study(args)
    done = study.results()
    left = [task for task in study.tasks if task.name not in done]
    total = len(study.tasks)
    console.print(f"{study.path}: {len(left)} of {total} trainings to do")
    failed = 0
    one = partial(train, command=quietly)
    where = {"workers": args.workers, "cluster": args.cluster}
    results = run_tasks(one, left, **where, tell=console.print)
    try:
        for task, outcome in results:
            if isinstance(outcome, Trained):
                done[task.name] = study.keep(task, outcome)
                _tell(console, task, done[task.name], f"{len(done)} of {total}")
            else:
                failed += 1
                console.print(f"{printable(task.name)}: {printable(str(outcome))}")
    except KeyboardInterrupt:
        console.print(
            f"stopped: {len(done)} of {total} done; go on with: sweep --resume {study.path}"
        )
        return STOPPED
    except SchedulerLost as error:
        again = f"{len(done)} of {total} done; go on with: sweep --resume {study.path}"
        raise SchedulerLost(f"{error}, then {again}") from error
    _table(console, study)
    if failed:
        again = f"sweep --resume {study.path} tries them again"
        console.print(f"{failed} of {total} trainings failed; {again}")
    return 1 if failed else 0


def _study(args: argparse.Namespace) -> Study:
    """The study that is meant, all of it checked. Raises FileError, ValueError, SystemExit."""
    if args.workers < 1:
        raise ValueError(f"--workers {args.workers}: 1 or more")
    if args.resume:
        if args.grid or args.more or args.out:
            raise ValueError("--resume: a study keeps its settings; leave the others out")
        return Study.load(args.resume)
    try:
        seeds = [int(part) for part in args.seeds.split(",")]
    except ValueError as error:
        raise ValueError(f"--seeds {args.seeds}: write numbers, as 1,2,3") from error
    axes = [Axis.parse(text) for text in args.grid]
    words = list(args.more)
    if not any(word.split("=")[0] == HOME for word in words):
        words += [HOME, "golden"]
    trial = Study(Path(), tuple(axes), tuple(seeds), tuple(words))
    for task in trial.tasks:
        _check(task, args)
    return Study.begin(args.out, axes, seeds, words)


def _check(task: Task, args: argparse.Namespace) -> None:
    """Whether `train` knows these options. Raises ValueError, SystemExit."""
    given = train_parser().parse_args(["train", *task.words])
    for name in ("out", "resume", "dry_run", "until", "force"):
        if getattr(given, name):
            flag = "--" + name.replace("_", "-")
            raise ValueError(f"{flag}: no option for the trainings of a study; leave it out")
    alone = args.cluster is None and args.workers == 1
    if given.target.partition(":")[0] not in ("golden", "golden-numpy", "sim") and not alone:
        raise ValueError(f"--target {given.target}: one training at a time; give --workers 1")


def _tell(console: Console, task: Task, result: dict[str, Any], count: str) -> None:
    settings = " ".join(f"{name}={value}" for name, value in task.settings)
    accuracy = "-" if result["test_accuracy"] is None else f"{result['test_accuracy']:.1%}"
    line = f"{count:>9}  {settings} seed={task.seed}".rstrip()
    console.print(f"{printable(line)}  {accuracy}  {result['seconds']:.1f} s")


def _table(console: Console, study: Study) -> None:
    """Mean, least and most of the seeds, by settings."""
    head = [*(axis.name for axis in study.axes), "test", "least", "most", "runs", "firing"]
    rows = [head]
    for settings, tests, rates in study.summary():
        figures = ["-"] * 3
        if tests:
            mean = sum(tests) / len(tests)
            figures = [f"{value:.1%}" for value in (mean, min(tests), max(tests))]
        firing = ", ".join(f"{rate:.1%}" for rate in rates) or "-"
        rows.append([*settings.values(), *figures, str(len(tests)), firing])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        console.print(printable("  ".join(cells).rstrip()))
