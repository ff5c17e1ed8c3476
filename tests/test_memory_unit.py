"""doctor at memories that are whole, and at some that are not; on the integer model of the device."""

from dataclasses import replace

import numpy as np
import pytest

from golden.spec.config import PRESETS
from golden.spec.memory_test import (
    MEMORY_REGISTERS,
    Pass,
    Pattern,
    memory_fingerprint,
    memory_register,
    pattern_words,
)
from golden.spec.registers import REGISTERS, fingerprint
from golden.spec.sdram import Chip, SdramConfig, beside
from sw import driver
from sw.cli import memory
from sw.cli.checks import FAIL, OK
from sw.device import Channel, Device, DeviceError, MemoryUnit
from sw.link import GoldenTransport, LinkError, SimulatedTransport

CONFIG = SdramConfig(phase=180, read_delay=2)


def opened(config: SdramConfig | None = CONFIG) -> tuple[Device, GoldenTransport]:
    """A device with a memory, and what is behind its link."""
    transport = GoldenTransport(beside(PRESETS["tiny"], config), compiled=False, memory=config)
    return Device(Channel(transport)), transport


def said(real: bool = False, **faults) -> list:
    """What doctor finds, when the memory has `faults`."""
    device, transport = opened()
    for name, value in faults.items():
        setattr(transport.device.memory, name, value)
    return list(memory.findings(device, real=real))


def test_a_good_memory() -> None:
    found = said()
    assert {finding.level for finding in found} == {OK}
    assert found[0].what == (
        "memory: 32 MB at 100 MHz, CAS latency 2, chip's clock 180 degrees late, read delay 2"
    )
    assert [finding.what.split(",")[0] for finding in found[1:3]] == [
        "memory: 24 address lines",
        "memory: 65",
    ]


def test_a_board_without_a_memory_says_nothing() -> None:
    device, _ = opened(None)
    assert list(memory.findings(device, real=False)) == []
    assert device.register("magic"), "and the link goes on"


def test_a_data_line_that_is_stuck_is_named() -> None:
    found = said(faults=lambda places, words: words | 1 << 9)
    bad = [finding for finding in found if finding.level == FAIL]
    assert len(bad) == 4 and all("--sdram-phase (it is 180)" in finding.cure for finding in bad)
    assert "(DQ9)" in bad[1].what and "wrong of 65,536 words, random" in bad[1].what


@pytest.mark.parametrize("line", [0, 8, 9, 11, 23])
def test_an_address_line_that_is_stuck_is_named(line: int, monkeypatch) -> None:
    """Words of both halves of the memory are the same ones."""
    device, transport = opened()
    tester = transport.device.memory
    whole = tester.words

    class Folded(np.ndarray):
        """The memory, one of whose address lines is always 0."""

        def __getitem__(self, places):
            return np.asarray(self)[places & ~(1 << line)]

        def __setitem__(self, places, values):
            np.asarray(self)[places & ~(1 << line)] = values

    tester.words = whole.view(Folded)
    finding = list(memory.findings(device, real=False))[1]
    assert finding.level == FAIL
    assert finding.what == f"memory: address lines: the word at 0x0 is that of {1 << line:#x}"


def test_words_that_are_forgotten_are_counted() -> None:
    """In the test of retention alone."""
    device, transport = opened()
    tester = transport.device.memory

    def forgets(places, words):
        late = tester.registers["pause"] > 0
        return np.where(late & (places % 1000 == 999), 0xFFFF, words).astype(np.uint16)

    tester.faults = forgets
    found = list(memory.findings(device, real=False))
    assert [finding.level for finding in found] == [OK, OK, OK, OK, FAIL]
    assert found[-1].what.startswith(
        "memory: 65 wrong of 65,536 words kept for 0.5 ms; the first at 0x3e7"
    )


