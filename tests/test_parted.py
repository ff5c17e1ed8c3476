"""A network in parts is used like any other: trained, stopped, resumed, on any target, to the same bits."""

import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from golden.part import GoldenParts
from golden.parts import Given
from golden.spec.config import PRESETS
from golden.spec.cutting import cut
from golden.spec.layout import DoesNotFit
from golden.spec.network import Network
from sim.faults import Faults
from sw import driver
from sw.data import load
from sw.device import Channel, Device, DeviceError
from sw.link import GoldenTransport
from sw.model import Model
from sw.parts import Parted, holding
from sw.parts.linked import check_linked
from sw.run import Checkpoint, Every, FileError, RunFolder, Watcher
from tests.test_parts import MAPS, same
from tests.test_restarts import Shaky

ROOT = Path(__file__).parent.parent
CONFIG = replace(PRESETS["tiny"], weight_words=150)
NETWORK = Network(sizes=(64, 18, 30, 4), eta=0.01, eta_out=0.01, seed=3)
DATA, TEST = load("synthetic", limit=12), load("synthetic", limit=6, train=False)
MAPPED = replace(MAPS, classes=4)


def linked(config=CONFIG, when=(), faults=None, memory=None):
    """A device in parts over a link: the integer model, known for nothing but its bytes."""

    def restart(board):
        board.device = GoldenTransport(config, memory=memory).device

    shaky = Shaky(GoldenTransport(config, memory=memory), restart, set(when))
    shaky.faults = faults or Faults()
    return Parted.over(Device(Channel(shaky, tries=60, go_backs=2000)))


def learned(device, network, block, data=DATA):
    """Everything that training and a test leave."""
    device.load(network)
    device.block = block
    device.set_rates(0.7)
    results = [*device.run(list(data), learn=True), *device.run(list(data)[:3], learn=False)]
    counted = {
        n: c for n, c in device.counters().items() if not n.startswith(("cyc", "wait", "turn"))
    }
    results = [replace(result, cycles=0) for result in results]
    return results, device.noise_states, counted, device.read_weights()


def check(one, other):
    """Both are the same."""
    assert one[:3] == other[:3] and same(one[3], other[3])


@pytest.fixture(scope="module")
def modelled():
    """What the compiled integer model leaves."""
    with Device.open("golden", config=CONFIG) as device:
        return learned(holding(device, NETWORK), NETWORK, 5)


def test_it_is_the_model_of_parts(modelled):
    model = GoldenParts(NETWORK, cut(NETWORK, CONFIG), CONFIG)
    assert len(model.parts) == 6
    for core in model.cores:
        core.set_rates(0.7)
    given = [Given(each.frames, each.label) for each in DATA]
    results = model.run(given, learn=True) + model.run(given[:3], learn=False)
    assert results == modelled[0] and same(model.read(), modelled[3])
    with Device.open("golden-numpy", config=CONFIG) as device:
        check(learned(holding(device, NETWORK), NETWORK, 4), modelled)


@pytest.mark.parametrize("block", [1, 5, 100])
def test_over_a_link_it_leaves_the_same_bits(block, modelled):
    with linked() as device:
        check(learned(device, NETWORK, block), modelled)


def test_on_the_simulated_board_it_leaves_the_same_bits(modelled):
    with Device.open("sim", config=CONFIG) as device:
        parted = holding(device, NETWORK)
        check(learned(parted, NETWORK, 6), modelled)
        counted = parted.counters()
        assert counted["cycles"] > counted["rows_both"] + counted["rows_integrate"] > 0


def learns_alike(network, config, block, *, seed):
    """On the simulated board as on the model, random inputs of 6 x 6; the second layer fires."""
    rng = np.random.default_rng(seed)
    data = [sample._replace(frames=rng.random((4, 36)) < 0.3) for sample in list(DATA)[:4]]
    ends = []
    for target in ("golden", "sim"):
        with Device.open(target, config=config) as device:
            ends.append(learned(holding(device, network), network, block, data))
    check(*ends)
    assert ends[0][0][0].spikes[1] > 0


@pytest.mark.parametrize("classifiers", ["signs", "learned"])
def test_maps_in_parts_on_the_simulated_board(classifiers):
    """Channels in tiles, pooled; a flat layer behind a map; classifiers that learn and vote."""
    settings = {"eta": 0.01, "eta_out": 0.05, "theta": 0.1, "seed": 7}
    if classifiers == "learned":
        settings |= {"classifiers": "learned", "score": "all", "guess": "even"}
        settings |= {"eta_classifier": 0.2, "tau": 0.1}
    network = Network.of_stages((1, 6, 6), ("9c3p", "6c3", "7"), 4, **settings)
    config = replace(MAPPED, weight_words=90, neuron_groups=100, trace_entries=250)
    parts = cut(network, config)
    assert any(part.tile and part.last.kind.mapped for part in parts) and len(parts) > 3
    learns_alike(network, config, 3, seed=7)


