"""Frames as maps: which input is which pixel of which channel, before and after re-ordering."""

import numpy as np
import pytest

from golden.spec.shape import Map
from sw import Binning
from sw.data import DATASETS, DataError, Dataset, Sample, Sensor, bin_events, channel_last, load
from sw.data.binning import addresses
from sw.data.events import make_events

SEED = 5
RNG = np.random.default_rng(SEED)


@pytest.mark.parametrize(("pool", "size"), [(1, None), (4, None), (1, (48, 40)), (1, (5, 1))])
@pytest.mark.parametrize("polarities", [1, 2])
def test_a_pixel_lands_where_the_formulas_say(pool, size, polarities):
    sensor = Sensor(128, 100, polarities)
    shape = sensor.reduced(pool, size).map
    columns, rows = size or (32, 25) if pool == 4 or size else (128, 100)
    assert (shape.channels, shape.height, shape.width) == (polarities, rows, columns)
    print("seed", SEED)
    for x, y, p in RNG.integers((0, 0, 0), (128, 100, polarities), (40, 3)):
        small_x = x // pool if size is None else int(x * columns / 128)
        small_y = y // pool if size is None else int(y * rows / 100)
        frames = bin_events(
            make_events([x], [y], [7], [p]),
            steps=2,
            sensor=sensor,
            window_us=(0, 10),
            pool=pool,
            size=size,
        )
        assert np.argwhere(frames).tolist() == [[1, (p * rows + small_y) * columns + small_x]]
        last = channel_last(frames, shape)
        assert np.argwhere(last).tolist() == [[1, (small_y * columns + small_x) * polarities + p]]


def test_every_input_moves_once_and_comes_back():
    shape = Map(3, 5, 7)
    frames = RNG.random((4, 6, shape.neurons)) < 0.3
    last = channel_last(frames, shape)
    assert last.shape == frames.shape and last.sum() == frames.sum()
    for c, y, x in np.ndindex(3, 5, 7):
        assert np.array_equal(last[..., (y * 7 + x) * 3 + c], frames[..., (c * 5 + y) * 7 + x])
    flat = Map(12)
    assert np.array_equal(channel_last(frames[..., :12], flat), frames[..., :12])
    with pytest.raises(DataError, match="frames have 105 inputs, a 3x5x6 map 90"):
        channel_last(frames, Map(3, 5, 6))


def test_a_data_set_in_the_order_of_a_convolution():
    test = load("nmnist", train=False, limit=3, pool=2)
    assert test.input_map == Map(2, 17, 17)
    last = test.channel_last()
    assert last.channels_last and last.channel_last() is last and not test.channels_last
    assert (last.keys, last.labels.tolist()) == (test.keys, test.labels.tolist())
    assert (last.name, last.notes, last.input_map) == (test.name, test.notes, test.input_map)
    for a, b in zip(test, last, strict=True):
        assert np.array_equal(channel_last(a.frames, test.input_map), b.frames)
        pixels = a.frames.reshape(10, 2, 17, 17)
        assert np.array_equal(b.frames.reshape(10, 17, 17, 2), pixels.transpose(0, 2, 3, 1))
    with pytest.raises(DataError, match="synthetic: its 64 inputs are no map of pixels"):
        load("synthetic").channel_last()
    with pytest.raises(DataError, match="set: a 2x2x2 map does not have 3 inputs"):
        samples = [Sample(np.zeros((1, 3), bool), 0, "a")]
        Dataset("set", samples, classes=1, n_inputs=3, steps=1, input_map=Map(2, 2, 2))


