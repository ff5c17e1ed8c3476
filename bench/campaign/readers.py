"""Whatever a file holds, its reader answers with what it read or a line of error, soon and in little memory.

An input is a small file of one format, changed in ways that its grammar suggests. Its reader may raise the
error that it announces and no other; the message is one line without control characters. It may take SECONDS
and BYTES. Readers run in a process of their own: one that crashes is found by the input that it had.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import numpy as np

from bench.campaign.mutations import mutate
from bench.campaign.samples import samples
from golden.spec.config import PRESETS
from sw.data import DataError, read_recording
from sw.data.cifar10 import read_batch
from sw.data.events import first_fault
from sw.data.fsdd import read_wav
from sw.data.gesture_file import read_gesture
from sw.data.labelled import LABELS, read_labels
from sw.data.mnist import read_idx
from sw.interchange.files import Trained
from sw.interchange.interpreter import run_graph
from sw.interchange.package import Unsupported, read_graph, step_seconds
from sw.interchange.quantise import quantise
from sw.interchange.recognise import recognise
from sw.printable import printable
from sw.run import FileError, Follower, RunFolder

SECONDS, BYTES = 10, 1 << 30
GIVE_UP = 3 * SECONDS
BATCH = 2500
"""Inputs of one process."""
MEMORY = Path("/dev/shm")
"""Where files cost no disk, those of the readers too; three quarters of the time go there otherwise."""
ALLOWED = (DataError, FileError, Unsupported)
WAYS = [(salvage, sensor) for salvage in (False, True) for sensor in (None, (16, 16, 2))]
"""Of reading a recording."""
Say = Callable[[str], None]


@dataclass
class Figures:
    """What a campaign did."""

    inputs: dict[str, int] = field(default_factory=dict)
    """Of every reader."""
    read: dict[str, int] = field(default_factory=dict)
    """Of them read without an error."""
    wrong: list[str] = field(default_factory=list)
    """Inputs that broke the promise, by `reader seed.number`, and how."""

    def __str__(self) -> str:
        return (
            f"{sum(self.inputs.values())} inputs of {len(self.inputs)} readers, "
            f"{sum(self.read.values())} read, the others refused, {len(self.wrong)} wrong"
        )


def run(minutes: float, seed: int, say: Say) -> bool:
    """Attack all readers in turns for so long; whether all kept the promise."""
    figures, until, start = Figures(), time.monotonic() + 60 * minutes, 0
    while time.monotonic() < until and len(figures.wrong) < 20:
        for name in samples():
            known = len(figures.wrong)
            campaign(name, seed, figures, start=start)
            for text in figures.wrong[known:]:
                say(text)
        start += BATCH
    for name, count in figures.inputs.items():
        say(f"{name}: {count} inputs, {figures.read[name]} read")
    say(str(figures))
    return not figures.wrong


def campaign(name: str, seed: int, figures: Figures, *, start: int = 0, count: int = BATCH) -> None:
    """Give one reader inputs `start` to `start + count`, in a process of its own."""
    context = get_context("fork")
    here, there = context.Pipe(duplex=False)
    at = context.RawValue("q", start)
    worker = context.Process(target=_work, args=(name, seed, start, count, there, at))
    worker.start()
    there.close()
    try:
        seen = -1
        while True:
            if not here.poll(GIVE_UP):
                if at.value == seen:
                    worker.kill()  # it is in native code, where its own alarm does not reach
                seen = at.value
                continue
            kind, number, text = here.recv()
            if kind == "wrong":
                figures.wrong.append(f"{name} {seed}.{number}: {text}")
            else:
                figures.read[name] = figures.read.get(name, 0) + number
    except EOFError:
        worker.join()
    if worker.exitcode:
        figures.wrong.append(f"{name} {seed}.{at.value}: its process ended with {worker.exitcode}")
    figures.inputs[name] = figures.inputs.get(name, 0) + count


def content(name: str, seed: int, number: int) -> bytes:
    """An input of a reader."""
    random = Random(f"{name}.{seed}.{number}")
    return mutate(random.choice(samples()[name]), random)


def _work(name: str, seed: int, start: int, count: int, pipe: Any, at: Any) -> None:
    """The process: read, and tell what was wrong. `at` is the number of the input in hand, for a crash."""
    signal.signal(signal.SIGALRM, _too_long)
    warnings.simplefilter("error")
    printed: list[str] = []
    sys.excepthook = lambda kind, *_: printed.append(f"an exception is printed: {kind.__name__}")
    sys.unraisablehook = lambda found: sys.excepthook(found.exc_type, None, None)  # type: ignore
    files, read = samples()[name], 0
    tempfile.tempdir = str(MEMORY) if MEMORY.is_dir() else None  # in this process alone
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(start, start + count):
            at.value = number
            random = Random(f"{name}.{seed}.{number}")
            raw = mutate(random.choice(files), random)
            signal.alarm(SECONDS)
            wrong, good = attack(name, raw, Path(folder))
            signal.alarm(0)
            while printed:  # by native code, which goes on as if nothing were
                wrong = printed.pop()
            read += good
            if wrong:
                pipe.send(("wrong", number, wrong))
            taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
            if taken > BYTES:
                pipe.send(("wrong", number, f"{taken} bytes of memory"))
                before += taken // 1024
    pipe.send(("read", read, ""))
    pipe.close()
    os._exit(0)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS} s")


def attack(name: str, raw: bytes, folder: Path) -> tuple[str, bool]:
    """What is wrong with a reader's answer (empty: nothing), and whether it read the file."""
    try:
        _read(name, raw, folder)
        return "", True
    except ALLOWED as error:
        text = str(error)
        if text != printable(text):
            return f"its message is not one plain line: {text!r}", False
        if len(text) > 1000:
            return f"its message has {len(text)} characters", False
        return "", False
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"[:400], False


