"""Carry chains of Yosys made shorter for nextpnr-ecp5, which adds a CCU2C (two LUTs) at each of their ends.

At the far end one leads the carry out to where LUTs can read it, if it has a name, and Yosys names them all.
Of a counter or a sum nobody reads it, so it is disconnected. At the near end one makes the carry in of a
constant. There the first half can make its own carry of its two bits, whatever comes in; its sum, if it is
read, is a LUT then. A core for the 12F has 400 chains.
"""

import json
from pathlib import Path
from typing import Any

Cell = dict[str, Any]

NOWHERE = "x"
"""What a port is connected to that has no wire."""

CONSTANTS = ("0", "1")


def shorten(netlist: dict[str, Any]) -> int:
    """Both ends of all chains of Yosys' JSON, in place; how many CCU2C nextpnr need not add."""
    return sum(_shorten(module) for module in netlist["modules"].values())


def finish(file: Path) -> None:
    """Do so to a file."""
    netlist = json.loads(file.read_text())
    if shorten(netlist):
        file.write_text(json.dumps(netlist, separators=(",", ":")))


def _shorten(module: dict[str, Any]) -> int:
    found, read = 0, {bit for port in module["ports"].values() for bit in port["bits"]}
    for cell in module["cells"].values():
        for name, bits in cell["connections"].items():
            if cell["port_directions"].get(name) != "output":
                read.update(bits)
    chains = {n: cell for n, cell in module["cells"].items() if cell["type"] == "CCU2C"}
    for name, cell in chains.items():
        at = cell["connections"]
        if at.get("COUT", [NOWHERE]) != [NOWHERE] and at["COUT"][0] not in read:
            at["COUT"] = [NOWHERE]
            found += 1
        if at["CIN"][0] in CONSTANTS and can_begin(cell):
            if at["S0"][0] in read:
                module["cells"][f"{name}$sum"] = first_sum(cell)
            begin(cell)
            found += 1
    return found


def table(cell: Cell, parameter: str = "INIT0") -> list[int]:
    """Truth table of a half: bit `A + 2 B + 4 C + 8 D`."""
    return [int(bit) for bit in reversed(cell["parameters"][parameter])]


def can_begin(cell: Cell) -> bool:
    """The first half's carry depends on A and B alone."""
    at, free = cell["connections"], cell["parameters"]["INJECT1_0"] == "NO"
    return free and all(at[port][0] in CONSTANTS for port in ("C0", "D0"))


def begin(cell: Cell) -> None:
    """Let the first half ignore what comes in, in place: it never propagates, and generates its carry."""
    at, half = cell["connections"], table(cell)
    carry_in, c, d = (int(at[port][0]) for port in ("CIN", "C0", "D0"))
    carry = [carry_in if half[ab + 4 * c + 8 * d] else half[ab] for ab in range(4)]
    cell["parameters"]["INIT0"] = "0" * 12 + "".join(map(str, reversed(carry)))
    at |= {"CIN": [NOWHERE], "S0": [NOWHERE], "C0": ["1"], "D0": ["1"]}


def first_sum(cell: Cell) -> Cell:
    """A LUT for the sum of the first half; its constants are in the table, as Yosys has them."""
    at, carry_in, half = cell["connections"], int(cell["connections"]["CIN"][0]), table(cell)
    ports = {port: at[f"{port}0"] for port in "ABCD"}
    fixed = {1 << at: int(bit[0]) for at, bit in enumerate(ports.values()) if bit[0] in CONSTANTS}
    kept = 15 - sum(fixed)
    ones = sum(weight for weight, value in fixed.items() if value)
    bits = "".join(str(half[place & kept | ones] ^ carry_in) for place in reversed(range(16)))
    ports = {port: ["0"] if bit[0] in CONSTANTS else bit for port, bit in ports.items()}
    ports |= {"Z": at["S0"]}
    return {
        "hide_name": 1,
        "type": "LUT4",
        "parameters": {"INIT": bits},
        "attributes": {},
        "port_directions": dict.fromkeys("ABCD", "input") | {"Z": "output"},
        "connections": ports,
    }
