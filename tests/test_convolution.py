"""Networks with convolutions, from the command line's text to weights on a device and back."""

from dataclasses import replace

import numpy as np
import pytest

from golden.core import Core
from golden.fire.pool import cell_numbers, cell_sums, pool
from golden.rows.trace import Pass
from golden.schedule.passes import averaged, patches
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.kinds import AVERAGE
from golden.spec.layers import Layer
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from golden.spec.packing import pack_weights, unpack_weights
from golden.spec.shape import Map
from sw.data import Dataset, Sample
from sw.device import Device, chip_frames
from sw.interchange.export import to_nir
from sw.interchange.package import Unsupported
from sw.native import NativeCore, Spikes
from sw.presets import Preset

CORE = replace(
    PRESETS["tiny"], neuron_groups=130, trace_entries=500, weight_words=900, map_pixels=36
)


def network(**settings) -> Network:
    """A small one: two convolutions, a flat layer, a readout."""
    return Network.of_stages((2, 6, 6), ("5c3p", "6c3", "7"), 3, **settings)


def bars(count: int, seed: int) -> Dataset:
    """Bars that lie, stand, or are not there, with noise; frames in the order of a data set."""
    rng, samples = np.random.default_rng(seed), []
    for number in range(count):
        label, at = number % 3, int(rng.integers(6))
        frames = rng.random((4, 2, 6, 6)) < 0.05
        if label == 0:
            frames[:, 0, at] |= rng.random((4, 6)) < 0.9
        elif label == 1:
            frames[:, 1, :, at] |= rng.random((4, 6)) < 0.9
        samples.append(Sample(frames.reshape(4, -1), label, f"{number:03d}"))
    return Dataset("bars", samples, classes=3, n_inputs=72, steps=4, input_map=Map(2, 6, 6))


def train_on_bars(device: Device, epochs: int) -> float:
    """Accuracy of other bars after so many epochs."""
    train, test = bars(60, 1), bars(30, 2)
    for epoch in range(epochs):
        list(device.run([train[i] for i in train.order(epoch)], learn=True))
    results = list(device.run(list(test), learn=False))
    return float(np.mean([r.prediction for r in results] == test.labels))


def test_patches_against_a_loop_over_pixels():
    layer = network().layers(CORE)[1]
    rng = np.random.default_rng(3)
    rows = np.flatnonzero(rng.random(layer.inputs) < 0.3)
    grid = np.zeros((layer.height + 2, layer.width + 2, layer.channels), int)
    grid[1:-1, 1:-1].reshape(-1)[:] = 0
    inner = np.zeros(layer.inputs, int)
    inner[rows] = 1
    grid[1:-1, 1:-1] = inner.reshape(layer.height, layer.width, layer.channels)
    visit = Pass(rows, rows + 5, rows % 2 == 0, rows % 3 == 0)
    found = list(patches(layer, visit))
    assert len(found) == layer.positions
    for pixel, window in enumerate(found):
        y, x = divmod(pixel, layer.width)
        seen = grid[y : y + 3, x : x + 3].reshape(-1)
        assert window.rows.tolist() == np.flatnonzero(seen).tolist()
        sources = window.trace - 5  # which input each visit is of
        places = (sources // layer.channels % layer.width, sources // layer.channels // layer.width)
        taps = window.rows // layer.channels
        assert ((places[0] - x + 1) == taps % 3).all() and ((places[1] - y + 1) == taps // 3).all()


def test_pooling_and_cells_against_loops():
    layer = Layer(
        rows=9, groups=1, outputs=3, flags=96, channels=1, width=7, height=5,
        cell_shift=2, cell_line=2, latents=4, line_inputs=7, map_inputs=35,
    )  # fmt: skip
    spikes = (np.random.default_rng(4).random((35, 4)) < 0.4).astype(np.int64)
    pooled, winners = pool(spikes, layer)
    grid, won = spikes.reshape(5, 7, 4), winners.reshape(5, 7, 4)
    assert not won[4].any() and not won[:, 6].any()
    for y, x, channel in np.ndindex(2, 3, 4):
        four = grid[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, channel].reshape(-1)
        assert pooled.reshape(2, 3, 4)[y, x, channel] == four.max()
        chosen = won[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, channel].reshape(-1)
        assert np.flatnonzero(chosen).tolist() == [int(four.argmax())]
    sums = cell_sums(pooled, layer)
    assert sums[0].tolist() == pooled.reshape(2, 3, 4)[:2, :2].sum(axis=(0, 1)).tolist()
    assert sums.sum() == pooled.sum()
    assert cell_numbers(layer).reshape(5, 7)[4, 6] == 3


def test_weights_go_to_the_core_and_back():
    made = network(seed=4)
    for place, weights in zip(made.placements(CORE), made.initial_weights(), strict=True):
        words = pack_weights(weights, place)
        assert words.shape == (place.rows * place.groups, CORE.lanes)
        assert np.array_equal(unpack_weights(words, place), weights)


def test_it_learns_on_the_integer_model_and_its_weights_can_be_read():
    made = Network.of_stages(
        (2, 6, 6), ("5c3p", "6c3"), 3, eta=0.005, eta_out=0.02, theta=0.3, logit_scale=0.2, seed=2
    )
    with Device.open("golden", config=CORE) as device:
        device.load(made)
        before = device.read_weights()
        assert all(np.array_equal(*two) for two in zip(before, made.initial_weights(), strict=True))
        assert train_on_bars(device, 4) >= 0.8
        after = device.read_weights()
        assert all((one != two).any() for one, two in zip(before, after, strict=True))
        device.write_weights(after)
        assert all(np.array_equal(*two) for two in zip(after, device.read_weights(), strict=True))
        assert device.spikes(0).shape == (5 * 36,) and device.spikes(1).shape == (6 * 9,)
        assert device.membranes(1).shape == (6 * 9,)


def test_frames_are_turned_on_their_way_to_the_device():
    sample, made = bars(1, 7)[0], network()
    turned = chip_frames(sample, made)
    for channel, y, x in np.ndindex(2, 6, 6):
        assert np.array_equal(
            turned[:, (y * 6 + x) * 2 + channel], sample.frames[:, channel * 36 + y * 6 + x]
        )
    flat = Network(sizes=(72, 5, 3))
    assert chip_frames(sample, flat) is sample.frames


def test_names_and_files():
    made = network(alpha_post=0.5)
    assert made.name == "2x6x6:5c3p-6c3-7-3"
    assert Network(**made.as_dict()) == made
    with pytest.raises(ValueError, match="have"):
        Network(**made.as_dict() | {"sizes": (72, 5, 6, 7, 3)})
    with pytest.raises(ValueError, match="input_map is needed"):
        Network(sizes=(72, 45, 3), stages=("5c3p",))
    with pytest.raises(Unsupported, match=r"safetensors or \.npz"):
        to_nir(made, made.initial_weights(), CORE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"map_pixels": 0}, "36 pixels in a map, the core has 0"),
        ({"map_pixels": 35}, "larger map_pixels"),
        ({"neuron_groups": 80}, "larger neuron_groups"),
        ({"trace_entries": 150}, "larger trace_entries"),
        ({"weight_words": 300}, "larger weight_words"),
        ({"post_traces": 0}, "no post traces"),
    ],
)
def test_what_does_not_fit_is_named(changes, words):
    core = CoreConfig(**{**CORE.as_dict(), **changes})
    with pytest.raises(DoesNotFit, match=words):
        network(alpha_post=0.5).layers(core)


