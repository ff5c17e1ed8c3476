"""Classifiers that learn: their weights go wherever weights go, to the same bits."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from golden.core import Core
from golden.layer_major import LayerMajor
from golden.spec.config import CoreConfig
from golden.spec.fpga import TARGETS
from golden.spec.layout import DoesNotFit
from golden.spec.memory_map import bits_by_kind
from golden.spec.network import Network
from golden.spec.packing import pack_classifier, unpack_classifier
from golden.spec.weights import Weights
from sw import driver
from sw.device import Device, DeviceError
from sw.interchange.files import Trained
from sw.model import Model
from sw.planning import Shape, make_plan, parse
from sw.run import Checkpoint, Every, Plan, RunFolder, Trainer
from sw.run.training import differences
from sw.shadow import Differs, Shadowed
from tests.test_convolution import CORE as SIGNS_CORE
from tests.test_convolution import bars

ROOT = Path(__file__).parent.parent
CORE = replace(SIGNS_CORE, classifier_groups=36)
SETTINGS = {"classifiers": "learned", "guess": "even", "learn_last": 1}
NETWORK = Network.of_stages((2, 6, 6), ("5c3p", "6c3"), 3, theta=0.2, eta_out=0.05, **SETTINGS)
SHAPES = {0: (3, 9 * 5), 1: (3, 9 * 6)}
QUICK = [
    *("train", "--target", "golden", "--data", "nmnist", "--pool", "4", "--steps", "4"),
    *("--hidden", "5c3p,6c3", "--classifiers", "learned", "--theta", "0.2", "--learn-last", "1"),
    *("--core", "tiny", "--classes", "16", "--map-pixels", "81", "--neuron-groups", "256"),
    *("--trace-entries", "1024", "--weight-words", "2048", "--classifier-groups", "64"),
    *("--train", "24", "--test", "6", "--epochs", "2"),
]


@pytest.fixture
def device():
    """A golden device with the network."""
    with Device.open("golden", config=CORE) as opened:
        opened.load(NETWORK)
        yield opened


@pytest.fixture
def board(tmp_path):
    """A device with a shadow."""
    with Shadowed.beside("golden", CORE, every=5, folder=tmp_path / "difference") as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing stopped."""
    path = tmp_path_factory.mktemp("whole") / "a"
    assert driver.main([*QUICK, "--out", str(path)]) == 0
    return path


def core_of(device: Device) -> Core:
    """The integer model behind a golden device."""
    return device.channel.transport.device.core


def same(one: Weights, two: Weights) -> bool:
    """All layers and all classifiers are equal."""
    pairs = zip(one.named(), two.named(), strict=True)
    return all(a == b and np.array_equal(x, y) for (a, x), (b, y) in pairs)


def noise(seed: int) -> dict[int, np.ndarray]:
    """Classifiers that use all their bits."""
    rng = np.random.default_rng(seed)
    return {at: rng.integers(-(2**15), 2**15, shape, np.int32) for at, shape in SHAPES.items()}


def outcome(path):
    """All that a run has learned."""
    end = Checkpoint.load(RunFolder(path).checkpoint)
    return [(name, w.tolist()) for name, w in end.weights.named()], end.noise_state


def test_a_network_learns_with_them(device):
    assert {at: w.shape for at, w in device.read_weights().classifiers.items()} == SHAPES
    model, test = Model(NETWORK, device), bars(30, 2)
    assert not any(w.any() for w in model.weights.classifiers.values())
    model.fit(bars(60, 1), epochs=4)
    assert all(w.any() for w in model.weights.classifiers.values())
    assert np.mean(model.predict(test) == test.labels) >= 0.8


def test_words_are_those_of_the_core(device):
    """Channels are 5 and 6, lanes 4: of 8 lanes to a cell, 3 and 2 are idle and stay zero."""
    given = noise(1)
    device.write_weights(Weights(NETWORK.initial_weights(), given))
    core = core_of(device)
    for at, channels in ((0, 5), (1, 6)):
        lanes = core.classifier_weights(device.layers[at]).reshape(3, 9, 8)
        assert np.array_equal(lanes[:, :, :channels].reshape(3, -1), given[at])
        assert not lanes[:, :, channels:].any()
    assert same(device.read_weights(), Weights(NETWORK.initial_weights(), given))


@pytest.mark.parametrize("lanes", [1, 2, 5, 16])
def test_packing_and_back(lanes):
    config, given = replace(CORE, lanes=lanes), noise(lanes)
    for at, placement in enumerate(NETWORK.placements(config)[:2]):
        words = pack_classifier(given[at], placement, config)
        assert words.shape == (placement.latent_groups * 8, lanes)
        assert np.array_equal(unpack_classifier(words, 3, placement, config), given[at])


def test_a_load_begins_with_zeros(device):
    device.write_weights(Weights(NETWORK.initial_weights(), noise(2)))
    device.load(NETWORK)
    assert not core_of(device).classifiers.any()
    device.write_weights(Weights(NETWORK.initial_weights(), noise(2)))
    device.load(NETWORK, list(NETWORK.initial_weights()))
    assert not core_of(device).classifiers.any()


