"""Carry chains that are made shorter still compute the same."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from amaranth import Module, Signal
from amaranth.back import rtlil
from amaranth.hdl import unsigned
from amaranth.lib.wiring import Component, In, Out

from hw.building import carries
from hw.building.toolchain import SYNTHESISE, YOSYS, Stage, run_stage

BITS = 7


class Sums(Component):
    """Chains of all kinds: their sums, their last carries, or both are read."""

    def __init__(self) -> None:
        numbers = {"plus": BITS, "minus": BITS, "wide": BITS + 1, "more": BITS, "either": BITS}
        bits = dict.fromkeys(("less", "most", "beyond"), 1)
        super().__init__(
            {"a": In(BITS), "b": In(BITS), "c": In(1)}
            | {name: Out(unsigned(width)) for name, width in (numbers | bits).items()}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        a, b = self.a, self.b
        sign = Signal(BITS)
        m.d.comb += [
            sign.eq(self.c.replicate(BITS)),
            self.plus.eq(a + b),
            self.minus.eq(a - b),
            self.wide.eq(a + b),
            self.more.eq(a + 1),
            self.either.eq(a + (b ^ sign) + self.c),
            self.less.eq(a < b),
            self.most.eq(a >= b),
            self.beyond.eq(a > 77),
        ]
        return m


def wanted(a: int, b: int, c: int) -> dict[str, int]:
    """The same in Python."""
    mask = (1 << BITS) - 1
    return {
        "plus": a + b & mask,
        "minus": a - b & mask,
        "wide": a + b,
        "more": a + 1 & mask,
        "either": a + (b ^ (mask if c else 0)) + c & mask,
        "less": int(a < b),
        "most": int(a >= b),
        "beyond": int(a > 77),
    }


class Netlist:
    """Cells of an ECP5 without registers, by their data sheet (Lattice TN1265, and Yosys' cells_sim.v)."""

    def __init__(self, module: dict[str, Any], *, floating: int) -> None:
        self.module, self.floating = module, floating
        self.drivers = {}
        for cell in module["cells"].values():
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] == "output":
                    self.drivers[bits[0]] = (cell, port)

    def outputs(self, inputs: dict[str, int]) -> dict[str, int]:
        """Values of the ports."""
        self.known: dict[Any, int] = {"0": 0, "1": 1, carries.NOWHERE: self.floating}
        ports = self.module["ports"]
        for name, value in inputs.items():
            self.known |= {bit: value >> at & 1 for at, bit in enumerate(ports[name]["bits"])}
        return {
            name: sum(self.value(bit) << at for at, bit in enumerate(port["bits"]))
            for name, port in ports.items()
            if port["direction"] == "output"
        }

    def value(self, bit: Any) -> int:
        """Of a wire."""
        if bit not in self.known:
            cell, port = self.drivers[bit]
            self.known[bit] = self.cell(cell, port)
        return self.known[bit]

    def cell(self, cell: dict[str, Any], port: str) -> int:
        """Of an output of a cell."""
        found = {name: self.value(bits[0]) for name, bits in cell["connections"].items()
                 if cell["port_directions"][name] == "input"}  # fmt: skip
        if cell["type"] == "LUT4":
            place = sum(found[name] << at for at, name in enumerate("ABCD"))
            return carries.table(cell, "INIT")[place]
        if cell["type"] == "PFUMX":
            return found["ALUT"] if found["C0"] else found["BLUT"]
        if cell["type"] == "L6MUX21":
            return found["D1"] if found["SD"] else found["D0"]
        assert cell["type"] == "CCU2C", cell["type"]
        carry, sums = found["CIN"], {}
        for half in "01":
            table = carries.table(cell, f"INIT{half}")
            propagates = table[sum(found[f"{name}{half}"] << at for at, name in enumerate("ABCD"))]
            sums[f"S{half}"] = propagates ^ carry
            generates = table[found[f"A{half}"] + 2 * found[f"B{half}"]]
            carry = carry if propagates else generates
        return (sums | {"COUT": carry})[port]


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Sums, by Yosys."""
    folder = tmp_path_factory.mktemp("sums")
    (folder / "top.il").write_text(rtlil.convert(Sums(), name="top", emit_src=False))
    (folder / "top.ys").write_text(
        "read_rtlil top.il\nsynth_ecp5 -top top -noflatten\nwrite_json top.json\n"
    )
    run_stage(Stage("synthesise", YOSYS, SYNTHESISE.arguments, "top.json"), folder, print)
    return dict(json.loads((folder / "top.json").read_text()))


def test_the_same_is_computed_whatever_comes_in(
    synthesised: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "top.json"
    file.write_text(json.dumps(synthesised))
    carries.finish(file)
    shorter = json.loads(file.read_text())
    cells = [c for c in shorter["modules"]["top"]["cells"].values() if c["type"] == "CCU2C"]
    assert sum(cell["connections"]["CIN"] == [carries.NOWHERE] for cell in cells) >= 4
    assert sum(cell["connections"]["COUT"] == [carries.NOWHERE] for cell in cells) >= 3
    assert carries.shorten(shorter) == 0, "nothing is left to do"
    rng = Random(1)
    for _ in range(300):
        given = {"a": rng.getrandbits(BITS), "b": rng.getrandbits(BITS), "c": rng.getrandbits(1)}
        for netlist, floating in ((synthesised, 0), (shorter, 0), (shorter, 1)):
            found = Netlist(netlist["modules"]["top"], floating=floating).outputs(given)
            assert found == wanted(**given), (given, floating)


def cell(rng: Random, carry_in: str) -> dict[str, Any]:
    """A CCU2C of any tables, its wires numbered from 2 on; some are constants."""
    names = [f"{port}{half}" for half in "01" for port in "ABCD"]
    at = {name: [rng.choice([number, number, "0", "1"])] for number, name in enumerate(names, 2)}
    at |= {"CIN": [carry_in], "S0": [10], "S1": [11], "COUT": [12]}
    directions = {n: "output" if n in ("S0", "S1", "COUT") else "input" for n in at}
    tables = {f"INIT{half}": f"{rng.getrandbits(16):016b}" for half in "01"}
    inject = {"INJECT1_0": rng.choice(["NO", "NO", "NO", "YES"]), "INJECT1_1": "NO"}
    return {
        "type": "CCU2C",
        "parameters": tables | inject,
        "port_directions": directions,
        "connections": at,
    }


def test_any_first_cell() -> None:
    """Tables that no arithmetic has, inputs that are constants, an output that nobody reads."""
    rng, begun = Random(2), 0
    for _ in range(400):
        outputs = rng.sample([10, 11, 12], rng.randrange(1, 4))
        ports = {"i": {"direction": "input", "bits": list(range(2, 10))}}
        ports |= {"o": {"direction": "output", "bits": outputs}}
        module = {"ports": ports, "cells": {"first": cell(rng, rng.choice("01"))}}
        before = json.loads(json.dumps(module))
        carries.shorten({"modules": {"top": module}})
        first = module["cells"]["first"]
        assert (first["connections"]["COUT"] == [carries.NOWHERE]) == (12 not in outputs)
        if first["connections"]["CIN"] != [carries.NOWHERE]:
            continue
        begun += 1
        assert before["cells"]["first"]["parameters"]["INJECT1_0"] == "NO"
        for value in range(256):
            right = Netlist(before, floating=0).outputs({"i": value})
            for floating in (0, 1):
                assert Netlist(module, floating=floating).outputs({"i": value}) == right
    assert begun > 40
