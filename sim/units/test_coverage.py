"""Every component of the design has a test that locates its fault, or is listed here with a reason."""

from collections.abc import Iterator
from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path
from pkgutil import walk_packages

import pytest
from amaranth.lib.wiring import Component

import hw
from sim.units.base import UnitTest

ROOT = Path(__file__).parent.parent.parent

ELSEWHERE = {
    "UartReceiver": ("sim/test_uart.py::test_line", "its other side is a pin, not a port with a clock"),
    "UartTransmitter": ("sim/test_uart.py::test_line", "its other side is a pin"),
    "BlockStore": ("sim/test_store.py::test_block_store", "alone, against golden/store.py"),
    "MemoryStore": ("sim/test_store.py::test_memory_store", "the same"),
    "Player": ("sim/test_store.py::test_player", "alone, against golden/store.py"),
    "StoreSwitch": ("sim/test_store.py::test_play", "two multiplexers: within the link"),
    "Link": ("sim/test_link.py::test_recovery", "the whole of hw/link"),
    "Decoder": ("sim/units/test_rows.py::TestEvents", "the whole of Events but for a check and queues"),
    "Core": ("sim/test_core.py::test_core_equals_model", "the whole of hw/core"),
    "Machine": ("sim/test_driver.py::test_state_after_training_equals_the_model", "link and core"),
    "BoardTop": ("tests/test_boards.py::test_every_board_has_what_the_design_asks_for", "pins alone"),
    "ClockGenerator": ("tests/test_boards.py::test_ecp5_dividers_are_exact_and_within_the_data_sheet",
                       "primitives of an FPGA, without a model"),
    "Refresher": ("sim/memory/test_amaranth.py::test_a_controller_for_a_faster_chip_is_caught",
                  "its twin is the model of the chip, which judges its commands"),
    "Opener": ("sim/memory/test_amaranth.py::test_a_controller_for_a_faster_chip_is_caught", "the same"),
    "BurstController": ("sim/memory/test_controller.py::test_a_million_random_words",
                        "with the model of the chip, against a plain memory"),
    "MemoryTester": ("sim/memory/test_memory.py::test_registers_and_tester",
                     "with the memory, against golden/memory"),
    "MemoryRegisters": ("sim/memory/test_memory.py::test_registers_and_tester", "the same"),
    "Arbiter": ("sim/memory/test_memory.py::test_registers_and_tester", "the same"),
    "SdramPads": ("tests/test_boards.py::test_every_board_has_what_the_design_asks_for", "pins alone"),
    "Crossing": ("sim/memory/test_crossing.py::test_crossing", "it has two clocks"),
}  # fmt: skip
"""Components that are tested elsewhere: where, and why there."""

JOINTS = {
    "Rows", "Lanes", "Firing", "Readout", "Schedule", "Tess", "Host", "Memory",
}  # fmt: skip
"""Rooms that join their units and do nothing else: sim/test_core.py runs them, their units are tested."""


def modules(package: object, folder: str) -> Iterator[object]:
    """A package's modules, all the way down."""
    for found in walk_packages(package.__path__, f"{folder}."):  # type: ignore[attr-defined]
        if not found.name.endswith("__main__"):
            yield import_module(found.name)


def components() -> dict[str, type[Component]]:
    """Components of the design by name."""
    return {
        label: kind
        for module in modules(hw, "hw")
        for label, kind in getmembers(module, isclass)
        if issubclass(kind, Component) and kind.__module__ == module.__name__  # type: ignore[attr-defined]
    }


def driven() -> set[str]:
    """Names of units that a UnitTest drives."""
    for path in Path(__file__).parent.glob("test_*.py"):
        import_module(f"sim.units.{path.stem}")
    units = {test.unit for test in UnitTest.__subclasses__()}
    return {unit.__name__ for unit in units if unit.__module__.startswith("hw.")}


def test_every_component_has_a_test() -> None:
    listed = driven() | ELSEWHERE.keys() | JOINTS
    assert not components().keys() - listed, "write a test in sim/units, or say here where it is"
    assert not listed - components().keys(), "no such component any more"


def test_nothing_is_listed_twice() -> None:
    groups = [driven(), set(ELSEWHERE), JOINTS]
    assert sum(map(len, groups)) == len(set().union(*groups)), "take what has a test off the lists"


@pytest.mark.parametrize("where", sorted({where for where, _ in ELSEWHERE.values()}))
def test_tests_elsewhere_exist(where: str) -> None:
    file, _, name = where.partition("::")
    assert f" {name}(" in (ROOT / file).read_text()