def test_attach_writes_nothing(device):
    given = Weights(NETWORK.initial_weights(), noise(3))
    device.write_weights(given)
    device.attach(NETWORK)
    assert same(device.read_weights(), given)


def test_weights_of_another_network(device):
    layers = NETWORK.initial_weights()
    with pytest.raises(DeviceError, match=r"classifier of layer 1 is \(3, 7\): the network has"):
        device.write_weights(Weights(layers, {1: np.zeros((3, 7), np.int32)}))
    with pytest.raises(DeviceError, match="classifier of layer 0: weights of 0 to 40000, 16 bits"):
        device.write_weights(
            Weights(layers, {0: np.full((3, 45), 40000) * np.eye(3, 45, dtype=int)})
        )
    signs = replace(NETWORK, classifiers="signs")
    device.load(signs, Weights(layers, noise(4)))  # training goes on with signs
    assert device.read_weights().classifiers == {}


def test_nothing_moves_where_nothing_is_learned(device):
    model, samples = Model(NETWORK, device), bars(12, 1)
    model.fit(samples, epochs=1)
    before = model.weights
    assert device.layers[0].classifier_rate
    list(device.step_through(samples[0]))  # with traces on
    list(device.run(list(samples), learn=False))
    assert same(model.weights, before)
    table = core_of(device).table
    device.set_rates(0.5)
    half = [layer.classifier_rate for layer in NETWORK.layers(CORE, 0.5)]
    assert [core_of(device).layer(at).classifier_rate for at in range(3)] == half
    assert half[0] == pytest.approx(NETWORK.layers(CORE)[0].classifier_rate / 2, abs=1)
    assert table is core_of(device).table


def test_half_way_and_on_is_the_whole_way(tmp_path):
    samples, file = bars(30, 1), tmp_path / "model.safetensors"
    with Device.open("golden", config=CORE) as device:
        model = Model(NETWORK, device)
        model.fit(samples, epochs=3)
        end = model.weights
    with Device.open("golden", config=CORE) as device:
        model = Model(NETWORK, device)
        model.fit(samples, epochs=3, until=1)
        model.save(file)
    with Device.open("golden", config=CORE) as device:
        model = Model.load(file, device)
        model.resume(samples, checkpoint_every=Every(samples=7))
        assert same(model.weights, end)


def test_kill_9_in_mid_epoch(whole, tmp_path, capsys):
    code = """
import os, signal, sys
from sw import driver
from sw.cli.progress import TerminalWatcher
seen = []
def sample(self, tally):
    seen.append(tally.samples)
    if seen.count(17) == 2:  # epoch 2: the test passes have only 6 samples
        os.kill(os.getpid(), signal.SIGKILL)
TerminalWatcher.sample = sample
driver.main(sys.argv[1:])
"""
    command = [
        sys.executable,
        "-c",
        code,
        *QUICK,
        "--checkpoint-every",
        "5",
        "--out",
        str(tmp_path),
    ]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    middle = Checkpoint.load(RunFolder(tmp_path).checkpoint)
    assert middle.progress.tally.samples == 15
    assert all(w.any() for w in middle.weights.classifiers.values())
    resume = ["train", "--resume", str(tmp_path), "--target", "golden", "--verify-golden"]
    assert driver.main(resume) == 0
    assert "bit for bit" in capsys.readouterr().out
    assert outcome(tmp_path) == outcome(whole)


def test_verification_looks_at_them(device):
    samples = bars(10, 1)
    trainer = Trainer(device, samples, None, Plan(epochs=1))
    trainer.run()
    end = Checkpoint.of(device, plan=trainer.plan, progress=trainer.progress)
    assert differences(end, NETWORK.initial_weights(), trainer) == []
    end.weights.classifiers[1][2, 30] ^= 1
    found = differences(end, NETWORK.initial_weights(), trainer)
    assert found == ["classifier of layer 1: 1 of 162 weights differ"]


def test_files(whole, tmp_path, capsys):
    tensors = load_file(RunFolder(whole).checkpoint)
    shapes = {name: tensors[name].shape for name in tensors if name.startswith("classifier")}
    assert shapes == {"classifier_0": (10, 80), "classifier_1": (10, 96)}
    assert tensors["classifier_0"].dtype == np.int16
    kept = Weights(NETWORK.initial_weights(), noise(5))
    Checkpoint(weights=kept, noise_state=1, network=NETWORK, core=CORE).save(tmp_path / "a")
    assert same(Checkpoint.load(tmp_path / "a").weights, kept)
    file = tmp_path / "weights.npz"
    assert driver.main(["weights", "--run", str(whole), "--export", str(file)]) == 0
    assert "classifier of layer 0: 10 x 80" in capsys.readouterr().out
    assert np.array_equal(np.load(file)["classifier_0"], tensors["classifier_0"])


def test_a_run_begins_where_another_ended(whole, tmp_path):
    command = [*QUICK, "--from", str(whole), "--epochs", "1", "--until", "0", "--out"]
    assert driver.main([*command, str(tmp_path / "b")]) == 0
    assert outcome(tmp_path / "b")[0] == outcome(whole)[0]


