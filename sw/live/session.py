"""A network in use: what it is given, what it answers, and what it learns meanwhile.

Every sample is classified first, with learning off: that answer is what counts. If learning is on and the
label is known, the chip then learns from the same sample, once (test, then train).
"""

from __future__ import annotations

import base64
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sw.data import Sample
from sw.device import Device
from sw.link import GoldenTransport
from sw.live.feeds import Feed, Given, shifted
from sw.live.wishes import Wishes, check_class

KEPT = 64  # moments that a browser may be behind
HISTORY = 5_000  # answers that a browser which comes later still sees
MOST_PREFIXES = 64  # steps of a sample that is run up to each of them
ROWS = 384  # lines of a raster; more neurons share them


@dataclass(frozen=True)
class Moment:
    """A sample and what the network said."""

    number: int
    key: str
    label: int | None
    prediction: int
    scores: list[float]
    """Mean membrane of the readout, in units of 1."""
    learned: int | None
    """What the sample was learned as, after it was classified; None: it was not."""
    shift: tuple[int, int]
    frames: list[list[int]]
    """Inputs that spike, for every step."""
    spikes: list[list[list[int]]]
    """Lines of the raster of each flat hidden layer that have a spike, for every step; of a map none."""
    maps: list[str]
    """Of each layer that is a map, steps in which a neuron fired: a byte each, [channel, pixel], base64."""

    def as_dict(self) -> dict[str, Any]:
        """For a browser."""
        return asdict(self)


