"""Events to frames: the form in which the accelerator takes its inputs.

A time window is cut into `steps` bins of equal length. An input address is one in a bin's
frame if the pixel and polarity it stands for saw at least one event in that bin. Where inputs
carry values, it is the number of events instead, as far as a value can hold it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.spec.values import value_range
from sw.data.events import DataError, Events, Sensor, Size, check_events

Frames = NDArray[np.bool_ | np.int8]
"""Input frames, `[steps, n_inputs]`: spikes, bool, or values, int8."""

Window = tuple[int, int]
"""A time window: start (included) and end (excluded), microseconds."""

DEFAULT_WINDOW_US: Window = (0, 300_000)
MOST_STEPS = 0xFFFF
"""Time steps of a sample: what its header can say."""


def check_binning(steps: int, window_us: Window) -> None:
    """Raise DataError unless there are 1 to MOST_STEPS steps and the time window is not empty."""
    if not 1 <= steps <= MOST_STEPS:
        raise DataError(f"steps: {steps} time steps cannot be run; use 1 to {MOST_STEPS}")
    start, stop = window_us
    if not start < stop:
        raise DataError(
            f"window: {start}..{stop} us is empty; give a start in us before the end, e.g. 0 300000"
        )
    if (stop - start) * steps >> 62 or max(abs(start), abs(stop)) >> 62:
        raise DataError(
            f"window: {start}..{stop} us in {steps} steps is too long; use a shorter one"
        )


def addresses(
    events: Events, sensor: Sensor, pool: int = 1, size: Size | None = None
) -> NDArray[np.int64]:
    """Input address of every event: (p*H + y)*W + x, with H, W, y, x after pooling or scaling.

    Pooled, column x becomes floor(x / pool). Scaled from W0 to W columns it becomes
    floor(x * W / W0), also where W0 / W is not whole: of 128 columns scaled to 48, the frame's
    columns stand for 3, 3, 2, 3, 3, 2 and so on of the sensor's. Rows are treated alike.

    A sensor of one polarity ignores `p`, a sensor of one row ignores `y` (audio sets lack it).
    Events must lie inside the sensor (`check_events`). Returns `int64[n]`.
    """
    small = sensor.reduced(pool, size)

    def down(field: str, before: int, after: int) -> NDArray[np.int64]:
        place = events[field].astype(np.int64)
        return place // pool if size is None else place * after // before

    address = down("x", sensor.width, small.width)
    if sensor.height > 1:
        address += down("y", sensor.height, small.height) * small.width
    if sensor.polarities > 1:
        address += events["p"].astype(np.int64) * (small.width * small.height)
    return address


def bin_events(
    events: Events,
    *,
    steps: int,
    sensor: Sensor,
    window_us: Window = DEFAULT_WINDOW_US,
    pool: int = 1,
    size: Size | None = None,
    source: str = "events",
    input_bits: int = 1,
) -> Frames:
    """Bin events into binary frames, or count them.

    Bin k holds the events with `start + k*length/steps <= t < start + (k+1)*length/steps`,
    computed in integers, so that no event sits on the wrong side of an edge. Events outside the
    window are dropped. Events need not be sorted.

    Args:
        events: structured array with the fields x, t (us), and y, p where the sensor has them.
        steps: number of bins, 1 or more.
        sensor: size of the sensor before pooling.
        window_us: start and end of the time window, microseconds.
        pool: a frame's pixel is the OR of `pool` x `pool` sensor pixels (34 pixels, pool 2: 17).
        size: instead of `pool`, columns and rows to scale down to: a frame's pixel is the OR of
            the sensor's pixels that `addresses` puts there.
        source: what to call the events in an error.
        input_bits: above 1, a frame has the number of events of a pixel and bin, and not whether
            there is one; of larger numbers the largest value of so many bits.

    Returns:
        `bool[steps, sensor.reduced(pool, size).n_inputs]`, addresses in the order of `addresses`;
        of counts int8.

    Raises:
        DataError: an argument or an event is out of range.
    """
    check_binning(steps, window_us)
    check_events(events, source=source, sensor=sensor)
    shape = steps, sensor.reduced(pool, size).n_inputs
    start, stop = window_us
    since = events["t"].astype(np.int64) - start
    inside = (since >= 0) & (since < stop - start)
    step = since[inside] * steps // (stop - start)
    address = addresses(events, sensor, pool, size)[inside]
    if input_bits > 1:
        counts = np.bincount(step * shape[1] + address, minlength=shape[0] * shape[1])
        return np.minimum(counts, value_range(input_bits)[1]).astype(np.int8).reshape(shape)
    frames = np.zeros(shape, np.bool_)
    frames[step, address] = True
    return frames
