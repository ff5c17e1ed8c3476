"""The N-MNIST file format: what is read is what was written, and damage is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sw.data.events import (
    EVENT_DTYPE,
    NMNIST_SENSOR,
    DataError,
    Sensor,
    decode_nmnist,
    encode_nmnist,
    make_events,
    read_nmnist,
)

EVENT = st.tuples(st.integers(0, 33), st.integers(0, 33), st.integers(0, 2**23 - 1), st.booleans())


def events_of(rows):
    return make_events(*zip(*rows, strict=True))


@given(st.lists(EVENT, min_size=1, max_size=40))
def test_decode_inverts_encode(rows):
    events = events_of(sorted(rows, key=lambda row: row[2]))
    decoded = decode_nmnist(encode_nmnist(events), source="test")
    assert decoded.dtype == EVENT_DTYPE
    assert np.array_equal(decoded, events)


def test_bytes_of_one_event():
    (event,) = decode_nmnist(bytes((5, 6, 0x80 | 0x12, 0x34, 0x56)), source="test")
    assert tuple(event) == (5, 6, 0x123456, True)


def test_overflow_mark_advances_the_clock():
    raw = bytes((1, 1, 0, 31, 0)) + bytes((0, 240, 0, 0, 0)) + bytes((2, 2, 0, 0, 7))
    events = decode_nmnist(raw, source="test")
    assert events["t"].tolist() == [31 * 256, 8192 + 7]
    assert events["x"].tolist() == [1, 2]


def test_read_names_the_file(tmp_path):
    path = tmp_path / "00007.bin"
    path.write_bytes(encode_nmnist(events_of([(1, 2, 3, True)])))
    assert len(read_nmnist(path)) == 1
    path.write_bytes(b"1234567")
    with pytest.raises(DataError, match=r"00007\.bin: 7 bytes .* cut short; copy or download"):
        read_nmnist(path)
    with pytest.raises(DataError, match=r"00008\.bin: cannot be read"):
        read_nmnist(tmp_path / "00008.bin")


def test_empty_file_is_refused():
    with pytest.raises(DataError, match="f: 0 bytes"):
        decode_nmnist(b"", source="f")


@pytest.mark.parametrize(("field", "row"), [("x", (34, 0, 1, 0)), ("y", (0, 34, 1, 0))])
def test_event_outside_the_sensor_is_refused(field, row):
    raw = encode_nmnist(events_of([(33, 33, 0, 1), row]))
    with pytest.raises(DataError, match=rf"f: event 1 has {field}=34, outside .* 0\.\.33"):
        decode_nmnist(raw, source="f")


def test_time_going_backwards_is_refused():
    raw = encode_nmnist(events_of([(0, 0, 5, 0), (0, 0, 9, 0), (0, 0, 8, 0)]))
    with pytest.raises(DataError, match="f: time goes backwards from 9 to 8 us at event 2"):
        decode_nmnist(raw, source="f")


@pytest.mark.parametrize("t", [-1, 2**23])
def test_encode_refuses_times_beyond_the_format(t):
    with pytest.raises(DataError, match=r"0\.\.8388607 us"):
        encode_nmnist(events_of([(0, 0, t, 0)]))


def test_errors_are_value_errors_of_one_line():
    with pytest.raises(ValueError) as caught:
        decode_nmnist(b"x", source="f")
    assert "\n" not in str(caught.value)


def test_sensor_sizes():
    assert NMNIST_SENSOR.n_inputs == 2312
    assert NMNIST_SENSOR.pooled(2) == Sensor(17, 17, 2)
    assert Sensor(28, 28, 1).pooled(3) == Sensor(10, 10, 1)
    with pytest.raises(DataError, match="pool: 0"):
        NMNIST_SENSOR.pooled(0)
