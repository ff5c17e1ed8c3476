"""Event files of every format: what is read is what was written, and damage has a place."""

import json
import os
import signal
import struct
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sw.data import DamagedFile, DataError, Recording, Sensor, decoder, read_recording
from sw.data.events import EVENT_DTYPE, encode_nmnist, make_events
from sw.data.recording import READERS

needs_faery = pytest.mark.skipif(find_spec("faery") is None, reason="faery is not installed")
SENSOR = Sensor(20, 30, 2)
HEADER2 = b"% evt 2.0\n% format EVT2;width=20;height=30\n% end\n"
HEADER3 = b"% evt 3.0\n% geometry 20x30\n"
HEADER_DAT = b"% Version 2\n% Width 20\n% Height 30\n\x0c\x08"


def random_events(count=300, seed=1, until=400_000):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, until, count))
    return make_events(rng.integers(0, 20, count), rng.integers(0, 30, count), t, t % 3 == 0)


def evt2(events, header=HEADER2):
    words, high = [], None
    for x, y, t, p in events.tolist():
        if t >> 6 != high:
            high = t >> 6
            words.append(8 << 28 | high)
        words.append(int(p) << 28 | (t & 63) << 22 | x << 11 | y)
    return header + np.array(words, "<u4").tobytes()


def evt3(events, header=HEADER3):
    words, high = [], None
    for x, y, t, p in events.tolist():
        if t >> 12 != high:
            high = t >> 12
            words.append(8 << 12 | high & 0xFFF)
        words += [6 << 12 | t & 0xFFF, y, 2 << 12 | int(p) << 11 | x]
    return header + np.array(words, "<u2").tobytes()


def dat(events, header=HEADER_DAT):
    e = {name: events[name].astype(np.int64) for name in "xytp"}
    pairs = np.stack([e["t"], e["x"] | e["y"] << 14 | e["p"] << 28], axis=1)
    return header + pairs.astype("<u4").tobytes()


def csv(events):
    lines = [f"{t},{x},{y},{int(p)}" for x, y, t, p in events.tolist()]
    return "\n".join(["t,x@20,y@30,p", *lines, ""]).encode()


def aedat4(events, path):
    """faery writes one packet for every array."""
    import faery

    found = np.zeros(len(events), faery.EVENTS_DTYPE)
    for ours, theirs in (("x", "x"), ("y", "y"), ("t", "t"), ("p", "on")):
        found[theirs] = events[ours]
    faery.events_stream_from_array(found, SENSOR[:2]).to_file(path)


WRITERS = {".raw": evt2, ".RAW": evt3, ".dat": dat, ".csv": csv}


def put(path, content):
    path.write_bytes(content)
    return path


@needs_faery
@pytest.mark.parametrize("ending", [".raw", ".RAW", ".dat"])
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), count=st.integers(1, 60), until=st.sampled_from([50, 10**6]))
def test_what_is_read_is_what_was_written(ending, seed, count, until, tmp_path_factory):
    events = random_events(count, seed, until)
    path = tmp_path_factory.mktemp("read") / f"a{ending}"
    found = read_recording(put(path, WRITERS[ending](events)))
    assert np.array_equal(found.events, events)
    assert (found.sensor, found.start_us, found.note) == (SENSOR, events["t"][0], "")


@needs_faery
def test_aedat4_is_read(tmp_path):
    events = random_events(9000)
    aedat4(events, tmp_path / "a.aedat4")
    found = read_recording(tmp_path / "a.aedat4")
    assert np.array_equal(found.events, events)
    assert found.sensor == SENSOR


@pytest.mark.parametrize(
    "text",
    [
        "t,x,y,p\n5,1,2,1\n9,3,4,0\n",
        "5 1 2 1\n9 3 4 0",
        "# made by hand\n\nx;y;Timestamp;polarity\n1;2;5;1\n# so\n3;4;9;-1\n",
        "p,t,on_screen,y,x\r\n1,5,7,2,1\r\n0,9,7,4,3\r\n",
        "t,x@20,y@30,on\n5, 1, 2, 1\n9, 3, 4, 0\n",
    ],
)
def test_text_is_read_by_its_heading(tmp_path, text):
    found = read_recording(put(tmp_path / "a.csv", text.encode()))
    assert found.events.tolist() == [(1, 2, 5, True), (3, 4, 9, False)]
    assert found.sensor == (SENSOR if "@" in text else None)


