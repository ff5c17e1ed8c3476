"""Several boards, one model: what a round is, and the same bits wherever its parts are done."""

from itertools import chain

import numpy as np
import pytest

from golden.averaging import Averaging, average, mean, split_noise
from golden.lanes.noise import noise
from golden.spec.sdram import SdramConfig, beside
from golden.spec.weights import Weights
from sw import Boards, Device, Model
from sw.run import Watcher
from tests.averaging import CORE, NETWORK, TEST, TRAIN, boards, by_hand, outcome, rounded
from tests.test_classifiers import CORE as MAPS_CORE
from tests.test_classifiers import NETWORK as MAPS
from tests.test_convolution import bars

# The arithmetic


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 64])
def test_a_mean_is_the_nearest_and_a_half_goes_to_even(count):
    rng = np.random.default_rng(count)
    arrays = list(rng.integers(-(2**15), 2**15, (count, 5, 41), np.int32))
    assert np.array_equal(mean(arrays), rounded(arrays))
    small = list(rng.integers(-3, 4, (count, 300), np.int32))
    assert np.array_equal(mean(small), rounded(small))


def test_halves_and_ends_of_the_range():
    pairs = [(1, 2), (2, 3), (-1, -2), (-2, -3), (0, 1), (0, -1), (32767, 32767), (-32768, -32768)]
    found = mean([np.array(column, np.int32) for column in zip(*pairs, strict=True)])
    assert found.tolist() == [2, 2, -2, -2, 0, 0, 32767, -32768] and found.dtype == np.int32


def test_classifiers_are_averaged_too():
    several = [Weights([np.full((2, 2), v)], {1: np.full((3,), 10 * v)}) for v in (1, 2, 6)]
    found = average(several)
    assert found[0].tolist() == [[3, 3], [3, 3]] and found.classifiers[1].tolist() == [30] * 3


def test_every_sample_is_in_one_part_and_parts_are_of_one_size():
    averaging = Averaging(4, 10)
    assert averaging.round == 40
    for length in (40, 39, 5, 3, 1):
        parts = averaging.parts(range(length))
        assert sorted(chain(*parts)) == list(range(length)) and len(parts) == 4
        sizes = [len(one) for one in parts]
        assert max(sizes) - min(sizes) <= 1 and sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("count", "every"), [(0, 1), (5000, 1), (1, 0)])
def test_numbers_that_make_no_sense(count, every):
    with pytest.raises(ValueError, match=r"are possible|are needed"):
        Averaging(count, every)


@pytest.mark.parametrize("count", [2, 3, 8, 64])
def test_random_numbers_of_boards_are_not_those_of_another(count):
    states, length = split_noise(12345, count), 2000
    assert states[0] == 12345 and len(set(states)) == count
    words = [noise(state, length, 3) for state in states]
    seen = {tuple(row) for one in words for row in one.tolist()}
    assert len(seen) == count * length  # three lanes see all 32 bits, which do not come again
    for one in words[1:]:
        for shift in range(4):  # nor does one follow another
            both = np.corrcoef(words[0][shift:, 0], one[: length - shift, 0])[0, 1]
            assert abs(both) < 0.1


# The same bits


@pytest.mark.parametrize(("count", "every"), [(1, 7), (2, 10), (3, 7), (4, 100), (8, 3)])
def test_boards_learn_what_the_algorithm_says(count, every):
    with boards(count, every) as device:
        model = Model(NETWORK, device)
        model.fit(TRAIN, epochs=2)
        weights, noises, _ = outcome(model)
    assert (weights, noises) == by_hand(NETWORK, CORE, TRAIN, count, every, 2)


def test_maps_and_classifiers_that_learn():
    train = bars(50, 1)
    with boards(3, 8, MAPS_CORE) as device:
        model = Model(MAPS, device)
        model.fit(train, epochs=2)
        weights, noises, _ = outcome(model)
        assert model.predict(bars(9, 2)).shape == (9,)
    assert (weights, noises) == by_hand(MAPS, MAPS_CORE, train, 3, 8, 2)
    assert any("classifier" in name and np.any(values) for name, values in weights)


def test_boards_that_keep_samples_beside_the_fpga_learn_the_same():
    found = []
    for config in (CORE, beside(CORE, SdramConfig())):
        with boards(2, 9, config) as device:
            model = Model(NETWORK, device)
            model.fit(TRAIN, epochs=1)
            found.append(outcome(model)[:2])
            assert device.as_model().config == config
    assert found[0] == found[1]


def test_one_board_learns_what_it_learns_without_averages():
    with boards(1, 9) as device:
        model = Model(NETWORK, device)
        model.fit(TRAIN, TEST, epochs=2)
        averaged = outcome(model)
    with Device.open("golden", config=CORE) as device:
        model = Model(NETWORK, device)
        model.fit(TRAIN, TEST, epochs=2)
        assert outcome(model) == averaged


def test_the_simulated_board_learns_the_same():
    found = []
    for target in ("golden", "sim"):
        with Boards([target], boards=2, every=3, config=CORE) as device:
            model = Model(NETWORK, device)
            model.fit([TRAIN[index] for index in range(11)], epochs=1)
            found.append(outcome(model)[:2])
    assert found[0] == found[1]


def test_results_come_in_the_order_of_the_samples():
    seen = []

    class Look(Watcher):
        def sample(self, tally):
            seen.append([sum(row) for row in tally.confusion])

    with boards(3, 4) as device, Device.open("golden", config=CORE) as one:
        model, plain = Model(NETWORK, device), Model(NETWORK, one)
        assert model.predict(TRAIN).tolist() == plain.predict(TRAIN).tolist()
        assert model.evaluate(TEST).confusion == plain.evaluate(TEST).confusion
        model.fit(TRAIN, epochs=1, callbacks=[Look()])
    labels = TRAIN.labels[TRAIN.order(0, 1)]
    for count, classes in enumerate(seen, 1):
        assert classes == np.bincount(labels[:count], minlength=len(classes)).tolist()
