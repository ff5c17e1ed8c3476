"""Data sets that are coded or generated: spoken digits, CIFAR-10, cue accumulation."""

import pickle
import wave

import numpy as np
import pytest

from sw.data import DataError, load, plain_pickle
from sw.data.cifar10 import level_code, pool_mean, read_batch
from sw.data.cues import LENGTH_MS, generate
from sw.data.fsdd import delayed, encode, mel_triangles

RNG = np.random.default_rng(11)


# spoken digits


def tone(hertz, seconds=0.3, rate=8000):
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(
        np.int16
    )


def write_wav(path, audio, channels=1, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(audio.astype("<i2").tobytes())


def write_fsdd(folder, numbers=(0, 4, 5, 6)):
    for digit in (3, 8):
        for number in numbers:
            write_wav(folder / f"{digit}_some_body_{number}.wav", tone(300 * digit))


def test_a_tone_spikes_in_its_band():
    centres = mel_triangles(8000, 256, 32).argmax(axis=0) * 8000 / 256
    for hertz in (500, 1000, 2000, 3000):
        frames = encode(tone(hertz), 8000, 10, 32, 4)
        assert frames.shape == (10, 128)
        loudest = frames[:, 96:].sum(axis=0).argmax()  # the highest level, 3
        assert abs(centres[loudest] - hertz) < 150
        for level in range(3):  # a thermometer: a level is on wherever a higher one is
            assert np.all(
                frames[:, 32 * level : 32 * level + 32] >= frames[:, 32 * level + 32 :][:, :32]
            )


def test_how_loud_somebody_spoke_does_not_matter():
    speech = RNG.integers(-100, 100, 4000) * np.linspace(1, 9, 4000)
    quiet, loud = (
        encode((gain * speech).astype(np.int16), 8000, 10, 16, 4) for gain in (4.0, 32.0)
    )
    assert np.mean(quiet == loud) > 0.99
    shares = loud.reshape(10, 4, 16).mean(axis=(0, 2))
    assert np.all(np.diff(shares) < 0) and 0.1 < shares[-1] < 0.3 and 0.7 < shares[0] < 0.9
    assert encode(np.zeros(4000, np.int16), 8000, 10, 16, 4).shape == (10, 64)


@pytest.mark.parametrize("length", [1, 100, 256, 5000, 20000])
def test_recordings_of_any_length_have_as_many_steps(length):
    noise = RNG.integers(-9000, 9000, length).astype(np.int16)
    assert encode(noise, 8000, 20, 16, 3).shape == (20, 48)


def test_a_delay_line_shows_the_past():
    frames = np.eye(4, 3, dtype=np.bool_)
    line = delayed(frames, 3)
    assert line.shape == (4, 9)
    for step in range(4):
        for delay in range(3):
            past = frames[step - delay] if step >= delay else np.zeros(3)
            assert np.array_equal(line[step, 3 * delay : 3 * delay + 3], past)


@pytest.mark.parametrize("place", [".", "recordings"])
def test_fsdd_from_wav_files(tmp_path, place):
    write_fsdd(tmp_path / place)
    train, test = load("fsdd", tmp_path, steps=5), load("fsdd", tmp_path, steps=5, train=False)
    assert train.keys == [f"train/{d}_some_body_{n}" for n in (5, 6) for d in (3, 8)]
    assert test.keys == [f"test/{d}_some_body_{n}" for n in (0, 4) for d in (3, 8)]
    assert train.labels.tolist() == [3, 8, 3, 8] and train.n_inputs == 320
    assert load("fsdd", tmp_path, steps=5, bands=8, levels=2, delays=1).n_inputs == 16


def test_fsdd_as_maps_has_the_same_inputs_elsewhere(tmp_path):
    write_fsdd(tmp_path)
    sizes = {"steps": 5, "bands": 6, "levels": 3, "delays": 4}
    flat, maps = (load(name, tmp_path, **sizes) for name in ("fsdd", "fsdd-maps"))
    shape = maps.input_map
    assert (shape.channels, shape.height, shape.width) == (3, 4, 6) and maps.keys == flat.keys
    for one, other in zip(flat, maps, strict=True):
        cube, picture = one.frames.reshape(5, 4, 3, 6), other.frames.reshape(5, 3, 4, 6)
        for delay in range(4):
            for level in range(3):
                assert np.array_equal(cube[:, delay, level], picture[:, level, delay])


def test_fsdd_packed_is_the_same_as_files(tmp_path):
    write_fsdd(tmp_path / "wav")
    audio = [tone(300 * digit) for digit in (3, 8) for _ in range(4)]
    np.savez(
        tmp_path / "any.npz",
        audio=np.concatenate(audio),
        offsets=np.cumsum([0, *map(len, audio)]),
        label=np.repeat([3, 8], 4),
        take=np.tile([0, 4, 5, 6], 2),
    )
    for train in (True, False):
        packed = load("fsdd", tmp_path / "any.npz", steps=7, train=train)
        files = load("fsdd", tmp_path / "wav", steps=7, train=train)
        assert packed.labels.tolist() == files.labels.tolist()
        assert all(np.array_equal(a.frames, b.frames) for a, b in zip(packed, files, strict=True))


def test_fsdd_damage_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"fsdd: .*\.wav or an \.npz not found; looked in .*; get https"
    ):
        load("fsdd", tmp_path)
    write_wav(tmp_path / "7_x_9.wav", tone(500), channels=2)
    with pytest.raises(DataError, match=r"7_x_9\.wav: a whole file of 16-bit mono is wanted"):
        load("fsdd", tmp_path)
    (tmp_path / "7_x_9.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"cannot be read as \.wav"):
        load("fsdd", tmp_path)
    (tmp_path / "seven.wav").write_bytes(b"")
    with pytest.raises(DataError, match="is not named digit_speaker_number"):
        load("fsdd", tmp_path)
    np.savez(tmp_path / "any.npz", audio=tone(100), offsets=[0, 5], label=[1], take=[9])
    with pytest.raises(DataError, match="do not fit together"):
        load("fsdd", tmp_path / "any.npz")


# CIFAR-10

PICTURES = RNG.integers(0, 256, (6, 3, 32, 32)).astype(np.uint8)
KINDS = [3, 1, 4, 1, 5, 9]


def write_cifar10(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        batch = {b"data": PICTURES.reshape(6, -1), b"labels": KINDS, b"batch_label": b"any"}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))


