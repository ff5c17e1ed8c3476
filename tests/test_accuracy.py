"""The accuracy bench: it trains what the driver trains, chooses without the test set, keeps what it ran."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.accuracy.__main__ import main
from bench.accuracy.choose import choose, held_out
from bench.accuracy.floats import float_config
from bench.accuracy.jobs import task_of
from bench.accuracy.kept import keep
from bench.accuracy.methods import (
    ETAS,
    METHODS,
    TIMES,
    Outcome,
    Task,
    axes,
    chip,
    train,
)
from bench.results import KEPT, PAGE, filled
from bench.sweep import FOLDS, TYPES, fold, measure, setting_of
from golden.reference import Readouts
from golden.spec.network import Network
from golden.spec.shape import Map
from sw.data import Dataset, Sample
from sw.data.augment import UNCHANGED, Augmentation
from sw.device import Device
from sw.presets import PRESETS
from sw.run import Plan, Trainer

SMOKE = PRESETS["smoke"]
TASK = Task(SMOKE, SMOKE.samples(limit=40), SMOKE.samples(train=False, limit=20), 2)


def test_chip_is_what_the_driver_trains():
    outcome = chip(TASK, {}, 3)
    network = TASK.network(3)
    with Device.open("golden", config=SMOKE.config) as device:
        device.load(network)
        trainer = Trainer(device, TASK.train, TASK.test, Plan(epochs=2, seed=3))
        trainer.run()
        tally = trainer.evaluate(TASK.test, "test")
    assert outcome.accuracy == [epoch.test_accuracy for epoch in trainer.progress.epochs]
    assert outcome.firing_rates == pytest.approx(tally.rates(network))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_the_patterns(method):
    task = replace(TASK, train=SMOKE.samples(limit=120), epochs=3)
    setting = {"frozen": {"spread": 2.0}, "tess": {"eta": 0.01, "epochs": 3}}.get(method, {})
    setting = {"eta": 0.01, "epochs": 3} if method == "bptt" else setting
    outcome = train(task, method, setting, 1)
    assert len(outcome.accuracy) == 3 * setting.get("epochs", 1)
    assert outcome.accuracy[-1] > 0.5 > 0.25
    assert all(0 < rate < 1 for rate in outcome.firing_rates)


def test_learning_beats_frozen_hidden_layers():
    task = replace(TASK, train=SMOKE.samples(limit=120), epochs=3)
    learned, frozen = train(task, "chip", {}, 1), train(task, "frozen", {"spread": 1.0}, 1)
    assert learned.accuracy[-1] > frozen.accuracy[-1]


def test_choosing_holds_training_samples_out():
    parts = held_out(TASK)
    keys = [*parts.train.keys, *parts.test.keys]
    assert sorted(keys) == sorted(TASK.train.keys) and len(set(keys)) == 40
    assert len(parts.test) == 8
    last = held_out(TASK, 20, last=True)
    assert [*last.train.keys, *last.test.keys] == TASK.train.keys[:20] and len(last.test) == 4
    judged = [key for n in range(FOLDS) for key in fold(TASK, n).test.keys]
    assert sorted(judged) == sorted(TASK.train.keys)
    told = []
    setting, scores = choose(replace(parts, epochs=1), "frozen", axes("frozen"), told.append)
    best = max(score["validation"] for score in scores)
    assert {**setting, "validation": best} in scores and len(told) == len(scores)


def test_choosing_climbs_to_the_top(monkeypatch):
    def pretend(task, method, setting, seed):
        height = -abs(math.log10(setting["eta"] / 1e-1)) - abs(setting["epochs"] - 3) / 10
        return Outcome([height], [])

    monkeypatch.setattr("bench.accuracy.choose.train", pretend)
    setting, scores = choose(TASK, "bptt", axes("bptt"), lambda text: None)
    assert setting == {"eta": 1e-1, "epochs": 3}
    tried = [(score["eta"], score["epochs"]) for score in scores]
    assert len(set(tried)) == len(tried) < len(ETAS) * len(TIMES) / 2
    assert {(1e-1, 6), (1e-1, 1), (3e-2, 3), (3e-1, 3)} <= set(tried)
    assert choose(TASK, "chip", axes("chip"), print) == ({}, [])


def test_a_sweep_takes_every_number_and_choice_of_a_network():
    """Fields that declare their bounds were left out once."""
    assert {"eta", "rate_cost", "weight_fraction", "score"} <= set(TYPES)
    assert "sizes" not in TYPES and "train_hidden" not in TYPES


def test_a_sweep_reaches_core_network_samples_and_floating_point():
    def curve(field, value):
        method, setting = setting_of(field, value)
        return method(TASK, setting, 1)

    narrow, preset = curve("weight_bits", 8), curve("weight_bits", 9)
    assert preset.firing_rates == chip(TASK, {}, 1).firing_rates != narrow.firing_rates
    assert curve("rate_cost", 1.0).firing_rates[0] < curve("rate_cost", 0.0).firing_rates[0]
    assert task_of("smoke", None, 8, 4, 3).train.steps == 3
    plain = curve("error", "hard_sigmoid").firing_rates
    assert plain == train(TASK, "online", {}, 1).firing_rates
    assert curve("error", "softmax").firing_rates != plain
    assert curve("error_out", "softmax").firing_rates == plain, "no error travels back"
    point = measure([fold(TASK, n) for n in range(2)], "theta", 0.6, [1, 2])
    assert point["value"] == 0.6 and len(point["by_fold"]) == 2


def stripes(count, seed):
    """Stripes that lie or stand, anywhere on a map."""
    rng, samples = np.random.default_rng(seed), []
    for number in range(count):
        rates = np.where((np.arange(8) + rng.integers(2)) % 2, 0.5, 0.02)
        rates = rates if number % 2 else rates[:, None]
        frames = (rng.random((5, 2, 8, 8)) < rates).reshape(5, -1)
        samples.append(Sample(frames, number % 2, f"{number:03d}"))
    return Dataset("stripes", samples, classes=2, n_inputs=128, steps=5, input_map=Map(2, 8, 8))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_on_maps(method):
    network = {"eta": 0.002, "eta_out": 0.1, "readout_scale": 4.0, "logit_scale": 0.4}
    preset = replace(PRESETS["nmnist-conv"], hidden=("4c3p", "6c3g"), network=network)
    task = Task(preset, stripes(100, 1), stripes(40, 2), 6)
    setting = {"frozen": {"spread": 2.0}, "chip": {}, "online": {}}.get(
        method, {"eta": 0.01, "epochs": 4}
    )
    outcome = train(task, method, setting, 1)
    assert len(outcome.accuracy) == 6 * setting.get("epochs", 1)
    assert outcome.accuracy[-1] >= 0.9
    assert len(outcome.firing_rates) == 2 and all(0 < rate < 1 for rate in outcome.firing_rates)


def test_moved_samples_are_those_of_the_driver():
    preset = replace(PRESETS["nmnist-conv"], hidden=("4c3p",))
    how = Augmentation(mirror=True, crop=3)
    task = Task(preset, stripes(20, 1), stripes(10, 2), 2, how)
    with Device.open("golden", config=preset.config) as device:
        device.load(task.network(3))
        plan = Plan(epochs=2, seed=3, mirror=True, crop=3)
        trainer = Trainer(device, task.train, task.test, plan)
        trainer.run()
        found = trainer.evaluate(task.test, "test").rates(task.network(3))
    outcome = chip(task, {}, 3)
    assert outcome.accuracy == [epoch.test_accuracy for epoch in trainer.progress.epochs]
    assert outcome.firing_rates == pytest.approx(found)
    plain = chip(replace(task, augmentation=UNCHANGED), {}, 3)
    assert plain.firing_rates != outcome.firing_rates


LEARNED = {"classifiers": "learned", "guess": "even", "eta_classifier": 0.1, "tau": 0.1}


@pytest.mark.parametrize("method", ["chip", "online"])
def test_classifiers_learn_on_the_chip_and_in_floating_point(method):
    network = {**LEARNED, "learn_last": 2, "eta": 0.002, "eta_out": 0.02, "init_scale": 1.0}
    changes = {"hidden": ("4c3p", "6c3p"), "network": network, "core": "ulx3s-85f-classifiers"}
    preset = replace(PRESETS["nmnist-conv"], **changes)
    outcome = train(Task(preset, stripes(100, 1), stripes(40, 2), 6), method, {}, 1)
    assert outcome.accuracy[-1] >= 0.9


def test_floating_point_takes_the_same_classifiers():
    how = {**LEARNED, "eta": 0.01, "eta_out": 0.02}
    config = float_config(Network.of_stages((2, 8, 8), ("4c3p", "3c3"), 3, **how), 4)
    assert (config.error, config.error_out) == ("clipped", "clipped")
    assert (config.temperature, config.eta_out) == (0.1, 0.02)
    assert config.readouts == Readouts(start="zero", eta=0.1)
    half = float_config(Network.of_stages((2, 8, 8), ("4c3p",), 3, **{**how, "guess": "half"}), 4)
    assert (half.error, half.eta_out, half.readouts.eta) == ("hard_sigmoid", 0.03, 0.1 * 1.5)


def test_a_price_on_spikes_of_maps_is_refused():
    network = Network.of_stages((2, 8, 8), ("4c3p",), 3, rate_cost=0.1)
    with pytest.raises(ValueError, match="no rate_cost on maps"):
        float_config(network, 4)


def test_a_method_that_runs_again_replaces_its_own(tmp_path):
    path = tmp_path / "smoke.json"
    keep("smoke", {}, {"bptt": {"accuracy": [1]}}, path)
    keep("smoke", {}, {"chip": {"accuracy": [2]}}, path)
    keep("smoke", {}, {"bptt": {"accuracy": [3]}}, path)
    methods = json.loads(path.read_text())["methods"]
    assert list(methods.items()) == [("chip", {"accuracy": [2]}), ("bptt", {"accuracy": [3]})]


def test_seeds_are_added_to_those_that_are_kept(tmp_path):
    path = tmp_path / "smoke.json"

    def row(seeds, accuracy, rate, **other):
        runs = {"accuracy": accuracy, "by_epoch": [[a] for a in accuracy], "firing_rates": [rate]}
        return {
            "chip": {"samples": [9, 3], "epochs": 1, "setting": {}, "seeds": seeds, **runs} | other
        }

    keep("smoke", {}, row([1, 3], [0.1, 0.3], 0.2), path, more=True)
    keep("smoke", {}, row([2, 3], [0.2, 0.4], 0.5), path, more=True)
    kept = json.loads(path.read_text())["methods"]["chip"]
    assert (kept["seeds"], kept["accuracy"]) == ([1, 2, 3], [0.1, 0.2, 0.4])
    assert kept["by_epoch"] == [[0.1], [0.2], [0.4]]
    assert kept["firing_rates"] == [0.4]  # of one run with 0.2, two with 0.5
    for changes, other, said in (
        ({}, {"epochs": 2}, "epochs there 1, here 2"),
        ({"theta": 0.7}, {}, "its network is another"),
    ):
        with pytest.raises(ValueError, match=said):
            keep("smoke", changes, row([4], [0.5], 0.5, **other), path, more=True)
        assert json.loads(path.read_text())["methods"]["chip"] == kept
        beside = json.loads((tmp_path / "smoke.other.json").read_text())
        assert beside["methods"]["chip"]["seeds"] == [4]


def test_fields_of_the_network_are_set(tmp_path, monkeypatch, capsys):
    words = f"--preset smoke --methods chip --quick --set theta=0.7 guess=even --out {tmp_path}/out.json"
    monkeypatch.setattr(sys, "argv", ["bench.accuracy", *words.split()])
    main()
    kept = json.loads((tmp_path / "out.json").read_text())
    assert kept["changes"] == {"theta": 0.7, "guess": "even"}
    assert kept["network"] == {**PRESETS["smoke"].network, "theta": 0.7, "guess": "even"}
    for text, said in (("theta", "FIELD=VALUE"), ("nonsense=1", "FIELD=VALUE")):
        monkeypatch.setattr(sys, "argv", ["bench.accuracy", "--set", text])
        with pytest.raises(SystemExit):
            main()
        assert said in capsys.readouterr().err
    for words, said in (
        (["--set", "theta=0.7"], "need --out"),
        (["--mirror", "--methods", "chip"], "need --out"),
        (["--crop", "2"], "are the chip's: give --methods chip"),
    ):
        monkeypatch.setattr(sys, "argv", ["bench.accuracy", *words])
        with pytest.raises(SystemExit, match=said):
            main()


def test_tables_of_the_page_are_fresh():
    page = PAGE.read_text()
    assert page == filled(page), "run: python -m bench.results"
    for path in KEPT.glob("*.json"):
        assert f"<!-- {path.stem} -->" in page, path


def test_kept_results_are_of_the_presets():
    for path in KEPT.glob("*.json"):
        content = json.loads(Path(path).read_text())
        preset = PRESETS[content["preset"]]
        if "methods" in content:
            network = json.loads(json.dumps(preset.network))  # tuples become lists
            network |= content.get("changes", {})
            assert (content["hidden"], content["network"]) == (list(preset.hidden), network)
            for result in content["methods"].values():
                assert len(result["accuracy"]) == len(result["seeds"])
                ends = [curve[-1] for curve in result["by_epoch"]]
                assert np.allclose(ends, result["accuracy"], atol=1e-4)