def test_only_a_core_with_maps_shifts_the_surrogate_of_very_fine_weights():
    fine = Network(sizes=(8, 7, 3), weight_fraction=12, eta=0.001)
    assert fine.layers(CORE)[0].psi_shift == 5
    with pytest.raises(DoesNotFit, match=r"weight_fraction is 12, .* room for 10"):
        fine.layers(PRESETS["tiny"])


def test_a_hidden_layer_behind_an_average_sees_the_mean_spikes():
    made = Network.of_stages(
        (2, 6, 6), ("5c3p", "8c3g", "7"), 3, theta=0.2, init_scale=3, gamma=0, weight_fraction=7
    )
    place, layer = made.placements(CORE)[2], made.layers(CORE)[2]
    assert (place.averaged, layer.rows, layer.inputs) == (9, 8, 9 * 8)
    with Device.open("golden", config=CORE) as device:
        device.load(made)
        core = device.channel.transport.device.core
        core.records = []
        next(device.run([bars(1, 9)[0]], learn=False))
        means, fired = ([r for r in core.records if r.layer == index] for index in (1, 2))
        potentials = [
            record.seen.mean(axis=0) @ made.initial_weights()[2] / 2**7 for record in means
        ]
        spikes = [record.spikes.reshape(-1)[:7] for record in fired]
        assert np.any(spikes)
        assert np.array_equal(np.array(potentials) > 0.2, np.array(spikes) > 0)
    # to the same spikes and the same surrogate the same change, and a pixel is a ninth of a spike
    alone = Network(sizes=(8, 7, 3), weight_fraction=7).layers(CORE)[0]
    surrogate = lambda of: of.psi_width / 2**of.psi_shift  # noqa: E731
    assert layer.rate * surrogate(layer) * 9 == pytest.approx(
        alone.rate * surrogate(alone), rel=0.01
    )


def test_fraction_bits_behind_an_average_leave_room_for_the_sum():
    made = Network.of_stages((2, 20, 20), ("5c3p", "8c3g", "7"), 3)
    assert [made.fraction(index) for index in range(4)] == [10, 10, 14 - 7, 7]
    big = CoreConfig(lanes=8, map_pixels=1024, neuron_groups=4096, trace_entries=16384)
    assert made.layers(big)[2].psi_width == 100 * 2**7
    with pytest.raises(DoesNotFit, match="average of 400 pixels the rate eta 1e-06 is 0"):
        Network.of_stages((2, 20, 20), ("5c3g", "7"), 3, eta=1e-6).layers(big)