def test_a_part_that_begins_behind_an_average_on_the_simulated_board():
    """Tiles of a map, and a readout that sees the average of all their channels."""
    network = Network.of_stages((1, 6, 6), ("6c3p", "13c3g"), 4, theta=0.1, eta_out=0.05, seed=8)
    config = replace(MAPPED, weight_words=110)
    parts = cut(network, config)
    assert parts[-1].layers == range(2, 3) and parts[-1].placements[0].averaged == 9
    learns_alike(network, config, 2, seed=8)


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_in_the_middle_of_a_part_changes_nothing(seed, modelled):
    """Frames lost, cut, doubled and changed, both ways, while parts are brought, run and taken away."""
    print("seed", seed)
    faults = Faults(flip=0.01, drop=0.01, cut=0.01, twice=0.01, junk=0.01)
    with linked(faults=faults) as device:
        device.channel.transport.rng = random.Random(seed)
        check(learned(device, NETWORK, 5), modelled)
    assert faults.done > 20


def test_a_board_that_is_restarted_in_the_middle_of_a_part_goes_on():
    ends = []
    for when in ((), (900,), (400, 1500)):
        with linked(when=when) as device:
            model = Model(NETWORK, device)
            model.device.block = 4
            seen = Heard()
            model.fit(DATA, epochs=2, checkpoint_every=Every(samples=5), callbacks=[seen])
            assert len(seen.odd_things) == len(when)
            ends.append((model.weights, model.device.noise_states))
    assert all(same(end[0], ends[0][0]) and end[1] == ends[0][1] for end in ends[1:])


class Heard(Watcher):
    """Keeps what it is told."""

    def __init__(self):
        self.odd_things, self.parts = [], []

    def part(self, number, count):
        self.parts.append((number, count))

    def odd(self, text):
        if "restarted" in text:
            self.odd_things.append(text)


def test_the_watcher_hears_of_parts_and_what_it_raises_loses_nothing(tmp_path):
    class Angry(Heard):
        def part(self, number, count):
            super().part(number, count)
            if len(self.parts) == 8:  # in the middle of the second block
                raise ZeroDivisionError("of the callback")

    ends = []
    for watcher in (Heard(), Angry()):
        with Device.open("golden", config=CONFIG) as device:
            model = Model(NETWORK, device)
            model.device.block = 3
            try:
                model.fit(DATA, epochs=1, callbacks=[watcher])
            except ZeroDivisionError:
                model.resume(DATA)
            assert watcher.parts[:7] == [(number, 6) for number in [*range(6), 0]]
            ends.append((model.weights, model.device.noise_states, model.progress.samples))
    assert same(ends[0][0], ends[1][0]) and ends[0][1:] == ends[1][1:]


QUICK = [
    "train",
    "--preset",
    "smoke",
    "--hidden",
    "18,30",
    "--weight-words",
    "150",
    "--train",
    "20",
]
QUICK += ["--test", "6", "--epochs", "3", "--target", "golden"]


def outcome(path):
    """What a run left, without its clocks."""
    end = Checkpoint.load(RunFolder(path).checkpoint)
    return [w.tolist() for w in end.weights], end.noise_states, len(end.progress.epochs)


def test_train_says_so_and_kill_9_and_resume_lose_nothing(tmp_path, capsys):
    assert driver.main([*QUICK, "--out", str(tmp_path / "whole"), "--verify-golden"]) == 0
    said = capsys.readouterr().out
    assert "in 6 parts, 5 of them tiles of a layer: the core holds one at a time" in said
    assert "the core ulx3s-12f has room: --core ulx3s-12f" in said
    assert "all 1816 weights equal those of the integer model" in said
    code = """
import os, signal, sys
from sw import driver
from sw.parts.linked import LinkedPart
from sw.parts.parted import NativePart
run, count = NativePart.run, []
def killed(self, *args, **how):
    count.append(0)
    if len(count) == 47:  # in mid-block, between two parts
        os.kill(os.getpid(), signal.SIGKILL)
    return run(self, *args, **how)
NativePart.run = killed
driver.main(sys.argv[1:])
"""
    out = tmp_path / "killed"
    command = [*QUICK, "--checkpoint-every", "5", "--out", str(out)]
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert Checkpoint.load(RunFolder(out).checkpoint).progress.samples > 0
    assert driver.main(["train", "--resume", str(out), "--target", "golden-numpy"]) == 0
    assert outcome(out) == outcome(tmp_path / "whole")
    for words in (["evaluate"], ["predict", "0"], ["weights"]):
        name, *rest = words
        assert driver.main([name, "--run", str(out), "--target", "golden", *rest]) == 0