def test_numpy_files_are_read(tmp_path):
    events = random_events(50)
    np.save(tmp_path / "a.npy", events)
    np.savez(tmp_path / "b.npz", **{name: events[name] for name in "xytp"})
    np.savez(tmp_path / "c.npz", events=events)
    other = [("ts", "u4"), ("x", "u1"), ("y", "u1"), ("polarity", "i1")]
    as_others = np.array([(t, x, y, 1 if p else -1) for x, y, t, p in events.tolist()], other)
    np.save(tmp_path / "d.npy", as_others)
    for name in ("a.npy", "b.npz", "c.npz", "d.npy"):
        assert np.array_equal(read_recording(tmp_path / name).events, events), name


def test_nmnist_files_count_from_the_zero_of_their_clock(tmp_path):
    events = random_events(10, until=5000)
    path = put(tmp_path / "a.bin", encode_nmnist(events))
    found = read_recording(path, sensor=SENSOR)
    assert np.array_equal(found.events, events)
    assert found.start_us == 0


def test_windows_leave_out_a_short_rest():
    events = make_events([0] * 4, [0] * 4, [1000, 1299, 1300, 1449], [0] * 4)
    found = Recording("a", events, None, 1000)
    assert found.windows(300) == [(1000, 1300), (1300, 1600)]
    assert [found.count(window) for window in found.windows(300)] == [2, 2]
    assert found.windows(301) == [(1000, 1301)]
    assert found.windows(5000) == [(1000, 6000)]


# Damage


@needs_faery
@pytest.mark.parametrize(("ending", "size"), [(".raw", 4), (".RAW", 2), (".dat", 8)])
def test_a_cut_is_found_to_the_byte(tmp_path, ending, size):
    events = random_events(80)
    raw = WRITERS[ending](events)
    path = put(tmp_path / f"a{ending}", raw[:-1])
    with pytest.raises(
        DamagedFile, match=rf"a{ending}: byte {len(raw) - size}: .* cut short"
    ) as caught:
        read_recording(path)
    assert "use the 79 events before that: --salvage (salvage=True)" in str(caught.value)
    found = read_recording(path, salvage=True)
    assert np.array_equal(found.events, events[:-1])
    assert f"byte {len(raw) - size}" in found.note


@needs_faery
@pytest.mark.parametrize("ending", [".raw", ".RAW", ".dat"])
@pytest.mark.parametrize("wrong", ["x", "y", "t"])
def test_impossible_events_are_found_to_the_byte(tmp_path, ending, wrong):
    """faery drops thousands of good events before one outside, and moves times in silence."""
    good = random_events(100, until=20_000)
    bad = random_events(50, seed=2, until=20_000)
    good["t"] += 300_000
    bad["t"] += 0 if wrong == "t" else 400_000
    if wrong in "xy":
        bad[wrong][0] = 25 if wrong == "x" else 31
    write = WRITERS[ending]
    start = len(write(good))
    path = put(tmp_path / f"a{ending}", write(np.concatenate([good, bad])))
    expected = "time goes backwards" if wrong == "t" else f"{wrong}=.., outside the sensor"
    with pytest.raises(DamagedFile, match=expected) as caught:
        read_recording(path)
    byte = int(str(caught.value).split(": byte ")[1].split(":")[0])
    assert start <= byte <= start + 8  # the first words of the first bad event
    assert np.array_equal(read_recording(path, salvage=True).events, good)


@needs_faery
def test_vectors_of_evt3_are_checked(tmp_path):
    words = [0x8000, 0x6005, 0x0003, 0x3000 | 8, 0x4000 | 0b101, 0x5000 | 0b11]  # x 8, 10, 20, 21
    path = put(tmp_path / "a.raw", HEADER3 + np.array(words, "<u2").tobytes())
    with pytest.raises(DamagedFile, match=rf"byte {len(HEADER3) + 10}: x=21, outside .* 0\.\.19"):
        read_recording(path)
    assert read_recording(path, salvage=True).events["x"].tolist() == [8, 10]


