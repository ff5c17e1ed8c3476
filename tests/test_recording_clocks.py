"""Clocks of recordings: set in between, unknown at first, wrapping, of other units."""

from importlib.util import find_spec

import numpy as np
import pytest

from sw.data import DamagedFile, DataError, Recording, Request, load, read_recording
from sw.data.columns import split_unit
from sw.data.events import decode_nmnist, encode_nmnist, make_events, unwrap
from sw.data.labelled import Cutting

needs_faery = pytest.mark.skipif(find_spec("faery") is None, reason="faery is not installed")
UNIX_US = 1_600_000_000_000_000
HEADER2 = b"% evt 2.0\n% geometry 16x16\n% end\n"
HEADER3 = b"% evt 3.0\n% geometry 16x16\n% end\n"


def put(path, content):
    path.write_bytes(content)
    return path


def recording(times):
    return make_events(np.arange(len(times)) % 8, [1] * len(times), times, [1] * len(times))


@pytest.mark.parametrize("ending", [".npy", ".npz", ".csv"])
def test_a_clock_that_is_set_in_between_is_named(ending, tmp_path):
    events = recording([0, *(UNIX_US + 1000 * i for i in range(50))])
    path = tmp_path / f"a{ending}"
    if ending == ".csv":
        lines = [f"{t},{x},{y},{int(p)}" for x, y, t, p in events.tolist()]
        path.write_text("\n".join(["t,x,y,p", *lines]))
    else:
        (np.save if ending == ".npy" else np.savez)(path, events)
    with pytest.raises(
        DamagedFile, match=r"jumps from 0 to 16\d+ us at event 1, 18519 days"
    ) as caught:
        read_recording(path)
    assert f"a{ending}: " in str(caught.value) and "the 50 events on one side" in str(caught.value)
    found = read_recording(path, salvage=True)
    assert (len(found.events), found.start_us) == (50, UNIX_US)
    assert "time jumps" in found.note


def test_a_long_pause_costs_no_memory(tmp_path):
    """Ten hours without events, in windows of 50 us: 720 million of them, 19 of the whole with events."""
    times = [*range(0, 1000, 100), *range(36_000_000_000, 36_000_001_000, 100)]
    found = Recording("a", recording(times), None, 0)
    request = Request(window_us=(0, 50), steps=5)
    assert len(Cutting(every_window=True).windows(found, request)) == 19
    assert Cutting().windows(found, request) == [(0, 50)]
    late = Cutting(split_time=1_000_000, every_window=True)
    assert len(late.windows(found, Request(window_us=(0, 50), steps=5, train=False))) == 9
    assert len(late.windows(found, request)) == 10
    with pytest.raises(DataError, match=r"a: 7\d+ windows of 50 us in 36000 s; choose longer"):
        found.windows(50)


@pytest.mark.parametrize(("since", "at"), [(0, None), (20, None), (0, 150), (30, 470)])
@pytest.mark.parametrize("train", [False, True])
def test_windows_with_events_are_those_that_counting_finds(since, at, train):
    rng = np.random.default_rng(3)
    found = Recording("a", recording(np.sort(rng.integers(7, 900, 12))), None, 7)
    request = Request(window_us=(since, since + 40), steps=4, train=train)
    start = 7 if at is None or train else 7 + at
    rest = Recording("a", found.events, None, start)
    windows = rest.windows(40) if rest.duration_us > 0 else []
    if at is not None and train:
        windows = [window for window in windows if window[1] <= 7 + at]
    shifted = [(a + since, b + since) for a, b in windows]
    expected = [window for window in shifted if found.count(window)]
    assert Cutting(every_window=True, split_time=at).windows(found, request) == expected
    assert Cutting(split_time=at).windows(found, request) == shifted[:1]


@needs_faery
def test_events_before_the_first_word_of_time_are_left_out(tmp_path):
    cd = [1 << 28 | i << 22 | i << 11 | i for i in range(5)]
    time = 8 << 28 | 1000
    path = put(tmp_path / "a.raw", HEADER2 + np.array([*cd, time, *cd[:3]], "<u4").tobytes())
    found = read_recording(path)
    assert (found.start_us, len(found.events)) == (64_000, 3)
    assert found.note.endswith("a.raw: 5 events left out: they come before the first word of time")
    put(path, HEADER2 + np.array(cd, "<u4").tobytes())
    with pytest.raises(DamagedFile, match="holds no event"):
        read_recording(path)


