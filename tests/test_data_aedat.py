"""AEDAT 2 and 3.1: what is read is what was written, and damage has a place."""

import struct
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sw.data import DamagedFile, DataError, Sensor, read_recording
from sw.data.events import make_events

SENSOR = Sensor(128, 128, 2)
HEADER2 = b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n"
HEADER3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def random_events(count=300, seed=1, until=400_000):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, until, count))
    return make_events(rng.integers(0, 128, count), rng.integers(0, 128, count), t, t % 3 == 0)


def aedat2(events, header=HEADER2):
    """As a DVS128 writes: columns from the right, rows from the bottom, 1 for off."""
    e = {name: events[name].astype(np.int64) for name in "xytp"}
    address = (127 - e["y"]) << 8 | (127 - e["x"]) << 1 | 1 - e["p"]
    return header + np.stack([address, e["t"]], axis=1).astype(">u4").tobytes()


def aedat3(events, header=HEADER3, per_packet=100, overflow=0, invalid=()):
    """Packets of polarity events, with one of another kind before each."""
    raw = header
    for start in range(0, len(events), per_packet):
        part = events[start : start + per_packet]
        e = {name: part[name].astype(np.int64) for name in "xytp"}
        valid = ~np.isin(np.arange(start, start + len(part)), invalid)
        data = e["x"] << 17 | e["y"] << 2 | e["p"] << 1 | valid
        words = np.stack([data, e["t"]], axis=1).astype("<u4").tobytes()
        raw += struct.pack("<hhiiiiii", 0, 1, 8, 4, overflow, 1, 1, 1) + bytes(8)
        count = len(part)
        raw += struct.pack("<hhiiiiii", 1, 1, 8, 4, overflow, count, count, int(valid.sum()))
        raw += words
    return raw


def put(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("write", [aedat2, aedat3])
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), count=st.integers(1, 250), until=st.sampled_from([50, 10**6]))
def test_what_is_read_is_what_was_written(write, seed, count, until, tmp_path_factory):
    events = random_events(count, seed, until)
    path = put(tmp_path_factory.mktemp("read") / "a.aedat", write(events))
    found = read_recording(path, sensor=SENSOR)
    assert np.array_equal(found.events, events)
    assert (found.sensor, found.start_us, found.note) == (SENSOR, events["t"][0], "")


def test_the_camera_of_version_2_is_known_that_of_3_is_not(tmp_path):
    events = random_events()
    assert read_recording(put(tmp_path / "a.aedat", aedat2(events))).sensor == SENSOR
    assert read_recording(put(tmp_path / "b.aedat", aedat3(events))).sensor is None


def test_marks_invalid_events_and_overflows(tmp_path):
    events = random_events(10)
    special = struct.pack(">II", 0x8000, 0)
    raw = HEADER2 + special + aedat2(events, b"")
    assert np.array_equal(read_recording(put(tmp_path / "a.aedat", raw)).events, events)
    raw = aedat3(events, overflow=2, invalid=(0, 3))
    found = read_recording(put(tmp_path / "b.aedat", raw)).events
    kept = events[[i for i in range(10) if i not in (0, 3)]]
    assert np.array_equal(found["t"], kept["t"] + (2 << 31))
    assert np.array_equal(found["x"], kept["x"])


@pytest.mark.parametrize(
    ("write", "cut", "good", "message"),
    [
        (aedat2, 3, 299, "event 299 is cut short"),
        (aedat3, 3, 299, r"the packet at byte \d+ is cut short"),
        (aedat3, 810, 200, r"the packet at byte \d+ is cut short"),  # in the head of the last
    ],
)
def test_files_that_are_cut_short(tmp_path, write, cut, good, message):
    events = random_events()
    path = put(tmp_path / "a.aedat", write(events)[:-cut])
    with pytest.raises(DamagedFile, match=message + ".*--salvage"):
        read_recording(path, sensor=SENSOR)
    found = read_recording(path, sensor=SENSOR, salvage=True)
    assert np.array_equal(found.events, events[:good]) and "cut short" in found.note


def test_other_files_are_refused(tmp_path):
    for raw in (b"", b"#!AER-DAT4.0\r\n", b"RIFF"):
        with pytest.raises(DataError, match=r"not an AEDAT file of version 2 or 3\.1"):
            read_recording(put(tmp_path / "a.aedat", raw))
    with pytest.raises(DamagedFile, match="holds no event"):
        read_recording(put(tmp_path / "a.aedat", HEADER2))
    wide = HEADER2 + struct.pack(">II", 1 << 20, 0)
    with pytest.raises(DamagedFile, match="event 0 has the address 1048576, which no DVS128 has"):
        read_recording(put(tmp_path / "a.aedat", wide))
    head = HEADER3 + struct.pack("<hhiiiiii", 1, 1, 9, 4, 0, 1, 1, 1) + bytes(9)
    with pytest.raises(DamagedFile, match="has a head that cannot be"):
        read_recording(put(tmp_path / "a.aedat", head))
    events = random_events()
    events["t"][200:] = 0
    with pytest.raises(DamagedFile, match=r"time goes backwards .* at event 200"):
        read_recording(put(tmp_path / "a.aedat", aedat3(events)), sensor=SENSOR)


@pytest.mark.skipif(find_spec("tonic") is None, reason="tonic is not installed")
def test_tonic_reads_the_same_words(tmp_path):
    from tonic.io import get_aer_events_from_file, read_aedat_header_from_file

    events = random_events()
    for name, raw in (("a", aedat2(events)), ("b", aedat3(events, per_packet=300)[:])):
        if name == "b":  # tonic takes every packet for events
            start = len(HEADER3)
            raw = raw[:start] + raw[start + 36 :]
        path = put(tmp_path / f"{name}.aedat", raw)
        version, start, _ = read_aedat_header_from_file(path)
        words = get_aer_events_from_file(path, version, start)
        found = read_recording(path, sensor=SENSOR).events
        assert np.array_equal(words["timeStamp"], found["t"])
        address = words["address"].astype(np.int64)
        if name == "b":
            assert np.array_equal(address >> 17 & 0x1FFF, found["x"])
            assert np.array_equal(address >> 2 & 0x1FFF, found["y"])
            assert np.array_equal(address >> 1 & 1, found["p"])
        else:
            assert np.array_equal(127 - (address >> 1 & 127), found["x"])
            assert np.array_equal(127 - (address >> 8 & 127), found["y"])
