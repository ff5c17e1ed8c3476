"""From a top to a bitstream that meets its clock: stages, report, and nothing done twice."""

import hashlib
import inspect
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from boards import Board
from golden.spec.registers import fingerprint
from golden.spec.sdram import SdramConfig
from hw.building.toolchain import (
    COLLISIONS,
    TOOLCHAINS,
    BuildError,
    Stage,
    Toolchain,
    show_stage,
)
from hw.report import Report, read_critical_path, read_fmax, read_resources
from hw.top import BoardTop

# Yosys 0.70 now and then fails in abc9 on the unflattened names of Amaranth; this avoids it.
AFTER_READ = f"{COLLISIONS}; proc; flatten; opt_expr -keepdc; wreduce; opt_clean -purge"


def build(
    board: Board, top: BoardTop, folder: Path, seed: int, console: Console, *, force: bool = False
) -> Path:
    """Build `top` in `folder`; the bitstream. Raises BuildError: no tool, no room, clock missed."""
    family = TOOLCHAINS[board.toolchain]
    bitstream, saved = folder / family.bitstream, folder / "report.json"
    with console.status(f"{board.title}: elaborate"):
        platform = board.platform()
        plan = platform.prepare(top, "top", debug_verilog=False, script_after_read=AFTER_READ)
        plan.files["top.il"] = re.sub(r"(?m)^\s*attribute \\src .*\n", "", plan.files["top.il"])
        stages = family.stages(platform, seed, top.pll.output_mhz, top.config.lanes)
    tools = {stage.tool.program: stage.tool.version() for stage in stages}
    key = digest(plan.files, stages, tools)
    if (
        not force
        and (known := previous(saved, key))
        and (bitstream.exists() or not known.timing_met)
    ):
        console.print("nothing changed since the last build")
        return deliver(known, bitstream, console)
    bitstream.unlink(missing_ok=True)
    saved.unlink(missing_ok=True)
    plan.extract(str(folder))
    seconds = {stage.title: show_stage(stage, folder, console) for stage in stages[:2]}
    report = make_report(board, top, family, folder, key, seed, tools, seconds)
    report.save(saved)
    if report.timing_met:
        show_stage(stages[2], folder, console)
    return deliver(report, bitstream, console)


def digest(files: dict[str, str], stages: Sequence[Stage], tools: dict[str, str]) -> str:
    """Hash of everything the bitstream depends on."""
    sources = {name: text for name, text in files.items() if not name.startswith("build_")}
    finished = [inspect.getsource(sys.modules[s.finish.__module__]) for s in stages if s.finish]
    parts = [sorted(sources.items()), [stage.arguments for stage in stages], finished, tools]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def previous(saved: Path, key: str) -> Report | None:
    """The report of the last build, if it was of the very same thing."""
    try:
        known = Report.load(saved)
    except ValueError:
        return None
    return known if known.build_fingerprint == key else None


def make_report(
    board: Board,
    top: BoardTop,
    family: Toolchain,
    folder: Path,
    key: str,
    seed: int,
    tools: dict[str, str],
    seconds: dict[str, float],
) -> Report:
    """What nextpnr measured, with all that led to it."""
    nextpnr = json.loads((folder / "top.report.json").read_text())
    return Report(
        board=board.label,
        target_mhz=top.pll.output_mhz,
        fmax_mhz=round(read_fmax(nextpnr), 2),
        resources=read_resources(nextpnr, family.cells),
        critical_path=read_critical_path(nextpnr),
        seed=seed,
        baud=top.baud,
        config=top.config.as_dict(),
        config_fingerprint=f"{fingerprint(top.config):016x}",
        build_fingerprint=key,
        tools=tools,
        seconds=seconds,
        memory=memory_report(top.memory, nextpnr) if top.memory else {},
    )


def memory_report(memory: SdramConfig, nextpnr: Mapping[str, Any]) -> dict[str, float]:
    """What the memory is built with, and the clock it reached."""
    return {
        "mhz": memory.mhz,
        "fmax_mhz": round(read_fmax(nextpnr, memory=True), 2),
        "phase": memory.phase,
        "read_delay": memory.read_delay,
        "cas": memory.timing.cas,
    }


def deliver(report: Report, bitstream: Path, console: Console) -> Path:
    """Show the report; the bitstream. Raises BuildError when the clock is missed."""
    report.show(console)
    if not report.timing_met and report.fmax_mhz >= report.target_mhz:
        raise BuildError(
            f"clock of the memory missed: {report.memory['fmax_mhz']:.1f} MHz of "
            f"{report.memory['mhz']:g} MHz, so no bitstream was made; try another --seed or a slower "
            "--sdram-clock"
        )
    if not report.timing_met:
        raise BuildError(
            f"clock missed: {report.fmax_mhz:.1f} MHz of {report.target_mhz:g} MHz, so no bitstream "
            f"was made; try another --seed, fewer --lanes, or a slower --clock"
        )
    console.print(f"{bitstream}  ({bitstream.stat().st_size:,} bytes)", highlight=False)
    return bitstream
