"""Frames that are kept for the next time: never out of date, never in the way."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from sw import driver, load, places
from sw.data import DataError, cache
from sw.data.events import make_events

SENSOR = (8, 8, 2)
SEED = 7


def recording(rng, count=200):
    t = np.sort(rng.integers(0, 90_000, count))
    x, y, p = (rng.integers(0, high, count) for high in (8, 8, 2))
    return make_events(x, y, t, p)


@pytest.fixture
def data(tmp_path):
    """A folder of four recordings to train and two to test."""
    rng = np.random.default_rng(SEED)
    print("seed", SEED)
    for part, count in (("train", 2), ("test", 1)):
        for name in ("left", "right"):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                np.save(folder / f"{number}.npy", recording(rng))
    return tmp_path / "data"


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """An empty cache of the test's own."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


def read(data, **options):
    """The training samples, and how many files were read for them."""
    files = []
    options = {"window_us": (0, 50_000), **options}
    found = load(
        "folder", data, sensor=SENSOR, on_file=lambda number, _: files.append(number), **options
    )
    return found, len(files)


def same(a, b):
    return (a.name, a.facts, a.keys, a.labels.tolist()) == (
        *(b.name, b.facts, b.keys),
        b.labels.tolist(),
    ) and all(np.array_equal(x.frames, y.frames) for x, y in zip(a, b, strict=True))


def entries(kept):
    return sorted(kept.glob("*.tess-frames"))


def test_the_second_time_no_file_is_read(data, kept):
    (first, files), (second, none) = read(data), read(data)
    assert (files, none) == (4, 0)
    assert same(first, second) and first[0].frames.any()
    assert second.input_map == first.input_map and second.sensor == SENSOR
    assert read(data, seed=3)[1] == 0, "nothing that is kept is drawn"
    (entry,) = entries(kept)
    assert entry.stat().st_size < 4 * 10 * 16 + 3000, "one bit per input and step"
    assert same(second.channel_last(), first.channel_last())


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 5},
        {"pool": 2},
        {"size": (3, 3)},
        {"window_us": (0, 40_000)},
        {"train": False},
        {"limit": 1},
        {"every_window": True},
        {"salvage": True},
    ],
)
def test_other_settings_are_another_entry(data, kept, change):
    plain, _ = read(data)
    other, files = read(data, **change)
    assert files > 0 and len(entries(kept)) == 2
    again, none = read(data, **change)
    assert none == 0 and same(again, other)
    assert same(read(data)[0], plain)


def test_a_changed_file_is_read_again(data, kept):
    first, _ = read(data)
    path = data / "train/left/0.npy"
    before = path.stat()
    np.save(path, recording(np.random.default_rng(SEED + 1)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as `cp -p` would
    assert path.stat().st_size == before.st_size
    second, files = read(data)
    assert files == 4 and not np.array_equal(first[0].frames, second[0].frames)
    path.with_name("9.npy").write_bytes(path.read_bytes())
    assert read(data)[1] == 5


def test_other_code_is_another_entry(data, kept, monkeypatch):
    read(data)
    monkeypatch.setattr(cache, "_code", lambda: ("changed",))
    assert read(data)[1] == 4


@pytest.mark.parametrize("damage", ["a byte", "cut", "empty", "another file"])
def test_a_damaged_entry_is_made_again(data, kept, damage):
    first, _ = read(data)
    (entry,) = entries(kept)
    raw = bytearray(entry.read_bytes())
    at = int(np.random.default_rng(SEED).integers(len(raw)))
    if damage == "a byte":
        raw[at] ^= 16
    entry.write_bytes(
        {"a byte": raw, "cut": raw[:at], "empty": b"", "another file": b"x" * 99}[damage]
    )
    second, files = read(data)
    assert files == 4 and f"cache: {entry} was damaged" in second.notes[-1]
    third, none = read(data)
    assert none == 0 and same(third, first), "the note is not kept"


def test_no_byte_of_an_entry_is_unchecked(data, kept):
    found, _ = read(data)
    raw = cache.encode(found)
    assert same(cache.decode(raw), found)
    for at in np.random.default_rng(SEED).integers(len(raw), size=100):
        with pytest.raises(ValueError, match="checksum"):
            cache.decode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])


def test_a_place_that_cannot_be_written_is_told(data, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "cache"))
    for _ in range(2):
        found, files = read(data)
        assert files == 4 and "cannot be written" in found.notes[-1]
        assert "TESS_FPGA_CACHE" in found.notes[-1] and len(found) == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_cache_is_read_but_not_written(data, kept):
    read(data)
    kept.chmod(0o500)
    assert read(data)[1] == 0
    assert "cannot be written" in read(data, steps=3)[0].notes[-1]
    kept.chmod(0o700)


