"""Binning, against a plain loop in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sw.data.binning import bin_events
from sw.data.events import DataError, Sensor, make_events

SENSOR = Sensor(5, 4, 2)
EVENT = st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(-50, 2000), st.integers(0, 1))
ROWS = st.lists(EVENT, max_size=30)


def events_of(rows):
    return make_events(*(zip(*rows, strict=True) if rows else ([], [], [], [])))


def reference(rows, steps, sensor, window, pool):
    height, width = -(-sensor.height // pool), -(-sensor.width // pool)
    start, stop = window
    frames = np.zeros((steps, height * width * 2), bool)
    for x, y, t, p in rows:
        for k in range(steps):
            low = start + Fraction(k * (stop - start), steps)
            high = start + Fraction((k + 1) * (stop - start), steps)
            if low <= t < high:
                frames[k, p * height * width + y // pool * width + x // pool] = True
    return frames


@given(ROWS, st.integers(1, 12), st.integers(-20, 300), st.integers(1, 1500), st.integers(1, 6))
def test_equals_a_loop_in_fractions(rows, steps, start, length, pool):
    window = (start, start + length)
    frames = bin_events(events_of(rows), steps=steps, sensor=SENSOR, window_us=window, pool=pool)
    assert frames.dtype == np.bool_
    assert np.array_equal(frames, reference(rows, steps, SENSOR, window, pool))


@given(ROWS, st.integers(1, 40), st.integers(0, 20), st.integers(1, 5))
def test_floored_times_change_no_bin_whose_edges_are_multiples_of_the_tick(rows, steps, start, bin):
    window = (10 * start, 10 * (start + steps * bin))
    events = events_of(rows)
    floored = events.copy()
    floored["t"] = events["t"] // 10 * 10
    exact = bin_events(events, steps=steps, sensor=SENSOR, window_us=window)
    assert np.array_equal(bin_events(floored, steps=steps, sensor=SENSOR, window_us=window), exact)


@given(ROWS)
def test_pooling_is_the_or_of_the_pixels(rows):
    sensor, events = Sensor(6, 4, 2), events_of(rows)
    options = {"steps": 3, "sensor": sensor, "window_us": (0, 2000)}
    full = bin_events(events, **options).reshape(3, 2, 2, 2, 3, 2)  # step, p, y, dy, x, dx
    pooled = bin_events(events, pool=2, **options).reshape(3, 2, 2, 3)
    assert np.array_equal(pooled, full.any(axis=(3, 5)))


def test_address_order_is_polarity_row_column():
    frames = bin_events(events_of([(3, 2, 0, 1)]), steps=1, sensor=SENSOR)
    assert np.flatnonzero(frames[0]).tolist() == [1 * 4 * 5 + 2 * 5 + 3]


def test_window_includes_its_start_and_drops_its_end():
    events = events_of([(0, 0, 99, 0), (1, 0, 100, 0), (2, 0, 199, 0), (3, 0, 200, 0)])
    frames = bin_events(events, steps=1, sensor=SENSOR, window_us=(100, 200))
    assert np.flatnonzero(frames[0]).tolist() == [1, 2]


def test_no_events_give_empty_frames():
    assert not bin_events(events_of([]), steps=4, sensor=SENSOR).any()


def test_sets_without_rows_or_polarity_bin_too():
    events = np.array([(3, 5, 1), (6, 5, 1)], [("x", int), ("t", int), ("p", int)])
    frames = bin_events(events, steps=1, sensor=Sensor(7, 1, 1))
    assert np.flatnonzero(frames[0]).tolist() == [3, 6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps: 0 time steps"),
        ({"window_us": (100, 100)}, r"window: 100\.\.100 us is empty"),
        ({"pool": 0}, "pool: 0 is not a pooling factor"),
        ({"sensor": Sensor(3, 4, 2)}, r"my set: event 0 has x=4, outside the sensor's 0\.\.2"),
        ({"sensor": Sensor(5, 3, 2)}, "my set: event 0 has y=3"),
    ],
)
def test_bad_requests_are_refused(change, message):
    options = {"steps": 2, "sensor": SENSOR, "source": "my set"} | change
    with pytest.raises(DataError, match=message):
        bin_events(events_of([(4, 3, 0, 1)]), **options)


def test_polarity_outside_the_sensor_is_refused():
    events = np.array([(0, 0, 0, 2)], [("x", int), ("y", int), ("t", int), ("p", int)])
    with pytest.raises(DataError, match=r"event 0 has p=2, outside the sensor's 0\.\.1"):
        bin_events(events, steps=1, sensor=SENSOR)
