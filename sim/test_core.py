"""The whole core against the integer model, bit for bit: weights, states, results, counters."""

from collections.abc import Iterator
from typing import Any

import cocotb
import numpy as np
import pytest

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.layers import ENTRY_WORDS, FIELD_NAMES
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from golden.spec.registers import REGISTER_WORDS, Space, address, memories, register_address
from golden.spec.rules import Rules
from golden.spec.samples import SampleStatus, encode_sample, full_layers
from golden.spec.values import value_range
from hw.core.core import Core
from hw.core.host import checker
from sim.core_bench import CoreBench
from sim.harness import parameters, run, seeded, start
from sim.streams import RARE, STEADY

SMALL = {"weight_words": 600, "neuron_groups": 24, "trace_entries": 77, "frame_bytes": 512}
MAPS = {
    **{"weight_words": 900, "neuron_groups": 190, "trace_entries": 700, "frame_bytes": 512},
    "map_pixels": 49,
}
# Memories of wide cores, no larger than the networks need: every word of them is read again and again.
WIDE = {**SMALL, "weight_words": 41, "neuron_groups": 5}
WIDE_MAPS = {**MAPS, "weight_words": 511, "neuron_groups": 61, "trace_entries": 530}
CONFIGS = {
    "tiny": PRESETS["tiny"],
    "one-lane": CoreConfig(lanes=1, layers=3, classes=5, **SMALL),
    "three-lanes": CoreConfig(lanes=3, layers=5, classes=5, weight_bits=8, **SMALL),
    "two-chunks": CoreConfig(lanes=8, layers=3, classes=100, weight_bits=12, **SMALL),
    "three-chunks": CoreConfig(lanes=24, layers=4, classes=7, **WIDE),
    "maps": CoreConfig(lanes=4, layers=5, classes=8, **MAPS),
    "maps-three-lanes": CoreConfig(lanes=3, layers=5, classes=5, weight_bits=8, **MAPS),
    "maps-causal": CoreConfig(lanes=6, layers=5, classes=6, post_traces=0, **MAPS),
    "maps-three-chunks": CoreConfig(lanes=24, layers=4, classes=7, **WIDE_MAPS),
    "inference": CoreConfig(lanes=16, layers=4, classes=6, learning=0, **WIDE),
    "maps-classifiers": CoreConfig(lanes=4, layers=5, classes=8, classifier_groups=37, **MAPS),
    "maps-classifiers-three-chunks": CoreConfig(
        lanes=24, layers=4, classes=7, classifier_groups=19, **WIDE_MAPS
    ),
    "values": CoreConfig(lanes=3, layers=4, classes=5, input_bits=3, **SMALL),
    "wide-values": CoreConfig(lanes=24, layers=4, classes=7, input_bits=7, **WIDE),
    "maps-values": CoreConfig(lanes=6, layers=5, classes=5, input_bits=7, **MAPS),
    "maps-classifiers-values": CoreConfig(
        **{"lanes": 4, "layers": 5, "classes": 8, "weight_bits": 16, "input_bits": 3},
        **{"classifier_groups": 90, **MAPS},
    ),
    "maps-inference": CoreConfig(lanes=4, layers=5, classes=8, learning=0, **MAPS),
    "short-lists": CoreConfig(lanes=3, layers=5, classes=5, list_rows=21, **SMALL),
    "maps-short-lists": CoreConfig(lanes=4, layers=5, classes=8, list_rows=60, **MAPS),
    "two-banks": CoreConfig(lanes=2, weight_words=2200, neuron_groups=9, trace_entries=90),
}
LIVELY = {"eta": 0.05, "eta_out": 0.1, "init_scale": 3.0, "weight_fraction": 7, "logit_scale": 0.4}
NETWORKS = {
    "one-hidden": dict(sizes=(20, 11, 3), rate_cost=0.4, **LIVELY),
    "hundred-classes": dict(sizes=(20, 11, 100), **LIVELY),
    "readout-only": dict(sizes=(19, 5), eta_out=0.1),
    "deep-hard-post": dict(
        sizes=(13, 5, 6, 4), reset="hard", alpha_post=-1.2, lambda_post=0.7, **LIVELY
    ),
    "post-only": dict(sizes=(17, 7, 5), alpha_pre=0, alpha_post=1.5, lambda_post=0.9, **LIVELY),
    "slow-traces": dict(sizes=(25, 6, 2), lambda_pre=0.95, gamma=0.9, **LIVELY),
    "wide": dict(sizes=(30, 70, 40, 6), alpha_post=0.5, rate_cost=4, **LIVELY),
    "frozen-hidden": dict(sizes=(20, 9, 4), train_hidden=False, **LIVELY),
}
BESIDE_MAPS = ("one-hidden", "deep-hard-post", "narrow-values")
GRADED = {
    "whole-values": dict(sizes=(20, 11, 7, 3), rate_cost=0.4, input_bits=3, **LIVELY),
    "narrow-values": dict(sizes=(20, 6, 5, 4), input_bits=2, input_fraction=1, **LIVELY),
    "wide-values": dict(
        sizes=(19, 9, 4), input_bits=7, input_fraction=5, lambda_pre=0.9, reset="hard", **LIVELY
    ),
    "spikes-with-post": NETWORKS["deep-hard-post"],
    "readout-only": NETWORKS["readout-only"],
}
CONVOLUTIONS = {
    "one-map": dict(shape=((2, 4, 5), ("6c3",), 3), **LIVELY),
    "pooled": dict(shape=((1, 7, 7), ("5c3p", "7c3", "8"), 4), rate_cost=0.4, **LIVELY),
    "two-groups": dict(
        shape=((3, 4, 4), ("9c3p", "6c3p"), 3), alpha_post=-1.2, lambda_post=0.7, **LIVELY
    ),
    "classifiers": dict(
        shape=((1, 7, 7), ("5c3p", "7c3", "8"), 4), classifiers="learned", guess="even", tau=0.1,
        eta_classifier=0.1, rate_cost=0.4, **LIVELY
    ),
    "classifiers-last-step": dict(
        shape=((2, 6, 4), ("9c3p", "6c3"), 5), classifiers="learned", tau=0.2, eta_classifier=0.4,
        learn_last=1, latent_side=2, alpha_post=-1.2, score="all", **LIVELY
    ),
    "classifiers-average": dict(
        shape=((2, 4, 4), ("5c3p", "9c3g"), 4), classifiers="learned", guess="even", tau=0.1,
        eta_classifier=0.3, score="all", **LIVELY
    ),
    "line": dict(shape=((2, 1, 9), ("4c3", "5c3"), 2), reset="hard", latent_side=2, **LIVELY),
    "average": dict(shape=((2, 4, 4), ("5c3p", "9c3g"), 4), rate_cost=0.4, **LIVELY),
    "average-of-line": dict(shape=((3, 1, 7), ("4c3g",), 7), alpha_post=1.1, **LIVELY),
    "hidden-behind-average": dict(
        shape=((2, 4, 3), ("7c3g", "11", "5"), 4), alpha_post=-1.2, rate_cost=0.4, **LIVELY
    ),
    "behind-flat-frozen": dict(shape=((2, 6, 3), ("3c3p", "12"), 5), train_hidden=False, **LIVELY),
}  # fmt: skip
GRADED_MAPS = {
    "values-pooled": dict(
        shape=((1, 7, 7), ("5c3p", "7c3", "8"), 4), input_bits=3, input_fraction=1, **LIVELY
    ),
    "wide-values-average": dict(
        shape=((3, 4, 4), ("9c3g",), 3), input_bits=7, input_fraction=4, rate_cost=0.4, **LIVELY
    ),
    "values-classifiers": dict(
        shape=((2, 6, 4), ("9c3p", "6c3"), 5), classifiers="learned", tau=0.2, eta_classifier=0.4,
        learn_last=1, latent_side=2, input_bits=3, input_fraction=2, score="all", **LIVELY
    ),
    "spikes": CONVOLUTIONS["two-groups"],
}  # fmt: skip