@pytest.mark.parametrize("place", [".", "cifar-10-batches-py"])
def test_cifar10_from_the_python_version(tmp_path, place):
    write_cifar10(tmp_path / place)
    train = load("cifar10", tmp_path, pool=2, steps=3)
    test = load("cifar10", tmp_path, train=False, pool=2, steps=3)
    assert (len(train), len(test)) == (30, 6)
    assert train.n_inputs == 16 * 16 * 3 * 2 and test.labels.tolist() == KINDS
    assert np.array_equal(train[6].frames, test[0].frames)
    assert np.array_equal(test[0].frames[0], test[0].frames[2]), "repeated"


def test_cifar10_from_an_npz(tmp_path):
    write_cifar10(tmp_path / "files")
    pictures = PICTURES.transpose(0, 2, 3, 1)
    np.savez(tmp_path / "any.npz", x_train=pictures, y_train=KINDS, x_test=pictures, y_test=KINDS)
    packed, files = (
        load("cifar10", tmp_path / p, train=False, steps=2) for p in ("any.npz", "files")
    )
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(packed, files, strict=True))
    rate = load("cifar10", tmp_path, steps=50, code="rate")
    assert rate.n_inputs == 3072
    assert abs(rate[0].frames.mean() - PICTURES[0].mean() / 255) < 0.01


def test_level_code_is_a_thermometer():
    frames = level_code(np.array([[0, 60, 120], [180, 210, 255]], np.uint8), 2, 4)
    assert frames[0].reshape(4, 6).sum(axis=0).tolist() == [0, 1, 2, 3, 4, 4]
    assert pool_mean(PICTURES, 2)[0, 0, 0, 0] == PICTURES[0, 0, :2, :2].mean() // 1


class Spell:
    def __reduce__(self):
        return print, ("a pickle ran code",)


def test_cifar10_runs_no_code_and_says_what_is_missing(tmp_path, capsys):
    with pytest.raises(
        DataError, match=r"cifar10: data_batch_1 \(or an .npz\) not found; looked in"
    ):
        load("cifar10", tmp_path)
    write_cifar10(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": Spell(), b"labels": [1]}))
    with pytest.raises(DataError, match=r"builtins\.print has no business in it"):
        load("cifar10", tmp_path)
    assert "ran code" not in capsys.readouterr().out
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": PICTURES[:5], b"labels": KINDS}))
    with pytest.raises(DataError, match="not a file of CIFAR-10's Python version"):
        load("cifar10", tmp_path)
    with pytest.raises(DataError, match="code: 'phase' is not a spike code"):
        load("cifar10", tmp_path, code="phase")
    with pytest.raises(DataError, match="pool 3, levels 2: a divisor of 32"):
        load("cifar10", tmp_path, pool=3)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["u1", "<i2", ">i4", "<u8"])
