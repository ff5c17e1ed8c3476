"""The packed N-MNIST file: nothing but the lower digits of the times is lost."""

import hashlib
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.pack_nmnist import main as pack_main
from sw.data.events import DataError, encode_nmnist, make_events
from sw.data.nmnist import REPO_DATA
from sw.data.packed import METHODS, read_npz, read_packed, write_npz, write_packed

EVENT = st.tuples(
    st.integers(0, 33), st.integers(0, 33), st.integers(0, 655_359), st.integers(0, 1)
)


def events_of(rows):
    return make_events(*zip(*rows, strict=True))


@settings(max_examples=30)
@given(st.lists(st.lists(EVENT, min_size=1, max_size=30), min_size=1, max_size=3))
def test_every_event_comes_back_with_its_time_floored(tmp_path_factory, recordings):
    path = tmp_path_factory.getbasetemp() / "hypothesis.npz"
    write_packed(path, [(i + 1, i, events_of(rows)) for i, rows in enumerate(recordings)])
    packed = list(read_packed(path))
    assert [sample[:2] for sample in packed] == [(i + 1, i) for i in range(len(recordings))]
    for rows, (_, _, events) in zip(recordings, packed, strict=True):
        assert np.all(np.diff(events["t"]) >= 0)
        assert sorted(events.tolist()) == sorted((x, y, t // 10 * 10, p) for x, y, t, p in rows)


@pytest.mark.parametrize(
    "rows", [[(0, 0, 655_360, 0)], [(0, 0, -1, 0)], [(0, 0, 0, 0)] * 256], ids=str
)
def test_what_does_not_fit_is_refused(tmp_path, rows):
    with pytest.raises(DataError, match="sample 00003: has times outside"):
        write_packed(tmp_path / "a.npz", [(3, 0, events_of(rows[:257]))])


def test_limit_reads_the_first_samples(tmp_path):
    write_packed(tmp_path / "a.npz", [(i, 0, events_of([(i, 0, 0, 0)])) for i in range(5)])
    assert [number for number, _, _ in read_packed(tmp_path / "a.npz", 2)] == [0, 1]


def test_shipped_files_are_those_that_were_checked():
    sums = dict(
        reversed(line.split()) for line in (REPO_DATA / "SHA256SUMS").read_text().splitlines()
    )
    assert sums.keys() == {"train.npz", "test.npz"}
    for name, expected in sums.items():
        assert hashlib.sha256((REPO_DATA / name).read_bytes()).hexdigest() == expected
    assert sum(path.stat().st_size for path in REPO_DATA.iterdir()) < 8_000_000


def test_shipped_test_samples():
    samples = list(read_packed(REPO_DATA / "test.npz"))
    assert [number for number, _, _ in samples] == list(range(1, 101))
    assert [label for _, label, _ in samples][:10] == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]  # as in MNIST
    assert sum(len(events) for _, _, events in samples) == 385_596
    for _, _, events in samples:
        assert events["t"].min() >= 0 and 290_000 < events["t"].max() < 340_000
        assert events["x"].max() <= 33 and events["y"].max() <= 33
        assert 0 < events["p"].mean() < 1


def damaged(tmp_path, **changes):
    write_packed(tmp_path / "a.npz", [(1, 2, events_of([(1, 2, 30, 1)] * 3))])
    arrays = read_npz(tmp_path / "a.npz", METHODS) | changes
    write_npz(tmp_path / "a.npz", {k: v for k, v in arrays.items() if v is not None}, METHODS)
    return tmp_path / "a.npz"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tick_lo": np.zeros(2, np.uint8)}, "do not fit together"),
        ({"tick_hi": np.zeros(4, np.uint8)}, "do not fit together"),
        ({"tick_lo": np.zeros(1, np.uint8)}, "do not fit together"),
        ({"label": np.zeros(2, np.uint8)}, "do not fit together"),
        ({"count": np.zeros((1, 5), np.uint8)}, "do not fit together"),
        ({"count": np.zeros((1, 2312))}, "count is no array of whole numbers"),
        ({"label": np.uint8(2)}, "label is no array of whole numbers"),
        ({"count": None}, "not a readable .npz"),
        ({"count": np.array([[{}]], object)}, "not a readable .npz"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, changes, message):
    if changes.get("count") is not None and changes["count"].dtype == object:
        np.savez(tmp_path / "a.npz", **changes)
        path = tmp_path / "a.npz"
    else:
        path = damaged(tmp_path, **changes)
    with pytest.raises(DataError, match=rf"a\.npz: .*{message}"):
        list(read_packed(path))


def test_damaged_bytes_are_refused(tmp_path):
    path = damaged(tmp_path)
    raw = bytearray(path.read_bytes())
    with pytest.raises(DataError, match=r"b\.npz: not a readable"):
        (tmp_path / "b.npz").write_bytes(raw[: len(raw) // 2])
        list(read_packed(tmp_path / "b.npz"))
    with zipfile.ZipFile(path) as file:
        at = file.getinfo("tick_lo.npy").header_offset + 200
    raw[at] ^= 1
    (tmp_path / "c.npz").write_bytes(raw)
    with pytest.raises(DataError, match=r"c\.npz: not a readable"):
        list(read_packed(tmp_path / "c.npz"))


def test_missing_file_and_missing_decompressor(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"no\.npz: no such file"):
        list(read_packed(tmp_path / "no.npz"))
    path = damaged(tmp_path)
    monkeypatch.setattr(zipfile, "lzma", None)
    with pytest.raises(DataError, match="lzma"):
        list(read_packed(path))


def original_layout(folder):
    """Two training and two test recordings as N-MNIST lays them out."""
    for split, number, label in (("Train", 2, 0), ("Train", 1, 5), ("Test", 1, 7), ("Test", 2, 2)):
        path = folder / split / str(label) / f"{number:05d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_nmnist(events_of([(number, label, 12_345, 1)])))


def test_pack_script_from_a_folder_and_from_zips(tmp_path, capsys):
    original_layout(tmp_path / "in")
    for split in ("Train", "Test"):
        with zipfile.ZipFile(tmp_path / f"{split}.zip", "w") as file:
            for path in (tmp_path / "in" / split).glob("*/*"):
                file.write(path, path.relative_to(tmp_path / "in"))
    zips = [str(tmp_path / "Train.zip"), str(tmp_path / "Test.zip")]
    assert pack_main([str(tmp_path / "in"), "--out", str(tmp_path / "a")]) == 0
    assert pack_main([*zips, "--out", str(tmp_path / "b")]) == 0
    for name in ("train.npz", "test.npz", "SHA256SUMS"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    samples = list(read_packed(tmp_path / "a" / "train.npz"))
    assert [sample[:2] for sample in samples] == [(1, 5), (2, 0)]
    assert samples[0][2].tolist() == [(1, 5, 12_340, True)]


def test_pack_script_explains_wrong_sources(tmp_path, capsys):
    assert pack_main([str(tmp_path), "--out", str(tmp_path)]) == 1
    assert "Train: no such folder" in capsys.readouterr().err
    assert pack_main([str(tmp_path / "no.zip"), "--out", str(tmp_path)]) == 1
    assert "not a folder or zip file" in capsys.readouterr().err