def test_what_does_not_go_in_parts_says_so(tmp_path, capsys):
    for more in (["--shadow", "golden"], ["--boards", "2"]):
        assert driver.main([*QUICK, *more, "--out", str(tmp_path / "a")]) == 2
        assert "needs" in capsys.readouterr().err
    with linked() as device:
        device.load(NETWORK)
        for look in (device.membranes, device.spikes, device.traces):
            with pytest.raises(DeviceError, match="6 parts, which have no step in common"):
                look(0)
        with pytest.raises(DeviceError, match="one part of it at a time"):
            device.attach(NETWORK)
        with pytest.raises(DeviceError, match="2 noise states, and 6 parts"):
            device.noise_states = (1, 2)
        with pytest.raises(ValueError, match="the network takes"):
            device.check(DATA[0]._replace(frames=DATA[0].frames[:, :9]))


def test_what_todays_cores_and_frames_do_not_take():
    vast = Network.of_stages((1, 40, 40), ("48c3", "8c3p"), 4)
    sizes = {"trace_entries": 100_000, "map_pixels": 1600, "neuron_groups": 2000, "lanes": 16}
    board = SimpleNamespace(config=replace(MAPPED, weight_words=8000, **sizes))
    part = next(part for part in cut(vast, board.config) if part.first == 1)
    with pytest.raises(DoesNotFit, match=r"takes in 76800 neurons, the layer table counts 65536;"):
        check_linked(board, vast, part)
    wide = Network(sizes=(64, 5000, 14, 4))
    with linked(
        replace(CONFIG, trace_entries=5300, weight_words=5100, neuron_groups=1260)
    ) as device:
        assert any(part.inputs == 5000 for part in cut(wide, device.config))
        with pytest.raises(
            DoesNotFit, match=r"a step takes 632 bytes, 508 fit in a frame; .* larger frame_bytes"
        ):
            device.load(wide)


def test_a_part_whose_sums_need_more_than_32_bits_runs_in_numpy():
    network = Network(sizes=(600, 9, 4), input_bits=8, eta=0.001)
    wide = {"weight_bits": 16, "input_bits": 8, "trace_entries": 700, "weight_words": 800}
    with Device.open("golden", config=replace(CONFIG, **wide)) as device:
        model = Model(network, device)
        kinds = [type(run).__name__ for run in model.device._runs]
        assert kinds == ["GoldenPart"] * 3 + ["NativePart"]
        frames = np.full((2, 600), -128, np.int8)
        assert model.predict([frames]).shape == (1,)


def test_a_network_that_fits_is_not_cut():
    network = Network(sizes=(64, 8, 4))
    with Device.open("golden", config=CONFIG) as device:
        assert holding(device, network) is device
        assert Model(network, device).device is device


def test_summary_and_saving(tmp_path):
    with Device.open("golden", config=CONFIG) as device:
        model = Model(NETWORK, device)
        model.fit(DATA, TEST, epochs=1)
        assert "1816 weights of 9 bits, in 6 parts of at most" in model.summary()
        model.save(tmp_path / "kept.safetensors")
        scores = model.scores(list(TEST))
    with linked() as device:
        again = Model.load(tmp_path / "kept.safetensors", device)
        assert np.array_equal(again.scores(list(TEST)), scores)
        assert same(again.weights, model.weights)
        assert os.path.getsize(tmp_path / "kept.safetensors") > 2 * 1816


def test_a_checkpoint_of_other_parts_is_refused(tmp_path):
    """As many parts may be cut elsewhere, which ends with other bits."""
    with linked() as device:
        device.load(NETWORK)
        Checkpoint.of(device).save(tmp_path / "kept.safetensors")
        kept = Checkpoint.load(tmp_path / "kept.safetensors")
        kept.restore(device)
        assert kept.cut == device.cut == tuple(map(str, cut(NETWORK, CONFIG)))
        for other in ((), kept.cut[1:] + kept.cut[:1]):
            with pytest.raises(FileError, match=r"here it runs in parts .layer 0, neurons 0"):
                replace(kept, cut=other).restore(device)