@needs_faery
def test_the_clocks_of_raw_files_may_wrap(tmp_path):
    times = [1 << 23, (1 << 24) - 10, (1 << 24) + 10]
    events = make_events([1, 2, 3], [1, 2, 3], times, [0, 1, 0])
    found = read_recording(put(tmp_path / "a.raw", evt3(events)))
    assert found.events["t"].tolist() == times


@needs_faery
def test_packets_of_aedat4_have_places(tmp_path):
    path, events = tmp_path / "a.aedat4", random_events(9000)
    aedat4(events, path)
    raw = path.read_bytes()
    (size,) = struct.unpack_from("<I", raw, 14)
    first = 18 + size
    second = first + 8 + struct.unpack_from("<I", raw, first + 4)[0]
    count = len(_packet(raw, second, tmp_path))
    put(path, raw[: second + 100])
    with pytest.raises(DamagedFile, match=f"the packet at byte {second} is cut short"):
        read_recording(path)
    assert np.array_equal(read_recording(path, salvage=True).events, events[:count])
    garbage = bytearray(raw)
    garbage[second + 8 : second + 208] = np.random.default_rng(3).bytes(200)
    put(path, bytes(garbage))
    with pytest.raises(DamagedFile, match=f"the packet at byte {second} cannot be read"):
        read_recording(path)
    assert np.array_equal(read_recording(path, salvage=True).events, events[:count])


def _packet(raw, end, folder):
    """Events of the packets before a byte."""
    return decoder.decode(put(folder / "part.aedat4", raw[:end]), "aedat4").events


@needs_faery
def test_a_crash_of_faery_is_an_error_of_the_file(tmp_path):
    """A wrong offset in the header of AEDAT4 aborts the process that faery runs in."""
    path = tmp_path / "a.aedat4"
    aedat4(random_events(10), path)
    raw = bytearray(path.read_bytes())
    (root,) = struct.unpack_from("<I", raw, 18)
    fields = root - struct.unpack_from("<i", raw, 18 + root)[0]
    (info,) = struct.unpack_from("<H", raw, 18 + fields + 8)
    struct.pack_into("<I", raw, 18 + root + info, 1 << 20)
    with pytest.raises(DamagedFile, match=r"a\.aedat4: its header cannot be read"):
        read_recording(put(path, bytes(raw)))
    good = put(tmp_path / "b.raw", evt3(random_events(5)))
    assert len(read_recording(good).events) == 5  # by a new process


@needs_faery
def test_a_path_is_that_of_the_folder_one_is_in(tmp_path, monkeypatch):
    """The process that decodes may have started in another one."""
    read_recording(put(tmp_path / "a.raw", evt3(random_events(5))))
    monkeypatch.chdir(tmp_path)
    assert len(read_recording("a.raw").events) == 5


@needs_faery
def test_a_process_that_hangs_is_given_up(tmp_path, monkeypatch):
    path = put(tmp_path / "a.raw", evt3(random_events(5)))
    read_recording(path)
    os.kill(decoder.CHILD.process.pid, signal.SIGSTOP)
    monkeypatch.setattr(decoder, "SECONDS", 0.2)
    with pytest.raises(DamagedFile, match="faery was not done after 0 s"):
        read_recording(path)
    monkeypatch.undo()
    assert len(read_recording(path).events) == 5


@needs_faery
def test_a_process_that_wants_too_much_memory_is_given_up(tmp_path, monkeypatch):
    path = put(tmp_path / "a.raw", evt3(random_events(5)))
    large = tmp_path / "b.aedat4"
    aedat4(random_events(200_000), large)
    read_recording(path)
    monkeypatch.setattr(decoder, "MEMORY", 1 << 20)  # less than it has already
    with pytest.raises(DamagedFile, match=r"b\.aedat4: "):
        read_recording(large)
    monkeypatch.undo()
    assert len(read_recording(path).events) == 5
    assert len(read_recording(large).events) == 200_000


