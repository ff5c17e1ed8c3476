"""Whole files that look odd are read; others are refused by name, whatever their headers promise."""

import io
import struct
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest

from sw.data import DamagedFile, DataError, aedat4, read_recording
from sw.data.cifar10 import read_batch
from sw.data.events import make_events
from sw.data.fsdd import read_wav
from sw.data.gesture_file import read_gesture
from sw.data.mnist import read_idx
from sw.data.npy import load_arrays
from tests.test_recordings import SENSOR, WRITERS, random_events
from tests.test_recordings import aedat4 as write_aedat4

needs_faery = pytest.mark.skipif(find_spec("faery") is None, reason="faery is not installed")
TWO = [(1, 2, 10, True), (3, 4, 20, False)]


def put(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        "t,x,y,p\r\n10,1,2,1\r\n20,3,4,0\r\n",
        "10,1,2,1\n20,3,4,0\n",
        '"t";"x";"y";"p"\n"10";"1";"2";"1"\n"20";"3";"4";"0"\n',
        "'10','1','2','1'\n'20','3','4','0'\n",
        "# Timestamp x y Polarity\n10 1 2 1\n20 3 4 -1\n",
        "% made by a tool\n% x,y,p,t\n1,2,1,10\n3,4,0,20\n",
        "t\tcol\trow\ton\n10.0\t1.0\t2.0\t1.0\n20.0\t3\t4\t0\n",
    ],
)
def test_tables_of_other_dialects_are_read(text, encoding, tmp_path):
    path = put(tmp_path / "a.csv", text.encode(encoding))
    assert read_recording(path).events.tolist() == TWO


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,ts,x,y,p\n1,2,3,4,1\n", r"2 columns t \(t, ts\)"),
        ("t,x,y,p\n" + "9" * 5000 + ",1,2,1\n", "line 2: '999"),
        ("t,x@0,y@0,p\n1,2,3,1\n1,-2,3,1\n", "event 1 has x=-2; 0 to 32767 are possible"),
    ],
)
def test_tables_that_are_none(text, message, tmp_path):
    with pytest.raises(DataError, match=message):
        read_recording(put(tmp_path / "a.csv", text.encode()))


