"""Where samples come from: a data set, again and again, or recordings, window by window."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from golden.spec.shape import Map
from sw.data import DataError, Dataset, Recording, Sample
from sw.data.binning import Frames

Shift = tuple[int, int]
"""Pixels to the right, and down."""


class Given(NamedTuple):
    """What a feed gives."""

    frames: Frames
    """Input spikes, bool[steps, inputs]; or the values of inputs, int8."""
    label: int | None
    """Its class, if it is known."""
    key: str
    """What it is called."""


class Feed(Protocol):
    """Samples, one at a time, without an end."""

    @property
    def name(self) -> str:
        """What they are, for a heading."""
        ...

    @property
    def map(self) -> Map | None:
        """What a frame is as a picture, (channel, y, x); None: it is none."""
        ...

    @property
    def seconds(self) -> float | None:
        """How long a sample lasts in real time; None: as the viewer wants."""
        ...

    @property
    def labelled(self) -> bool:
        """Samples have labels."""
        ...

    @property
    def first(self) -> Sample:
        """A sample, to see whether a network can take it."""
        ...

    def take(self, classes: Collection[int]) -> Given:
        """The next one, of the classes wanted where samples have labels."""
        ...


class DatasetFeed:
    """Samples of a data set in random order; those of all classes come once before any comes again."""

    labelled = True
    seconds = None

    def __init__(self, samples: Dataset, *, seed: int = 1) -> None:
        self.samples, self.name, self.map = samples, samples.name, samples.input_map
        self._seed, self._pass = seed, 0
        self._left: list[int] = []
        self.first = samples[0]

    def take(self, classes: Collection[int]) -> Given:
        """The next sample of these classes. Raises DataError: there is none."""
        if not np.isin(self.samples.labels, list(classes)).any():
            raise DataError(f"{self.name}: no samples of the classes {sorted(classes)}")
        while True:
            if not self._left:
                self._left = self.samples.order(self._pass, self._seed).tolist()
                self._pass += 1
            sample = self.samples[self._left.pop()]
            if sample.label in classes:
                return Given(sample.frames, sample.label, sample.key)


class RecordingFeed:
    """Time windows of recordings in turn, and from the start again. They have no labels."""

    labelled = False

    def __init__(
        self,
        recordings: Sequence[Recording],
        frames: Callable[[Recording, tuple[int, int]], Frames],
        *,
        window_us: int,
        map: Map | None,
    ) -> None:
        """`frames` bins the events of a time window, start and end in the recording's own microseconds.

        Raises DataError for recordings without a whole window.
        """
        if not recordings:
            raise DataError("no recordings; name some")
        self.name = ", ".join(recording.source for recording in recordings)
        self.seconds, self.map = window_us / 1e6, map
        self._recordings, self._frames, self._window_us = recordings, frames, window_us
        self._windows = self._all()
        self.first = Sample(next(self._all()).frames, 0, self.name)

    def take(self, classes: Collection[int]) -> Given:
        """The next window; the classes do not matter."""
        return next(self._windows)

    def _all(self) -> Iterator[Given]:
        while True:
            for recording in self._recordings:
                for window in recording.windows(self._window_us):
                    at = (window[0] - recording.start_us) / 1e6
                    frames = self._frames(recording, window)
                    yield Given(frames, None, f"{recording.source} at {at:.2f} s")


def shifted(frames: Frames, shape: Map, shift: Shift) -> Frames:
    """Frames as a sensor sees them that was moved: `shift` pixels right and down; what leaves it is lost.

    Takes and returns [steps, inputs] in the order (channel, y, x).
    """
    across, down = shift
    if not (across or down):
        return frames
    planes = frames.reshape(len(frames), shape.channels, shape.height, shape.width)
    moved = np.zeros_like(planes)
    rows, columns = _ends(down, shape.height), _ends(across, shape.width)
    moved[:, :, rows[1], columns[1]] = planes[:, :, rows[0], columns[0]]
    return moved.reshape(frames.shape)


def _ends(shift: int, size: int) -> tuple[slice, slice]:
    """From where to where, on a line of pixels."""
    shift = max(-size, min(size, shift))
    kept = size - abs(shift)
    start, to = max(-shift, 0), max(shift, 0)
    return slice(start, start + kept), slice(to, to + kept)
