"""Rules of the layer table: every network keeps them, every one of them refuses something, nothing raises."""

import random
from dataclasses import replace

import numpy as np
import pytest

from bench.campaign.cores import CORES, networks
from golden.core import Core
from golden.host.checker import Checker
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.layers import FIELD_NAMES, FIELDS
from golden.spec.network import Network
from golden.spec.rules import ARGUMENT_BITS, Op, Rules, Term
from golden.spec.samples import encode_sample
from golden.spec.table_rules import table_program
from sw.device import Device, DeviceError

MAPS = CORES["maps"]


def table_of(network, config):
    table = np.zeros((config.layers, len(FIELDS)), np.uint16)
    layers = network.layers(config)
    for entry, layer in zip(table, layers, strict=False):
        entry[:] = layer.encode()[: len(FIELDS)]
    return table, len(layers)


@pytest.mark.parametrize("name", [*PRESETS, *CORES])
def test_networks_keep_all_rules(name):
    config = {**PRESETS, **CORES}[name]
    checker = Checker(table_program(config))
    for network in networks(config):
        table, layers = table_of(network, config)
        assert checker.fault(table, layers, network.classes) is None, network.name
    assert all(step.argument < 1 << ARGUMENT_BITS for step in table_program(config).steps)


@pytest.mark.parametrize("name", CORES)
def test_every_rule_refuses_something_and_what_is_left_runs(name):
    """Tables of networks with a few fields changed: refused with a reason, or run by the model."""
    config, seed = CORES[name], random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    rng, checker, reasons, ran = random.Random(seed), Checker(table_program(config)), set(), 0
    known = networks(config)
    for _ in range(3000):
        network = rng.choice(known)
        table, layers = table_of(network, config)
        for _ in range(rng.choice([1, 1, 2, 3])):
            entry, at = rng.randrange(layers), rng.randrange(len(FIELDS))
            near = int(table[entry, at]) + rng.choice([-1, 1, 2])
            wild = rng.choice([0, 1, rng.randrange(300), rng.getrandbits(16)])
            table[entry, at] = rng.choice([near & 0xFFFF, wild])
        used, classes = rng.choice([layers] * 9 + [1]), rng.choice([network.classes] * 9 + [6])
        fault = checker.fault(table, used, classes)
        if fault is not None:
            reasons.add(fault.reason)
        elif ran < 50:
            ran += 1
            core = Core(config)
            core.table[:] = table
            core.registers |= {"layer_count": used, "class_count": classes}
            frames = np.array([[rng.random() < 0.5 for _ in range(core.layer(0).inputs)]] * 2)
            assert not core.sample(encode_sample(frames, 1, learn=True)).status
    assert ran == 50
    never = {"fewer outputs than classes in use", *checker.program.reasons.values()} - reasons
    assert len(never) < len(checker.program.reasons) // 4, sorted(never)


def refusal(config, network, **changes):
    """The reason for which a table with these fields (`name` of layer 0, `name_1` of layer 1) is refused."""
    table, layers = table_of(network, config)
    for name, value in changes.items():
        field, _, layer = name.rpartition("__")
        table[int(layer), FIELD_NAMES.index(field)] = value
    return str(Checker(table_program(config)).fault(table, layers, network.classes))


FLAT = Network(sizes=(20, 9, 3), eta=0.05, weight_fraction=7)
MAP = Network.of_stages((1, 4, 5), ("4c3p", "6"), 3, eta=0.05, weight_fraction=7)


