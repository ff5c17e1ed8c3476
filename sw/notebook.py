"""A training in a Jupyter notebook shows how far it is, below its cell."""

from __future__ import annotations

import sys
import time
from typing import Any

from golden.spec.network import Network
from sw.run import Epoch, Progress, Tally, Watcher
from sw.run.shown import bar_html, progress_html

EVERY = 0.2  # seconds between two updates
KERNEL = "ZMQInteractiveShell"


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this. IPython is not imported to find out."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == KERNEL


class NotebookWatcher(Watcher):
    """One output that changes: what is under way, and the epochs that are done."""

    def __init__(self, progress: Progress) -> None:
        """`progress` is that of the model: its epochs are shown."""
        from IPython.display import HTML, display

        self._html, self._progress = HTML, progress
        self._handle: Any = display(HTML(progress_html(progress)), display_id=True)
        self._task, self._total, self._shown = "", 0, 0.0
        self._network: Network | None = None

    def begin(self, task: str, total: int, network: Network) -> None:
        """Another bar."""
        self._task, self._total, self._network = task, total, network
        self._shown = 0.0

    def sample(self, tally: Tally) -> None:
        """Move the bar, not more often than an eye sees."""
        if (now := time.monotonic()) - self._shown < EVERY:
            return
        self._shown = now
        assert self._network is not None
        rates = " ".join(f"{rate:.3f}" for rate in tally.rates(self._network)) or "-"
        words = f"{tally.accuracy:.1%} right, firing rate {rates}, {tally.speed:.0f} samples/s"
        self._update(bar_html(self._task, tally.samples, self._total, words))

    def epoch(self, epoch: Epoch) -> None:
        """A row more."""
        self._update("")

    def _update(self, now: str) -> None:
        self._handle.update(self._html(progress_html(self._progress, now)))