def test_an_entry_that_cannot_be_read_is_no_obstacle(data, kept):
    read(data)
    (entry,) = entries(kept)
    entry.unlink()
    entry.mkdir()
    found, files = read(data)
    assert files == 4 and "cannot be read" in found.notes[-2]
    assert not list(kept.glob("*.tess-part"))


def test_without_a_cache_nothing_is_kept(data, kept, monkeypatch):
    assert read(data, cache=False)[1] == read(data, cache=False)[1] == 4
    monkeypatch.setenv(cache.VARIABLE, "off")
    assert read(data)[1] == 4 and not kept.exists()


def test_the_command_line_has_a_switch(data, kept, tmp_path, capsys):
    words = [
        "--data",
        f"folder:{data}",
        "--sensor",
        "8x8",
        "--pool",
        "2",
        "--hidden",
        "none",
        "--epochs",
        "1",
    ]
    train = ["train", "--target", "golden", "--core", "tiny", *words, "--out", str(tmp_path / "r")]
    assert driver.main([*train, "--no-cache"]) == 0
    assert driver.main(["evaluate", "--run", str(tmp_path / "r"), "--no-cache"]) == 0
    assert not kept.exists()
    assert driver.main(["evaluate", "--run", str(tmp_path / "r")]) == 0
    assert len(entries(kept)) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_crash_leaves_nothing_half_done(data, kept, monkeypatch, error):
    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(cache.os, "replace", fail)
        if isinstance(error, OSError):
            assert "No space left" in read(data)[0].notes[-1]
        else:
            with pytest.raises(KeyboardInterrupt):
                read(data)
    assert not list(kept.iterdir())
    assert read(data)[1] == 4
    assert read(data)[1] == 0


def test_what_dead_processes_left_is_removed(data, kept):
    kept.mkdir()
    for name, age in (("old.tess-part", 2 * cache.ABANDONED_S), ("new.tess-part", 60)):
        (kept / name).write_bytes(b"half")
        os.utime(kept / name, (time.time() - age, time.time() - age))
    (kept / "somebody's.part").write_bytes(b"not ours")
    read(data)
    left = {path.name for path in kept.iterdir()} - {path.name for path in entries(kept)}
    assert left == {"new.tess-part", "somebody's.part"}


def test_the_least_recently_used_entries_go(data, kept, monkeypatch):
    for steps in (3, 4, 5):
        read(data, steps=steps)
    now = time.time()
    for age, path in enumerate(sorted(entries(kept), key=lambda p: p.stat().st_mtime_ns)):
        os.utime(path, (now - 100 + age, now - 100 + age))
    assert read(data, steps=3)[1] == 0  # used just now
    monkeypatch.setattr(
        cache, "LIMIT_BYTES", int(2.5 * max(e.stat().st_size for e in entries(kept)))
    )
    read(data, steps=6)
    assert [read(data, cache=True, steps=steps)[1] for steps in (6, 3)] == [0, 0]
    assert read(data, steps=4)[1] == 4


def test_what_fails_is_not_kept(data, kept):
    (data / "train/right/1.npy").write_bytes(b"damaged")
    with pytest.raises(DataError, match="not a readable NumPy file"):
        read(data)
    assert not kept.exists()


def test_other_slow_loaders_keep_frames_too(kept, monkeypatch):
    first = load("nmnist", train=False, limit=5)
    monkeypatch.setattr("sw.data.nmnist.read_packed", lambda *_: pytest.fail("decoded again"))
    assert same(load("nmnist", train=False, limit=5), first)
    assert [path.name[:7] for path in entries(kept)] == ["nmnist-"]


@pytest.mark.parametrize(
    ("platform", "variables", "place"),
    [
        ("linux", {}, "HOME/.cache/tess-fpga"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/tess-fpga"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "HOME/.cache/tess-fpga"),
        ("darwin", {}, "HOME/Library/Caches/tess-fpga"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/tess-fpga"),
        ("linux", {cache.VARIABLE: "~/mine"}, "HOME/mine"),
        ("linux", {cache.VARIABLE: ""}, None),
        ("linux", {cache.VARIABLE: "OFF"}, None),
    ],
)
def test_the_platforms_place(monkeypatch, tmp_path, platform, variables, place):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", cache.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(places.sys, "platform", platform)
    assert cache.folder() == (place and Path(place.replace("HOME", str(tmp_path))))
