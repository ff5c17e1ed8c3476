"""The command `watch`: a live view of a run that goes on in another process."""

from __future__ import annotations

import argparse
import select
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sw.cli.chart import chart, sparkline
from sw.cli.program import PROGRAM
from sw.cli.progress import HEADING, row, short_time
from sw.run import Epoch, Follower, RunFolder, newest_run

EVERY = 0.5  # seconds between two looks at the files
WIDTH, HEIGHT = 60, 6  # of the chart, characters, at most
BAR, GAP = 14, "   "
SPARKS, ROWS = 32, 8


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "watch",
        help="a live view of a run in another process",
        usage=f"{PROGRAM} watch [RUN]",
        description="Show a run while it goes on in another process: accuracy so far, firing rates, "
        "samples/s, time left. It reads the run's files and disturbs nothing; it ends with the run, "
        "or on q or Ctrl-C.",
        epilog="""examples:
  watch                    the newest run in runs/
  watch runs/nmnist-fast-1

Where the output is no terminal, it is a line for every epoch.""",
        **style,
    )
    parser.add_argument(
        "run", nargs="?", type=Path, help="folder that train writes (default: the newest in runs/)"
    )
    parser.set_defaults(command=watch)


def watch(args: argparse.Namespace, console: Console) -> int:
    """Follow a run to its end; 1 when it failed or was killed."""
    follower = Follower(RunFolder(args.run or newest_run()))
    follower.poll()
    with suppress(KeyboardInterrupt):
        (_live if console.is_terminal else _plain)(follower, console)
    console.print(verdict(follower), highlight=False)
    return int(bool(follower.error or follower.killed))


def verdict(follower: Follower) -> str:
    """What became of the run, and what to do next."""
    path = follower.run.path
    if follower.live:
        return f"{path} goes on"
    tests = [e.test_accuracy for e in follower.epochs if e.test_accuracy is not None]
    reached = f", test accuracy {tests[-1]:.1%}" if tests else ""
    done = f"{len(follower.epochs)} of {follower.planned} epochs{reached}"
    if follower.complete:
        return f"{path} is complete: {done}; see it: report {path}"
    how = "was stopped"
    if follower.error:
        how = f"failed ({follower.error})"
    elif follower.killed:
        how = "ended without a word (killed, or the power went)"
    return f"{path} {how} after {done}; go on with: train --resume {path}"


def view(follower: Follower, width: int, now: float | None = None) -> Group:
    """The picture of the moment."""
    parts: list[Any] = [_heading(follower), Text()]
    if follower.live and follower.at:
        parts += [_task(follower, now), *_measures(follower, width), Text()]
    elif follower.live:
        parts += [Text("starting: nothing is learned yet"), Text()]
    if follower.epochs:
        parts += [*_curve(follower, width), Text(), *_rows(follower.epochs)]
    return Group(*parts)


def _heading(follower: Follower) -> Text:
    config = follower.config
    sizes = "-".join(map(str, config.get("network", {}).get("sizes", [])))
    name = config.get("data", {}).get("name", "samples")
    what = f"  {name} {sizes} on {config.get('target', '?')}"
    return Text.assemble((str(follower.run.path), "bold"), (what, "dim"))


def _task(follower: Follower, now: float | None) -> Table:
    at = follower.at
    line = Table.grid(padding=(0, 2))
    left = [f"{short_time(follower.task_left)} left"] if follower.task_left is not None else []
    if (whole := follower.left(now)) is not None:
        left.append(f"all {short_time(whole)} left")
    line.add_row(
        at["task"],
        ProgressBar(total=at["total"], completed=at["samples"], width=BAR),
        f"{at['samples']}/{at['total']}",
        ", ".join(left),
    )
    return line


def _measures(follower: Follower, width: int) -> list[Text]:
    """Accuracy, rates and speed now, and how they came there since the start of the pass."""
    at = follower.at
    word = "accuracy while learning" if at["task"].startswith("epoch") else "accuracy"
    rates = " ".join(f"{rate:.3f}" for rate in at["rates"]) or "-"
    parts = [f"{word} {at['accuracy']:.1%}", f"firing rate {rates}", f"{at['speed']:.1f} samples/s"]
    parts += [f"{at['cycles']:,.0f} cycles/sample"] if at["cycles"] else []
    texts = [parts.pop(0)]
    for part in parts:  # on as few lines as hold them whole
        if len(texts[-1]) + len(part) + len(GAP) > width:
            texts.append(part)
        else:
            texts[-1] += GAP + part
    lines = [Text(text) for text in texts]
    if len(follower.trail) > 1:
        lines.append(Text(sparkline(follower.trail[-SPARKS:], 0, 1), style="cyan"))
    return lines


def _curve(follower: Follower, width: int) -> list[Text]:
    """Test accuracy over epochs; a full line is a complete run."""
    epochs = follower.epochs
    values = [e.test_accuracy for e in epochs if e.test_accuracy is not None]
    if not values:
        return []
    best = max(values)
    when = next(e.epoch for e in epochs if e.test_accuracy == best)
    title = f"test accuracy {values[-1]:.1%}, best {best:.1%} (epoch {when})"
    lines = [Text(title, style="bold")]
    if len(values) < 2:
        return lines
    low = max(0.0, int(min(values) * 10 - 0.5) / 10)
    part = min(1.0, (len(values) - 1) / max(follower.planned - 1, 1))
    picture = chart(values, max(1, round(part * min(WIDTH, width - 8))), HEIGHT, low, 1.0)
    for number, line in enumerate(picture):
        level = {0: 1.0, HEIGHT - 1: low}.get(number)
        mark = f"{level:5.0%} ┤" if level is not None else "      │"
        lines.append(Text.assemble((mark, "dim"), (line, "cyan")))
    return lines


def _rows(epochs: list[Epoch]) -> list[Text]:
    return [Text(HEADING, style="dim"), *(Text(row(epoch)) for epoch in epochs[-ROWS:])]


def _live(follower: Follower, console: Console) -> None:
    """Redraw until the run is over or somebody wants to leave."""
    with Keys() as keys, Live(console=console, auto_refresh=False, transient=False) as live:
        while True:
            live.update(view(follower, console.width), refresh=True)
            if not follower.live or keys.quit(EVERY):
                return
            follower.poll()


def _plain(follower: Follower, console: Console) -> None:
    """No terminal: the table of train, a row when an epoch is over."""
    console.print(HEADING, highlight=False)
    shown = 0
    while True:
        for epoch in follower.epochs[shown:]:
            console.print(row(epoch), highlight=False)
        shown = len(follower.epochs)
        if not follower.live:
            return
        time.sleep(EVERY)
        follower.poll()


class Keys:
    """Single keys from a terminal; without one there are none."""

    def __enter__(self) -> Self:
        self._saved: Any = None
        with suppress(ImportError):  # Windows has no termios: Ctrl-C leaves
            import termios
            import tty

            if not sys.stdin.isatty():
                return self
            self._saved = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, *_: object) -> None:
        if self._saved is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._saved)

    def quit(self, seconds: float) -> bool:
        """Wait so long for a q."""
        if self._saved is None:
            time.sleep(seconds)
            return False
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return bool(ready) and sys.stdin.read(1) in ("q", "Q")
