"""Networks larger than the core: how they are cut, and that all who run the parts leave the same bits."""

from dataclasses import replace

import numpy as np
import pytest

from golden.host.checker import Checker
from golden.part import GoldenParts
from golden.parts import Given, joined, noise_seeds
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.cutting import cut
from golden.spec.layers import FIELDS
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from golden.spec.table_rules import table_program
from golden.spec.weights import Weights
from sw.data import load
from sw.device import Device
from sw.native.part import NativePart
from tests.test_layer_major import neurons_of

FLAT = CoreConfig(
    lanes=4, weight_words=120, neuron_groups=8, trace_entries=160, layers=4, classes=8,
    frame_bytes=512, store_bytes=0,
)  # fmt: skip
MAPS = replace(
    FLAT, weight_words=160, neuron_groups=150, trace_entries=500, map_pixels=36,
    classifier_groups=40, weight_bits=12,
)  # fmt: skip
STAGES = [
    ((2, 6, 6), ("9c3", "10c3p", "11c3", "7")),
    ((1, 6, 6), ("6c3p", "13c3g")),
    ((2, 5, 6), ("13c3p", "9", "21")),
    ((1, 6, 4), ("3c3", "5c3g", "30", "6")),
    ((3, 4, 4), ("5c3p", "17c3p")),
]


def drawn(seed, maps):
    """A random network, a core that holds it in parts, half in parts or whole, and samples."""
    print("seed", seed)
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 9))
    settings = {
        **neurons_of(rng),
        "learn_last": int(rng.choice([0, 1, 2])),
        "eta": 0.01,
        "eta_out": 0.05,
        "init_scale": 0.6,
        "seed": seed,
    }
    config, scale = MAPS if maps else FLAT, float(rng.choice([1, 1.5, 20]))
    if maps:
        if rng.random() < 0.5:
            settings |= {"classifiers": "learned", "score": str(rng.choice(["output", "all"]))}
            settings |= {"guess": "even", "eta_classifier": 0.2, "tau": 0.1}
        network = Network.of_stages(*STAGES[seed % len(STAGES)], classes, **settings)
    else:
        hidden = rng.integers(3, 40, rng.integers(1, 4)).tolist()
        if rng.random() < 0.3:
            config = replace(config, input_bits=3)
            settings |= {"input_bits": 3, "alpha_post": 0.0, "eta": 0.001}
        network = Network(sizes=(int(rng.integers(3, 50)), *hidden, classes), **settings)
    roomy = {"weight_words": round(config.weight_words * scale)}
    roomy["neuron_groups"] = min(round(config.neuron_groups * scale), 1 << 12)
    roomy["trace_entries"] = round(config.trace_entries * scale)
    samples = []
    for _ in range(5):
        frames = rng.random((int(rng.integers(1, 7)), network.inputs)) < 0.3
        if network.input_bits > 1:
            frames = (frames * rng.integers(-4, 4, frames.shape)).astype(np.int8)
        samples.append(Given(frames, int(rng.integers(classes))))
    return network, replace(config, **roomy), samples


def same(one, other):
    """All weights and classifiers of two networks."""
    pairs = zip(one.named(), other.named(), strict=True)
    return all(a == b and np.array_equal(x, y) for (a, x), (b, y) in pairs)


SEEDS = range(14)


@pytest.mark.parametrize("maps", [False, True], ids=["flat", "maps"])
def test_random_networks_are_tiled_half_tiled_and_whole(maps):
    found = set()
    for seed in SEEDS:
        network, config, _ = drawn(seed, maps)
        parts = cut(network, config)
        tiles = [part.tile for part in parts]
        found.add("whole" if len(parts) == 1 else "tiled" if sum(tiles) > 3 else "half")
    assert found == {"whole", "tiled", "half"}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("maps", [False, True], ids=["flat", "maps"])
def test_the_size_of_a_block_changes_no_bit(seed, maps):
    network, config, samples = drawn(seed, maps)
    parts = cut(network, config)
    ends = []
    for size in (1, 3, len(samples)):
        model = GoldenParts(network, parts, config)
        results = []
        for at in range(0, len(samples), size):
            results += model.run(samples[at : at + size], learn=True)
        noise = [core.noise_state for core in model.cores]
        ends.append((results, noise, model.read(), [core.counters() for core in model.cores]))
    first = ends[0]
    for other in ends[1:]:
        assert other[0] == first[0] and other[1] == first[1] and other[3] == first[3]
        assert same(other[2], first[2])
    changed = zip(first[2], network.initial_weights(), strict=True)
    assert any((now != then).any() for now, then in changed), "nothing was learned"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("maps", [False, True], ids=["flat", "maps"])
def test_compiled_parts_are_the_integer_models(seed, maps):
    network, config, samples = drawn(seed, maps)
    for number, part in enumerate(cut(network, config)):
        rng = np.random.default_rng([seed, number])
        golden = GoldenParts(network, [part], config).cores[0]
        native = NativePart(network, part, config)
        native.write(golden.read())
        native.noise_state = golden.noise_state = int(rng.integers(1 << 32))
        given = [
            Given(rng.random((len(each.frames), part.inputs)) < 0.3, each.label) for each in samples
        ]
        given = samples if part.first == 0 else given
        for scale, learn in ((1.0, True), (0.3, True), (1.0, False)):
            for one in (golden, native):
                one.set_rates(scale)
            mine, theirs = (one.run(given, learn=learn) for one in (native, golden))
            assert [a.result for a in mine] == [b.result for b in theirs]
            for a, b in zip(mine, theirs, strict=True):
                assert np.array_equal(a.shown, b.shown)
        assert same(native.read(), golden.read()) and native.noise_state == golden.noise_state
        assert native.counters() == golden.counters()


