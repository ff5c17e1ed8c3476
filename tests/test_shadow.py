"""Shadow mode: agreement costs nothing, and a planted fault is named where it was planted."""

import numpy as np
import pytest

from golden.core import Core
from golden.spec.config import PRESETS
from golden.spec.network import Network
from sw import driver
from sw.data import load
from sw.link import GoldenTransport
from sw.model import Model
from sw.run import RunFolder
from sw.shadow import Differs, Shadowed

TINY = PRESETS["tiny"]
NETWORK = Network(sizes=(64, 12, 6, 4), eta=0.02, eta_out=0.02, alpha_post=-0.5, weight_fraction=7)


class Stuck(Core):
    """Neuron 9 of layer 0 has a membrane bit that is wrong in step 2, in every sample."""

    def _run_layer(self, index, layer, *given):
        super()._run_layer(index, layer, *given)
        if index == 0 and self._step == 2:
            self.membranes[2, 1] ^= 4


class Update(Core):
    """The update of layer 1 leaves weight 3, 2 one off, in every sample."""

    def _apply_deferred(self, layer, state, group, visit):
        super()._apply_deferred(layer, state, group, visit)
        if layer.state_base == 3 and group == 0 and self._step == 4:
            self.group_weights(layer, group)[3, 2] ^= 1


class Flip(Core):
    """A weight of layer 0 loses a bit once, after sample 14, by itself."""

    seen = 0

    def sample(self, payload):
        result = super().sample(payload)
        self.seen += 1
        if self.seen == 14:
            self.group_weights(self.layer(0), 1)[5, 3] ^= 0x40  # neuron 7
        return result


@pytest.fixture
def board(tmp_path):
    """A device with a shadow; `board.break_with` puts a fault in it."""
    with Shadowed.beside("golden", TINY, every=25, folder=tmp_path / "difference") as device:
        core = device.channel.transport.device.core
        device.break_with = lambda kind: setattr(core, "__class__", kind)
        yield device


def test_agreement(board, tmp_path):
    samples = load("synthetic", limit=60, steps=5)
    model = Model(NETWORK, board)
    model.fit(samples, load("synthetic", train=False, limit=10, steps=5), epochs=2)
    assert not (tmp_path / "difference").exists()
    assert np.array_equal(model.weights[0], board.twin.read_weights()[0])
    assert not np.array_equal(model.weights[0], NETWORK.initial_weights()[0])


def test_a_membrane_fault_is_named(board, tmp_path):
    model = Model(NETWORK, board)
    board.break_with(Stuck)
    with pytest.raises(Differs, match=r"membrane of layer 0, neuron 9, step 2: -?\d+, not") as e:
        model.fit(load("synthetic", limit=60, steps=5), epochs=1)
    assert (tmp_path / "difference" / "report.txt").read_text().count("\n") >= 2
    saved = np.load(tmp_path / "difference" / "sample.npz")
    assert saved["frames"].shape == (5, 64)
    assert saved["layer0"].shape == (64, 12)
    assert "does not come again" not in str(e.value)


def test_a_fault_of_the_update_is_named(board):
    model = Model(NETWORK, board)
    board.break_with(Update)
    with pytest.raises(Differs, match="weight of layer 1, neuron 2, row 3, step 4:"):
        model.fit(load("synthetic", limit=60, steps=5), epochs=1)


def test_a_fault_that_does_not_come_again_is_told_from_one_that_does(board):
    model = Model(NETWORK, board)
    board.break_with(Flip)
    with pytest.raises(Differs, match="does not come again") as failure:
        model.fit(load("synthetic", limit=60, steps=5), epochs=1)
    assert "layer 0, neuron 7, row 5" in str(failure.value)


def test_a_device_that_forgets_what_was_written(board):
    model = Model(NETWORK, board)
    board.channel.transport.device.core.weights[0, 0] ^= 1
    with pytest.raises(Differs, match="does not hold what was written"):
        model.save("never-written")


def test_the_command(tmp_path, monkeypatch, capsys):
    arguments = "--preset smoke --target golden --shadow golden --train 40 --test 8 --epochs 1"
    command = ["train", *arguments.split(), "--out", str(tmp_path), "--shadow-every", "10"]
    assert driver.main(command) == 0
    made = []
    create = GoldenTransport.__init__

    def broken(self, config, **more):
        create(self, config, **more)
        made.append(self)
        if len(made) == 1:  # the target, not its shadow
            self.device.core.__class__ = Flip

    monkeypatch.setattr(GoldenTransport, "__init__", broken)
    command.append("--force")
    assert driver.main([*command, "--checkpoint-every", "10"]) == 1
    text = capsys.readouterr().err
    assert text.startswith("error: shadow: integer model differs from integer model after ")
    assert "layer 0, neuron 7, row 5" in text
    assert "weights after 10 samples are in" in text
    assert RunFolder(tmp_path).weights()[0].shape == (64, 12)
    assert driver.main([*command, "--shadow-every", "0"]) == 2
