"""A network on a device: fit, evaluate, predict, summary, save and load.

What the command line does, for Python. Both end in `sw.run.training.Trainer`: there is one way to
train. A device holds one network, so a model owns the device it is given until another is made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from golden.spec.network import Network
from golden.spec.samples import Result
from sw.data import DataError, Recording, Sample
from sw.device import Device, Weights
from sw.run import (
    Checkpoint,
    Every,
    Plan,
    Progress,
    Recorder,
    RunFolder,
    StopRequest,
    Tally,
    Trainer,
    Watcher,
    Watchers,
    checkpoint_file,
)
from sw.run.checkpoint import digest
from sw.run.stopping import USUAL
from sw.run.summary import summary
from sw.samples import Binning, as_dataset, unlabelled
from sw.windows import WindowResult, as_recording, classify


class Model:
    """A network, loaded on a device, and how far its training is (`progress`)."""

    def __init__(
        self,
        network: Network,
        device: Device,
        *,
        weights: list[NDArray[np.int32]] | None = None,
        binning: Binning | None = None,
    ) -> None:
        """Load `network` on the device, with `weights` instead of its initial ones.

        `binning` says how event arrays become frames; frames need none. Raises DoesNotFit.
        """
        device.load(network, weights)
        self.network, self.device, self.binning = network, device, binning
        self.plan: Plan | None = None
        self.progress = Progress()
        self._samples = ""

    @classmethod
    def load(cls, path: str | Path, device: Device, *, binning: Binning | None = None) -> Self:
        """What `save` or `train` wrote: the file, or the folder of a run.

        Weights, noise state, position and binning are restored. Raises FileError, or DoesNotFit.
        """
        return cls.from_checkpoint(Checkpoint.load(checkpoint_file(path)), device, binning=binning)

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, device: Device, *, binning: Binning | None = None
    ) -> Self:
        """The state of a checkpoint. Raises FileError for a device with another core."""
        checkpoint.restore(device)
        model = cls.__new__(cls)
        model.network, model.device = checkpoint.network, device
        model.binning = binning or Binning.of_run(checkpoint.config)
        model.plan, model.progress = checkpoint.plan, checkpoint.progress
        model._samples = checkpoint.samples
        return model

    def save(self, path: str | Path) -> None:
        """Write weights, noise state and position to a file (.safetensors). Raises FileError."""
        Checkpoint.of(
            self.device,
            plan=self.plan or Plan(),
            progress=self.progress,
            samples=self._samples,
            config=self._binning_config(),
        ).save(Path(path))

    @property
    def weights(self) -> Weights:
        """The weights on the device: int32[rows, outputs] of every layer, and the classifiers that learn."""
        return self.device.read_weights()

    def fit(
        self,
        samples: Any,
        test: Any = None,
        *,
        epochs: int = 6,
        seed: int = 1,
        constant_rate: bool = False,
        **options: Any,
    ) -> Progress:
        """Train `epochs` more epochs; returns the metrics of all so far.

        Args:
            samples: training samples, as `sw.samples.as_dataset` takes them.
            test: test samples, for an accuracy after every epoch.
            epochs: passes over the samples.
            seed: of the order of samples. (That of weights and rounding is the network's.)
            constant_rate: do not decay the rates. N + N epochs then equal 2N bit for bit.
            options: those of `resume`.

        Ctrl-C stops after the samples in flight and returns what there is; `resume` goes on.

        Raises:
            DataError: samples do not fit the network.
            LinkError, DeviceError: the device went away, or found fault.
        """
        done = len(self.progress.epochs)
        if self.progress.tally is not None:
            raise ValueError("an epoch is under way; finish it first: resume(samples)")
        self._samples = ""
        self.plan = Plan(epochs=done + epochs, seed=seed, constant_rate=constant_rate, begin=done)
        return self.resume(samples, test, **options)

    def resume(
        self,
        samples: Any,
        test: Any = None,
        *,
        until: int | None = None,
        run: str | Path | Recorder | None = None,
        checkpoint_every: Every = USUAL,
        callbacks: Sequence[Watcher] = (),
        stop: StopRequest | None = None,
    ) -> Progress:
        """Go on with a training that was stopped or loaded, to the same bits as without the stop.

        Args:
            samples: the samples it was begun with.
            test: test samples.
            until: stop after this epoch; a later `resume` goes on.
            run: folder to keep checkpoints and metrics in.
            checkpoint_every: how often within an epoch. One is kept after every epoch.
            callbacks: told of every task, sample and epoch.
            stop: set its `asked` to stop.

        Raises:
            ValueError: there is nothing to go on with. DataError: these are other samples.
        """
        if self.plan is None:
            raise ValueError("nothing to go on with; use fit")
        train_set = as_dataset(samples, self.network, self.binning)
        test_set = None if test is None else as_dataset(test, self.network, self.binning)
        if self._samples not in ("", found := digest(train_set)):
            raise DataError(
                f"{train_set.name}: not the {self._samples} samples training began with, but "
                f"{found}; use the same samples in the same order, or start a new run"
            )
        self._samples = found
        recorder = self._recorder(run)
        watchers = [*callbacks, *([recorder.log] if recorder else [])]
        log = recorder.log if recorder else nullcontext()
        with log, nullcontext(stop) if stop else StopRequest() as stop:
            trainer = Trainer(
                self.device,
                train_set,
                test_set,
                self.plan,
                Watchers(watchers),
                stop,
                self.progress,
                every=checkpoint_every,
            )
            if recorder is not None:
                trainer.keep = recorder.keep
            trainer.run(until)
        return self.progress

    def extend(self, epochs: int) -> None:
        """Let the plan have `epochs` in all; the rates of those to come follow the new length.

        An epoch under way keeps its rates. Raises ValueError for fewer than are done.
        """
        assert self.plan is not None
        done = len(self.progress.epochs)
        if epochs < done:
            raise ValueError(f"epochs is {epochs}: {done} are done already; give more")
        self.plan = replace(self.plan, epochs=epochs)

    @property
    def complete(self) -> bool:
        """Nothing of the plan is left."""
        return self.plan is not None and len(self.progress.epochs) >= self.plan.epochs

    def evaluate(self, samples: Any, *, callbacks: Sequence[Watcher] = ()) -> Tally:
        """Classify with learning off: accuracy, firing rates, cycles. Raises DataError."""
        dataset = as_dataset(samples, self.network, self.binning)
        trainer = Trainer(self.device, dataset, None, Plan(), Watchers(callbacks))
        return trainer.evaluate(dataset, "test")

    def predict(self, samples: Iterable[Any]) -> NDArray[np.int64]:
        """Class of every sample, int64[N]: frames, events, or pairs whose label is ignored."""
        return np.array([result.prediction for _, result in self._classify(samples)], np.int64)

    def scores(self, samples: Iterable[Any]) -> NDArray[np.float64]:
        """Scores of every class, float64[N, classes]: the readout's mean membrane, in units of 1."""
        one, classes = self.network.logit_one, self.network.classes
        rows = [
            np.array(result.scores[:classes]) / (one * steps)
            for steps, result in self._classify(samples)
        ]
        return np.array(rows, np.float64).reshape(-1, classes)

    def predict_recording(
        self,
        recording: str | Path | Recording | NDArray[Any],
        *,
        window_us: int | None = None,
        salvage: bool = False,
    ) -> list[WindowResult]:
        """Class of every time window of a recording, one after the other.

        Args:
            recording: an event file (`sw.data.read_recording`), or the events.
            window_us: length of a time window; default: that of `binning`, as in training.
            salvage: use the good part of a damaged file.

        Raises:
            DataError: the file is damaged or of another sensor, or there is no `binning`.
        """
        if self.binning is None:
            raise DataError("events: say how they become frames: Model(..., binning=Binning(...))")
        given = as_recording(recording, self.binning, salvage)
        return list(classify(self.device, given, self.binning, window_us))

    def summary(self) -> str:
        """Layers, what they take of the core, and what training came to, as text."""
        text = summary(self.network, self.device.config, self.progress)
        stored = self.device.sample_store
        return f"{text}\n{stored}" if len(stored) else text

    def _classify(self, samples: Iterable[Any]) -> Iterator[tuple[int, Result]]:
        """Steps and result of each sample. Samples are taken one by one."""
        steps = deque[int]()

        def given() -> Iterator[Sample]:
            for sample in unlabelled(samples, self.network, self.binning):
                steps.append(len(sample.frames))
                yield sample

        for result in self.device.run(given(), learn=False):
            yield steps.popleft(), result

    def _binning_config(self) -> dict[str, Any]:
        return {} if self.binning is None else {"binning": asdict(self.binning)}

    def _recorder(self, run: str | Path | Recorder | None) -> Recorder | None:
        if run is None or isinstance(run, Recorder):
            return run
        assert self.plan is not None
        config = {
            "network": self.network.as_dict(),
            "core": self.device.config.as_dict(),
            "training": asdict(self.plan),
            "target": self.device.channel.transport.name,
            **self._binning_config(),
        }
        recorder = Recorder(RunFolder(Path(run)), self.device, config)
        begun = self.progress.epochs or self.progress.tally
        recorder.begin(Checkpoint.of(self.device, progress=self.progress) if begun else None)
        return recorder
