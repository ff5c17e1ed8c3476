"""Names of classes and files: any depth, any bytes, any order on the disk; or refused by name."""

import os
import subprocess
import sys

import numpy as np
import pytest

from sw.data import DataError, load
from sw.data.events import make_events
from sw.data.folder import by_number
from sw.data.labelled import read_labels

OPTIONS = {"sensor": (8, 8, 2), "window_us": (0, 1000), "steps": 2}
EVENTS = make_events([1] * 5, [2] * 5, range(0, 1000, 200), [1] * 5)


def put(folder, *names):
    for name in names:
        path = os.fsencode(folder) + b"/" + (name if isinstance(name, bytes) else name.encode())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            np.save(file, EVENTS)


def per_class(*classes, count=3):
    return [f"{name}/{i}.npy" for name in classes for i in range(count)]


# Order


def test_equal_numbers_have_one_order_whatever_the_hashes(tmp_path):
    put(tmp_path, *per_class("1", "01", "001", "x1", "X1", "x01"))
    code = "from sw import load; print(load('folder', {!r}, cache=False, **{!r}).class_names)"
    found = {
        subprocess.run(
            [sys.executable, "-c", code.format(str(tmp_path), OPTIONS)],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(3)
    }  # fmt: skip
    assert found == {"('001', '01', '1', 'X1', 'x01', 'x1')\n"}


def test_the_order_of_names_is_a_total_one():
    names = ["2", "10", "02", "a2", "a10", "a02", "", "²", "٣", "9" * 5000, "a", "A"]
    orders = {tuple(sorted(given, key=by_number)) for given in (names, names[::-1], sorted(names))}
    assert len(orders) == 1
    assert len({repr(by_number(name)) for name in names}) == len(names)
    assert sorted(["b10", "b9", "b09"], key=by_number) == ["b09", "b9", "b10"]


# Depth


def test_recordings_may_lie_deeper_in_a_class(tmp_path):
    put(tmp_path, *per_class("left"), *per_class("wave/person1", "wave/person2/day1"))
    os.symlink(tmp_path / "wave", tmp_path / "wave/person1/again")
    found = [load("folder", tmp_path, train=train, **OPTIONS) for train in (True, False)]
    assert found[0].class_names == ("left", "wave")
    keys = sorted(key.partition("/")[2] for each in found for key in each.keys)
    assert keys == sorted([*per_class("left"), *per_class("wave/person1", "wave/person2/day1")])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([*per_class("a"), "b/notes.md"], r"b: no recording of class b; remove it, or add some"),
        (per_class("set/a", "set/b"), r"set is its only class, .* Then give .*/set"),
        (per_class("a/train", "a/test", "b/train"), r"a/t\w+: train and test belong above"),
        (
            per_class("train/a", "TRAIN/b", "test/a"),
            r"has (train and TRAIN|TRAIN and train); keep one",
        ),
        (per_class("train/a", "test/a", "test/b"), "test has the class b and train does not"),
        (per_class("train/1", "test/01"), "test has the class 01 and train does not"),
        (per_class("train/Left", "test/left"), "test has the class left and train does not"),
        (per_class("é", "e\u0301"), "look the same and are not; give them one name"),
    ],
)
def test_folders_that_are_no_classes_are_named(names, message, tmp_path):
    put(tmp_path, *names)
    with pytest.raises(DataError, match=message):
        load("folder", tmp_path, **OPTIONS)


def test_a_class_without_tests_is_said(tmp_path):
    put(tmp_path, *per_class("train/a", "train/b", "test/a"))
    found = load("folder", tmp_path, train=False, **OPTIONS)
    assert found.class_names == ("a", "b") and found.labels.tolist() == [0, 0, 0]
    assert found.notes == (f"{tmp_path}: test has no class b",)


# Bytes


def test_names_that_are_no_utf8_are_read_kept_and_shown(tmp_path):
    put(tmp_path, *per_class("left"), *(b"g\xe9ste/%d\x1b.npy" % i for i in range(3)))
    for _ in range(2):  # the second from the cache
        found = load("folder", tmp_path, **OPTIONS)
        assert found.class_names == ("g\udce9ste", "left")
        assert sorted(found.keys)[0].startswith("train/g\udce9ste/")
    with pytest.raises(DataError) as caught:
        load("folder", tmp_path, window_us=(0, 1000), steps=2)
    assert "g\\xe9ste/" in str(caught.value) and "\\x1b.npy" in str(caught.value)


# Lists


def table(folder, text, encoding="utf-8"):
    folder.mkdir(exist_ok=True)
    (folder / "labels.csv").write_bytes(text.encode(encoding, "surrogateescape"))
    return folder


def test_a_list_may_name_files_anywhere(tmp_path):
    put(tmp_path / "data", *per_class("l", "r"), b"g\xe9.npy")
    rows = [f"{tmp_path}/data/l/{i}.npy,left" for i in range(3)]
    rows += [f"../data/r/{i}.npy,right" for i in range(2)] + ["..\\data\\r\\2.npy,right"]
    rows.append("../data/g\udce9.npy,left")
    folder = table(tmp_path / "list", "\n".join(["file,class", *rows]))
    found = [load("folder", folder, train=train, **OPTIONS) for train in (True, False)]
    assert sum(map(len, found)) == 7
    assert any(key.startswith(f"train/{tmp_path}/data/l/") for key in found[0].keys)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_lists_of_other_dialects_are_read(mark, encoding, tmp_path):
    put(tmp_path, "a.npy", "b.npy")
    text = f' "File"{mark}who{mark}Class\r\na.npy{mark}x{mark}l\r\n"b.npy"{mark}y{mark} r \r\n'
    found = read_labels(table(tmp_path, text.lstrip(), encoding))
    assert found == [("l", tmp_path / "a.npy"), ("r", tmp_path / "b.npy")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.npy,l\n./a.npy,r\n", r"labels\.csv: line 3: \./a\.npy is in line 2, too; remove one"),
        ("a.npy,l\n\x1b[2J.npy,r\n", r"labels\.csv: line 3: .*/\\x1b\[2J\.npy is not there"),
        ("a.npy,l\na\0.npy,r\n", r"labels\.csv: (line 3|cannot be read)"),
        (f"{'a' * 5000},l\n", r"labels\.csv: line 2: .* is not there"),
        ("a.npy,\n", r"labels\.csv: line 2 has no file and class"),
    ],
)
def test_lists_that_are_wrong_name_the_line(text, message, tmp_path):
    put(tmp_path, "a.npy")
    with pytest.raises(DataError, match=message) as caught:
        read_labels(table(tmp_path, f"file,class\n{text}"))
    assert len(str(caught.value)) < 800