def random_words(rng: np.random.Generator, size: int) -> np.ndarray:
    """Words of a memory; as weights of classifiers, some are at the ends of their range."""
    words = rng.integers(-3000, 3000, size) * rng.choice([0, 1, 1, 11], size)
    return words.astype(np.int64).astype(np.uint16)


def random_inputs(rng: np.random.Generator, steps: int, network: Network) -> np.ndarray:
    """Spikes of some density, or values of it, large ones not rare; some samples have ones alone."""
    frames = rng.random((steps, network.inputs)) < rng.choice([0.0, 0.1, 0.3, 0.9])
    if network.input_bits == 1 or rng.random() < 0.2:
        return frames
    least, most = value_range(network.input_bits)
    values = rng.integers(least, most + 1, frames.shape)
    values = np.where(rng.random(frames.shape) < 0.2, rng.choice([least, most]), values)
    return (frames * values).astype(np.int8)


def networks(rng: np.random.Generator, config: CoreConfig) -> Iterator[tuple[str, Network]]:
    """All that are for the configuration, each with a seed of its own."""
    flat = GRADED if config.graded else NETWORKS
    for name, settings in flat.items():
        if config.map_pixels and name not in BESIDE_MAPS:
            continue
        yield name, Network(seed=int(rng.integers(1000)), **settings)
    if not config.map_pixels:
        return
    maps = GRADED_MAPS if config.graded else CONVOLUTIONS
    for name, settings in maps.items():
        others = {key: value for key, value in settings.items() if key != "shape"}
        yield name, Network.of_stages(*settings["shape"], seed=int(rng.integers(1000)), **others)


