"""A recording: the events of one file, in whatever format.

To add a format: write a reader, enter its endings in `READERS`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sw.data import aedat4, decoder, prophesee
from sw.data.aedat import read_aedat
from sw.data.binning import Window
from sw.data.events import (
    NMNIST_SENSOR,
    Contents,
    DamagedFile,
    DataError,
    Events,
    Sensor,
    first_fault,
    read_nmnist,
)
from sw.data.numpy_file import read_numpy
from sw.data.text_file import read_text
from sw.printable import printable

AGAIN = "so the file is damaged; copy or download it again"
DAY_US = 24 * 3600 * 1_000_000
LONGEST_PAUSE_US = DAY_US
"""A longer one between two events is none: some recorders start at 0 and then set their clock."""
MOST_WINDOWS = 1_000_000


@dataclass(frozen=True)
class Recording:
    """The events of a file."""

    source: str
    """Its path."""
    events: Events
    """`EVENT_DTYPE[n]`, at least one, times in microseconds, never decreasing."""
    sensor: Sensor | None
    """Its sensor; None when neither the file nor anybody says it."""
    start_us: int
    """Where its time windows start: at the first event, in N-MNIST files at 0."""
    note: str = ""
    """What a user should know of it: damage before which it was used, events that were left out."""

    @property
    def duration_us(self) -> int:
        """Time from the start to just after the last event."""
        return int(self.events["t"][-1]) + 1 - self.start_us

    def window_count(self, length_us: int) -> int:
        """How many time windows of this length it has, see `windows`."""
        return max(1, (self.duration_us + length_us // 2) // length_us)

    def windows(self, length_us: int) -> list[Window]:
        """Time windows of this length one after the other, at least one.

        A rest of half a window or more is a window of its own; a shorter one is left out.

        Raises:
            DataError: there are more than MOST_WINDOWS.
        """
        count = self.window_count(length_us)
        if count > MOST_WINDOWS:
            raise DataError(
                f"{self.source}: {count} windows of {length_us} us in {self.duration_us / 1e6:g} s; "
                "choose longer ones: --window"
            )
        starts = [self.start_us + i * length_us for i in range(count)]
        return [(start, start + length_us) for start in starts]

    def between(self, window_us: Window) -> Recording:
        """The part of it in a time window, which starts where the time window does.

        Raises:
            DamagedFile: there is no event in it.
        """
        first, last = np.searchsorted(self.events["t"], window_us)
        if first == last:
            raise DamagedFile(
                f"{self.source}: no event from {window_us[0]} to {window_us[1]} us, {AGAIN}"
            )
        return replace(self, events=self.events[first:last], start_us=window_us[0])

    def count(self, window_us: Window) -> int:
        """Number of events in a time window."""
        first, last = np.searchsorted(self.events["t"], window_us)
        return int(last - first)


def read_recording(
    path: str | Path, *, sensor: tuple[int, int, int] | None = None, salvage: bool = False
) -> Recording:
    """Read an event file: AEDAT, RAW (EVT2, EVT3), DAT, N-MNIST, text or NumPy, by its ending.

    Args:
        path: the file. AEDAT4, RAW and DAT files need faery, an optional extra.
        sensor: its size, for files that do not say it (N-MNIST files: 34 x 34 x 2).
        salvage: of a damaged file, take the events before the damage; the note says what it is.

    Raises:
        DamagedFile: the file is damaged or holds no event; with `salvage`, no good one.
        DataError: the file or faery is missing, or it is of another kind or sensor.
    """
    path, sensor = Path(path), None if sensor is None else Sensor(*sensor)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: not an event file by its ending; {', '.join(READERS)} are known")
    try:
        if not path.is_file() and path.exists():
            raise DataError(f"{path}: not a file; name a recording")
        with path.open("rb"):
            pass
        found = reader(path, sensor)
        check_sensor(str(path), found.sensor, sensor)
        _check(str(path), found, sensor)
    except DamagedFile as damage:
        found = _good_part(str(path), damage, sensor, salvage)
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        why = getattr(error, "strerror", None) or error  # ValueError: a name that no file has
        raise DataError(
            f"{path}: cannot be read ({why}); check the path and its permissions"
        ) from error
    except MemoryError as error:
        raise DataError(f"{path}: does not fit into memory; cut it into parts") from error
    start = 0 if reader is _nmnist else int(found.events["t"][0])
    return Recording(str(path), found.events, sensor or found.sensor, start, printable(found.note))


def _check(source: str, found: Contents, sensor: Sensor | None) -> None:
    """What must be right in every format. Raises DamagedFile, with what is good."""
    events = found.events
    if not len(events):
        raise DamagedFile(f"{source}: holds no event; leave it out, or record it again")
    seen = sensor or found.sensor
    if fault := first_fault(events, seen):
        text = f"{source}: {fault.text}; {fault.hint}copy or record it again"
        raise DamagedFile(text, events[: fault.event], seen)
    gaps = np.diff(events["t"])
    if gaps.max(initial=0) > LONGEST_PAUSE_US:
        i = int(np.argmax(gaps)) + 1
        first, last = (int(events["t"][k]) for k in (i - 1, i))
        text = (
            f"{source}: time jumps from {first} to {last} us at event {i}, "
            f"{(last - first) / DAY_US:.0f} days, so the clock was set in between, or the file is "
            "damaged; correct it"
        )
        raise DamagedFile(text, _longest_part(events, gaps), seen)


def _longest_part(events: Events, gaps: Any) -> Events:
    """The events between two pauses that are too long, where most are."""
    edges = [0, *(np.flatnonzero(gaps > LONGEST_PAUSE_US) + 1).tolist(), len(events)]
    first, last = max(pairwise(edges), key=lambda part: part[1] - part[0])
    return events[first:last]


def _good_part(source: str, damage: DamagedFile, sensor: Sensor | None, salvage: bool) -> Contents:
    """What can be used of a damaged file, with a note. Raises DamagedFile."""
    good, seen = damage.good, sensor or damage.sensor
    if fault := first_fault(good, seen):
        good = good[: fault.event]
    if len(good) and (gaps := np.diff(good["t"])).max(initial=0) > LONGEST_PAUSE_US:
        good = _longest_part(good, gaps)
    if not len(good) or not salvage:
        hint = f", or use the {len(good)} events before that: --salvage (salvage=True)"
        if "time jumps" in str(damage):
            hint = f", or use the {len(good)} events on one side of that: --salvage (salvage=True)"
        raise DamagedFile(f"{damage}{hint if len(good) else ''}", good, seen) from damage
    check_sensor(source, damage.sensor, sensor)
    return Contents(good, damage.sensor or sensor, f"used up to the damage: {damage}")


def check_sensor(source: str, found: Sensor | None, wanted: Sensor | None) -> None:
    """Raise DataError when a file is of a sensor of another size than it should be."""
    if found is not None and wanted is not None and found[:2] != wanted[:2]:
        raise DataError(
            f"{source}: recorded with {found.width} x {found.height} pixels, not "
            f"{wanted.width} x {wanted.height}; use recordings of one sensor, or crop it"
        )


def _nmnist(path: Path, sensor: Sensor | None) -> Contents:
    sensor = sensor or NMNIST_SENSOR
    return Contents(read_nmnist(path, sensor), sensor)


def _decode(
    path: Path, kind: str, version: str | None = None, content: bytes | None = None
) -> decoder.Decoded:
    """What faery makes of a file, or of the content that is given for it.

    Under a name of ours: faery takes none that is not UTF-8.
    """
    if content is None and str(path).isascii():
        return decoder.decode(path, kind, version)
    with tempfile.TemporaryDirectory(prefix="events-") as folder:
        copy = Path(folder) / f"a{path.suffix.lower()}"
        if content is None:
            copy.symlink_to(path.absolute())
        else:
            copy.write_bytes(content)
        return decoder.decode(copy, kind, version)


def _aedat4(path: Path, sensor: Sensor | None) -> Contents:
    """Read what faery can, and say where in the file it could not."""
    raw = path.read_bytes()
    packets = aedat4.walk(raw, str(path))
    only = aedat4.one_camera(raw, packets)
    events, found, read, error = _decode(path, "aedat4", content=only.content)
    if fault := first_fault(events, found):
        raise DamagedFile(f"{path}: {fault.text}, {AGAIN}", events[: fault.event], found)
    if error is not None:
        where = "its header" if found is None else "a packet"
        if found is not None and read < len(only.starts):
            where = f"the packet at byte {only.starts[read]}"
        raise DamagedFile(f"{path}: {where} cannot be read ({error}), {AGAIN}", events, found)
    if packets.cut_short:
        text = f"{path}: the packet at byte {packets.end} is cut short, {AGAIN}"
        raise DamagedFile(text, events, found)
    return Contents(events, found, f"{path}: {only.note}" if only.note else "")


def _prophesee(path: Path, sensor: Sensor | None) -> Contents:
    """Look the words over, then let faery decode those before the first damage."""
    raw = path.read_bytes()
    dat = path.suffix.lower() == ".dat"
    header = prophesee.read_header(raw, str(path), dat=dat)
    check_sensor(str(path), header.sensor, sensor)
    damage = prophesee.first_damage(raw, header)
    content, untimed = prophesee.timed(raw, header, len(raw) if damage is None else damage.byte)
    kind = "dat" if dat else "evt"
    events, found, _, error = _decode(
        path, kind, header.version, None if content == raw else content
    )
    found = header.sensor or found
    if error is not None:
        text = f"{path}: after event {len(events)}: {error}, {AGAIN}"
        raise DamagedFile(text, events, found)
    if damage is not None:
        raise DamagedFile(f"{path}: byte {damage.byte}: {damage.text}, {AGAIN}", events, found)
    note = f"{path}: {untimed} events left out: they come before the first word of time"
    return Contents(events, found, note if untimed else "")


Reader = Callable[[Path, Sensor | None], Contents]
READERS: dict[str, Reader] = {
    ".aedat4": _aedat4,
    ".raw": _prophesee,
    ".dat": _prophesee,
    ".aedat": read_aedat,
    ".csv": read_text,
    ".txt": read_text,
    ".npy": read_numpy,
    ".npz": read_numpy,
    ".bin": _nmnist,
    ".bs2": _nmnist,
}
"""Reader of every ending, in small letters: `reader(path, sensor)`."""
