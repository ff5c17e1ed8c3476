"""All layers of a network in parts, looked at together: on a model with room for it, with the same spikes."""

from dataclasses import replace

import numpy as np
import pytest

from golden.spec.cutting import cut
from golden.spec.layout import DoesNotFit
from golden.spec.room import with_room
from sw import driver
from sw.data import Sample
from sw.device import Device
from sw.parts import holding, model_core
from sw.run import RunFolder
from tests.test_parted import QUICK
from tests.test_parts import drawn


def classified(network, core, weights, samples):
    """Results of samples, cycles apart, with the spikes of the network's own layers; and the device."""
    device = holding(Device.open("golden", config=core), network)
    device.load(network, weights)
    layers, results = len(network.hidden), device.run(samples, learn=False)
    return [replace(r, cycles=0, spikes=r.spikes[:layers]) for r in results], device


@pytest.mark.parametrize("seed", range(14))
@pytest.mark.parametrize("maps", [False, True], ids=["flat", "maps"])
def test_all_neurons_fire_alike(seed, maps):
    network, core, given = drawn(seed, maps)
    samples = [Sample(each.frames, each.label, "") for each in given]
    try:
        room = model_core(network, core)
    except DoesNotFit as error:
        assert network.score == "all" and len(cut(network, core)) > 1 and "vote" in str(error)
        return
    trained = holding(Device.open("golden", config=core), network)
    top = (1 << core.weight_bits - 1) - 1
    trained.load(network, [np.clip(w, -top, top) for w in network.initial_weights()])
    list(trained.run(samples, learn=True))
    weights = trained.read_weights()
    in_parts, _ = classified(network, core, weights, samples)
    together, device = classified(network, room, weights, samples)
    assert together == in_parts
    assert room == core if len(cut(network, core)) == 1 else type(device) is Device
    assert any(sum(result.spikes) for result in together)


def test_what_no_address_reaches_is_said():
    network, core, _ = drawn(1, False)
    vast = replace(network, sizes=(60_000, 600, network.classes))
    with pytest.raises(DoesNotFit, match=r"no core holds it whole.*weight_words"):
        with_room(vast, core)


def test_a_run_in_parts_has_a_report_a_graph_and_a_probe(tmp_path, capsys):
    out, graph = tmp_path / "run", tmp_path / "n.nir"
    assert driver.main([*QUICK, "--out", str(out)]) == 0
    capsys.readouterr()
    assert driver.main(["evaluate", "--run", str(out)]) == 0
    accuracy = capsys.readouterr().out.partition("(")[2].partition(")")[0]
    assert driver.main(["report", str(out)]) == 0
    assert f"{accuracy.replace('of 6', 'of 6 test')} samples right" in capsys.readouterr().out
    assert driver.main(["probe", "--run", str(out), "--target", "golden", "0"]) == 0
    assert "spikes of layer 1, neurons down" in capsys.readouterr().out
    assert driver.main(["export", str(out), "--to", str(graph)]) == 0
    assert driver.main(["verify", str(graph)]) == 0
    assert driver.main(["import", str(graph), "--out", str(tmp_path / "again")]) == 0
    capsys.readouterr()
    assert driver.main(["evaluate", "--run", str(tmp_path / "again")]) == 0
    assert accuracy in capsys.readouterr().out
    weights = [RunFolder(tmp_path / name).weights() for name in ("run", "again")]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