@pytest.mark.parametrize("name", ["net.npz", "net.safetensors"])
def test_exports_leave_them_out(whole, tmp_path, name):
    Trained.of_run(whole).save(tmp_path / name)
    back = Trained.load(tmp_path / name)
    assert back.weights.classifiers == {} and len(back.weights) == 3
    with Device.open("golden", config=back.core) as device:
        device.load(back.network, back.weights)
        assert not core_of(device).classifiers.any()


class Stuck(Core):
    """The classifier of layer 1 has a wrong bit at class 2, latent 13, in step 3 of every sample."""

    def _classify(self, layer, errors, signals, counts):
        found = super()._classify(layer, errors, signals, counts)
        if layer.classifier_base:
            weights = self.classifier_weights(layer)
            weights[2, 17] ^= 64  # cell 2, channel 1: 8 lanes to a cell
            self.keep_classifier(layer, weights)
        return found


class Flip(Core):
    """A weight of the classifier of layer 0 loses a bit once, after sample 7."""

    seen = 0

    def sample(self, payload):
        result = super().sample(payload)
        self.seen += 1
        if self.seen == 7:
            weights = self.classifier_weights(self.layer(0))
            weights[1, 8] ^= 512  # cell 1, channel 0
            self.keep_classifier(self.layer(0), weights)
        return result


def test_a_shadow_agrees(board, tmp_path):
    model = Model(NETWORK, board)
    model.fit(bars(12, 1), epochs=1)
    assert model.weights.classifiers[0].any()
    assert not (tmp_path / "difference").exists()


def test_a_shadow_names_a_fault_by_class_and_latent(board, tmp_path):
    model = Model(NETWORK, board)
    core_of(board).__class__ = Stuck
    fault = "classifier weight of layer 1, class 2, latent 13, step 3: -?[0-9]+, not"
    with pytest.raises(Differs, match=fault):
        model.fit(bars(12, 1), epochs=1)
    saved = np.load(tmp_path / "difference" / "sample.npz")
    assert saved["classifier_0"].shape == (3, 45) and saved["layer0"].shape == (18, 5)


def test_a_shadow_finds_a_bit_that_flipped(board):
    model = Model(NETWORK, board)
    core_of(board).__class__ = Flip
    with pytest.raises(Differs, match="does not come again") as failure:
        model.fit(bars(12, 1), epochs=1)
    assert "classifier weight of layer 0, class 1, latent 5" in str(failure.value)


def test_a_core_without_room_says_by_how_much(capsys):
    short = replace(CORE, classifier_groups=30)
    with pytest.raises(DoesNotFit, match=r"needs 36 groups of 4 latents .* has 30 \(6 too many\)"):
        NETWORK.layers(short)
    command = QUICK.copy()
    at = command.index("--classifier-groups")
    del command[at : at + 2]
    assert driver.main(command) == 2
    text = capsys.readouterr().err
    assert "the core has 0" in text and "classifiers signs" in text
    assert "build with a larger classifier_groups" in text


def test_settings_that_contradict_each_other(capsys):
    with pytest.raises(ValueError, match="classifier_groups is 4: only a core that learns and has"):
        CoreConfig(classifier_groups=4)
    with pytest.raises(ValueError, match="use 0"):
        replace(CORE, learning=0)
    with pytest.raises(ValueError, match="no layer is a convolution"):
        Network(sizes=(64, 12, 4), classifiers="learned")
    with pytest.raises(ValueError, match="signs or learned"):
        replace(NETWORK, classifiers="random")
    assert driver.main(["train", "--target", "golden", "--classifier-groups", "4"]) == 2
    assert "map_pixels" in capsys.readouterr().err


def test_updates_at_the_end_of_a_sample_are_for_signs():
    core = LayerMajor(CORE)
    words = NETWORK.layers(CORE)[0].encode()
    core.table[0] = words[: core.table.shape[1]]
    with pytest.raises(ValueError, match="layer 0: its classifier learns in every step"):
        core.layer(0)


def test_the_planner_counts_them():
    shape = replace(parse("2x34x34:16c3p-32c3p-10"), learned=True)
    assert Shape.of(NETWORK).learned and not parse("578-96-10").learned
    plan = make_plan(shape, TARGETS["ulx3s-85f"])
    groups, lanes = plan.config.classifier_groups, plan.config.lanes
    assert groups >= sum(cells * -(-n // lanes) for cells, n in ((9, 16), (16, 32)))
    with_them, without = (
        bits_by_kind(plan.config),
        bits_by_kind(replace(plan.config, classifier_groups=0)),
    )
    assert with_them["classifiers"] == groups * 16 * lanes * 16  # 10 classes take 16 words
    assert with_them["latents"] - without["latents"] == groups * lanes * 11  # up to 1156 pixels
    assert "classifiers" not in without


def test_the_command_plan(capsys):
    assert driver.main(["plan", "2x34x34:16c3p-32c3p-10", "--classifiers", "learned"]) == 0
    text = capsys.readouterr().out
    assert "\n classifiers " in text
