"""Lists of active inputs shorter than the inputs: what becomes of rows without a place, and who says so."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from golden.host.checker import Checker
from golden.layer_major import LayerMajor
from golden.part import GoldenParts
from golden.parts import noise_seeds, run_block
from golden.rows.trace import ActiveList
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.cutting import cut
from golden.spec.layers import FIELDS, Layer
from golden.spec.layout import DoesNotFit
from golden.spec.memory_map import block_rams_by_kind
from golden.spec.network import Network
from golden.spec.samples import SampleStatus, full_layers, lists_full
from golden.spec.table_rules import table_program
from sw import driver
from sw.data import load
from sw.device import Device, ListsFull
from sw.native.part import NativePart
from sw.parts import holding
from tests.test_compiled_core import CONFIG, NETWORKS, check_equal, core
from tests.test_native import first_inputs
from tests.test_parted import DATA, MAPPED, check, learned
from tests.test_parts import SEEDS, drawn, same

LAYER = Layer(rows=9, groups=1, outputs=3, pre_decay=128, pre_gain=16)


def test_a_row_that_has_no_place_is_left_out_as_if_it_were_silent():
    one = ActiveList()
    one.merge(np.array([2, 5]), LAYER, True, room=2)
    assert not one.full and one.rows.tolist() == [2, 5]
    visit = one.merge(np.array([1, 5, 6, 8]), LAYER, True, room=1)
    assert one.full
    assert visit.rows.tolist() == [1, 2, 5] and visit.spikes.tolist() == [True, False, True]
    assert visit.trace.tolist() == [0, 16, 16]
    assert one.rows.tolist() == [1, 2, 5] and one.trace.tolist() == [16, 8, 24]
    visit = one.merge(np.array([1, 3]), LAYER, True, room=0)
    assert one.full and visit.rows.tolist() == [1, 2, 5] and visit.spikes.sum() == 1
    one.merge(np.zeros(0, int), LAYER, True, room=0)
    assert not one.full


def test_layers_of_a_status():
    assert full_layers(lists_full([0, 3, 7]) | SampleStatus.TRUNCATED) == [0, 3, 7]
    assert full_layers(SampleStatus.STUCK) == [] and lists_full([]) == SampleStatus.OK
    assert int(lists_full([7])) < 1 << 16 == SampleStatus.LIST_FULL << 8


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_the_compiled_core_leaves_out_what_the_model_does(network):
    """From lists that are full in every step to lists that never are; every memory and register."""
    data = first_inputs(load("synthetic", steps=5, limit=5), network)
    seen = set()
    for rows in (4, 17, 40, 1000):
        config = replace(CONFIG, input_bits=network.input_bits, list_rows=rows)
        both = [Device.open(target, config=config) for target in ("golden", "golden-numpy")]
        results = []
        for device in both:
            device.load(network)
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                results.append(list(device.run(list(data), learn=True)))
            full = {layer for result in results[-1] for layer in full_layers(result.status)}
            assert {str(each.message).partition(":")[0] for each in said} == {
                f"layer {layer}" for layer in full
            }
        assert results[0] == results[1]
        check_equal(*map(core, both))
        seen.add(bool(full))
    assert seen == {True, False}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("maps", [False, True], ids=["flat", "maps"])
def test_parts_leave_out_the_same_in_numpy_and_compiled(seed, maps):
    network, config, samples = drawn(seed, maps)
    rows = int(np.random.default_rng(seed).choice([4, 12, 30, 90]))
    config = replace(config, list_rows=rows)
    parts = cut(network, config)
    model = GoldenParts(network, parts, config)
    wanted = model.run(samples, learn=True)
    runs = [NativePart(network, part, config) for part in parts]
    weights = network.initial_weights()
    for part, run, noise in zip(parts, runs, noise_seeds(network, len(parts)), strict=True):
        run.write(part.share(weights))
        run.noise_state = noise
    results = run_block(
        parts, lambda at, given: runs[at].run(given, learn=True), samples, config.classes
    )
    assert results == wanted
    for part, run, one in zip(parts, runs, model.cores, strict=True):
        assert run.noise_state == one.noise_state and same(run.read(), one.read())
        assert run.counters() == one.counters(), part


def test_parts_say_which_layer_of_the_network_it_was():
    """On the simulated board as on the model: the bits, and the number of the layer."""
    network = Network.of_stages(
        (1, 6, 6), ("9c3p", "6c3", "7"), 4, eta=0.01, eta_out=0.05, theta=0.1, seed=7
    )
    config = replace(MAPPED, weight_words=90, neuron_groups=100, trace_entries=250, list_rows=26)
    rng = np.random.default_rng(7)
    data = [sample._replace(frames=rng.random((4, 36)) < 0.3) for sample in list(DATA)[:4]]
    ends = []
    for target in ("golden", "sim"):
        with (
            Device.open(target, config=config) as device,
            pytest.warns(ListsFull, match=r"layer \d: .* than the lists of this core hold \(26\)"),
        ):
            ends.append(learned(holding(device, network), network, 3, data))
    check(*ends)
    full = {layer for result in ends[0][0] for layer in full_layers(result.status)}
    assert 1 in full and 3 not in full


def test_what_such_a_core_needs():
    """Rows of the largest layer, not of all; block RAMs of its lists go with their length."""
    network = Network(sizes=(100, 90, 4))
    tiny = replace(PRESETS["tiny"], weight_words=3000, neuron_groups=30)
    with pytest.raises(DoesNotFit, match="191 trace entries"):
        network.layers(tiny)
    short = replace(tiny, list_rows=20)
    table = np.array([each.encode() for each in network.layers(short)])[:, : len(FIELDS)]
    assert Checker(table_program(short)).fault(table, 2, 4) is None
    fault = Checker(table_program(replace(short, trace_entries=99))).fault(table, 2, 4)
    assert fault.layer == 0 and "hold" in fault.reason
    with pytest.raises(DoesNotFit, match="100 trace entries, the core has 99"):
        network.layers(replace(short, trace_entries=99))
    big = CoreConfig(trace_entries=1 << 16)
    kinds = ("pre traces", "row list")
    taken = [
        sum(block_rams_by_kind(replace(big, list_rows=rows))[kind] for kind in kinds)
        for rows in (0, 1 << 16, 1 << 14, 1 << 12)
    ]
    assert taken[0] == taken[1] == 4 * taken[2] > 15 * taken[3]
    with pytest.raises(ValueError, match="list_rows is 3: at least 4"):
        replace(big, list_rows=3)
    with pytest.raises(ValueError, match="list_rows is 20: layer after layer"):
        LayerMajor(short)


def test_a_command_says_once_for_each_layer_that_lists_were_full(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = "train --preset smoke --list-rows 20 --target golden --train 20 --test 5 --epochs 1"
    assert driver.main([*words.split(), "--out", "kept"]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert [line[:18] for line in said] == ["warning: layer 0: ", "warning: layer 1: "]
