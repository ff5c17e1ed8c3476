"""One unit of the design, alone through synthesis: what does it cost?"""

import json
from collections import Counter
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib.wiring import Component
from rich.console import Console
from rich.table import Table

from boards.board import Board
from hw.building.toolchain import (
    COLLISIONS,
    NEXTPNR_ECP5,
    SYNTHESISE,
    TOOLCHAINS,
    YOSYS,
    BuildError,
    Stage,
    ecp5_device,
    placing,
    show_stage,
)
from hw.report import path_text, read_critical_path, read_fmax


def build_unit(unit: Component, board: Board, folder: Path, console: Console) -> None:
    """Synthesise a unit for the board's family and print its cells. Raises BuildError."""
    folder.mkdir(parents=True, exist_ok=True)
    family = TOOLCHAINS[board.toolchain]
    (folder / "top.il").write_text(rtlil.convert(unit, name="top", emit_src=False))
    (folder / "top.ys").write_text(
        f"read_rtlil top.il\n{COLLISIONS}\n{family.synth} -top top\n"
        "tee -q -o top.stat.json stat -json\nwrite_json top.json\n"
    )
    stage = Stage("synthesise", YOSYS, SYNTHESISE.arguments, "top.stat.json")
    show_stage(stage, folder, console)
    cells = json.loads((folder / "top.stat.json").read_text())["design"]["num_cells_by_type"]
    counts = {kind: count for kind, count in Counter(cells).items() if not kind.startswith("$")}
    table = Table(title=f"{type(unit).__name__} for {board.label}")
    table.add_column("cell")
    table.add_column("count", justify="right")
    for kind, count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(kind, f"{count:,}")
    table.add_section()
    luts = sum(counts.get(kind, 0) * each for kind, each in family.luts.items())
    table.add_row("LUTs, carry and RAM included", f"{luts:,}")
    console.print(table)


def time_unit(board: Board, folder: Path, seed: int, mhz: float, console: Console) -> None:
    """Place and route a synthesised unit without pins; its ports are not timed."""
    if board.toolchain != "ecp5":
        raise BuildError("--pnr of a unit: only for ECP5 boards")
    options = [*ecp5_device(board.platform()), *placing(seed), "--freq", f"{mhz:g}"]
    options += ["--out-of-context", "--json", "top.json", "--write", "top.pnr.json"]
    show_stage(Stage("place and route", NEXTPNR_ECP5, (*options,), "top.pnr.json"), folder, console)
    report = json.loads((folder / "top.report.json").read_text())
    console.print(f"clock, alone on the chip: {read_fmax(report):.1f} MHz", highlight=False)
    console.print(path_text(read_critical_path(report)), highlight=False)
