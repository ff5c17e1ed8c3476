"""The metrics of a training as scalars for TensorBoard, an epoch after the other.

    model.fit(samples, tests, callbacks=[TensorBoard("logs/a")])

Then `tensorboard --logdir logs`, where TensorBoard is installed. Tags are `accuracy/test`, `accuracy/train`,
`accuracy/online`, `firing_rate/layer_0` and so on, `speed/samples_per_second`, `speed/cycles_per_sample`,
`rate_scale`; the step is the number of the epoch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sw.places import install
from sw.run.metrics import Epoch
from sw.run.watcher import Watcher


class TensorBoard(Watcher):
    """Writes event files to a folder, from the first epoch on.

    Raises ModuleNotFoundError without tensorboardX.
    Several trainings may write to one folder; a resumed one takes the place of what it had written of later
    epochs.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            from tensorboardX.event_file_writer import EventsWriter
            from tensorboardX.proto import event_pb2, summary_pb2
        except ModuleNotFoundError as error:
            how = install("tensorboard", "tensorboardX")
            raise ModuleNotFoundError(f"TensorBoard: {error.name} is missing; {how}") from error
        self._make, self._event, self._summary = EventsWriter, event_pb2.Event, summary_pb2.Summary
        self._start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._folder = Path(folder)
        self._writer: Any = None

    def epoch(self, epoch: Epoch) -> None:
        """Write its scalars; they are in the file when this returns."""
        at: dict[str, Any] = {"wall_time": time.time(), "step": epoch.epoch}
        if self._writer is None:  # later epochs of an earlier session no longer count
            self._folder.mkdir(parents=True, exist_ok=True)
            self._writer = self._make(str(self._folder / "events"), f".epoch-{epoch.epoch}")
            self._writer.write_event(self._event(session_log=self._start, **at))
        values = [self._summary.Value(tag=tag, simple_value=value) for tag, value in scalars(epoch)]
        self._writer.write_event(self._event(summary=self._summary(value=values), **at))
        self._writer.flush()


def scalars(epoch: Epoch) -> Iterator[tuple[str, float]]:
    """Tags and values of an epoch; what was not measured is left out."""
    accuracies = {
        "test": epoch.test_accuracy,
        "train": epoch.train_accuracy,
        "online": epoch.online_accuracy,
    }
    yield from ((f"accuracy/{n}", value) for n, value in accuracies.items() if value is not None)
    for layer, rate in enumerate(epoch.firing_rates):
        yield f"firing_rate/layer_{layer}", rate
    yield "speed/samples_per_second", epoch.samples_per_second
    if epoch.cycles_per_sample:
        yield "speed/cycles_per_sample", epoch.cycles_per_sample
    yield "rate_scale", epoch.rate_scale
