"""Training samples that are mirrored and shifted, other ones in every epoch."""

import numpy as np
import pytest

from golden.spec.config import PRESETS as CORES
from golden.spec.network import Network
from golden.spec.shape import Map
from sw import Device, Model, driver
from sw.data import DataError, Dataset
from sw.data.augment import Augmentation
from sw.run import Checkpoint, checkpoint_file

SEED = 11
SHAPES = [Map(1, 8, 8), Map(3, 5, 7), Map(2, 1, 4)]


def samples(shape, *, values=False, count=40, steps=3, repeated=False):
    rng = np.random.default_rng(SEED)
    size = (count, 1 if repeated else steps, shape.neurons)
    frames = rng.integers(-8, 8, size).astype(np.int8) if values else rng.random(size) < 0.4
    if repeated:
        frames = [np.broadcast_to(frame, (steps, shape.neurons)) for frame in frames]
    bits = {"input_bits": 4, "input_fraction": 2} if values else {}
    return Dataset(
        "made",
        [(frame, number % 3, f"train/{number}") for number, frame in enumerate(frames)],
        classes=3, n_inputs=shape.neurons, steps=steps, input_map=shape, **bits,
    )  # fmt: skip


def planes(sample, shape):
    return sample.frames.reshape(-1, shape.channels, shape.height, shape.width)


def moved(frames, mirror, dy, dx):
    """As an image that is cut out of one with zeros around it."""
    if mirror:
        frames = frames[..., ::-1]
    _, _, height, width = frames.shape
    padded = np.pad(frames, ((0, 0), (0, 0), (height, height), (width, width)))
    return padded[:, :, height - dy : 2 * height - dy, width - dx : 2 * width - dx]


@pytest.mark.parametrize("values", [False, True], ids=["spikes", "values"])
@pytest.mark.parametrize("repeated", [False, True], ids=["steps", "repeated"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_sample_is_one_of_its_neighbours(shape, repeated, values):
    crop = min(shape.height, shape.width, 3) - 1
    given = samples(shape, values=values, repeated=repeated)
    found = Augmentation(mirror=True, crop=crop).of(given, 0, SEED)
    assert len(found) == len(given) and found.keys == given.keys
    assert np.array_equal(found.labels, given.labels)
    shifts = range(-crop, crop + 1)
    ways = [(mirror, dy, dx) for mirror in (False, True) for dy in shifts for dx in shifts]
    met = set()
    for one, other in zip(given, found, strict=True):
        fitting = [
            way for way in ways
            if np.array_equal(planes(other, shape), moved(planes(one, shape), *way))
        ]  # fmt: skip
        assert fitting
        met.add(fitting[0])
    assert len(met) > len(ways) / 4  # they differ from each other
    if repeated and not values:
        assert found.packed.bits[0].strides[0] == 0  # memory for one step


def test_both_orders_of_a_map_are_moved_alike():
    given, how = samples(SHAPES[1]), Augmentation(mirror=True, crop=2)
    one, two = how.of(given, 3, SEED).channel_last(), how.of(given.channel_last(), 3, SEED)
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(one, two, strict=True))


def test_an_epoch_is_the_same_for_a_seed_and_differs_from_others():
    given, how = samples(SHAPES[0]), Augmentation(mirror=True, crop=2)

    def frames(epoch, seed):
        return np.array([sample.frames for sample in how.of(given, epoch, seed)])

    assert np.array_equal(frames(0, 1), frames(0, 1))
    assert not np.array_equal(frames(0, 1), frames(1, 1))
    assert not np.array_equal(frames(0, 1), frames(0, 2))
    assert Augmentation().of(given, 0, 1) is given


def test_half_are_mirrored_and_shifts_are_even():
    shape = Map(1, 9, 9)
    dot = np.zeros((1, shape.height, shape.width), np.bool_)
    dot[0, 4, 3] = True
    frames = [(dot.reshape(1, -1), 0, f"train/{number}") for number in range(5000)]
    given = Dataset("dot", frames, classes=1, n_inputs=81, steps=1, input_map=shape)
    how = Augmentation(mirror=True, crop=2)
    at = np.array([np.argwhere(planes(s, shape)[0, 0])[0] for s in how.of(given, 0, SEED)])
    lines = np.bincount(at[:, 0], minlength=9)
    assert lines[:2].sum() == lines[7:].sum() == 0
    assert np.all(abs(lines[2:7] - 1000) < 150)
    columns = np.bincount(at[:, 1], minlength=9)  # 3 or 5, and up to 2 beside it
    expected = 500 * np.array([0, 1, 1, 2, 2, 2, 1, 1, 0])
    assert np.all(abs(columns - expected) < 150)


def test_what_cannot_be_moved_is_refused_in_one_line():
    flat = Dataset("flat", [(np.ones((2, 4), np.bool_), 0, "a")], classes=1, n_inputs=4, steps=2)
    with pytest.raises(DataError, match="flat: its 4 inputs are no map of pixels, which mirror"):
        Augmentation(mirror=True).of(flat, 0, 1)
    with pytest.raises(DataError, match="crop is 5, which shifts a map of 5 x 7 pixels out of"):
        Augmentation(crop=5).check(samples(SHAPES[1]))
    Augmentation().check(flat)


@pytest.mark.parametrize("stop_after", [1, 55, 100])
def test_a_training_that_was_stopped_ends_with_the_same_bits(stop_after, tmp_path):
    shape = SHAPES[0]
    network = Network(sizes=(shape.neurons, 12, 3), eta=0.01, eta_out=0.01)
    given = samples(shape)

    def model():
        return Model(network, Device.open("golden", config=CORES["tiny"]))

    whole = model()
    whole.fit(given, epochs=3, seed=SEED, mirror=True, crop=2)
    plain = model()
    plain.fit(given, epochs=3, seed=SEED)
    assert any(not np.array_equal(a, b) for a, b in zip(whole.weights, plain.weights, strict=True))

    part, seen = model(), 0

    class Once(Exception):
        pass

    class Counter:
        def __getattr__(self, name):
            return lambda *_: None

        def sample(self, tally):
            nonlocal seen
            seen += 1
            if seen == stop_after:
                raise Once

    with pytest.raises(Once):
        part.fit(given, epochs=3, seed=SEED, mirror=True, crop=2, callbacks=[Counter()])
    part.save(tmp_path / "part.safetensors")
    again = Model.load(tmp_path / "part.safetensors", Device.open("golden", config=CORES["tiny"]))
    again.resume(given)
    assert all(np.array_equal(a, b) for a, b in zip(whole.weights, again.weights, strict=True))


def test_the_command_line_keeps_it_with_the_run(tmp_path, capsys):
    words = ["--hidden", "16", "--train", "24", "--test", "8", "--target", "golden"]
    words += ["--mirror", "--crop", "2", "--epochs", "2"]
    first = tmp_path / "a"
    assert driver.main(["train", *words, "--out", str(first), "--verify-golden"]) == 0
    plan = Checkpoint.load(checkpoint_file(first)).plan
    assert (plan.mirror, plan.crop) == (True, 2)
    second = tmp_path / "b"
    assert driver.main(["train", *words, "--out", str(second), "--until", "1"]) == 0
    assert driver.main(["train", "--resume", str(second)]) == 0
    one, two = (Checkpoint.load(checkpoint_file(path)).weights for path in (first, second))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    capsys.readouterr()
    assert driver.main(["train", *words, "--crop", "99"]) == 2
    assert "out of sight" in capsys.readouterr().err
    assert driver.main(["train", "--preset", "smoke", "--mirror"]) == 2
    assert "no map of pixels" in capsys.readouterr().err