def test_a_network_that_fits_is_one_part_with_the_bits_of_the_core():
    network = Network(sizes=(64, 12, 7, 4), eta=0.01, eta_out=0.01, seed=3)
    config, data = PRESETS["tiny"], load("synthetic", limit=12)
    model = GoldenParts(network, cut(network, config), config)
    assert len(model.parts) == 1 and not model.parts[0].blank
    with Device.open("golden", config=config) as device:
        device.load(network)
        theirs = list(device.run(list(data), learn=True))
        mine = model.run([Given(each.frames, each.label) for each in data], learn=True)
        for one, other in zip(mine, theirs, strict=True):
            assert (one.scores, one.prediction) == (other.scores, other.prediction)
            assert one.spikes == other.spikes[:3]
        assert same(model.read(), device.read_weights())
        assert model.cores[0].noise_state == device.noise_state


@pytest.mark.parametrize("seed", range(6))
def test_weights_are_shared_out_and_joined_again(seed):
    network, config, _ = drawn(seed, maps=True)
    rng = np.random.default_rng(seed)
    shapes = network.classifier_shapes.items()
    whole = Weights(
        [rng.integers(-99, 99, shape).astype(np.int32) for shape in network.weight_shapes],
        {at: rng.integers(-99, 99, shape).astype(np.int32) for at, shape in shapes},
    )
    parts = cut(network, config)
    again = joined(network, parts, [part.share(whole) for part in parts])
    assert same(again, whole)
    model = GoldenParts(network, parts, config)
    for part, core in zip(parts, model.cores, strict=True):
        core.write(part.share(whole))
    assert same(model.read(), whole)


def test_every_output_is_in_one_part_and_tiles_are_whole_groups():
    for seed in SEEDS:
        network, config, _ = drawn(seed, maps=bool(seed % 2))
        parts, at = cut(network, config), 0
        seen = {index: 0 for index in range(len(network.sizes) - 1)}
        for part in parts:
            assert part.layers[0] in (at, at + 1) or not part.tile
            at = part.layers[-1]
            for index in part.layers:
                start = part.start if part.tile else 0
                assert start == seen[index] and start % config.lanes == 0
                seen[index] += part.placements[index - part.first].stage.outputs
        assert tuple(seen.values()) == tuple(outputs for _, outputs in network.weight_shapes)
        assert [part.blank for part in parts] == [True] * (len(parts) - 1) + [False]


def test_a_tile_learns_from_a_guess_of_its_own():
    """Alone on the core, with the same input, it leaves the bits that it leaves beside its neighbours."""
    network, config, samples = drawn(1, maps=False)
    parts = cut(network, config)
    together, alone = GoldenParts(network, parts, config), GoldenParts(network, parts, config)
    together.run(samples, learn=True)
    alone.cores[1].run(samples, learn=True)
    assert parts[1].tile and same(alone.cores[1].read(), together.cores[1].read())


def test_what_fits_in_no_part_says_what_is_missing():
    huge = Network(sizes=(300, 20, 4))
    with pytest.raises(DoesNotFit) as error:
        cut(huge, FLAT)
    said = str(error.value)
    assert said.startswith("network 300-20-4 needs") and said.count("\n") == 0
    assert "nor in parts: network 300-20-4: 4 outputs of layer 0 alone needs 305 trace" in said
    with pytest.raises(DoesNotFit, match="the readout alone needs 201 trace entries"):
        cut(Network(sizes=(20, 200, 4)), FLAT)
    with pytest.raises(DoesNotFit, match="carry values of 4 bits"):
        cut(Network(sizes=(20, 200, 4), input_bits=4), FLAT)


def test_a_map_of_65536_inputs_has_a_place_in_the_table():
    """The map of the paper's VGG-9 behind its first layer; a word of the table takes it as 0."""
    network = Network.of_stages((2, 32, 32), ("64c3", "20c3p"), 4, theta=0.05, init_scale=2, seed=2)
    config = replace(MAPS, lanes=8, map_pixels=1024, neuron_groups=1100, weight_words=6000)
    config = replace(config, trace_entries=70_000, classifier_groups=0)
    parts = cut(network, config)
    tile = next(part for part in parts if part.first == 1)
    layer = tile.table(network, config)[0]
    assert (tile.inputs, layer.inputs, layer.map_inputs) == (65_536, 65_536, 0)
    table = np.array([each.encode() for each in tile.table(network, config)])[:, : len(FIELDS)]
    assert Checker(table_program(config)).fault(table, len(table), 4) is None
    rng = np.random.default_rng(5)
    given = [Given(rng.random((2, 65_536)) < 0.02, 1)]
    ends = []
    for one in (GoldenParts(network, [tile], config).cores[0], NativePart(network, tile, config)):
        one.write(tile.share(network.initial_weights()))
        one.noise_state = noise_seeds(network, 3)[1]
        ran = one.run(given, learn=True)[0]
        ends.append((ran.result, ran.shown.tobytes(), one.read(), one.noise_state))
    assert ends[0][:2] == ends[1][:2] and ends[0][3] == ends[1][3] and same(ends[0][2], ends[1][2])
    assert ends[0][0].spikes[0] > 0
