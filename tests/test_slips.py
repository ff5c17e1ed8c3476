"""The commonest slips of a new user: they work as meant, or one line says what to do."""

import shlex

import numpy as np
import pytest

import boards
from golden.spec.layout import DoesNotFit
from golden.spec.logic import lut_estimate, multipliers
from golden.spec.names import UnknownName
from hw import build
from sw import CORES, DataError, Device, Model, Network, driver, load
from sw.device import DeviceError
from sw.presets import PRESETS

NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)
TRAIN = load("synthetic", limit=24, steps=3)
X, Y = np.stack([sample.frames for sample in TRAIN]), TRAIN.labels


@pytest.fixture
def model():
    with Device.open("golden-numpy", config="tiny") as device:
        yield Model(NETWORK, device)


def weights_of(model, *samples):
    model.device.load(NETWORK)
    fresh = Model(NETWORK, model.device)
    fresh.fit(*samples, epochs=1)
    return fresh.weights


@pytest.mark.parametrize("labels", [Y, Y.tolist(), Y.astype(float)], ids=["array", "list", "float"])
def test_fit_takes_samples_and_labels(model, labels):
    wanted = weights_of(model, (X, Y))
    for given in [(X, labels), (list(X), labels), ((X, labels),)]:
        assert all(
            np.array_equal(a, b) for a, b in zip(weights_of(model, *given), wanted, strict=True)
        )
    assert model.evaluate(X, labels).samples == len(X) == model.evaluate((X, labels)).samples


def test_fit_still_takes_test_samples(model):
    for test in (TRAIN, (X, Y), list(zip(X, Y, strict=True)), zip(X, Y, strict=True)):
        assert model.fit((X, Y), test, epochs=1).test_accuracy is not None
    assert model.fit(X, Y, epochs=1).test_accuracy is None


ONE_HOT = np.eye(4)[Y]
SLIPS = [
    ((X, ONE_HOT), r"labels of shape \(24, 4\) are one-hot; give class numbers: labels.argmax"),
    (((X, ONE_HOT),), "one-hot; give class numbers"),
    ((list(zip(X, ONE_HOT, strict=True)),), "sample 0: its label is one-hot"),
    ((X[:, :0], Y), r"sample 00000: no time step \(shape \(0, 64\)\); give 1 or more"),
    ((X, Y + 0.5), r"label \d\.5\); a label is a class number"),
    ((iter(()),), "no samples; was this iterator read before"),
    (([],), "no samples$"),
    ((X,), "sample 0: not a pair"),
    ((7,), "samples of type int: give arrays, pairs or a Dataset"),
]


@pytest.mark.parametrize("given, message", SLIPS)
def test_samples_that_are_not_meant_so(model, given, message):
    with pytest.raises(DataError, match=message):
        model.fit(*given, epochs=1)


def test_an_exhausted_generator_is_named(model):
    pairs = zip(X, Y, strict=True)
    model.fit(pairs, epochs=1)
    with pytest.raises(DataError, match="was this iterator read before"):
        model.fit(pairs, epochs=1)


def test_a_core_may_be_given_by_name():
    with Device.open("golden-numpy", config="tiny") as device:
        assert device.config == CORES["tiny"]
    with pytest.raises(
        UnknownName, match="core 'tinny': there is none of that name, did you mean tiny"
    ):
        Device.open("golden-numpy", config="tinny")
    with pytest.raises(DeviceError, match="config is a dict; give a CoreConfig, or a name"):
        Device.open("golden-numpy", config={"lanes": 4})
    with pytest.raises(UnknownName, match=r"preset 'nmist': .* did you mean mnist\?|nmnist"):
        PRESETS["nmist"]


COMMANDS = [
    ("train --preset nmnist-fats", "did you mean nmnist-fast?"),
    ("train --core ulx3s-85", "did you mean ulx3s-85f?"),
    ("train --target goldn", "did you mean golden?"),
    ("train --data nmnits", "not a data set, did you mean nmnist?"),
    ("train --epoch 3", "unrecognized arguments: --epoch 3, did you mean --epochs?"),
    ("trian", "did you mean train?"),
    ("plan nmnist-fats", "did you mean nmnist-fast?"),
    ("plan 578-384", "384 classes, and a core has at most 128; is the number of classes missing?"),
    ("train --steps 0", "steps: 0 time steps"),
    ("train --steps 70000", "steps: 70000 time steps cannot be run; use 1 to 65535"),
    (
        "train --hidden 16c3p --target golden",
        "a core with maps, as --core ulx3s-85f-maps: there network",
    ),
    (
        "train --hidden 16c3p,32c3p --target golden",
        "the core ulx3s-85f-maps has room: --core ulx3s-85f-maps",
    ),
    (
        "train --data dvsgesture:missing",
        "missing: no such file or folder; dvsgesture: ibmGestureTrain",
    ),
    ("train --data cifar10:missing", "get cifar-10-python.tar.gz from"),
    (
        "train --data folder:missing",
        "missing: no such file or folder; folder: folders of recordings",
    ),
    ("train --data tonic.SHD:missing", "missing: no such file or folder; check the data path"),
]


@pytest.mark.parametrize("command, message", COMMANDS)
def test_commands_say_what_was_meant(command, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        status = driver.main(shlex.split(command))
    except SystemExit as stop:
        status = stop.code
    said = capsys.readouterr().err
    assert status in (1, 2) and message in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_network_that_no_core_holds_names_none():
    huge = Network(sizes=(64, 100_000, 4))
    with pytest.raises(DoesNotFit) as error:
        huge.layers(CORES["tiny"])
    assert "--core" not in str(error.value)


def test_a_plan_without_a_hidden_layer_says_so(capsys):
    assert driver.main(["plan", "578-10"]) == 0
    assert "note: it has no hidden layer: 10 classes" in capsys.readouterr().out


def test_lanes_that_an_fpga_cannot_hold_are_told_at_once(capsys):
    assert build.main(["--board", "ulx3s", "--size", "12f", "--lanes", "64"]) == 1
    said = capsys.readouterr().err
    assert "24,288 LUTs and a core with 64 lanes takes about 3" in said
    assert "--lanes 32 would fit" in said or "--lanes 16 would fit" in said


@pytest.mark.parametrize("name", boards.names())
def test_the_cores_of_the_boards_fit_by_the_estimate(name):
    for size in boards.sizes(name):
        target = boards.find(name, size).target
        assert lut_estimate(target.config) <= target.fpga.luts, target.label
        assert multipliers(target.config) <= target.fpga.multipliers, target.label