@pytest.mark.parametrize(
    ("network", "changes", "reason"),
    [
        (FLAT, {"groups__0": 0}, "layer 0: groups is not 1 to 8"),
        (FLAT, {"groups__0": 9}, "layer 0: groups is not 1 to 8"),
        (FLAT, {"rows__0": 0}, "layer 0: rows is not 1 to"),
        (FLAT, {"flags__1": 8}, "layer 1: the last layer in use is no readout"),
        (FLAT, {"flags__0": 9}, "layer 0: a readout that is not the last"),
        (FLAT, {"flags__0": 0x8000}, "layer 0: a flag that the core does not know"),
        (FLAT, {"flags__0": 40}, "layer 0: a flag that the core does not know"),
        (FLAT, {"weight_base__1": 59}, "layer 1: weights over those of the layer before"),
        (FLAT, {"weight_base__1": 250}, "layer 1: weights beyond their memory"),
        (FLAT, {"state_base__1": 8}, "layer 1: neurons beyond their memory"),
        (FLAT, {"rows__1": 11}, "layer 1: rows are not what the layer before shows"),
        (FLAT, {"rows__0": 119}, "beyond their memory"),
        (MAP, {"width__0": 6}, "layer 0: map_inputs is not width x height x channels"),
        (MAP, {"latents__0": 3}, "layer 0: latents are not those of cells this large"),
        (MAP, {"width__0": 200}, "layer 0: more pixels than the core has"),
        (MAP, {"classifier_base__0": 5000}, "layer 0: classifier_base is not 0 to 4096"),
        (MAP, {"classifier_base__0": 39, "flags__0": 32 + 64 + 8 + 256}, "beyond its memory"),
        (MAP, {"flags__0": 32 + 64 + 128}, "layer 0: a flag of flat layers on a convolution"),
        (MAP, {"flags__2": 1 + 32}, "layer 2: a flag of flat layers on a convolution"),
        (MAP, {"channels__1": 4}, "layer 1: channels of a layer that has none"),
    ],
)
def test_reasons(network, changes, reason):
    config = PRESETS["tiny"] if network is FLAT else MAPS
    assert reason in refusal(config, network, **changes)


@pytest.mark.parametrize(("channels", "inputs"), [(1023, 65_472), (1024, 65_536), (1025, 65_600)])
def test_the_word_for_the_inputs_of_a_map_goes_to_65536(channels, inputs):
    """By its 0; the model has the same bound as the rules, in every kind of layer that has the word."""
    core = CoreConfig(
        lanes=32, weight_words=20_000, neuron_groups=3000, trace_entries=100_000, map_pixels=1024
    )
    network = Network.of_stages((channels, 8, 8), ("3c3",), 3)
    table, layers = table_of(network, core)
    word, checker = FIELD_NAMES.index("map_inputs"), Checker(table_program(core))
    assert table[0, word] == inputs & 0xFFFF
    fault = checker.fault(table, layers, 3)
    if inputs > 65_536:
        assert fault.reason == "more inputs than map_inputs can count"
    else:
        assert fault is None and network.layers(core)[0].inputs == inputs
    table[0, word] += 1
    assert "map_inputs" in checker.fault(table, layers, 3).reason


def test_an_average_sees_65536_inputs_and_a_bias_behind_them():
    core = CoreConfig(
        lanes=32, weight_words=700, neuron_groups=2100, trace_entries=66_600, map_pixels=1024
    )
    network = Network.of_stages((1, 32, 32), ("64c3g",), 3)
    table, layers = table_of(network, core)
    word, checker = FIELD_NAMES.index("map_inputs"), Checker(table_program(core))
    assert checker.fault(table, layers, 3) is None
    readout = network.layers(core)[1]
    assert (table[1, word], readout.inputs, readout.bias) == (0, 65_536, True)
    assert checker.fault(*table_of(network, replace(core, trace_entries=66_561)), 3) is None
    assert "hold" in Checker(table_program(replace(core, trace_entries=66_560))).fault(
        table, layers, 3
    ).reason  # fmt: skip


def test_expressions_are_computed_as_written():
    """Nested terms, temporaries within, and both kinds of condition."""
    field = [Term(argument=value) for value in (7, 3, 5)]
    for flag in (0, 1):
        rules = Rules()
        rules.begin()
        kept = rules.keep((field[0] - (field[1] * field[2] >> 2)) * (field[2] + (field[1] & 2)))
        with rules.when(Term(argument=flag)):
            rules.same(kept, (7 - (15 >> 2)) * 7, "when")
            rules.most(kept, 27, "one too many")
        with rules.unless(Term(argument=flag)):
            rules.same(kept, 29, "unless")
        rules.end()
        fault = Checker(rules.program(20)).fault(np.zeros((1, 1), np.uint16), 1, 1)
        assert fault is not None and fault.reason == ("one too many" if flag else "unless")
    assert {step.op for step in table_program(MAPS).steps} == set(Op)


def test_a_device_that_does_not_hold_the_network_is_not_attached():
    with Device.open("golden", config=PRESETS["tiny"]) as device:
        with pytest.raises(DeviceError, match=r"does not hold .*layer_count is 0, not 2.*--keep"):
            device.attach(FLAT)
        device.load(replace(FLAT, theta=0.5))
        with pytest.raises(DeviceError, match="theta of layer 0 is"):
            device.attach(FLAT)
        device.load(FLAT)
        device.set_rates(0.3)
        device.attach(FLAT)
