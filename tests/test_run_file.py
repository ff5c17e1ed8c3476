"""`train --dry-run` prints all that a preset stands for; `train --config` reads it."""

import tomllib

import pytest

from golden.spec.declare import declarations
from golden.spec.network import Network
from sw import driver
from sw.presets import PRESETS
from sw.run import RunFolder


def dry(capsys, *words):
    assert driver.main(["train", "--dry-run", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("preset", PRESETS)
def test_every_value_of_a_preset_is_printed_and_read_back(preset, capsys, tmp_path):
    text = dry(capsys, "--preset", preset, "--eta-out", "0.02")
    found = tomllib.loads(text)
    assert found["eta_out"] == 0.02 and found["epochs"] == PRESETS[preset].epochs
    assert found["steps"] == PRESETS[preset].steps
    usual = {"input_fraction"} if found["input_bits"] > 1 else set()  # the data set's
    assert set(declarations(Network)) - {"seed"} - usual <= set(found)
    core = PRESETS[preset].config.as_dict()
    assert {name: found[name] for name in core} == core
    file = tmp_path / "run.toml"
    file.write_text(text)
    again = dry(capsys, "--config", str(file))
    assert tomllib.loads(again) == found
    assert tomllib.loads(dry(capsys, "--config", str(file), "--epochs", "77"))["epochs"] == 77


def test_a_run_by_its_file_ends_with_the_same_weights(tmp_path, capsys):
    words = [
        "--preset",
        "smoke",
        "--train",
        "12",
        "--test",
        "8",
        "--epochs",
        "1",
        "--target",
        "golden",
    ]
    (tmp_path / "run.toml").write_text(dry(capsys, *words))
    assert driver.main(["train", *words, "--out", str(tmp_path / "a")]) == 0
    config = ["--config", str(tmp_path / "run.toml")]
    assert driver.main(["train", *config, "--out", str(tmp_path / "b")]) == 0
    one, two = (RunFolder(tmp_path / name) for name in "ab")
    assert all((x == y).all() for x, y in zip(one.weights(), two.weights(), strict=True))
    assert one.config()["network"] == two.config()["network"]
    capsys.readouterr()
    assert driver.main(["train", *config, "--resume", str(tmp_path / "a")]) == 2
    assert "a resumed run keeps its settings" in capsys.readouterr().err


WRONG = [
    ("epochz = 3", "train has no option 'epochz' for a file, did you mean epochs?"),
    ("epochs = true", "epochs is true, but it takes a value"),
    ("constant_rate = 3", "constant_rate is 3; write true or false"),
    ("epochs = ", "not TOML"),
    ("[run]\nepochs = 3", "train has no option 'run'"),
    ("resume = 'runs/a'", "train has no option 'resume' for a file"),
]


@pytest.mark.parametrize("text, message", WRONG)
def test_files_that_are_wrong_are_named(text, message, tmp_path, capsys):
    (tmp_path / "run.toml").write_text(text)
    assert driver.main(["train", "--config", str(tmp_path / "run.toml")]) in (1, 2)
    assert f"{tmp_path / 'run.toml'}: {message}" in capsys.readouterr().err


def test_a_file_that_is_missing_is_named(tmp_path, capsys):
    assert driver.main(["train", "--config", str(tmp_path / "no.toml")]) == 1
    assert "no.toml: cannot be read" in capsys.readouterr().err
