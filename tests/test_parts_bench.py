"""What bench.parts counts and says."""

import argparse
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from bench.parts import accuracy, board, bptt, crossing, vgg
from golden.spec.cutting import cut
from golden.spec.network import Network
from golden.spec.shape import VGG9
from sw.data import load
from sw.presets import PRESETS
from tests.test_parted import CONFIG, MAPPED, NETWORK


@pytest.mark.parametrize(("shape", "classes", "steps", "macs"), [
    ((2, 32, 32), 11, 20, 12_080e6), ((3, 32, 32), 10, 6, 3_624e6),
])  # fmt: skip
def test_errors_of_bptt_take_the_macs_that_the_paper_says(shape, classes, steps, macs):
    """Table III of arXiv 2502.01837: 12,080 and 3,624 millions."""
    network = Network.of_stages(shape, VGG9, classes, **vgg.SETTINGS)
    layers = network.placements(vgg.CORE)
    assert steps * sum(map(bptt._synapses, layers[1:])) == pytest.approx(macs, rel=0.001)
    parts = cut(network, vgg.CORE)
    assert sum(part.words for part in parts) * vgg.CORE.lanes >= 9.2e6 and len(parts) == 163


def test_a_row_is_what_was_counted():
    samples = load("synthetic", limit=3)
    network = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)
    found = bptt.row(network, PRESETS["smoke"].config, samples)
    assert found.bptt_bytes == samples.steps * 12 * 17 / 8 and found.spike_bytes == 0
    assert found.part_bytes == found.learning_bytes
    assert (
        found.bptt_macs == samples.steps * 12 * 4
        and found.signal_macs == 2 * samples.steps * 4 * 12
    )
    assert found.updates > 0 and found.gradients > 0


def test_fields_of_a_network_are_read():
    found = accuracy.fields(["eta=0.001,0.002", "logit_scale=0.4", "learn_last=2"])
    assert found == {"eta": (0.001, 0.002), "logit_scale": 0.4, "learn_last": 2}


def test_parts_and_whole_are_trained_on_the_same():
    words = {"preset": "smoke", "hidden": "40", "root": None, "train": 8, "test": 4, "epochs": 1}
    options = argparse.Namespace(
        **words, held_out=False, set=["eta=0.005"], whole_set=[], core_set=[]
    )
    parts, whole = (accuracy.train(way, options, 1) for way in ("parts", "whole"))
    assert (parts["parts"], whole["parts"]) == (5, 1)
    assert parts["name"] == whole["name"] == "64-40-4" and len(parts["accuracy"]) == 1
    options.core_set = ["weight_words=1024", "neuron_groups=32"]
    assert accuracy.train("parts", options, 1)["parts"] == 1


def test_the_last_fifth_of_the_training_samples_judges_when_held_out():
    options = argparse.Namespace(root=None, train=10, test=4, held_out=True)
    learn, judge = accuracy.samples_of(PRESETS["smoke"], options, 1)
    all_of_them = PRESETS["smoke"].samples(limit=10, seed=1)
    assert len(learn) == 8 and len(judge) == 2
    for index, sample in enumerate([*learn, *judge]):
        np.testing.assert_array_equal(sample.frames, all_of_them[index].frames)


def test_a_sample_on_the_simulated_board_is_held_against_the_model():
    """A small relative of VGG-9 in parts: bits, cycles near the plan; what differs is named."""
    network = Network.of_stages((1, 6, 6), ("6c3p", "13c3g"), 4, theta=0.1, eta_out=0.05, seed=8)
    core, rng = replace(MAPPED, weight_words=110), np.random.default_rng(8)
    sample = load("synthetic", limit=1)[0]._replace(frames=rng.random((9, 36)) < 0.5)
    said = io.StringIO()
    board.tell_board(network, sample, core, 50, Console(file=said, width=200))
    text = said.getvalue()
    assert "every weight, noise state, counter and result is the integer model's" in text
    assert abs(float(re.search(r"as counted, .* M \((.*)%\)", text)[1])) < 20
    model, _ = board.modelled(network, sample, core)
    other = replace(model, noise_states=(), counted=model.counted | {"updates": -1, "cycles": 5})
    assert model.differs(model) == [] and model.differs(other) == ["updates", "noise states"]


def test_vgg9_with_fewer_channels():
    assert vgg.narrow(1) == VGG9
    assert vgg.narrow(8)[1:4] == ("16c3p", "32c3", "32c3p") and vgg.narrow(4)[-1] == "128c3g"


def test_parts_on_the_board_take_less_of_the_link(monkeypatch):
    samples = list(load("synthetic", limit=4))
    found = crossing.compare(NETWORK, samples, 2, CONFIG)
    names = ["a block that learns", "a block, learning off", "reading all weights"]
    assert [cost.what for cost in found["host"]] == names
    assert [cost.what for cost in found["board"]] == [*names, "copying all parts both ways"]
    for host, mine in zip(found["host"][:2], found["board"][:2], strict=True):
        assert mine.sent < host.sent and mine.core == host.core > 0
        assert mine.cycles < host.cycles
    assert not found["host"][2].sent and found["board"][2].received > 2 * 1816
    learn = crossing.learn

    def other(target, *given):
        weights, states, costs = learn(target, *given)
        return weights, states[::-1] if target == "sim" else states, costs

    monkeypatch.setattr(crossing, "learn", other)
    with pytest.raises(SystemExit, match="parts in the host leave other bits"):
        crossing.compare(NETWORK, samples, 2, CONFIG)
