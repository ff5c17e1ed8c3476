"""C++ sources become a shared library of this process, made once and kept.

The compiler is g++, clang++ or the one that CXX names. What it makes is native code, so it is kept in a
folder of this user (`sw.places`), and nothing is loaded that another may have put there.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sw.native import declared
from sw.own import own, shared
from sw.places import build_folder

FLAGS = ("-O3", "-march=native", "-std=c++20", "-shared", "-fPIC")
COMPILERS = ("g++", "clang++")


def compiled(name: str, sources: Sequence[Path]) -> ctypes.CDLL:
    """The library of C++ `sources` and headers, which may include the one of `declared`.

    Raises RuntimeError: there is no compiler, it found fault, or the folder cannot be used.
    """
    folder = build_folder() / "native"
    command = [find_compiler(), *FLAGS]
    texts = [declared.header(), *(source.read_text() for source in sources)]
    plan = (texts, command, platform.node(), platform.machine())
    path = folder / f"{name}-{hashlib.sha256(repr(plan).encode()).hexdigest()[:16]}.so"
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if why := shared(folder.parent):
            raise RuntimeError(f"{folder.parent} {why}; remove it")
        if not own(folder):
            raise RuntimeError(f"{folder}: a link, of another user, or writable for others")
        if not own(path):
            _compile(command, sources, path)
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise RuntimeError(f"{path}: {error.strerror or error}") from error


def find_compiler() -> str:
    """Path of a C++ compiler. Raises RuntimeError."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else COMPILERS
    for name in names:
        if found := shutil.which(name):
            return found
    raise RuntimeError(f"no C++ compiler ({', '.join(names)})")


def _compile(command: list[str], sources: Sequence[Path], path: Path) -> None:
    """Compile the sources, with the header made for them, into `path`. Raises RuntimeError, OSError."""
    with TemporaryDirectory(dir=path.parent) as folder:
        (Path(folder) / declared.NAME).write_text(declared.header())
        part = Path(folder) / path.name
        units = [str(source) for source in sources if source.suffix == ".cc"]
        files = [f"-I{folder}", *units, "-o", str(part)]
        done = subprocess.run([*command, *files], capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.splitlines() or ["no output"]
            first = next((line for line in lines if "error" in line), lines[0])
            raise RuntimeError(f"{Path(command[0]).name} failed: {first}")
        part.chmod(0o755)
        part.replace(path)
