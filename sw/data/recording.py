"""A recording: the events of one file, in whatever format.

To add a format: write a reader, enter its endings in `READERS`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sw.data import aedat4, decoder, prophesee
from sw.data.aedat import read_aedat
from sw.data.binning import Window
from sw.data.events import (
    NMNIST_SENSOR,
    DamagedFile,
    DataError,
    Events,
    Sensor,
    first_fault,
    read_nmnist,
)
from sw.data.numpy_file import read_numpy
from sw.data.text_file import read_text

AGAIN = "so the file is damaged; copy or download it again"


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
    """What is wrong with the file, when only its good part is here."""

    @property
    def duration_us(self) -> int:
        """Time from the start to just after the last event."""
        return int(self.events["t"][-1]) + 1 - self.start_us

    def windows(self, length_us: int) -> list[Window]:
        """Time windows of this length one after the other, at least one.

        A rest of half a window or more is a window of its own; a shorter one is left out.
        """
        count = max(1, (self.duration_us + length_us // 2) // length_us)
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
        with path.open("rb"):
            pass
    except OSError as err:
        raise DataError(
            f"{path}: cannot be read ({err.strerror}); check the path and its permissions"
        ) from err
    note = ""
    try:
        events, found = reader(path, sensor)
    except DamagedFile as damage:
        count = len(damage.good)
        if not count or not salvage:
            hint = f", or use the {count} events before that: --salvage (salvage=True)"
            raise DamagedFile(f"{damage}{hint if count else ''}", damage.good) from damage
        events, found, note = damage.good, damage.sensor or sensor, str(damage)
    if not len(events):
        raise DamagedFile(f"{path}: holds no event; leave it out, or record it again")
    check_sensor(str(path), found, sensor)
    start = 0 if reader is _nmnist else int(events["t"][0])
    return Recording(str(path), events, sensor or found, start, note)


def check_sensor(source: str, found: Sensor | None, wanted: Sensor | None) -> None:
    """Raise DataError when a file is of a sensor of another size than it should be."""
    if found is not None and wanted is not None and found[:2] != wanted[:2]:
        raise DataError(
            f"{source}: recorded with {found.width} x {found.height} pixels, not "
            f"{wanted.width} x {wanted.height}; use recordings of one sensor, or crop it"
        )


def _nmnist(path: Path, sensor: Sensor | None) -> tuple[Events, Sensor | None]:
    sensor = sensor or NMNIST_SENSOR
    return read_nmnist(path, sensor), sensor


def _aedat4(path: Path, sensor: Sensor | None) -> tuple[Events, Sensor | None]:
    """Read what faery can, and say where in the file it could not."""
    packets = aedat4.walk(path.read_bytes(), str(path))
    events, found, read, error = decoder.decode(path, "aedat4")
    if fault := first_fault(events, found):
        raise DamagedFile(f"{path}: {fault.text}, {AGAIN}", events[: fault.event], found)
    if packets.cut_short:
        text = f"{path}: the packet at byte {packets.end} is cut short, {AGAIN}"
        raise DamagedFile(text, events, found)
    if error is not None:
        where = "its header" if found is None else "a packet"
        if found is not None and read < len(packets.starts):
            where = f"the packet at byte {packets.starts[read]}"
        raise DamagedFile(f"{path}: {where} cannot be read ({error}), {AGAIN}", events, found)
    return events, found


def _prophesee(path: Path, sensor: Sensor | None) -> tuple[Events, Sensor | None]:
    """Look the words over, then let faery decode those before the first damage."""
    raw = path.read_bytes()
    dat = path.suffix.lower() == ".dat"
    header = prophesee.read_header(raw, str(path), dat=dat)
    check_sensor(str(path), header.sensor, sensor)
    damage = prophesee.first_damage(raw, header)
    kind = "dat" if dat else "evt"
    if damage is None:
        events, found, _, error = decoder.decode(path, kind, header.version)
    else:
        with tempfile.TemporaryDirectory(prefix="events-") as folder:
            good = Path(folder) / path.name
            good.write_bytes(raw[: damage.byte])
            events, found, _, error = decoder.decode(good, kind, header.version)
    found = header.sensor or found
    if error is not None:
        text = f"{path}: after event {len(events)}: {error}, {AGAIN}"
        raise DamagedFile(text, events, found)
    if damage is not None:
        raise DamagedFile(f"{path}: byte {damage.byte}: {damage.text}, {AGAIN}", events, found)
    return events, found


Reader = Callable[[Path, Sensor | None], tuple[Events, Sensor | None]]
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
"""Reader of every ending, in small letters: `reader(path, sensor) -> events, sensor of the file`."""
