"""Folders of this software on a computer: what is compiled, what is cached, and the data that comes along."""

from __future__ import annotations

import os
import re
import shlex
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The checkout, or the folder of packages that it is installed in."""
BUILDS = "TESS_FPGA_BUILD"
"""Environment variable: the folder for compiled simulators and models."""
PROJECT = "tess-fpga"
SHARE = "share/tess-fpga"


def is_checkout(root: Path = ROOT) -> bool:
    """Whether this is a clone of the repository, not an installed package."""
    return (root / "pyproject.toml").is_file() and (root / "hw").is_dir()


def build_folder(root: Path = ROOT) -> Path:
    """Where compiled things are kept: the variable's folder, build/ of a checkout, else the user's cache."""
    if given := os.environ.get(BUILDS):
        return Path(given).expanduser().absolute()
    if is_checkout(root) and os.access(root, os.W_OK):
        return root / "build"
    try:
        return platform_cache() / "build"
    except RuntimeError:  # nobody's home
        return root / "build"


def platform_cache() -> Path:
    """The platform's folder for this software's cached files. Raises RuntimeError: the user has no home."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local or Path.home() / "AppData" / "Local") / "tess-fpga"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tess-fpga"
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "tess-fpga"


def install(extra: str, *packages: str) -> str:
    """The command that installs packages of an extra, to fit how this software was installed."""
    if is_checkout():
        return f"pip install -e '{f'.[{extra}]' if extra else '.'}'"
    return f"pip install {' '.join(shlex.quote(requirement(name)) for name in packages)}"


def requirement(package: str) -> str:
    """A package with the versions that this project wants of it, as pip takes it."""
    try:
        wanted = requires(PROJECT) or []
    except PackageNotFoundError:
        return package
    for text in wanted:
        found = re.match(r"([\w.-]+)\s*([^;]*)", text)
        if found and found[1].lower() == package.lower():
            return found[1] + found[2].strip()
    return package


def shipped(name: str) -> Path:
    """Data that comes along, by name: data/ of a checkout, share/ of where the package is installed."""
    here = ROOT / "data" / name
    return here if here.is_dir() else Path(sysconfig.get_path("data")) / SHARE / name
