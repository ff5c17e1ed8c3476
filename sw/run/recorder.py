"""Keeps a training run in its run folder while it goes on."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from sw.device import Device
from sw.energy import EnergyModel
from sw.run.checkpoint import Checkpoint
from sw.run.files import FileError
from sw.run.folder import BEST, RunFolder
from sw.run.log import LOG, Log
from sw.run.metrics import Epoch


class Recorder:
    """Writes the files of a run folder. `keep` is for a Trainer; `last` is the newest checkpoint."""

    def __init__(self, run: RunFolder, device: Device, config: dict[str, Any]) -> None:
        self.run, self.device, self.config = run, device, config
        self.last: Checkpoint | None = None
        self.log = Log(run.path / LOG)
        self._started = time.monotonic()
        self._before = 0.0

    def begin(self, resumed: Checkpoint | None = None, *, overwrite: bool = False) -> None:
        """Start the run, or go on with a resumed one. Raises FileError.

        From now until `log` is closed, no other run can write to the folder. One that holds something is
        refused unless `overwrite`: also for the run itself that goes on.
        """
        if not overwrite:
            self.run.check_free()
        self.log.open(fresh=resumed is None)
        if not overwrite:
            self._check_still_empty()
        self.run.sweep()
        if resumed is None:
            self.run.start(self.config)
            self._written = 0
            return
        epochs = [epoch.as_dict() for epoch in resumed.progress.epochs]
        self.run.go_on(self.config, epochs)
        self._written = len(epochs)
        under_way = resumed.progress.tally
        self._before = sum(epoch["seconds"] for epoch in epochs)
        self._before += under_way.before if under_way else 0.0

    def _check_still_empty(self) -> None:
        """Now that nobody else can write. Raises FileError."""
        try:
            self.run.check_empty()
        except FileError:
            self.log.close()
            raise

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write the checkpoint, and the metrics of epochs that are new in it."""
        self.last = replace(checkpoint, config=self.config)
        epochs = checkpoint.progress.epochs
        if len(epochs) > self._written and _is_best(epochs):
            self.last.save(self.run.path / BEST)  # first: after a crash its epoch comes again
        self.last.save(self.run.checkpoint)
        for epoch in epochs[self._written :]:
            self.run.add_epoch(epoch.as_dict())
        self._written = len(epochs)
        tests = [e.test_accuracy for e in epochs if e.test_accuracy is not None]
        self.run.finish(
            {
                "test_accuracy": tests[-1] if tests else None,
                "best_test_accuracy": max(tests, default=None),
                "samples_learned": checkpoint.progress.samples,
                "seconds": self._before + time.monotonic() - self._started,
                "link": vars(self.device.statistics),
                "energy_estimate": EnergyModel.of(self.device.config).as_dict(_total(epochs)),
                "epochs": [epoch.as_dict() for epoch in epochs],
            }
        )

    @property
    def kept(self) -> str:
        """What was kept and where, for a message."""
        samples = self.last.progress.samples if self.last else 0
        if not samples:
            return "nothing was learned yet"
        return f"weights after {samples} samples are in {self.run.path}"


def _is_best(epochs: list[Epoch]) -> bool:
    """Whether the last epoch has the best test accuracy; of several, the first one is."""
    *before, last = [epoch.test_accuracy for epoch in epochs]
    return last is not None and all(last > (accuracy or 0.0) for accuracy in before)


def _total(epochs: list[Epoch]) -> dict[str, int]:
    """What the chip counted while it learned, in all epochs."""
    return {name: sum(e.counters[name] for e in epochs) for name in ("synops", "updates")}
