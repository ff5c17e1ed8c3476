"""A network on a device: fit, evaluate, predict, summary, save and load.

What the command line does, for Python. Both end in `sw.run.training.Trainer`: there is one way to
train. A device holds one network, so a model owns the device it is given until another is made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from golden.spec.network import Network
from golden.spec.samples import Result
from sw.data import DataError, Dataset, Recording, Sample
from sw.device import Device, Weights
from sw.html import el
from sw.html import text as escaped
from sw.notebook import NotebookWatcher, in_notebook
from sw.parts import holding
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
from sw.run.checkpoint import DIGEST, digest
from sw.run.shown import progress_html
from sw.run.stopping import USUAL
from sw.run.summary import summary
from sw.samples import (
    Binning,
    EventArray,
    Labels,
    ManyData,
    SampleData,
    Samples,
    as_dataset,
    split_labels,
    unlabelled,
)
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

        `binning` says how event arrays become frames; frames need none. A network that the core does not
        hold whole runs in parts (`sw.parts`). Raises DoesNotFit.
        """
        device = holding(device, network)
        device.load(network, weights)
        self.network, self.device, self.binning = network, device, binning
        self.plan: Plan | None = None
        self.progress = Progress()
        self._samples = ""
        self._averaging = device.averaging
        self._unsure: Trainer | None = None
        self._folder: Path | None = None

    @classmethod
    def load(cls, path: str | Path, device: Device, *, binning: Binning | None = None) -> Self:
        """What `save` or `train` wrote: the file, or the folder of a run.

        Weights, noise state, position and binning are restored. Raises FileError, or DoesNotFit.
        """
        file = checkpoint_file(path)
        model = cls.from_checkpoint(Checkpoint.load(file), device, binning=binning)
        model._folder = file.parent.absolute()
        return model

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, device: Device, *, binning: Binning | None = None
    ) -> Self:
        """The state of a checkpoint. Raises FileError for a device with another core."""
        device = holding(device, checkpoint.network)
        checkpoint.restore(device)
        model = cls.__new__(cls)
        model.network, model.device = checkpoint.network, device
        model.binning = binning or Binning.of_run(checkpoint.config)
        model.plan, model.progress = checkpoint.plan, checkpoint.progress
        model._samples, model._unsure, model._folder = checkpoint.samples, None, None
        model._averaging = checkpoint.averaging
        return model

    def save(self, path: str | Path) -> None:
        """Write weights, noise state and position to a file (.safetensors). Raises FileError."""
        self._settle()
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
        self._settle()
        return self.device.read_weights()

    def fit(
        self,
        samples: Samples | ManyData,
        test: Samples | Labels | None = None,
        *,
        epochs: int = 6,
        seed: int = 1,
        constant_rate: bool = False,
        mirror: bool = False,
        crop: int = 0,
        until: int | None = None,
        run: str | Path | Recorder | None = None,
        overwrite: bool = False,
        checkpoint_every: Every = USUAL,
        callbacks: Sequence[Watcher] = (),
        stop: StopRequest | None = None,
    ) -> Progress:
        """Train `epochs` more epochs; returns the metrics of all so far.

        Args:
            samples: training samples, as `sw.samples.as_dataset` takes them; or arrays, with their labels in
                the place of `test`: fit(X, y).
            test: test samples, for an accuracy after every epoch.
            epochs: passes over the samples.
            seed: of the order of samples. (That of weights and rounding is the network's.)
            constant_rate: do not decay the rates. N + N epochs then equal 2N bit for bit.
            mirror: mirror half of the training samples left to right, other ones in every epoch.
            crop: shift each by up to so many pixels along both sides, anew in every epoch.
            until, run, overwrite, checkpoint_every, callbacks, stop: as for `resume`.

        Ctrl-C stops after the samples in flight and returns what there is; `resume` goes on. So it does
        after any exception: one of a callback loses nothing, after others (a second Ctrl-C, a link that
        fell silent) the model is back at its newest checkpoint. SIGTERM and SIGHUP stop likewise, and
        then end the process.

        Raises:
            DataError: samples do not fit the network.
            LinkError, DeviceError: the device went away, or found fault.
        """
        self._settle()
        done = len(self.progress.epochs)
        if self.progress.tally is not None:
            raise ValueError("an epoch is under way; finish it first: resume(samples)")
        given, tests = split_labels(samples, test)
        self._samples = ""
        self.plan = Plan(
            epochs=done + epochs,
            seed=seed,
            constant_rate=constant_rate,
            begin=done,
            mirror=mirror,
            crop=crop,
        )
        return self.resume(
            given,
            tests,
            until=until,
            run=run,
            overwrite=overwrite,
            checkpoint_every=checkpoint_every,
            callbacks=callbacks,
            stop=stop,
        )

    def resume(
        self,
        samples: Samples,
        test: Samples | None = None,
        *,
        until: int | None = None,
        run: str | Path | Recorder | None = None,
        overwrite: bool = False,
        checkpoint_every: Every = USUAL,
        callbacks: Sequence[Watcher] = (),
        stop: StopRequest | None = None,
    ) -> Progress:
        """Go on with a training that was stopped or loaded, to the same bits as without the stop.

        Args:
            samples: the samples it was begun with.
            test: test samples.
            until: stop after this epoch; a later `resume` goes on.
            run: folder to keep checkpoints and metrics in: a new or empty one, or that of this run.
            overwrite: take the folder though it holds another run.
            checkpoint_every: how often within an epoch. One is kept after every epoch.
            callbacks: told of every task, sample and epoch.
            stop: set its `asked` to stop.

        Raises:
            ValueError: there is nothing to go on with, or it was begun on another number of boards.
            DataError: these are other samples.
            FileError: the folder holds another run.
        """
        if self.plan is None:
            raise ValueError("nothing to go on with; use fit")
        begun, here = (each or "one board" for each in (self._averaging, self.device.averaging))
        if begun != here:
            raise ValueError(
                f"begun with {begun}, but this is {here}, which goes on to other bits; use as many, or start "
                "anew with its weights"
            )
        self._settle()
        train_set = as_dataset(samples, self.network, self.binning)
        test_set = None if test is None else as_dataset(test, self.network, self.binning)
        if 0 < len(self._samples) < DIGEST:
            raise DataError(
                "begun by an earlier version, which did not note all samples; start a new run with its "
                "weights: train --from, or Model(network, device, weights=...)"
            )
        if self._samples not in ("", found := digest(train_set)):
            raise DataError(
                f"{train_set.name}: not the {self._samples} samples training began with, but "
                f"{found}; use the same samples in the same order, or start a new run"
            )
        for dataset in (train_set, test_set):
            self.check(dataset)
        self.plan.augmentation.check(train_set)
        recorder = self._recorder(run, overwrite)
        self._samples = found
        watchers = [*callbacks, *([recorder.log] if recorder else [])]
        if in_notebook():
            watchers.append(NotebookWatcher(self.progress))
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
            try:
                trainer.run(until)
            finally:
                self._unsure = None if trainer.agreed else trainer
        return self.progress

    def check(self, samples: Dataset | None) -> None:
        """Raise ValueError, or DeviceError, when the device could not take the samples.

        Nothing is sent. They are of one shape, so the first one tells.
        """
        if samples is None:
            return
        if samples.classes > self.network.classes:
            raise ValueError(
                f"{samples.name}: {samples.classes} classes, the network has {self.network.classes}; "
                "check the data set"
            )
        self.device.check(samples[0])

    def _settle(self) -> None:
        """After training ended in the middle of something: back to its newest checkpoint.

        Raises LinkError when the device is gone, DeviceError when it forgot all and there is no checkpoint.
        """
        if self._unsure is None:
            return
        self.device.restart()
        if (last := self._unsure.last) is not None:
            last.restore(self.device)
            self.progress = deepcopy(last.progress)
        else:
            # a device that was restarted holds nothing any more
            self.device.attach(self.network)
        self._unsure = None

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

    def evaluate(
        self,
        samples: Samples | ManyData,
        labels: Labels | None = None,
        *,
        callbacks: Sequence[Watcher] = (),
    ) -> Tally:
        """Classify with learning off: accuracy, confusion, firing rates, cycles. Raises DataError.

        Samples are those of `fit`; with `labels`, arrays without them.
        """
        self._settle()
        if labels is not None:
            samples = cast(Samples, (samples, labels))
        dataset = as_dataset(samples, self.network, self.binning)
        trainer = Trainer(self.device, dataset, None, Plan(), Watchers(callbacks))
        return trainer.evaluate(dataset, "test")

    def predict(
        self, samples: Iterable[SampleData | tuple[SampleData, object]]
    ) -> NDArray[np.int64]:
        """Class of every sample, int64[N]: frames, events, or pairs whose label is ignored."""
        return np.array([result.prediction for _, result in self._classify(samples)], np.int64)

    def predict_each(
        self, samples: Iterable[SampleData | tuple[SampleData, object]]
    ) -> Iterator[int]:
        """Class of every sample as it comes: each is yielded before the next sample is taken.

        So a camera may go on for ever. `predict` is faster, for it has many samples in flight.
        """
        self._settle()
        for sample in unlabelled(samples, self.network, self.binning):
            (result,) = self.device.run([sample], learn=False)
            yield result.prediction

    def scores(
        self, samples: Iterable[SampleData | tuple[SampleData, object]]
    ) -> NDArray[np.float64]:
        """Scores of every class, float64[N, classes]: the readout's mean membrane, in units of 1."""
        one, classes = self.network.logit_one, self.network.classes
        rows = [
            np.array(result.scores[:classes]) / (one * steps)
            for steps, result in self._classify(samples)
        ]
        return np.array(rows, np.float64).reshape(-1, classes)

    def predict_recording(
        self,
        recording: str | Path | Recording | EventArray,
        *,
        window_us: int | None = None,
        salvage: bool = False,
    ) -> list[WindowResult]:
        """Class of every time window of a recording, one after the other: `recording_windows` in a list."""
        return list(self.recording_windows(recording, window_us=window_us, salvage=salvage))

    def recording_windows(
        self,
        recording: str | Path | Recording | EventArray,
        *,
        window_us: int | None = None,
        salvage: bool = False,
    ) -> Iterator[WindowResult]:
        """Class of every time window of a recording, one after the other, as they are known.

        Args:
            recording: an event file (`sw.data.read_recording`), or the events.
            window_us: length of a time window; default: that of `binning`, as in training.
            salvage: use the good part of a damaged file.

        Raises:
            DataError: the file is damaged or of another sensor, or there is no `binning`.
        """
        if self.binning is None:
            raise DataError("events: say how they become frames: Model(..., binning=Binning(...))")
        self._settle()
        given = as_recording(recording, self.binning, salvage)
        return classify(self.device, given, self.binning, window_us)

    def summary(self) -> str:
        """Layers, what they take of the core, and what training came to, as text."""
        text = summary(self.network, self.device.config, self.progress)
        stored = self.device.sample_store
        return f"{text}\n{stored}" if len(stored) else text

    def _repr_html_(self) -> str:
        name = self.device.channel.transport.name
        heading = el("p", el("b", escaped(self.network.name)), escaped(f" on {name}"))
        layers = el("pre", escaped(self.summary()))
        return el("div", heading, layers, progress_html(self.progress))

    def _classify(
        self, samples: Iterable[SampleData | tuple[SampleData, object]]
    ) -> Iterator[tuple[int, Result]]:
        """Steps and result of each sample. Samples are taken one by one."""
        self._settle()
        steps = deque[int]()

        def given() -> Iterator[Sample]:
            for sample in unlabelled(samples, self.network, self.binning):
                steps.append(len(sample.frames))
                yield sample

        for result in self.device.run(given(), learn=False):
            yield steps.popleft(), result

    def _binning_config(self) -> dict[str, Any]:
        return {} if self.binning is None else {"binning": asdict(self.binning)}

    def _recorder(self, run: str | Path | Recorder | None, overwrite: bool) -> Recorder | None:
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
        folder = Path(run).absolute()
        recorder = Recorder(RunFolder(Path(run)), self.device, config)
        begun = self.progress.epochs or self.progress.tally
        resumed = Checkpoint.of(self.device, progress=self.progress) if begun else None
        recorder.begin(resumed, overwrite=overwrite or folder == self._folder)
        self._folder = folder
        return recorder