class Session:
    """Runs a feed through a device, in a thread of its own while it is open.

    with Session(device, DatasetFeed(samples)) as session:
        session.set("learning", True)
        session.teach(3)
    """

    def __init__(self, device: Device, feed: Feed, *, wishes: Wishes | None = None) -> None:
        """`device` has a network loaded, and belongs to the session until it is closed."""
        assert device.network is not None, "a network is loaded before it is used"
        self.device, self.feed, self.network = device, feed, device.network
        self.wishes = wishes or Wishes(pace=1.0 if feed.seconds else 4.0)
        self.wishes.classes = self.wishes.classes or list(range(self.network.classes))
        self.moments: deque[Moment] = deque(maxlen=KEPT)
        self.history: deque[tuple[int, int | None, int, bool]] = deque(maxlen=HISTORY)
        """Number, label, prediction, and whether it was learned from, of every sample so far."""
        self.version = 0
        """Grows with every change of `state`."""
        self.learned = 0
        self.error = ""
        self.leaving = False
        """Whoever watches is asked to leave."""
        self._number = 0
        self._last: Given | None = None
        self._tasks: deque[Callable[[], None]] = deque()
        self._wake, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="live", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._wake.set()
        self._thread.join()

    @property
    def state(self) -> dict[str, Any]:
        """What is wished for, and how much was learned."""
        return {**asdict(self.wishes), "learned": self.learned, "error": self.error}

    @property
    def accuracy(self) -> float | None:
        """Of the last 50 samples with a label."""
        right = [
            label == answer for _, label, answer, _ in list(self.history) if label is not None
        ][-50:]
        return sum(right) / len(right) if right else None

    def set(self, name: str, value: Any) -> None:
        """Change a wish. Raises ValueError."""
        self.wishes.set(name, value, self.network)
        self._changed()

    def step(self) -> None:
        """Run one sample, though it is paused."""
        self._tasks.append(self._next)
        self._changed()

    def teach(self, label: int) -> None:
        """Learn that the sample that is shown is of class `label`. Raises ValueError."""
        check_class(label, self.network)
        self._tasks.append(lambda: self._teach(label))
        self._changed()

    # In the thread

    def _changed(self) -> None:
        self.version += 1
        self._wake.set()

    def _work(self) -> None:
        try:
            due = time.monotonic()
            while not self._over.is_set():
                while self._tasks:
                    self._tasks.popleft()()
                if not self.wishes.paused and time.monotonic() >= due:
                    due = max(due + self._interval(), time.monotonic())
                    self._next()
                    continue
                self._wake.clear()
                if not self._tasks and not self._over.is_set():
                    wait = None if self.wishes.paused else max(0.0, due - time.monotonic())
                    self._wake.wait(wait)
        except Exception as error:
            self.error = " ".join(f"{error}".split()) or type(error).__name__
            self._changed()

    def _interval(self) -> float:
        return (self.feed.seconds or 1.0) / self.wishes.pace

    def _next(self) -> None:
        """One sample: classify, look inside, learn."""
        wishes = self.wishes
        given, shift = self.feed.take(wishes.classes), wishes.shift
        if self.feed.map is not None:
            given = given._replace(frames=shifted(given.frames, self.feed.map, shift))
        self._last = given
        sample = Sample(given.frames, given.label or 0, given.key)
        (result,) = self.device.run([sample], learn=False)
        spikes, maps = self._look_inside(sample)
        wanted = given.label if wishes.learning else None
        if wishes.teacher is not None:
            wanted = wishes.teacher
        if wanted is not None:
            self._learn(sample._replace(label=wanted))
        one = self.network.logit_one * len(given.frames)
        self._number += 1
        self.history.append((self._number, given.label, result.prediction, wanted is not None))
        self.moments.append(
            Moment(
                number=self._number,
                key=given.key,
                label=given.label,
                prediction=result.prediction,
                scores=[score / one for score in result.scores[: self.network.classes]],
                learned=wanted,
                shift=shift,
                frames=[np.flatnonzero(frame).tolist() for frame in given.frames],
                spikes=spikes,
                maps=maps,
            )
        )

    def _look_inside(self, sample: Sample) -> tuple[list[list[list[int]]], list[str]]:
        """Lines of the raster and feature maps, by layer. Learns nothing."""
        layers = self.device.layers[:-1]
        found: list[list[list[int]]] = [[] for _ in layers]
        counts = [np.zeros(layer.positions * layer.outputs, np.int64) for layer in layers]
        for _ in self._steps(sample):
            for index, layer in enumerate(layers):
                fired = self.device.spikes(index)
                if layer.positions > 1:
                    counts[index] += fired
                else:
                    found[index].append(lines(fired))
        return found, [
            packed(count, layer.positions) if layer.positions > 1 else ""
            for count, layer in zip(counts, layers, strict=True)
        ]

    def _steps(self, sample: Sample) -> Iterator[int]:
        """After each of these, the device holds the spikes of the next step.

        The compiled model runs whole samples only: there the sample is run up to each of its steps.
        """
        transport = self.device.channel.transport
        compiled = isinstance(transport, GoldenTransport) and transport.compiled
        if not compiled or len(sample.frames) > MOST_PREFIXES:
            yield from self.device.step_through(sample)
            return
        for step in range(len(sample.frames)):
            list(self.device.run([sample._replace(frames=sample.frames[: step + 1])], learn=False))
            yield step

    def _learn(self, sample: Sample) -> None:
        self.device.set_rates(self.wishes.rate)
        list(self.device.run([sample], learn=True))
        self.learned += 1
        self.version += 1

    def _teach(self, label: int) -> None:
        if self._last is not None:
            self._learn(Sample(self._last.frames, label, self._last.key))


def packed(counts: NDArray[np.int64], positions: int) -> str:
    """Counts [pixel x channels + channel] as bytes [channel, pixel], 255 at most, base64."""
    planes = np.minimum(counts, 255).astype(np.uint8).reshape(positions, -1).T
    return base64.b64encode(planes.tobytes()).decode()


def lines(spikes: NDArray[np.bool_]) -> list[int]:
    """Lines of a raster of ROWS at most that have a spike, of spikes bool[neurons]."""
    fired = np.flatnonzero(spikes)
    if len(spikes) > ROWS:
        fired = np.unique(fired * ROWS // len(spikes))
    return [int(line) for line in fired]