def _read(name: str, raw: bytes, folder: Path) -> None:
    """Write the file, and read it. Raises whatever its reader does."""
    path = folder / {"labels": LABELS, "gesture": "a.npy", "log": "log.jsonl"}.get(
        name, f"a{name if name.startswith('.') else ''}"
    )
    if name == "network":
        path = path.with_suffix(".npz" if raw[:1] == b"P" else ".safetensors")
    path.write_bytes(raw)
    OTHERS.get(name, _recording)(path)


def _recording(path: Path) -> None:
    """In one of the ways that there are; which one depends on the file."""
    salvage, sensor = WAYS[crc32(path.read_bytes()) % len(WAYS)]
    found = read_recording(path, sensor=sensor, salvage=salvage)
    assert len(found.events) and np.all(np.diff(found.events["t"]) >= 0), "not in order"
    assert first_fault(found.events, found.sensor) is None, "outside the sensor"
    assert found.window_count(50_000) > 0


def _labels(path: Path) -> None:
    for name in "ab":
        (path.parent / f"{name}.npy").touch()
    read_labels(path.parent)


def _graph(path: Path) -> None:
    graph = read_graph(path)
    dt = step_seconds(graph)
    layers = recognise(graph, dt=dt)
    quantise(layers, PRESETS["tiny"])
    run_graph(graph, np.ones((2, layers.sizes[0]), np.bool_), dt=dt)


def _log(path: Path) -> None:
    (path.parent / "config.json").write_text("{}")
    follower = Follower(RunFolder(path.parent))
    follower.poll()
    _ = follower.task_left, follower.left(1764000003.0), follower.planned


OTHERS: dict[str, Callable[[Path], object]] = {
    "gesture": lambda path: read_gesture(path, sensor=None, salvage=True),
    "labels": _labels,
    "idx": lambda path: read_idx(path, 3),
    "wav": read_wav,
    "cifar": lambda path: read_batch(path, b"labels", 10),
    "network": Trained.load,
    "log": _log,
    "graph": _graph,
}
