"""Carries that nobody reads are left out of a netlist; nextpnr-ecp5 leads each out of its chain.

Yosys names the carry out of every CCU2C, that of the last one in a chain, too. nextpnr adds one to each
chain whose last carry has a name, which takes that carry to where LUTs can read it. Hardly any is read: of a
counter or a sum, none. A core for the 12F has 300 such chains, of two LUTs each.
"""

import json
from pathlib import Path
from typing import Any

NOWHERE = "x"
"""What a port is connected to that has no wire."""


def leave_out_unread(netlist: dict[str, Any]) -> int:
    """Disconnect, in place, what no port reads of the carries of Yosys' JSON; how many were left out."""
    found = 0
    for module in netlist["modules"].values():
        read = {bit for port in module["ports"].values() for bit in port["bits"]}
        for cell in module["cells"].values():
            for name, bits in cell["connections"].items():
                if cell["port_directions"].get(name) != "output":
                    read.update(bits)
        for cell in module["cells"].values():
            carry = cell["connections"].get("COUT") if cell["type"] == "CCU2C" else None
            if carry and carry != [NOWHERE] and carry[0] not in read:
                cell["connections"]["COUT"] = [NOWHERE]
                found += 1
    return found


def finish(file: Path) -> None:
    """Do so to a file."""
    netlist = json.loads(file.read_text())
    if leave_out_unread(netlist):
        file.write_text(json.dumps(netlist, separators=(",", ":")))
