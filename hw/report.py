"""What a build came to: resources, clock, critical path; from nextpnr's report to a table."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HIERARCHY_DEPTH = 4


@dataclass(frozen=True)
class Usage:
    """How much of something is used."""

    used: int
    available: int

    @property
    def percent(self) -> float:
        """Share in use."""
        return 100 * self.used / self.available if self.available else 0.0


@dataclass(frozen=True)
class Hop:
    """A stretch of the critical path inside one unit."""

    unit: str
    logic_ns: float
    routing_ns: float


@dataclass(frozen=True)
class Report:
    """Result of place and route, and all that is needed to repeat it."""

    board: str
    target_mhz: float
    fmax_mhz: float
    resources: Mapping[str, Usage]
    critical_path: tuple[Hop, ...]
    seed: int
    baud: int
    config: Mapping[str, int]
    config_fingerprint: str
    build_fingerprint: str
    tools: Mapping[str, str]
    seconds: Mapping[str, float] = field(default_factory=dict)
    memory: Mapping[str, float] = field(default_factory=dict)
    """Of the memory beside the FPGA, if it is built with one: mhz, fmax_mhz, phase, read_delay, cas."""

    @property
    def timing_met(self) -> bool:
        """Whether the design runs at its clock, and the memory at its own."""
        memory_met = not self.memory or self.memory["fmax_mhz"] >= self.memory["mhz"]
        return self.fmax_mhz >= self.target_mhz and memory_met

    def save(self, path: Path) -> None:
        """Write report.json."""
        content = {**asdict(self), "timing_met": self.timing_met}
        path.write_text(json.dumps(content, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Report":
        """Read report.json. Raises ValueError when it is not one of ours."""
        try:
            content = json.loads(path.read_text())
            content.pop("timing_met")
            content["resources"] = {k: Usage(**v) for k, v in content["resources"].items()}
            content["critical_path"] = tuple(Hop(**hop) for hop in content["critical_path"])
            return cls(**content)
        except (OSError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: not a build report ({error})") from error

    def show(self, console: Console) -> None:
        """Print resources, clock and critical path."""
        table = Table(title=f"{self.board}, {self.config['lanes']} lanes, seed {self.seed}")
        for column in ("", "used", "available", ""):
            table.add_column(column, justify="left" if not column else "right")
        for name, usage in self.resources.items():
            row = (f"{usage.used:,}", f"{usage.available:,}", f"{usage.percent:.0f} %")
            table.add_row(name, *row)
        table.add_section()
        clocks = [("clock, MHz", self.fmax_mhz, self.target_mhz)]
        if memory := self.memory:
            clocks.append(("clock of the memory, MHz", memory["fmax_mhz"], memory["mhz"]))
        for name, reached, wanted in clocks:
            verdict = "[green]met[/]" if reached >= wanted else "[red]missed[/]"
            table.add_row(name, f"{reached:.1f}", f"{wanted:g} wanted", verdict)
        console.print(table)
        console.print(path_text(self.critical_path), highlight=False)


def path_text(hops: tuple[Hop, ...]) -> str:
    """The critical path in lines: unit, logic and routing delay."""
    total = sum(hop.logic_ns + hop.routing_ns for hop in hops)
    lines = [f"critical path, {total:.1f} ns (logic + routing to the next):"]
    lines += [f"  {hop.logic_ns:5.1f} + {hop.routing_ns:4.1f}  {hop.unit}" for hop in hops]
    return "\n".join(lines)


def read_resources(
    nextpnr: Mapping[str, Any], cells: Mapping[str, tuple[str, ...]]
) -> dict[str, Usage]:
    """Report rows from nextpnr's utilisation; absent cell types count as none."""
    found = nextpnr["utilization"]
    return {
        name: Usage(
            sum(found.get(kind, {}).get("used", 0) for kind in kinds),
            found.get(kinds[0], {}).get("available", 0),
        )
        for name, kinds in cells.items()
    }


MEMORY_CLOCK = "memory"
"""In the last part of the names of the clocks of the memory beside the FPGA (hw/clocks.py)."""


def read_fmax(nextpnr: Mapping[str, Any], *, memory: bool = False) -> float:
    """Frequency of the clock that has the least room: of the core, or of the memory beside the FPGA.

    Raises ValueError when nothing is clocked.
    """
    found = nextpnr["fmax"].items()
    leaf = {name: name.rsplit(".", 1)[-1] for name, _ in found}
    clocks = [clock for name, clock in found if (MEMORY_CLOCK in leaf[name]) == memory]
    if not clocks:
        raise ValueError("the report has no clock: nothing in the design is clocked")
    return float(min(clocks, key=lambda c: c["achieved"] / c["constraint"])["achieved"])


def read_critical_path(nextpnr: Mapping[str, Any]) -> tuple[Hop, ...]:
    """The slowest path between registers, its steps gathered by unit."""
    clocked = [p for p in nextpnr["critical_paths"] if "async" not in p["from"] + p["to"]]
    if not clocked:
        return ()
    path = max(clocked, key=lambda p: sum(step["delay"] for step in p["path"]))["path"]
    hops: list[Hop] = []
    for step in path:
        unit = unit_of(step["from"]["cell"])
        routing = step["delay"] if step["type"] == "routing" else 0.0
        logic = step["delay"] - routing
        if hops and (unit == hops[-1].unit or unit == ""):
            last = hops.pop()
            unit, logic = last.unit, logic + last.logic_ns
            routing += last.routing_ns
        hops.append(Hop(unit, round(logic, 3), round(routing, 3)))
    return tuple(hops)


def unit_of(cell: str) -> str:
    """Unit and signal of a cell: names the mapper appended are cut; empty for its own cells."""
    if cell.startswith("$"):
        return ""
    name = re.split(r"_(?:TRELLIS|LUT|CCU2C|PFUMX|L6MUX|DFF|ALU|MUX2|MULT|DP16KD)", cell)[0]
    name = re.sub(r"\$\d+", "", name)
    return ".".join(name.split(".")[:HIERARCHY_DEPTH])
