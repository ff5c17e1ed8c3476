"""Training on the terminal: a live line for what runs, a table row for every epoch."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from golden.spec.network import Network
from sw.cli.terminal import spinner
from sw.device import SampleStore
from sw.run import Epoch, Tally, Watcher

EVERY = 0.1  # seconds between two updates of the live line
FIRST, SURE = 10, 1.5  # samples and seconds after which an estimate is worth something
SHORT = 60  # seconds that need no announcement
HEADING = "epoch   rate    test   train   firing rate    cycles/sample  samples/s   time"


class TwoLines(Progress):
    """A bar, and what is measured on a line of its own: both fit a terminal of 80 columns."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar, then the text."""
        yield from super().get_renderables()
        for task in self.tasks:
            if task.visible and task.fields["text"]:
                yield Text(f"  {task.fields['text']}")


class TerminalWatcher(Watcher):
    """Shows a training run with rich; on no terminal, the table alone.

    `runs` is how many samples the whole training runs, tests included: soon after the start a line says how
    long they will take, with `hint` behind it, unless that is short.
    """

    def __init__(self, console: Console, *, runs: int = 0, hint: str = "") -> None:
        self.console = console
        self._runs, self._hint = runs, hint
        self._network: Network | None = None
        self._shown = 0.0
        self._headed = False
        self._blocks = False  # results come in blocks, when the last part of one has run
        self._last: Tally | None = None
        self._word = "right"
        self._progress = TwoLines(
            spinner(console),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", visible=False, text="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, task: str, total: int, network: Network) -> None:
        """A new bar."""
        self._network, self._last = network, None
        self._word = "online" if task.startswith("epoch") else "right"
        self._progress.reset(self._task, total=total, description=task, visible=True, text="")

    def storing(self, done: int, total: int) -> None:
        """A bar of words."""
        self._progress.reset(
            self._task,
            total=total,
            completed=done,
            description="words to the board",
            visible=True,
            text="",
        )

    def stored(self, store: SampleStore) -> None:
        """Say how many."""
        self._progress.console.print(str(store), highlight=False)

    def part(self, number: int, count: int) -> None:
        """Say which, under the bar; behind a whole block, how long all will take."""
        self._blocks = True
        if number == 0 and self._last is not None:
            self._estimate(self._last)
        if (now := time.monotonic()) - self._shown >= EVERY:
            self._shown = now
            self._progress.update(self._task, text=f"part {number + 1} of {count}")

    def _estimate(self, tally: Tally) -> None:
        """Say once how long all will take, when the first samples have told."""
        if not self._runs or tally.samples < FIRST or tally.seconds < SURE:
            return
        seconds = self._runs * tally.seconds / tally.samples
        self._runs = 0
        if seconds > SHORT:
            text = f"about {seconds / 60:.0f} min in all{self._hint}"
            self._progress.console.print(text, highlight=False)

    def sample(self, tally: Tally) -> None:
        """Move the bar, not more often than an eye sees."""
        self._last = tally
        if not self._blocks:
            self._estimate(tally)
        if (now := time.monotonic()) - self._shown < EVERY:
            return
        self._shown = now
        assert self._network is not None
        parts = [
            f"{self._word} {tally.accuracy:.1%}",
            f"firing rate {_rates(tally.rates(self._network))}",
        ]
        parts.append(f"{tally.speed:.0f} samples/s")
        if tally.cycles:
            parts.append(f"{tally.cycles_per_sample:.0f} cycles/sample")
        self._progress.update(self._task, completed=tally.samples, text="  ".join(parts))

    def odd(self, text: str) -> None:
        """A line of its own."""
        self._progress.console.print(f"warning: {text}", highlight=False)

    def epoch(self, epoch: Epoch) -> None:
        """A row of the table."""
        if not self._headed:
            self._progress.console.print(HEADING, highlight=False)
            self._headed = True
        self._progress.console.print(row(epoch), highlight=False)


def row(epoch: Epoch) -> str:
    """An epoch under HEADING."""
    return (
        f"{epoch.epoch:5d}  {epoch.rate_scale:5.3f}  {_percent(epoch.test_accuracy)}  "
        f"{_percent(epoch.train_accuracy)}   {_rates(epoch.firing_rates):<14}"
        f"{_cycles(epoch.cycles_per_sample)}  {epoch.samples_per_second:9.1f}  "
        f"{epoch.seconds:5.1f}s"
    )


def short_time(seconds: float) -> str:
    """Minutes and seconds, with hours if there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _percent(value: float | None) -> str:
    return "     -" if value is None else f"{value:6.1%}"


def _rates(rates: list[float]) -> str:
    return " ".join(f"{rate:.3f}" for rate in rates) or "-"


def _cycles(value: float) -> str:
    return f"{value:13.0f}" if value else "            -"
