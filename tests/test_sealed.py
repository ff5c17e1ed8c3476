"""Checkpoints and weights: a flipped bit is refused, wherever it is, with the name of the file."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from golden.spec.config import PRESETS as CORES
from golden.spec.network import Network
from sw import driver
from sw.data import DataError, load
from sw.data.dataset import Dataset
from sw.device import Device
from sw.interchange.files import Trained
from sw.model import Model
from sw.run import Checkpoint, FileError, Plan, RunFolder
from sw.run.checkpoint import digest
from sw.run.sealed import FORMAT, SUM, UNCHECKED, load_weights, seal

NETWORK = Network(sizes=(16, 4, 2), eta=0.01, eta_out=0.01)
QUICK = ["train", "--target", "golden", "--preset", "smoke", "--train", "20", "--test", "8"]
QUICK += ["--epochs", "1"]


class File:
    """A path whose file is in memory."""

    def __init__(self, data):
        self.data = data

    def read_bytes(self):
        return self.data

    def __str__(self):
        return "the/file"


@pytest.fixture
def checkpoint(tmp_path):
    """A small checkpoint."""
    path = tmp_path / "a.safetensors"
    Checkpoint(
        weights=NETWORK.initial_weights(),
        noise_state=5,
        network=NETWORK,
        core=CORES["tiny"],
        plan=Plan(),
        config={"data": {"name": "synthetic"}},
    ).save(path)
    return path


def test_every_bit(checkpoint):
    data = checkpoint.read_bytes()
    load_weights(File(data))
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FileError, match=r"^the/file: "):
            load_weights(File(bytes(flipped)))


@pytest.mark.parametrize("part", [slice(0, -1), slice(1, None), slice(0, 0), slice(0, 60)])
def test_bytes_that_are_missing(part, checkpoint):
    with pytest.raises(FileError, match=r"^the/file: "):
        load_weights(File(checkpoint.read_bytes()[part]))


def test_bytes_that_are_too_many_or_in_another_order(checkpoint):
    data = checkpoint.read_bytes()
    for wrong in (data + b"\0", data[:-8] + data[-4:] + data[-8:-4], data * 2):
        with pytest.raises(FileError, match=r"^the/file: "):
            load_weights(File(wrong))


def test_other_tools_read_it(checkpoint):
    from safetensors.numpy import load_file

    assert np.array_equal(load_file(checkpoint)["layer0.weight"], NETWORK.initial_weights()[0])


def test_a_field_that_looks_like_the_checksum(tmp_path):
    """Strings in the metadata may hold anything, also quotes and zeros."""
    zeros = f'"{SUM}":"{"0" * 64}"'
    kept = Checkpoint(
        weights=NETWORK.initial_weights(),
        noise_state=0,
        network=NETWORK,
        core=CORES["tiny"],
        config={SUM: "0" * 64, "words": zeros},
    )
    kept.save(tmp_path / "a")
    assert Checkpoint.load(tmp_path / "a").config == kept.config


@pytest.fixture
def old(tmp_path):
    """A checkpoint as earlier versions wrote it."""
    path = tmp_path / "run" / "weights.safetensors"
    path.parent.mkdir()
    new = tmp_path / "new"
    Checkpoint(
        weights=NETWORK.initial_weights(), noise_state=5, network=NETWORK, core=CORES["tiny"]
    ).save(new)
    weights, metadata = load_weights(new)
    tensors = {f"layer{i}.weight": w.astype(np.int16) for i, w in enumerate(weights)}
    save_file(tensors, path, {**metadata, "format": UNCHECKED})
    return path


def test_files_without_a_checksum_say_how_to_go_on(old, capsys):
    with pytest.raises(FileError, match="earlier version, without a checksum") as caught:
        Checkpoint.load(old)
    words = re.search(r"give it one: (.*)$", str(caught.value))[1].split()
    assert driver.main(words) == 0
    assert "has a checksum now" in capsys.readouterr().out
    assert Checkpoint.load(old).noise_state == 5
    assert load_weights(old)[1]["format"] == FORMAT
    assert not seal(old)
    assert driver.main(["runs", "--seal", str(old.parent)]) == 0
    assert "has a checksum already" in capsys.readouterr().out


def test_a_file_of_another_tool_is_not_taken_for_an_old_one(tmp_path):
    save_file({"layer0.weight": np.zeros((2, 2), np.int16)}, tmp_path / "a")
    with pytest.raises(FileError, match="no checksum in it"):
        load_weights(tmp_path / "a")
    with pytest.raises(FileError, match="no checksum in it"):
        seal(tmp_path / "a")


def test_damage_is_not_sealed(checkpoint):
    data = bytearray(checkpoint.read_bytes())
    data[-1] ^= 4
    checkpoint.write_bytes(data)
    with pytest.raises(FileError, match="its checksum is wrong"):
        seal(checkpoint)


@pytest.mark.parametrize(
    "command", ["evaluate --run RUN", "train --resume RUN", "weights --run RUN"]
)
def test_commands_refuse_damaged_weights(command, tmp_path, capsys):
    out = tmp_path / "run"
    assert driver.main([*QUICK, "--out", str(out)]) == 0
    path = RunFolder(out).checkpoint
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    assert driver.main(command.replace("RUN", str(out)).split()) == 1
    assert f"error: {path}: damaged" in capsys.readouterr().err


def test_a_configuration_that_is_not_that_of_the_weights(tmp_path, capsys):
    """config.json has no checksum; what the weights say of it has."""
    out = tmp_path / "run"
    assert driver.main([*QUICK, "--out", str(out)]) == 0
    good = (out / "config.json").read_text()
    for old, new in (
        ('"theta": 0.6', '"theta": 0.7'),
        ('"lanes": 4', '"lanes": 2'),
        ("tic", "tik"),
    ):
        assert old in good
        (out / "config.json").write_text(good.replace(old, new))
        with pytest.raises(FileError, match=r"config\.json: not what the weights beside it say"):
            RunFolder(out).weights()
    assert driver.main(["train", "--resume", str(out), "--target", "golden"]) == 0
    assert driver.main(["evaluate", "--run", str(out)]) == 0
    kept = json.loads(good)
    assert json.loads((out / "config.json").read_text())["network"] == kept["network"]


def changed(which, samples):
    """The samples with one thing changed."""
    frames = [s.frames.copy() for s in samples]
    labels, keys = [s.label for s in samples], [s.key for s in samples]
    if which == "a frame of sample 7":
        frames[7][2, 5] ^= True
    elif which == "the last frame of all":
        frames[-1][-1, -1] ^= True
    elif which == "a label":
        labels[9] = (labels[9] + 1) % samples.classes
    elif which == "a name":
        keys[3] = "other"
    elif which == "two samples swapped":
        frames[4], frames[5] = frames[5], frames[4]
    made = zip(frames, labels, keys, strict=True)
    return Dataset(samples.name, made, **samples.facts)


CHANGES = [
    "a frame of sample 7",
    "the last frame of all",
    "a label",
    "a name",
    "two samples swapped",
]


@pytest.mark.parametrize("which", CHANGES)
def test_resume_notices_other_samples(which, tmp_path):
    samples = load("synthetic", limit=16, steps=5)
    assert digest(changed("nothing", samples)) == digest(samples)
    with Device.open("golden", config=CORES["tiny"]) as device:
        model = Model(Network(sizes=(64, 12, 4)), device)
        model.fit(samples, epochs=2, until=1)
        with pytest.raises(DataError, match=r"not the .* samples training began with"):
            model.resume(changed(which, samples))


def test_a_digest_of_an_earlier_version_says_so(tmp_path):
    samples = load("synthetic", limit=16, steps=5)
    with Device.open("golden", config=CORES["tiny"]) as device:
        model = Model(Network(sizes=(64, 12, 4)), device)
        model.fit(samples, epochs=2, until=1)
        model.save(tmp_path / "a")
        old = replace(Checkpoint.load(tmp_path / "a"), samples="0123456789abcdef")
        with pytest.raises(DataError, match="earlier version, which did not note all samples"):
            Model.from_checkpoint(old, device).resume(samples)


def test_a_path_object_is_all_it_needs(checkpoint):
    assert load_weights(Path(checkpoint))[1]["noise_state"] == "5"


def test_every_bit_of_an_exported_npz(tmp_path):
    """Refused, or it changes nothing that is read: a zip has dates and such."""
    path, data = tmp_path / "a.npz", {"name": "synthetic"}
    network = replace(NETWORK, seed=3)
    kept = Trained(network, CORES["tiny"], network.initial_weights(), data)
    kept.save(path)
    good, refused = path.read_bytes(), 0
    bits = range(0, 8 * len(good), 7)
    for bit in bits:
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            found = Trained.load(path)
        except FileError as error:
            assert str(error).startswith(f"{path}: ")
            refused += 1
            continue
        assert (found.network, found.core, found.data) == (kept.network, kept.core, kept.data)
        assert all(np.array_equal(*pair) for pair in zip(found.weights, kept.weights, strict=True))
    assert refused > 0.7 * len(bits)


def test_an_npz_of_an_earlier_version_is_to_be_exported_again(tmp_path):
    network = NETWORK.as_dict()
    about = {"format": UNCHECKED, "network": network, "core": CORES["tiny"].as_dict(), "data": None}
    arrays = {
        f"layer{i}.weight": w.astype(np.int16) for i, w in enumerate(NETWORK.initial_weights())
    }
    np.savez(tmp_path / "a.npz", about=np.array(json.dumps(about)), **arrays)
    with pytest.raises(FileError, match="of an earlier version; export it again"):
        Trained.load(tmp_path / "a.npz")