def test_another_memory_is_refused() -> None:
    device, transport = opened()
    transport.device.memory.registers["memory_fingerprint"] = 7
    with pytest.raises(DeviceError, match="fingerprint 0000000000000007, this software expects"):
        MemoryUnit.find(device)


def test_a_test_that_does_not_end_is_told(monkeypatch) -> None:
    monkeypatch.setattr("sw.device.memory_unit.PATIENCE_SECONDS", 0.05)
    device, transport = opened()
    transport.device.memory.registers["start"] = 1
    unit = MemoryUnit.find(device)
    with pytest.raises(DeviceError, match="did not end in 0 s"):
        unit.test(Pattern.RANDOM, words=1, passes=Pass.WRITE)


def test_bandwidth_follows_from_clocks() -> None:
    device, transport = opened()
    transport.device.memory.registers |= {"write_clocks": 70_000, "check_clocks": 66_000}
    text = [finding.what for finding in memory.findings(device, real=False)][2]
    assert "written at 187.2 MB/s, read at 198.6 MB/s, 93.6% of the peak" in text


def test_the_command(capsys) -> None:
    driver.main(["doctor", "--target", "golden", "--sdram"])
    assert "memory: 24 address lines" in capsys.readouterr().out
    driver.main(["doctor", "--target", "golden"])
    assert "memory:" not in capsys.readouterr().out


@pytest.mark.parametrize("pattern", Pattern)
def test_patterns_differ_by_seed_and_place(pattern: Pattern) -> None:
    words = pattern_words(pattern, 5, 100, 4000, 1 << 24)
    assert (
        words != pattern_words(pattern, 6, 100, 4000, 1 << 24)
    ).all() or pattern == Pattern.RANDOM
    assert (words[1:] != words[:-1]).mean() > 0.99
    ones = np.unpackbits(words.view(np.uint8)).mean()
    assert pattern != Pattern.RANDOM or abs(ones - 0.5) < 0.01


def test_the_address_pattern_tells_all_lines_apart() -> None:
    places = [0, *(1 << line for line in range(24))]
    words = {int(pattern_words(Pattern.ADDRESS, 9, place, 1, 1 << 24)[0]) for place in places}
    assert len(words) == 25


def test_what_host_and_memory_agree_on() -> None:
    other = SdramConfig(chip=Chip(row_bits=12))
    assert memory_fingerprint(CONFIG) == memory_fingerprint(SdramConfig())
    assert memory_fingerprint(other) != memory_fingerprint(CONFIG)
    names = [register.name for register in (*REGISTERS, *MEMORY_REGISTERS)]
    assert len(set(names)) == len(names)
    with pytest.raises(KeyError):
        memory_register("nothing")


def test_a_core_with_a_memory_says_that_its_store_is_there() -> None:
    """The configuration is the same in all else, and no other store goes with that memory."""
    device, _ = opened()
    assert replace(device.config, store_bytes=1024) == PRESETS["tiny"]
    assert device.config.store_off_chip and device.config.store_bytes == CONFIG.store_bytes
    for core, other in ((PRESETS["tiny"], CONFIG), (device.config, None)):
        with pytest.raises(ValueError, match="store_bytes"):
            GoldenTransport(core, compiled=False, memory=other)
    assert fingerprint(device.config) == device.register("fingerprint")


def test_a_broken_rule_of_the_chip_ends_a_simulated_board(monkeypatch) -> None:
    """The compiled side says so, with the commands that led there."""

    class Library:
        def board_exchange(self, *_):
            return 4

        def board_problem(self, _):
            return b"clock 7: tRCD: READ 1 clocks behind ACTIVATE"

        def board_destroy(self, _):
            return None

        def board_create(self):
            return 1

    monkeypatch.setattr("sw.link.simulated.load", lambda path: Library())
    board = SimulatedTransport(PRESETS["tiny"], library="none")
    with pytest.raises(
        LinkError, match="memory was given a command it does not allow: clock 7: tRCD"
    ):
        board.read(1.0)
