"""Address events: their dtype, the sensor they come from, the N-MNIST file format.

N-MNIST stores five bytes per event, most significant bit first::

    byte 0      byte 1      byte 2                     byte 3      byte 4
    x           y           polarity | time[22:16]     time[15:8]  time[7:0]

with the time in microseconds from the start of the recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golden.spec.shape import Map
from sw.printable import printable

EVENT_DTYPE = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.bool_)])
"""One event: column, row, time in microseconds, polarity. Equals `tonic.io.events_struct`."""

BYTES_PER_EVENT = 5
OVERFLOW_ROW = 240  # the recorder's mark "the clock wrapped": not an event of the sensor
OVERFLOW_US = 1 << 13
CLOCK_BITS = 23

Size = tuple[int, int]
"""Columns and rows."""

Events = NDArray[Any]
"""Structured array with the fields x, y, t, p (`EVENT_DTYPE`, or tonic's dtypes)."""


class DataError(ValueError):
    """Data or a request for it is wrong. One line: where, what, and what to do next.

    Names in the message are made printable: they are those of the files, and may hold anything.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class DamagedFile(DataError):
    """A damaged file, of which a part may be used.

    `good` are the events before the damage, `EVENT_DTYPE[n]`; `sensor` is what the file says.
    """

    def __init__(
        self, message: str, good: Events | None = None, sensor: Sensor | None = None
    ) -> None:
        super().__init__(message)
        self.good: Events = np.empty(0, EVENT_DTYPE) if good is None else good
        self.sensor = sensor


class Contents(NamedTuple):
    """What a reader found in a file."""

    events: Events
    """`EVENT_DTYPE[n]`."""
    sensor: Sensor | None
    """Its sensor; None: the file does not say."""
    note: str = ""
    """What was left out, though the file is whole; empty: nothing."""


class Sensor(NamedTuple):
    """Size of an event sensor: columns, rows, polarities; the order of tonic's `sensor_size`."""

    width: int
    height: int
    polarities: int

    @property
    def n_inputs(self) -> int:
        """Number of addresses: width * height * polarities."""
        return self.width * self.height * self.polarities

    def pooled(self, factor: int) -> Sensor:
        """Sensor after `factor` x `factor` pooling; an incomplete block at an edge counts as one.

        Raises:
            DataError: `factor` is below 1.
        """
        if factor < 1:
            raise DataError(f"pool: {factor} is not a pooling factor; use 1 (none) or more")
        return Sensor(-(-self.width // factor), -(-self.height // factor), self.polarities)

    def reduced(self, pool: int = 1, size: Size | None = None) -> Sensor:
        """Sensor after pooling, or after scaling down to `size` columns and rows.

        Raises:
            DataError: both are asked for, or the size is not 1 to that of the sensor.
        """
        if size is None:
            return self.pooled(pool)
        columns, rows = size
        if pool != 1:
            raise DataError(f"pool {pool}, size {columns}x{rows}: give one of the two")
        if not (1 <= columns <= self.width and 1 <= rows <= self.height):
            raise DataError(
                f"size {columns}x{rows}: the sensor has {self.width} x {self.height} pixels, "
                "which can be scaled down and not up"
            )
        return Sensor(columns, rows, self.polarities)

    @property
    def map(self) -> Map:
        """Its polarities as channels: input = (p * height + y) * width + x."""
        return Map(self.polarities, self.height, self.width)


NMNIST_SENSOR = Sensor(34, 34, 2)


def make_events(x: Any, y: Any, t: Any, p: Any) -> Events:
    """Events from four equally long columns; times in microseconds. Returns `EVENT_DTYPE[n]`."""
    events = np.empty(len(t), EVENT_DTYPE)
    events["x"], events["y"], events["t"], events["p"] = x, y, t, p
    return events


def unwrap(t: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Times of a clock of so many bits, going on where it wrapped: where it fell by half its range."""
    return t + (np.cumsum(np.diff(t, prepend=t[:1]) < -(1 << (bits - 1))) << bits)


def read_nmnist(path: str | Path, sensor: Sensor = NMNIST_SENSOR) -> Events:
    """Read one N-MNIST `.bin` file.

    Returns:
        `EVENT_DTYPE[n]`, times in microseconds, never decreasing.

    Raises:
        DataError: the file is missing, cut short, or holds impossible events.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as err:
        raise DataError(
            f"{path}: cannot be read ({err.strerror}); check the path and its permissions"
        ) from err
    return decode_nmnist(raw, source=str(path), sensor=sensor)


def decode_nmnist(raw: bytes, *, source: str, sensor: Sensor = NMNIST_SENSOR) -> Events:
    """Events from the bytes of an N-MNIST file; `source` names it in errors. See `read_nmnist`."""
    whole = len(raw) - len(raw) % BYTES_PER_EVENT
    x, y, high, mid, low = np.frombuffer(raw[:whole], np.uint8).reshape(-1, BYTES_PER_EVENT).T
    t = ((high & 127).astype(np.int64) << 16) | (mid.astype(np.int64) << 8) | low
    wrapped = y == OVERFLOW_ROW
    seen = ~wrapped
    if seen.all():
        t = unwrap(t, CLOCK_BITS)
    t += OVERFLOW_US * np.cumsum(wrapped)
    events = make_events(x[seen], y[seen], t[seen], high[seen] >> 7)
    fault = first_fault(events, sensor)
    good = events[: fault.event] if fault else events
    if not raw or whole < len(raw):
        raise DamagedFile(
            f"{source}: {len(raw)} bytes is not a whole number of {BYTES_PER_EVENT}-byte events, "
            "so the file is cut short; copy or download it again",
            good,
        )
    if fault:
        byte = BYTES_PER_EVENT * int(np.flatnonzero(seen)[fault.event])
        raise DamagedFile(
            f"{source}: {fault.text}, byte {byte}; {fault.hint}copy or download it again", good
        )
    return events


class Fault(NamedTuple):
    """The first event that cannot be right: its number, what is wrong, and what else may be."""

    event: int
    text: str
    hint: str = ""


def first_fault(events: Events, sensor: Sensor | None) -> Fault | None:
    """The first event outside the sensor (None: of unknown size) or earlier than the one before."""
    found = [] if sensor is None else list(_outside(events, sensor))
    if np.any(backwards := np.diff(events["t"].astype(np.int64)) < 0):
        i = int(np.argmax(backwards))
        before, after = events["t"][i], events["t"][i + 1]
        found.append(
            Fault(i + 1, f"time goes backwards from {before} to {after} us at event {i + 1}")
        )
    return min(found, default=None)


def _outside(events: Events, sensor: Sensor) -> Iterator[Fault]:
    """For every field of the address, the first event outside the sensor."""
    sizes = {"x": sensor.width, "y": sensor.height, "p": sensor.polarities}
    for field, size in sizes.items():
        if size == 1 and field != "x":  # not part of the address; audio sets lack y
            continue
        outside = (events[field] < 0) | (events[field] >= size)
        if np.any(outside):
            i = int(np.argmax(outside))
            yield Fault(
                i,
                f"event {i} has {field}={events[field][i]}, outside the sensor's 0..{size - 1}",
                f"check that the sensor is {sensor.width}x{sensor.height}x{sensor.polarities}, or ",
            )


def check_events(events: Events, *, source: str, sensor: Sensor) -> None:
    """Raise DataError if an event lies outside `sensor`; `source` names the data in the error.

    What the address does not use is not checked: y of a one-row, p of a one-polarity sensor.
    """
    if fault := min(_outside(events, sensor), default=None):
        raise DataError(f"{source}: {fault.text}; {fault.hint}copy or download the data again")


def encode_nmnist(events: Events) -> bytes:
    """Bytes of an N-MNIST `.bin` file holding `events`; the inverse of `decode_nmnist`.

    Raises:
        DataError: a time is negative or does not fit the format's 23 bits.
    """
    t = events["t"].astype(np.int64)
    if np.any((t < 0) | (t >> 23)):
        raise DataError("events: N-MNIST files hold times of 0..8388607 us; shift or cut the times")
    high = (events["p"].astype(np.int64) << 7) | (t >> 16)
    columns = (events["x"], events["y"], high, t >> 8 & 255, t & 255)
    return np.stack(columns, axis=1).astype(np.uint8).tobytes()
