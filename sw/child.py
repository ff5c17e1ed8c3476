"""A child process that reads files of others with native code: damage may crash or hold it, not this one.

It is started for the first file and serves all others. A request is a line of JSON on its standard input, an
answer one on its standard output. The first line there is empty braces, once it has imported what it needs.
"""

from __future__ import annotations

import atexit
import json
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

START_SECONDS = 120
"""A process may take to start: imports from a slow disk."""


class NoAnswer(RuntimeError):
    """The child crashed on a request, or was not done in time. It is ended; the next one gets a new child."""


class Child:
    """The process of one program; `name` is what its failures are called after."""

    def __init__(self, program: Path, name: str) -> None:
        self.program, self.name = program, name
        self.process: subprocess.Popen[str] | None = None
        """It runs, unless it has ended by itself."""
        atexit.register(self.stop)

    def ask(self, request: dict[str, Any], seconds: float, memory: int) -> dict[str, Any]:
        """The answer to a request, which may take so long, and on Linux so many bytes of address space.

        Raises NoAnswer.
        """
        process = self._started()
        assert process.stdin is not None
        _limit_memory(process.pid, memory)
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = _line(process, seconds)
        except BrokenPipeError:
            line = ""
        except BaseException:
            self.stop()  # an answer to come must not be taken for that to another request
            raise
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.stop()
        if line == "":
            raise NoAnswer(f"{self.name} crashed on it")
        raise NoAnswer(f"{self.name} was not done after {seconds:.0f} s")

    def _started(self) -> subprocess.Popen[str]:
        """The process, started if none runs."""
        if self.process is None or self.process.poll() is not None:
            self.stop()
            # -P: nothing is imported from the folder of the program
            self.process = subprocess.Popen(
                [sys.executable, "-P", str(self.program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            if not _line(self.process, START_SECONDS):
                self.stop()
                raise NoAnswer(f"{self.name} does not start")
        return self.process

    def stop(self) -> None:
        """End the process, if one runs."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _limit_memory(pid: int, size: int) -> None:
    """Let what unpacks to more end that process, and not the computer's patience."""
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, prlimit
    except ImportError:  # not Linux
        return
    with suppress(ProcessLookupError):  # it has ended: the answer will say so
        _, hard = prlimit(pid, RLIMIT_AS)
        most = size if hard == RLIM_INFINITY else min(size, hard)
        prlimit(pid, RLIMIT_AS, (most, hard))


def _line(process: subprocess.Popen[str], seconds: float) -> str | None:
    """The next line of an answer; empty: the process has ended. None: it did not come in time."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else None
