"""Decodes AEDAT4, EVT and DAT files with faery, in a child process: damage may crash it, not this one.

The process is started for the first file and serves all others. faery is an optional extra.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sw.child import Child, NoAnswer
from sw.data.events import EVENT_DTYPE, DataError, Events, Sensor
from sw.printable import short

INSTALL = "install it with: pip install faery==0.7.1"
CHILD = Child(Path(__file__).with_name("decoder_child.py"), "faery")
SECONDS, BYTES_PER_SECOND = 60, 1_000_000  # time a file may take: a hundred times what it takes
MEMORY = 4 << 30  # bytes of address space, beside four times the file
LARGEST = (1 << 14, 1 << 14)  # of a sensor, and what stands for "the file does not say"


class Decoded(NamedTuple):
    """What faery made of a file."""

    events: Events
    """`EVENT_DTYPE[n]`, all before `error`."""
    sensor: Sensor | None
    """None: the file does not say."""
    packets: int
    """Packets of all streams before `error`; those of AEDAT4 can be found in the file."""
    error: str | None
    """Why it ends there, if not at its end."""


def decode(path: Path, kind: str, version: str | None = None) -> Decoded:
    """Decode a file, as far as it goes.

    Args:
        path: the file.
        kind: `aedat4`, `evt` or `dat`.
        version: `evt2`, `evt3`, `dat1` or `dat2`.

    Raises:
        DataError: faery is not installed, or does not start.
    """
    with tempfile.TemporaryDirectory(prefix="events-") as folder:
        out = Path(folder) / "events"
        request = {
            "kind": kind,
            "path": str(path.absolute()),  # the child may have started in another folder
            "version": version,
            "out": str(out),
            "record": EVENT_DTYPE.descr,
            "largest": LARGEST,
        }
        answer = _ask(request, path.stat().st_size)
        raw = out.read_bytes() if out.exists() else b""
    whole = len(raw) // EVENT_DTYPE.itemsize * EVENT_DTYPE.itemsize
    events = np.frombuffer(bytearray(raw[:whole]), EVENT_DTYPE)  # a bytearray: may be changed
    size = (answer.get("width", LARGEST[0]), answer.get("height", LARGEST[1]))
    sensor = None if size == LARGEST else Sensor(*size, 2)
    error = answer["error"]  # faery quotes what it does not know, however long that is
    return Decoded(events, sensor, answer["packets"], None if error is None else short(error))


def _ask(request: dict[str, Any], size: int) -> dict[str, Any]:
    """The answer of the child about a file of so many bytes, or what became of it."""
    if find_spec("faery") is None:
        raise DataError(f"faery: not installed; {INSTALL}")
    try:
        return CHILD.ask(request, SECONDS + size / BYTES_PER_SECOND, MEMORY + 4 * size)
    except NoAnswer as error:
        return {"packets": 0, "error": str(error)}