def core(config: str) -> None:
    """Run `agrees` on every network that fits the configuration."""
    fields = CONFIGS[config].as_dict()
    run(lambda: Core(CONFIGS[config]), __name__, testcase=["agrees"], parameters={"config": fields})


def test_a_stuck_core_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no rules for its table, so that it gets stuck."""
    nothing = Rules()
    nothing.begin()
    nothing.end()
    monkeypatch.setattr(checker, "table_program", lambda config: nothing.program(20))
    factory = lambda: Core(CONFIGS["tiny"], patience=3000)  # noqa: E731
    run(factory, __name__, testcase=["stuck"], parameters={"config": "tiny"})


@pytest.mark.parametrize("config", CONFIGS)
def test_core_equals_model(config: str) -> None:
    core(config)


def test_core_survives_bad_samples() -> None:
    factory = lambda: Core(CONFIGS["tiny"])  # noqa: E731
    run(factory, __name__, testcase=["bad_samples", "bad_addresses"], parameters={"config": "tiny"})


@cocotb.test()
async def agrees(dut: Any) -> None:
    """Random networks, samples, learning windows, frame limits, with and without back-pressure."""
    rng = np.random.default_rng(seeded().getrandbits(32))
    config = CoreConfig(**parameters()["config"])
    bench = CoreBench(dut, config, STEADY)
    await start(dut)
    for space in (Space.SIGNS, Space.CLASSIFIERS):  # what pads a word, too
        if space in memories(config):
            await bench.write(address(space), random_words(rng, memories(config)[space].size))
    full = set()
    for name, network in networks(rng, config):
        try:
            network.layers(config)
        except DoesNotFit:
            continue
        dut._log.info(f"network {name}")
        await bench.load(network)
        for sample in range(5):
            steps = int(rng.integers(1, 7))
            frames = random_inputs(rng, steps, network)
            result = await bench.run(
                frames,
                int(rng.integers(network.classes)),
                learn=sample != 3,
                learn_from=int(rng.integers(0, 3)),
                limit=int(rng.choice([70, 160, 4096] if config.graded else [24, 60, 4096])),
            )
            full.add(bool(full_layers(result.status)))
        await bench.compare(whole=False)
    await bench.compare()
    assert full == {False, *([True] if config.list_rows else [])}, "lists are full, and are not"


@cocotb.test()
async def bad_samples(dut: Any) -> None:
    """Damaged payloads end in a status and the model's state, never in silence."""
    rng = np.random.default_rng(seeded().getrandbits(32))
    bench = CoreBench(dut, CONFIGS["tiny"], RARE)
    await start(dut)
    network = Network(**NETWORKS["one-hidden"])
    await bench.load(network)
    dense, far = bytes([0, 0xFF, 0xFF, 0xFF]), bytes([1, 3, 0, 255, 255, 7])
    head = bytes([1, 7, 3, 0, 0, 0])
    cases = {
        head + dense * 3: SampleStatus.ROW_RANGE,
        head + far * 3: SampleStatus.ROW_RANGE,
        head + dense: SampleStatus.ROW_RANGE | SampleStatus.TRUNCATED,
        head + bytes([0, 1]): SampleStatus.TRUNCATED,
        head + bytes([1, 9]): SampleStatus.TRUNCATED,
        head + bytes([1, 9, 0, 1]): SampleStatus.TRUNCATED,
        head: SampleStatus.TRUNCATED,
        head + bytes([1, 0, 0]) * 3 + b"xyz": SampleStatus.TRAILING,
        head + bytes([9, 1, 2, 3]): SampleStatus.BAD_CODE,
        bytes([0, 7, 0, 0, 0, 0]): SampleStatus.OK,
        bytes([200, 7, 1, 0, 0, 0, 1, 1, 0, 2]): SampleStatus.OK,
    }
    for payload, status in cases.items():
        result = await bench.run_payload(payload)
        assert result.status == status, payload.hex()
        await bench.compare()
    for _ in range(30):
        payload = head[:1] + bytes([int(rng.integers(8)), int(rng.integers(5)), 0, 0, 0])
        await bench.run_payload(
            payload + rng.integers(0, 6, int(rng.integers(1, 30))).astype("u1").tobytes()
        )
    await bench.compare()


