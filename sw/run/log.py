"""log.jsonl of a run: a line a second about what goes on, to be followed from another process.

    {"what": "start", "time": 1764000000.0, "pid": 4711}
    {"what": "at", "time": …, "task": "epoch 3/8", "total": 1000, "samples": 412, "accuracy": 0.87,
     "rates": [0.143], "speed": 18.2, "cycles": 22656.0}
    {"what": "end", "time": …, "error": ""}

Every line is one write. The file is locked while the run goes on. By the lock a follower sees that the
process is alive, also after a `kill -9`, and no second run writes to the same folder. Epochs are in
metrics.jsonl.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from golden.spec.network import Network
from sw.run.files import FileError
from sw.run.metrics import Tally
from sw.run.watcher import Watcher

try:
    import fcntl
except ImportError:  # Windows: a run cannot be seen to go on
    fcntl = None  # type: ignore[assignment]

LOG = "log.jsonl"
EVERY = 1.0  # seconds between two lines
PATIENCE = 1.0  # seconds to wait for a follower that looks at the lock just now


class Log(Watcher):
    """Writes the file. Within `with`, a run is going on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._network: Network | None = None
        self._task, self._total, self._next = "", 0, 0.0

    def open(self, *, fresh: bool) -> None:
        """Take hold of the file; `fresh` empties it. Raises FileError: another run has it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise FileError(
                f"{self.path}: cannot be written ({error.strerror or error}); choose another --out"
            ) from error
        self._lock()
        if fresh:
            os.ftruncate(self._file, 0)
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")  # a crash left half a line

    def __enter__(self) -> Self:
        if self._file is None:
            self.open(fresh=False)
        self._write({"what": "start", "pid": os.getpid()})
        return self

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        text = "" if error is None else str(error) or type(error).__name__
        self._write({"what": "end", "error": text})
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def begin(self, task: str, total: int, network: Network) -> None:
        """Another task begins: its first sample gets a line."""
        self._task, self._total, self._network, self._next = task, total, network, 0.0

    def sample(self, tally: Tally) -> None:
        """Write a line, if a second has passed or the task is over."""
        now = time.monotonic()
        if now < self._next and tally.samples < self._total:
            return
        self._next = now + EVERY
        assert self._network is not None
        self._write(
            {
                "what": "at",
                "task": self._task,
                "total": self._total,
                "samples": tally.samples,
                "accuracy": round(tally.accuracy, 6),
                "rates": [round(rate, 6) for rate in tally.rates(self._network)],
                "speed": round(tally.speed, 3),
                "cycles": round(tally.cycles_per_sample, 1),
            }
        )

    def _write(self, line: dict[str, Any]) -> None:
        """Write a line in one write. A full disk does not end the run here: the next checkpoint fails."""
        if self._file is not None:
            content = {"what": line.pop("what"), "time": round(time.time(), 3), **line}
            with suppress(OSError):
                os.write(self._file, (json.dumps(content) + "\n").encode())

    def _lock(self) -> None:
        assert self._file is not None
        if fcntl is None:
            return
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() < limit:
                    time.sleep(0.02)
                    continue
                self.close()
                raise FileError(busy(self.path.parent)) from None
            except OSError:  # a file system without locks
                return


def busy(folder: Path) -> str:
    """What to say of the folder of a run that goes on."""
    return (
        f"{folder}: a run that goes on writes to it (see it with watch); wait for its end, or choose "
        "another --out"
    )


def goes_on(path: Path) -> bool:
    """Whether some process holds the lock on the log of a run. Where there are no such locks: no."""
    if fcntl is None:
        return False
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False