@pytest.mark.parametrize("digit", ["\U000e137e", "\u0661", "\U0001d7d8", "\u9b6d2"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_other_characters_are_no_digits(digit, encoding, tmp_path):
    """NumPy read the first as 922446, and crashed with one like it."""
    text = f"t,x,y,p\n1,2,3,1\n2,{digit},3,1\n"
    with pytest.raises(DamagedFile, match=r"line 3: .* is no event of whole numbers"):
        read_recording(put(tmp_path / "a.csv", text.encode(encoding)))


@pytest.mark.parametrize("heading", ["x," * 800 + "t,x,y,p", "\xbb\xbf\ufeff" * 200 + ",y,x,p"])
def test_long_headings_are_quoted_in_part(heading, tmp_path):
    with pytest.raises(DataError, match="name") as caught:
        read_recording(put(tmp_path / "a.csv", f"{heading}\n1,2,3,1\n".encode()))
    assert len(str(caught.value)) < 500


def test_many_fields_are_quoted_in_part(tmp_path):
    names = [f"a_field_with_a_long_name_{number}" for number in range(200)]
    np.save(tmp_path / "a.npy", np.zeros(5, [(name, int) for name in names]))
    np.savez(tmp_path / "b.npz", **{name: np.zeros(5) for name in names})
    for path in ("a.npy", "b.npz"):
        with pytest.raises(DataError, match="a_field") as caught:
            read_recording(tmp_path / path)
        assert len(str(caught.value)) < 700


@needs_faery
@pytest.mark.parametrize("ending", [".csv", ".npy", ".raw", ".RAW", ".dat"])
def test_events_outside_a_sensor_that_the_user_names_can_be_salvaged(ending, tmp_path):
    events = random_events(60)
    events["x"][40] = 15
    events["x"][:40] %= 10
    if ending == ".npy":
        np.save(tmp_path / "a.npy", events)
    else:
        raw = WRITERS[ending](events)
        for said in (
            b"width=20;height=30",
            b"% geometry 20x30\n",
            b"% Width 20\n",
            b"% Height 30\n",
        ):
            raw = raw.replace(said, b"")
        put(tmp_path / f"a{ending}", raw.replace(b"x@20,y@30", b"x,y"))
    with pytest.raises(DamagedFile, match=r"x=1\d, outside the sensor's 0\.\.9.*--salvage"):
        read_recording(tmp_path / f"a{ending}", sensor=(10, 30, 2))
    found = read_recording(tmp_path / f"a{ending}", sensor=(10, 30, 2), salvage=True)
    assert np.array_equal(found.events, events[:40])


# AEDAT4


@needs_faery
@pytest.mark.parametrize("more", [0, 1, 7, 40])
def test_a_table_that_is_cut_off_costs_no_event(more, tmp_path):
    path, events = tmp_path / "a.aedat4", random_events(3000)
    write_aedat4(events, path)
    raw = path.read_bytes()
    end = aedat4.walk(raw, "a").end
    found = read_recording(put(path, raw[: end + more]))
    assert np.array_equal(found.events, events)
    assert (found.sensor, found.note) == (SENSOR, "")


def two_cameras(path, events, frames=False):
    from faery import aedat

    def attribute(kind, value):
        return aedat.DescriptionAttribute(kind, value)

    def stream(number):
        at = f"/mainloop/Recorder/outInfo/{number}/"
        info = {
            "sizeX": attribute("int", 20), "sizeY": attribute("int", 30),
            "source": attribute("string", f"cam{number}\u202e"),
        }  # fmt: skip
        names = {
            "compression": "LZ4", "originalModuleName": "c", "originalOutputName": "events",
            "typeDescription": "events", "typeIdentifier": "EVTS",
        }  # fmt: skip
        return aedat.DescriptionNode(
            str(number),
            at,
            {name: attribute("string", value) for name, value in names.items()},
            [aedat.DescriptionNode("info", at + "info/", info, [])],
        )

    root = aedat.DescriptionNode(
        "outInfo", "/mainloop/Recorder/outInfo/", {}, [stream(0), stream(1)]
    )
    given = np.zeros(len(events), [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")])
    for ours, theirs in (("t", "t"), ("x", "x"), ("y", "y"), ("p", "on")):
        given[theirs] = events[ours]
    with aedat.Encoder(str(path), [root], ("lz4", 1)) as encoder:
        encoder.write(0, given[:100])
        encoder.write(1, given[100:])


@needs_faery
def test_of_two_cameras_one_is_read_and_the_other_named(tmp_path):
    events = random_events(300)
    two_cameras(tmp_path / "a.aedat4", events)
    found = read_recording(tmp_path / "a.aedat4")
    assert np.array_equal(found.events, events[:100])
    assert (
        "2 cameras; those of cam0\\u202e are read, and those of cam1\\u202e are not" in found.note
    )


def packet(events, source=1, capacity=None, kind=1, room=True):
    e = {name: events[name].astype(np.int64) for name in "xytp"}
    data = (
        np.stack([1 | e["p"] << 1 | e["y"] << 2 | e["x"] << 17, e["t"]], 1).astype("<u4").tobytes()
    )
    count = len(events)
    capacity = count if capacity is None else capacity
    head = struct.pack("<hhiiiiii", kind, source, 8, 4, 0, capacity, count, count)
    return head + data + bytes(8 * (capacity - count) * room)


START = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"


def test_packets_of_two_cameras_are_not_mixed(tmp_path):
    events = random_events(300)
    raw = START + packet(events[:100], 1) + packet(events[100:], 2)
    found = read_recording(put(tmp_path / "a.aedat", raw))
    assert np.array_equal(found.events, events[:100])
    assert "2 cameras; those of camera 1 are read, and those of 2 are not" in found.note


@pytest.mark.parametrize("room", [False, True])
def test_room_in_a_packet_may_be_in_the_file_or_not(room, tmp_path):
    events = random_events(90)
    parts = [packet(events[i : i + 30], capacity=64, room=room) for i in (0, 30, 60)]
    found = read_recording(put(tmp_path / "a.aedat", START + b"".join(parts)))
    assert np.array_equal(found.events, events)


def test_pictures_of_a_davis_are_passed_over(tmp_path):
    events = random_events(60)
    picture = struct.pack("<hhiiiiii", 2 - 0x8000, 1, 90000, 4, 0, 77, 1, 1) + bytes(77)
    raw = START.replace(b"RAW", b"PNGFrames") + packet(events[:30]) + picture + packet(events[30:])
    found = read_recording(put(tmp_path / "a.aedat", raw))
    assert np.array_equal(found.events, events)
    with pytest.raises(DataError, match="its events are packed"):
        read_recording(put(tmp_path / "a.aedat", raw.replace(b"PNGFrames", b"SerializedTS")))


@pytest.mark.parametrize("named", [False, True])
def test_a_davis_is_whole(named, tmp_path):
    events = random_events(50)
    e = {name: events[name].astype(np.int64) for name in "xytp"}
    address = 239 - e["x"] << 12 | 179 - e["y"] << 22 | e["p"] << 11
    address[10], address[20] = 1 << 31 | 5, 1 << 10  # a pixel of a frame, and a trigger
    pairs = np.stack([address, e["t"]], 1).astype(">u4").tobytes()
    chip = b"# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n" if named else b""
    path = put(tmp_path / "a.aedat", b"#!AER-DAT2.0\r\n" + chip + pairs)
    found = read_recording(path, sensor=None if named else (240, 180, 2))
    assert np.array_equal(found.events, np.delete(events, [10, 20]))
    assert found.sensor == (240, 180, 2)
    if not named:
        with pytest.raises(DamagedFile, match="of a DAVIS give the size: --sensor 240x180"):
            read_recording(path)


# Headers that promise what is not there


def npy(array=None):
    out = io.BytesIO()
    np.save(out, random_events(300) if array is None else array)
    return out.getvalue()


def damaged_headers():
    raw = npy()
    return {
        "bracket": raw.replace(b")]", b")(", 1),
        "bracket lost": raw.replace(b")]", b") ", 1),
        "terabytes": raw.replace(b"(300,), }" + b" " * 12, b"(300000000000000,), }"),
        "negative": raw.replace(b"(300,)", b"(-30,)"),
        "power": raw.replace(b"(300,), }" + b" " * 8, b"(9**9**9,), }    "),
        "nested": raw.replace(b"(300,), }" + b" " * 20, b"((((((((((((((3,), }         "),
        "nothing": raw[:8],
        "version": raw.replace(b"NUMPY\x01", b"NUMPY\x09"),
        "objects": raw.replace(b"'<i2'", b"'|O' ", 1),
    }


@pytest.mark.parametrize("what", damaged_headers())
@pytest.mark.parametrize("ending", [".npy", ".npz", "gesture"])
def test_damaged_numpy_headers_are_one_line(what, ending, tmp_path):
    raw = damaged_headers()[what]
    assert raw != npy()
    path = tmp_path / f"a{ending if ending != 'gesture' else '.npy'}"
    if ending == ".npz":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("events.npy", raw)
    else:
        put(path, raw)
    with pytest.raises(DataError, match=r"a\.np[yz]: not a readable NumPy file") as caught:
        if ending == "gesture":
            read_gesture(path, sensor=None, salvage=False)
        else:
            read_recording(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", events=np.zeros(10_000_000, np.int8))
    monkeypatch.setattr("sw.data.npy.LARGEST", 1 << 20)
    with pytest.raises(DamagedFile, match=r"its arrays take 100001\d\d bytes, more than 1048576"):
        load_arrays(tmp_path / "a.npz")


def test_arrays_are_those_that_were_saved(tmp_path):
    arrays = {
        "a": np.arange(12).reshape(3, 4).T,
        "b": np.array(5),
        "c": np.zeros((0, 3)),
        "d": np.array("x"),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    found = load_arrays(tmp_path / "a.npz")
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
    found["a"][0, 0] = 7  # they may be changed
    assert list(load_arrays(tmp_path / "a.npz", ["b", "z"])) == ["b"]
    np.save(tmp_path / "b.npy", make_events([1], [2], [3], [1]))
    assert load_arrays(tmp_path / "b.npy")[""].tolist() == [(1, 2, 3, True)]


@needs_faery
def test_headers_without_end_make_short_messages(tmp_path):
    for name, version in (("a.raw", b"EVT3" + b"[" * 3000), ("a.dat", b"1" + b"9" * 5000)):
        head = b"% Version " + version if name == "a.dat" else b"% evt 3.0\n% format " + version
        raw = (
            head
            + b"\n% Width 99999999999\n% Height 9\n"
            + (b"\x0c\x08" if name == "a.dat" else b"")
        )
        with pytest.raises(DataError, match=name) as caught:
            read_recording(put(tmp_path / name, raw + bytes(range(64))))
        assert len(str(caught.value)) < 600


def test_other_headers_that_promise_too_much(tmp_path):
    raw = struct.pack(">HBBIII", 0, 8, 3, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    with pytest.raises(DataError, match="0 data bytes instead of 79228162458924105385300197375"):
        read_idx(put(tmp_path / "a", raw), 3)
    with pytest.raises(DataError, match="it asks for 4294967295 places"):
        read_batch(put(tmp_path / "a", b"\x80\x02Nr\xff\xff\xff\xff."), b"labels", 10)
    with pytest.raises(DataError, match="not a file of CIFAR-10's Python version"):
        read_batch(put(tmp_path / "a", b"\x80\x02" + b"(" * 99 + b"t."), b"labels", 10)
    riff = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(8)
    with pytest.raises(DataError, match=r"cannot be read as \.wav"):
        read_wav(put(tmp_path / "a.wav", riff))
