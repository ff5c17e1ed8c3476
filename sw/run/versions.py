"""The software a run was made with."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

from golden.spec.registers import VERSION
from sw.places import ROOT

PACKAGES = ("tess-fpga", "numpy", "safetensors", "pyserial")


def versions() -> dict[str, str | int]:
    """Python, packages, the address map, and the commit of the checkout if it is one."""
    found: dict[str, str | int] = {"python": platform.python_version(), "address_map": VERSION}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    if made := commit():
        found["commit"] = made
    return found


def commit() -> str:
    """The checkout's commit, `-dirty` when files differ from it; nothing where there is no git."""
    if not (ROOT / ".git").exists():
        return ""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