@pytest.mark.parametrize("repeated", [True, False])
def test_a_frame_that_is_repeated_is_kept_once(repeated):
    shape, frames = Map(3, 5, 7), RNG.random((4, 105)) < 0.3
    frames = np.broadcast_to(frames[0], (4, 105)) if repeated else frames
    found = Dataset(
        "set", [Sample(frames, 0, "a")], classes=1, n_inputs=105, steps=4, input_map=shape
    )
    for dataset, expected in ((found, frames), (found.channel_last(), channel_last(frames, shape))):
        assert np.array_equal(dataset[0].frames, expected)
        assert (dataset.packed.bits[0].strides[0] == 0) == repeated
        assert dataset[0].frames.flags.writeable


def test_binning_says_the_map_too():
    binning = Binning(sensor=(128, 128, 2), size=(48, 48))
    assert (binning.input_map, binning.inputs) == (Map(2, 48, 48), 4608)
    kept = {"data": {"name": "cifar10dvs", "steps": 10, "pool": 1, "size": [48, 48]}}
    assert Binning.of_run(kept) == binning


# Scaling down


def test_128_columns_scaled_to_48():
    """floor(x * 48 / 128): no column is left out, and none is more than one wider than another."""
    sensor = Sensor(128, 1, 1)
    x = np.arange(128)
    found = addresses(make_events(x, x * 0, x, x * 0), sensor, size=(48, 1))
    assert np.array_equal(found, np.floor(x * 48 / 128))
    assert np.bincount(found).tolist() == [3, 3, 2] * 16


@pytest.mark.parametrize(("width", "columns"), [(34, 17), (34, 34), (128, 32), (34, 1), (9, 4)])
def test_a_whole_factor_is_pooling(width, columns):
    sensor = Sensor(width, width, 2)
    events = make_events(*RNG.integers(0, width, (3, 500)), RNG.integers(0, 2, 500))
    scaled = addresses(events, sensor, size=(columns, columns))
    assert scaled.max() < sensor.reduced(1, (columns, columns)).n_inputs
    if width % columns == 0:
        assert np.array_equal(scaled, addresses(events, sensor, pool=width // columns))


def test_frames_are_binary_and_scaled_frames_are_an_or():
    events = make_events(
        *RNG.integers(0, 128, (2, 3000)), RNG.integers(0, 99, 3000), RNG.integers(0, 2, 3000)
    )
    options = {"steps": 3, "sensor": Sensor(128, 128, 2), "window_us": (0, 99)}
    fine = bin_events(events, **options).reshape(3, 2, 128, 128)
    small = bin_events(events, size=(48, 48), **options)
    expected = np.zeros((3, 2, 48, 48), bool)
    for y, x in np.ndindex(128, 128):
        expected[:, :, y * 48 // 128, x * 48 // 128] |= fine[:, :, y, x]
    assert small.dtype == np.bool_ and np.array_equal(small.reshape(expected.shape), expected)


def test_sizes_that_cannot_be():
    for size in ((0, 5), (35, 34), (34, 35)):
        with pytest.raises(DataError, match=r"the sensor has 34 x 34 pixels, which can be scaled"):
            load("nmnist", size=size, limit=1)
    with pytest.raises(DataError, match="pool 2, size 17x17: give one of the two"):
        load("nmnist", size=(17, 17), pool=2, limit=1)
    with pytest.raises(DataError, match="mnist: its inputs are not a sensor's pixels"):
        load("mnist", size=(14, 14))
    small = load("nmnist", train=False, limit=2, size=(17, 17))
    pooled = load("nmnist", train=False, limit=2, pool=2)
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(small, pooled, strict=True))


def test_what_sets_give_without_being_asked():
    assert {name: (e.steps, e.pool, e.size) for name, e in DATASETS.items() if e.steps != 10} == {
        "dvsgesture": (20, 4, None),
        "cifar10": (6, 1, None),
        "cifar100": (6, 1, None),
    }
    of = DATASETS["cifar10dvs"]
    assert of.sensor.reduced(of.pool, of.size).map == Map(2, 48, 48)
    of = DATASETS["dvsgesture"]
    assert of.sensor.reduced(of.pool, of.size).map == Map(2, 32, 32)