@pytest.mark.parametrize("order", "CF")
def test_arrays_of_numbers_are_read_from_pickles(protocol, kind, order):
    array = np.asarray(RNG.integers(0, 99, (3, 5)), kind, order=order)
    found = plain_pickle.load(pickle.dumps({b"data": array, b"labels": [1, 2]}, protocol))
    assert found[b"data"].dtype == array.dtype and np.array_equal(found[b"data"], array)
    assert found[b"labels"] == [1, 2]
    assert np.array_equal(plain_pickle.load(pickle.dumps(array, protocol)), array)


def test_the_flags_of_a_type_are_not_believed(tmp_path, capfd):
    """NumPy takes them from the file, and bytes for pointers."""
    whole = pickle.dumps({b"data": PICTURES[:2].reshape(2, -1), b"labels": [1, 2]}, 2)
    at = whole.index(b"K\x00t", whole.index(b"dtype"))
    (tmp_path / "a").write_bytes(whole[: at + 1] + b"\x3f" + whole[at + 2 :])
    images, labels = read_batch(tmp_path / "a", b"labels", 10)
    assert np.array_equal(images, PICTURES[:2]) and labels.tolist() == [1, 2]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "array",
    [np.array([{}, 5], object), np.zeros(2, "f4"), np.zeros(2, "V3"), np.zeros(2, [("a", "u1")])],
    ids=lambda array: str(array.dtype.char),
)
def test_arrays_of_other_things_are_refused(array, tmp_path):
    (tmp_path / "a").write_bytes(pickle.dumps({b"data": array, b"labels": [1, 2]}, 2))
    with pytest.raises(DataError, match=r"an array of .* has no business in it"):
        read_batch(tmp_path / "a", b"labels", 10)


# cue accumulation


@pytest.mark.parametrize("seed", range(5))
def test_a_sequence_has_its_cues_and_its_recall(seed):
    label, events = generate(seed)
    again, same = generate(seed)
    assert label == again and np.array_equal(events, same)
    kind, ms = events["x"] // 10, events["t"] // 1000
    assert ms.max() < LENGTH_MS and np.all(ms[kind == 2] >= 2100)
    cues = [(ms - 50) // 150 == cue for cue in range(7)]
    sides = [int(np.sum(kind[c] == 1) > np.sum(kind[c] == 0)) for c in cues]
    assert label == (sum(sides) > 3)
    assert not np.any((kind < 2) & (ms >= 1100)), "a pause before the recall"


def test_generated_cues_need_no_file():
    train, test = load("cues", steps=45, limit=5), load("cues", steps=45, train=False, limit=5)
    assert (train.n_inputs, train.classes, train[0].frames.shape) == (40, 2, (45, 40))
    assert not np.array_equal(train[0].frames, test[0].frames)


def test_cues_from_reckons_files(tmp_path):
    sequence = "3, 0\n13, 999\n-2, 1\n22, 2249\n-1, 2250\n"
    (tmp_path / "dataset_cueAcc_train.dat").write_text(
        "2\n" + sequence + sequence.replace("1\n22", "0\n22")
    )
    dataset = load("cues", tmp_path, steps=45)
    assert dataset.labels.tolist() == [1, 0]
    assert np.argwhere(dataset[0].frames).tolist() == [[0, 3], [19, 13], [44, 22]]
    with pytest.raises(DataError, match=r"dataset_cueAcc_test\.dat not found"):
        load("cues", tmp_path, train=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n3, 0\n", "holds 0 whole sequences of 1"),
        ("1\n3, 0\n-1, 2250\n", "line 3 ends a sequence without a label"),
        ("one\n", "not a file of lines"),
        ("1\n99, 0\n-2, 1\n-1, 2250\n", "outside the sensor's 0..39"),
    ],
)
def test_damaged_cues_are_refused(tmp_path, text, message):
    (tmp_path / "dataset_cueAcc_train.dat").write_text(text)
    with pytest.raises(DataError, match=message):
        load("cues", tmp_path)