def test_rates_by_layer():
    rates = (0.001, 0.004, 0.002)
    made = network(eta=rates).layers(CORE)
    for index, rate in enumerate(rates):
        assert made[index] == network(eta=rate).layers(CORE)[index]
    with pytest.raises(ValueError, match="eta has 2 values: one, or one for each of 3"):
        network(eta=(0.1, 0.1))
    with pytest.raises(ValueError, match="eta is 7: it must lie in"):
        network(eta=(0.1, 7, 0.1))
    same = network(eta=[0.001, 0.004, 0.002])
    assert Network(**same.as_dict()) == same


def test_pixels_of_an_average_share_rows():
    made = Network.of_stages((2, 3, 5), ("6c3g",), 3)
    readout = made.layers(CORE)[-1]
    assert (readout.kind is AVERAGE, readout.rows, readout.inputs) == (True, 8 + 1, 15 * 8)
    assert made.hidden == (6,) and made.seen == (6 * 15,)
    rows = np.array([2, 5, 8, 13, 14 * 8, 15 * 8 - 1, 15 * 8])  # the last one is the bias
    visit = Pass(rows, rows + 7, rows > 9, rows < 9)
    (found,) = averaged(readout, visit)
    assert found.rows.tolist() == [2, 5, 0, 5, 0, 7, 8]
    assert found.trace is visit.trace and found.values is visit.values
    parts = [part.rows.tolist() for part in found.segments()]
    assert parts == [[2, 5], [0, 5], [0, 7, 8]]
    assert [part.rows.tolist() for part in visit.segments()] == [rows.tolist()]


def test_a_readout_of_an_average_has_the_scores_of_the_mean_spikes():
    made = Network.of_stages(
        (2, 6, 6), ("5c3p", "8c3g"), 3, theta=0.2, weight_fraction=7, readout_fraction=6
    )
    with Device.open("golden", config=CORE) as device:
        device.load(made)
        core = device.channel.transport.device.core
        core.records = []
        result = next(device.run([bars(1, 9)[0]], learn=False))
        seen = sum(record.seen for record in core.records if record.layer == 1)
        weights = made.initial_weights()[-1]
        assert seen.shape == (9, 8) and seen.any()
        assert list(result.scores[:3]) == (seen.sum(axis=0) @ weights[:-1]).tolist()
        real = (seen.mean(axis=0) @ weights[:-1]) / 2**6
        assert np.allclose(np.array(result.scores[:3]) / made.logit_one, real)
        # a pixel is a ninth of what a logit and a change of weights were without the others
        alone = Network(sizes=(8, 3), readout_fraction=6).layers(CORE)[0]
        readout = made.layers(CORE)[-1]
        assert readout.error_gain == round(alone.error_gain / 9)
        assert readout.rate == pytest.approx(alone.rate / 9, abs=0.5)


@pytest.mark.parametrize(
    ("stages", "settings"),
    [
        (("5c3p", "8c3g"), {"eta": 0.005, "eta_out": 0.1, "readout_scale": 4, "seed": 2}),
        (
            ("5c3p", "8c3g", "16"),  # averages are small and differ little: wider weights
            {"eta": (0.004, 0.004, 0.05), "eta_out": 0.05, "init_scale": 1.4, "weight_fraction": 9},
        ),
    ],
)
def test_a_network_with_an_average_learns(stages, settings):
    core = NativeCore(Network.of_stages((2, 6, 6), stages, 3, theta=0.3, **settings), CORE)
    train, test = (
        Spikes.of(bars(count, seed).channel_last()) for count, seed in ((60, 1), (30, 2))
    )
    for epoch in range(10):
        core.run(train, np.random.default_rng(epoch).permutation(60), learn=True)
    assert np.mean(core.run(test, np.arange(30), learn=False).predictions == test.labels) >= 0.8


def test_a_preset_of_stages_needs_a_map():
    preset = Preset(text="", hidden=("4c3p", 9))
    made = preset.make_network(bars(3, 1))
    assert made.stages == ("4c3p", "9")
    flat = Dataset("flat", list(bars(3, 1)), classes=3, n_inputs=72, steps=4)
    with pytest.raises(ValueError, match="no map of pixels"):
        preset.make_network(flat)


def test_records_have_what_the_next_layer_sees():
    made = network()
    with Device.open("golden", config=CORE) as device:
        device.load(made)
        core = device.channel.transport.device.core
        assert isinstance(core, Core)
        core.records = []
        list(device.run([bars(1, 5)[0]], learn=False))
        seen = [record.seen for record in core.records if record.layer == 0]
        assert len(seen) == 4 and seen[0].shape == (9, 8)