@pytest.mark.parametrize("ending", READERS)
@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 999, bytes(1000), b"% evt 3.0\n", b"\xff" * 777]
)
def test_garbage_is_refused(tmp_path, ending, content):
    path = put(tmp_path / f"a{ending}", content)
    if ending in (".bin", ".bs2") and content == bytes(1000):
        return  # 200 events at 0, 0
    if content == b"% evt 3.0\n" and ending == ".raw" and find_spec("faery") is None:
        return
    for salvage in (False, True):
        with pytest.raises(DataError, match=f"a{ending}") as caught:
            read_recording(path, salvage=salvage)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,x,y,p\n1,2,3,1\nfoo,2,3,1\n", "line 3: 'foo,2,3,1' is no event"),
        ("t,x,y,p\n1,2,3,1\n\n1.5,2,3,1\n", r"line 4: '1\.5,2,3,1' is no event"),
        ("t,x,y,p\n1,2,3,1\n5,2", "line 3: '5,2' is no event"),
        ("t,x,y,p\n# c\n9,2,3,1\n4,2,3,1\n", "line 4: time goes backwards from 9 to 4 us"),
        (
            "t,x@3,y@4,p\n1,2,3,1\n5,3,2,0\n",
            r"line 3: event 1 has x=3, outside the sensor's 0\.\.2",
        ),
    ],
)
def test_damaged_lines_are_numbered(tmp_path, text, message):
    path = put(tmp_path / "a.csv", text.encode())
    with pytest.raises(DamagedFile, match=message):
        read_recording(path)
    assert read_recording(path, salvage=True).events["x"].tolist() == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,x,p\n1,2,1\n", "no column y in t, x, p"),
        ("1,2,3\n", "3 columns, not t, x, y and p"),
        ("t,x,y,p\n1,2,3,7\n", "event 0 has p=7"),
        ("t,x,y,p\n1,-2,3,1\n", "event 0 has x=-2"),
        ("t,x,y,p\n", "holds no event"),
    ],
)
def test_text_that_is_no_recording(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_recording(put(tmp_path / "a.csv", text.encode()))


def test_numpy_files_that_are_no_recording(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 4)))
    with pytest.raises(
        DataError, match=r"holds no t but float64, shape \(5, 4\); save a structured"
    ):
        read_recording(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros(5, [("x", int), ("y", int), ("t", float), ("p", int)]))
    with pytest.raises(DataError, match="t is float64; give whole numbers of microseconds"):
        read_recording(tmp_path / "a.npy")
    events = random_events(20)
    events["t"][15:] = 0
    np.save(tmp_path / "a.npy", events)
    with pytest.raises(DamagedFile, match=r"a\.npy: time goes backwards .* event 15; sort"):
        read_recording(tmp_path / "a.npy")
    assert len(read_recording(tmp_path / "a.npy", salvage=True).events) == 15
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match="not a readable NumPy file"):
        read_recording(tmp_path / "a.npy")


def test_other_sensors_endings_and_missing_files(tmp_path):
    path = put(tmp_path / "a.csv", csv(random_events(5)))
    with pytest.raises(DataError, match="recorded with 20 x 30 pixels, not 34 x 34"):
        read_recording(path, sensor=Sensor(34, 34, 2))
    assert read_recording(path, sensor=Sensor(20, 30, 1)).sensor == Sensor(20, 30, 1)
    with pytest.raises(
        DataError, match=r"a\.mp4: not an event file by its ending; \.aedat4, \.raw"
    ):
        read_recording(tmp_path / "a.mp4")
    with pytest.raises(DataError, match=r"none\.raw: cannot be read \(No such file"):
        read_recording(tmp_path / "none.raw")
    path = put(tmp_path / "a.raw", b"% evt 2.1\n" + bytes(80))
    with pytest.raises(DataError, match=r"EVT2\.1 is not read; convert it"):
        read_recording(path)
    path = put(tmp_path / "a.aedat4", b"#!AER-DAT2.0\n# old")
    with pytest.raises(DataError, match=r"no AEDAT4 file \(#!AER-DAT2\.0 by its"):
        read_recording(path)


def test_faery_not_installed(tmp_path, monkeypatch):
    decoder.CHILD.stop()
    monkeypatch.setattr(decoder, "find_spec", lambda name: None)
    path = put(tmp_path / "a.raw", evt3(random_events(5)))
    with pytest.raises(DataError, match="faery: not installed; install it with: pip install faery"):
        read_recording(path)


def test_events_of_a_recording_have_tonics_dtype(tmp_path):
    np.save(tmp_path / "a.npy", random_events(5))
    assert read_recording(tmp_path / "a.npy").events.dtype == EVENT_DTYPE
    assert json.dumps(read_recording(tmp_path / "a.npy").start_us)
