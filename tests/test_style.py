"""Who may import whom, and what the linter and the type checker say."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STDLIB = set(sys.stdlib_module_names)
# Packages each folder may import beside itself and the standard library.
ALLOWED = {
    "golden/spec": {"numpy", "golden.spec"},
    "golden": {"numpy", "golden"},
    "hw": {"amaranth", "golden.spec", "golden.lanes.noise", "hw"},
    "boards": {"amaranth", "amaranth_boards", "golden.spec", "boards"},
    "sw": {
        "numpy",
        "golden",
        "sw",
        "rich",
        "safetensors",
        "serial",
        "tonic",
        "faery",
        "matplotlib",
    },
}
# Packages of sw/ in order: each imports those before it alone. The files at the top come before cli.
ROOMS = (
    "data",
    "native",
    "link",
    "device",
    "parts",
    "run",
    "shadow",
    "interchange",
    "report",
    "planning",
    "live",
    "study",
    "averaging",
    "cli",
)
TOP = (
    "sw.child",
    "sw.energy",
    "sw.html",
    "sw.kept",
    "sw.own",
    "sw.places",
    "sw.presets",
    "sw.printable",
)  # files at the top that packages use, too
# The few files that join two sides.
ALSO = {
    "hw/build": {"boards", "rich"},
    "hw/top.py": {"boards"},
    "hw/clocks.py": {"boards"},
    "hw/report.py": {"boards", "rich"},
    "sw/interchange/package.py": {"nir"},
    "sw/interchange/graph_child.py": {"nir", "h5py"},
    "sw/notebook.py": {"IPython"},
    "sw/cli/completion.py": {"shtab"},
    "sw/run/tensorboard.py": {"tensorboardX"},
    "sw/live/app.py": {"starlette", "uvicorn"},
    "sw/study/engine.py": {"dask", "distributed"},
    "sw/interchange/others.py": {"torch", "snntorch", "norse", "sinabs"},
}


def imported(path: Path) -> set[str]:
    """Dotted names of everything a file imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def foreign(path: Path) -> set[str]:
    """Imports of a file that its folder may not have."""
    name = str(path.relative_to(ROOT))
    folder = max((f for f in ALLOWED if name.startswith(f + "/")), key=len)
    allowed = ALLOWED[folder] | {
        x for start, more in ALSO.items() if name.startswith(start) for x in more
    }
    return {
        module
        for module in imported(path)
        if module.split(".")[0] not in STDLIB
        and not any(module == ok or module.startswith(ok + ".") for ok in allowed)
    }


def sources(*folders: str) -> list[Path]:
    """Python files of top-level folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", sources("golden", "hw", "boards", "sw"), ids=str)
def test_imports_follow_the_rules(path: Path) -> None:
    assert not foreign(path)


@pytest.mark.parametrize("room", ROOMS[:-1])
def test_packages_of_sw_import_those_before_them(room: str) -> None:
    allowed = (*TOP, *(f"sw.{name}" for name in ROOMS[: ROOMS.index(room) + 1]))
    for path in (ROOT / "sw" / room).rglob("*.py"):
        for module in imported(path):
            inside = any(module == ok or module.startswith(ok + ".") for ok in allowed)
            assert inside or module.split(".")[0] != "sw", f"{path}: {module}"


def test_a_forbidden_import_is_seen(tmp_path: Path) -> None:
    bad = ROOT / "sw" / "_forbidden_import_probe.py"
    bad.write_text("def f():\n    from amaranth.hdl import Module\n    return Module\n")
    try:
        assert foreign(bad) == {"amaranth.hdl.Module"}
    finally:
        bad.unlink()


def test_no_future_annotations_beside_ports() -> None:
    """`from __future__ import annotations` makes the ports of a component vanish."""
    for path in sources("hw", "boards"):
        assert "__future__" not in path.read_text(), path


def test_ruff() -> None:
    check([sys.executable, "-m", "ruff", "check", "."])


def test_ruff_format() -> None:
    check([sys.executable, "-m", "ruff", "format", "--check", "."])


def test_types() -> None:
    check([sys.executable, "-m", "mypy"])


def check(command: list[str]) -> None:
    """Run a tool in the repository; its output is the failure."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", ["hw", "boards"])
def test_hardware_is_described_in_short_functions(folder):
    """An elaborate that is longer has more than one idea in it."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                lines = node.end_lineno - node.lineno + 1
                assert lines < 60, f"{path.relative_to(ROOT)}: {node.name} has {lines} lines"