@cocotb.test()
async def stuck(dut: Any) -> None:
    """A pass without end is answered STUCK; behind it, samples give the model's bits."""
    rng = np.random.default_rng(seeded().getrandbits(32))
    bench = CoreBench(dut, CONFIGS["tiny"], STEADY)
    await start(dut)
    network = Network(**NETWORKS["deep-hard-post"])
    for steps, field, value in (
        (1, "groups", 0),
        (3, "groups", 0),
        (2, "rows", 0),
        (4, "groups", 700),
    ):
        await bench.load(network)
        await bench.run(rng.random((4, 13)) < 0.4, 1, learn=True)
        place = address(Space.LAYERS, int(rng.integers(2)) * ENTRY_WORDS + FIELD_NAMES.index(field))
        await bench.write(place, np.array([value], np.uint16))
        payload = encode_sample(rng.random((steps, 13)) < 0.5, 2, learn=True)
        status = await bench.run_alone(payload)
        assert status == SampleStatus.STUCK or (field, value) != ("groups", 0), status
        await bench.load(network)
        for _ in range(3):
            await bench.run(rng.random((4, 13)) < 0.4, 1, learn=True)
        size = memories(bench.config)[Space.WEIGHTS].size
        wanted = bench.golden.read(address(Space.WEIGHTS), size)
        assert np.array_equal(await bench.read(address(Space.WEIGHTS), size), wanted)


@cocotb.test()
async def bad_addresses(dut: Any) -> None:
    """Places that do not exist, or may not be written, are refused one by one."""
    bench = CoreBench(dut, CONFIGS["tiny"], RARE)
    await start(dut)
    refused = [
        (REGISTER_WORDS, 0, 0),
        (register_address("lanes"), 5, 1),
        (address(Space.SPIKES), 1, 1),
    ]
    refused += [(address(Space.RESULTS), 0, 0), (200 << 24, 0, 0), (address(Space.TRACES), 0, 1)]
    for space, memory in memories(CONFIGS["tiny"]).items():
        if space != Space.RESULTS:
            refused.append((address(space, memory.size), 0, 0))
    for access, reply in zip(refused, await bench.access(refused), strict=True):
        assert reply["error"] and reply["data"] == 0, access
    for name in ("layer_count", "class_count"):  # out of range: clamped, not hung
        await bench.write(register_address(name), np.array([0xFFFF], np.uint16))
