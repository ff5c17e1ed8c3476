"""A recording, time window by time window: what a network sees in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sw.data import DataError, Recording, Sample, Sensor, read_recording
from sw.data.columns import from_columns
from sw.data.event_array import check_event_array
from sw.data.recording import check_sensor
from sw.device import Device
from sw.samples import Binning


class WindowResult(NamedTuple):
    """What a network says of one time window of a recording."""

    start_us: int
    """Where the time window starts, microseconds from the start of the recording."""
    end_us: int
    """Where it ends (excluded), microseconds."""
    events: int
    """Events in it. Without any, the class is that of silence."""
    prediction: int
    """The class with the highest score."""
    scores: list[float]
    """Of every class: the mean membrane of the readout, in units of 1."""


def classify(
    device: Device, recording: Recording, binning: Binning, length_us: int | None = None
) -> Iterator[WindowResult]:
    """Classify the time windows of a recording in turn, as `Recording.windows` cuts them.

    Every time window is cut into the binning's steps. `length_us` instead of the binning's own makes
    the steps longer or shorter, and the network was trained on the latter.

    Raises:
        DataError: the recording is of another sensor, or the length is not above 0.
    """
    network = device.network
    assert network is not None, "a network is loaded before it is used"
    length = binning.length_us if length_us is None else length_us
    if length < 1:
        raise DataError(f"window: {length} us is no length; use 1 or more")
    check_sensor(recording.source, recording.sensor, Sensor(*binning.sensor))
    windows = recording.windows(length)
    binning = replace(binning, input_bits=network.input_bits)

    def samples() -> Iterator[Sample]:
        for window in windows:
            frames = binning.frames(recording.events, recording.source, window)
            yield Sample(frames, 0, f"{recording.source} {window[0]} us")

    one = network.logit_one * binning.steps
    for window, result in zip(windows, device.run(samples(), learn=False), strict=True):
        yield WindowResult(
            window[0] - recording.start_us,
            window[1] - recording.start_us,
            recording.count(window),
            result.prediction,
            [score / one for score in result.scores[: network.classes]],
        )


def most(results: Sequence[WindowResult]) -> tuple[int, int, int]:
    """The class of most time windows with events, how many it has, and how many windows there are.

    Of classes with equally many, it is the one that came first. Windows without events count only if
    no window has any.
    """
    counted = [r.prediction for r in results if r.events] or [r.prediction for r in results]
    ((prediction, count),) = Counter(counted).most_common(1)
    return prediction, count, len(counted)


def as_recording(given: str | Path | Recording | Any, binning: Binning, salvage: bool) -> Recording:
    """A recording from an event file, a Recording, or events in memory.

    Events are a structured array with x, y, t (us) and p; they are sorted by time. `salvage` uses
    the good part of a damaged file. Raises DataError.
    """
    if isinstance(given, Recording):
        return given
    if isinstance(given, str | Path):
        return read_recording(given, sensor=binning.sensor, salvage=salvage)
    array = np.asarray(given)
    names = array.dtype.names or ()
    if names:
        check_event_array(array, Sensor(*binning.sensor), "events")
    if "t" not in names or "x" not in names or not len(array):
        raise DataError("events: no events, a structured array with x, y, t (us) and p")
    blank = np.zeros(len(array), np.int64)
    fields = [array[name] if name in names else blank for name in ("t", "x", "y", "p")]
    found = from_columns(*fields, source="events")
    found = found[np.argsort(found["t"], kind="stable")]
    return Recording("events", found, None, int(found["t"][0]))
