"""The page of all units: fresh, complete, and what its generator makes of a docstring."""

from pathlib import Path

import pytest
from amaranth.hdl import signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import PRESETS
from hw.document.names import Named, Names
from hw.document.page import PRESET, document, ports, rooms, unit_doc, unit_text
from hw.document.ports import member_docs, times
from hw.document.units import make_unit, modules, only_looked_at, units

ROOT = Path(__file__).parent.parent
CONFIG = PRESETS[PRESET]
DOCUMENTED = ("hw.core", "hw.link", "hw.top")
"""Packages and modules of which every port has a line in a docstring."""


class Halves(wiring.Signature):
    """A word in two halves.

    low   the half
          that comes first
    high  the other | one
    """

    def __init__(self) -> None:
        super().__init__({"low": Out(8), "high": Out(data.ArrayLayout(signed(4), 2))})


class Unit(wiring.Component):
    """Adds the halves.

    Some prose: no port has that name.

    word           what is added
    sum, write_*: the sum, for every memory
    """

    LATENCY = 3

    def __init__(self) -> None:
        super().__init__(
            {
                "word": In(Halves()),
                "sum": Out(stream.Signature(9)),
                "write_a": Out(1),
                "write_b": Out(1),
                "lines": In(1).array(4),
                "bare": In(Halves()).array(2),
            }
        )


def test_the_page_is_fresh() -> None:
    page = (ROOT / "docs" / "units.md").read_text()
    assert page == document(), "run: python -m hw.document > docs/units.md"


def test_every_unit_is_on_the_page_with_its_ports() -> None:
    assert {kind for kinds in rooms().values() for kind in kinds} == set(units().values())
    with only_looked_at():
        pins = {kind.__name__ for kind in units().values() if ports(kind, CONFIG) is None}
    assert pins == {"BoardTop", "ClockGenerator"}, "say in hw.document.units how to make the others"


def test_every_port_is_documented() -> None:
    with only_looked_at():
        for kind in units().values():
            members = ports(kind, CONFIG) or {}
            doc = unit_doc(kind, CONFIG) if members else ""
            silent = set(members) - set(member_docs(doc, members))
            assert not silent or not kind.__module__.startswith(DOCUMENTED), (kind, silent)


def test_interfaces_are_on_the_page() -> None:
    page = (ROOT / "docs" / "units.md").read_text()
    for module in modules():
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, wiring.Signature | data.Struct):
                assert value.__module__ != module.__name__ or f"\n### {name}\n" in page


def test_a_unit_is_described() -> None:
    names = Names([Named("Halves", "hw", Halves(), Halves.__doc__ or "")])
    with only_looked_at():
        text = unit_text(Unit, CONFIG, names)
    assert "\n\nAdds the halves.\n\nTimes: LATENCY 3\n\n" in text
    assert text.splitlines()[-6:] == [
        "| `word` | in | `Halves` | what is added |",
        "| `sum` | out | stream of 9 | the sum, for every memory |",
        "| `write_a` | out | 1 | the sum, for every memory |",
        "| `write_b` | out | 1 | the sum, for every memory |",
        "| `lines` | in | 4 x 1 |  |",
        "| `bare` | in | 2 x `Halves` |  |",
    ]


def test_lines_go_on_and_bars_are_escaped() -> None:
    docs = member_docs(Halves.__doc__, ("low", "high"))
    assert docs == {"low": "the half that comes first", "high": r"the other \| one"}


def test_shapes_in_words() -> None:
    names = Names([])
    assert names.shape(data.ArrayLayout(signed(4), 2)) == "2 x signed 4"
    assert names.shape(data.StructLayout({"a": 1, "b": range(5)})) == "a 1, b 3"
    assert names.shape(range(-2, 2)) == "signed 2"
    flipped = wiring.Signature({"i": In(Halves().flip())}).members["i"]
    assert names.member(flipped) == "`Halves`"


def test_times_of_units_are_found_whether_typed_or_derived() -> None:
    assert times(units()["update"]) == {"NOISE_AT": 2, "WEIGHTS_AT": 3, "LATENCY": 4}
    assert times(units()["gain"])["WRITE_AT"] == 10


def test_a_unit_is_made_by_name() -> None:
    with only_looked_at():
        assert make_unit("Multiply", CONFIG).signature
    with pytest.raises(ValueError, match=r"unit 'x': choose from answers, "):
        make_unit("x", CONFIG)