@needs_faery
def test_evt3_keeps_the_row_and_column_that_are_in_force(tmp_path):
    """The row 5, and a base of 2 that a vector has moved to 10, are said before the time is."""
    words = [0x6001, 0x0005, 0x2801, 0x3802, 0x5003, 0x8001, 0x6002, 0x5001, 0x2803]
    found = read_recording(put(tmp_path / "a.raw", HEADER3 + np.array(words, "<u2").tobytes()))
    assert found.events[["x", "y", "t"]].tolist() == [(10, 5, 4098), (3, 5, 4098)]
    assert found.events["p"].tolist() == [True, True]
    assert "3 events left out" in found.note


def test_clocks_that_wrap_go_on(tmp_path):
    times = [(1 << 32) - 10, (1 << 32) - 5, (1 << 32) + 7]
    assert unwrap(np.array([t % (1 << 32) for t in times]), 32).tolist() == times
    address = np.array([127 << 1, 126 << 1, 125 << 1])
    pairs = np.stack([address, np.array(times) % (1 << 32)], 1).astype(">u4")
    path = put(tmp_path / "a.aedat", b"#!AER-DAT2.0\r\n" + pairs.tobytes())
    assert read_recording(path).events["t"].tolist() == times
    narrow = recording([0, 0, 0]).astype([("x", "<i2"), ("y", "<i2"), ("t", "<u4"), ("p", "?")])
    narrow["t"] = np.array(times) % (1 << 32)
    np.save(tmp_path / "a.npy", narrow)
    assert read_recording(tmp_path / "a.npy").events["t"].tolist() == times
    raw = encode_nmnist(recording([(1 << 23) - 3])) + encode_nmnist(recording([4]))
    assert decode_nmnist(raw, source="a").tolist()[1][2] == (1 << 23) + 4
    with pytest.raises(DamagedFile, match="time goes backwards from 900 to 4 us"):
        decode_nmnist(encode_nmnist(recording([900])) + encode_nmnist(recording([4])), source="a")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("t", ("t", None)), ("Timestamp [us]", ("timestamp", "us")), ("time_ns", ("time", "ns")),
        ("t(ms)", ("t", "ms")), ("# ts s", ("ts", "s")), ("on_screen", ("on_screen", None)),
    ],
)  # fmt: skip
def test_units_are_in_names(name, expected):
    assert split_unit(name) == expected


@pytest.mark.parametrize(
    "text",
    [
        "t[s],x,y,p\n0.000010,1,2,1\n0.000020,3,4,0\n",
        "time_ms x y p\n0.010 1 2 1\n0.02 3 4 0\n",
        "x;y;p;timestamp (ns)\n1;2;1;10000\n3;4;0;20000\n",
        "t[us],x,y,p\n10.2,1,2,1\n19.9,3,4,0\n",
    ],
)
def test_times_of_other_units_become_microseconds(text, tmp_path):
    found = read_recording(put(tmp_path / "a.csv", text.encode())).events
    assert found.tolist() == [(1, 2, 10, True), (3, 4, 20, False)]


def test_numpys_times_have_their_unit(tmp_path):
    for kind, times in (("<m8[ns]", [10_000, 20_000]), ("<M8[ms]", [1, 2]), ("<f8", [1e-5, 2e-5])):
        name = "t[s]" if kind == "<f8" else "t"
        events = np.zeros(2, [("x", "u1"), ("y", "u1"), (name, kind), ("p", "?")])
        events[name] = np.array(times).astype(kind)
        np.save(tmp_path / "a.npy", events)
        expected = [1000, 2000] if kind == "<M8[ms]" else [10, 20]
        assert read_recording(tmp_path / "a.npy").events["t"].tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "0.5 1 2 1\n0.6 3 4 0\n",
            r"t has fractions, so say their unit in a heading: t\[s\],x,y,p",
        ),
        (f"t,x,y,p\n{UNIX_US * 1000},1,2,1\n", "nanoseconds by its size; name the unit"),
        ("t[s],x,y,p\nnan,1,2,1\n", "event 0 has the time nan us"),
        ("t[s],x,y,p\n1e300,1,2,1\n", "event 0 has the time .* us, which is none"),
    ],
)
def test_units_that_nobody_says_are_asked_for(text, message, tmp_path):
    with pytest.raises(DataError, match=message):
        read_recording(put(tmp_path / "a.csv", text.encode()))


def test_a_window_too_long_for_whole_numbers_is_refused():
    with pytest.raises(DataError, match="is too long; use a shorter one"):
        load("synthetic", window_us=(0, 1 << 61), steps=10)
