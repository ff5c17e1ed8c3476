"""One unit of the design, alone through synthesis: what does it cost?"""

import json
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from inspect import Parameter, getmembers, isclass, signature
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from amaranth.back import rtlil
from amaranth.lib.wiring import Component
from rich.console import Console
from rich.table import Table

import hw.core
import hw.link
from boards.board import Board
from golden.spec.config import CoreConfig
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

EXAMPLES: dict[str, dict[str, Any]] = {
    "uartreceiver": {"clock_hz": 80e6, "baud": 1e6},
    "uarttransmitter": {"clock_hz": 80e6, "baud": 1e6},
}


def units() -> dict[str, type[Component]]:
    """Components of the design by lower-case name."""
    return dict(sorted(_walk()))


def _walk() -> Iterator[tuple[str, type[Component]]]:
    packages = ((p.__path__, f"{p.__name__}.") for p in (hw.core, hw.link))
    names = [module.name for where in packages for module in walk_packages(*where)]
    for name in [*names, "hw.top"]:
        module = import_module(name)
        for label, value in getmembers(module, isclass):
            if issubclass(value, Component) and value.__module__ == name:
                yield label.lower(), value


def make_unit(name: str, config: CoreConfig) -> Component:
    """The unit called `name`, for `config`. Raises ValueError with the choices."""
    known = {
        key: kind for key, kind in units().items() if _arguments(key, kind, config) is not None
    }
    kind = known.get(name.lower())
    if kind is None:
        raise ValueError(f"unit {name!r}: choose from {', '.join(known)}")
    return kind(**_arguments(name.lower(), kind, config) or {})


def _arguments(key: str, kind: type[Component], config: CoreConfig) -> dict[str, Any] | None:
    """What to make a unit with; None when that is not known."""
    if key in EXAMPLES:
        return EXAMPLES[key]
    fields = config.as_dict() | {"config": config, "lanes": config.chunk_lanes, "chunk": 0}
    wanted = {
        parameter.name: parameter.default
        for parameter in signature(kind).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    missing = [n for n, default in wanted.items() if n not in fields and default is Parameter.empty]
    return None if missing else {name: fields[name] for name in wanted if name in fields}


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
