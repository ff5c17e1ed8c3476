"""The model of the memory chip: what is right passes, and every rule, broken on purpose, stops it."""

import pytest

from golden.spec.sdram import ALL_BANKS, Chip, Command, SdramConfig, Timing
from sim.memory.chip import Pads, Pins, Violation

SMALL = Chip(row_bits=6, power_up=300.0, retention=64 * 7800.0, most_active=4000.0)
"""A chip of few rows, so that all of it is refreshed in a short test."""
CONFIG = SdramConfig(mhz=100, read_delay=0, chip=SMALL)
SLOW = SdramConfig(mhz=133, read_delay=2, chip=SMALL)


class Driver:
    """Commands to a chip, clock by clock."""

    def __init__(self, config: SdramConfig = CONFIG, start: bool = True) -> None:
        self.config, self.timing = config, config.timing
        self.pads = Pads(config)
        self.wait_of = {rule.name: rule.clocks for rule in self.timing.rules}
        if start:
            self.start()

    def start(self, refreshes: int | None = None, mode: int | None = None) -> None:
        """Power-up, by the data sheet."""
        chip = self.config.chip
        self.idle(self.timing.clocks(chip.power_up))
        self.do(Command.PRECHARGE, address=ALL_BANKS, wait=self.wait_of["tRP"])
        for _ in range(chip.refreshes_first if refreshes is None else refreshes):
            self.do(Command.REFRESH, wait=self.wait_of["tRFC"])
        self.do(Command.MODE, address=self.timing.mode if mode is None else mode, wait=2)

    def do(
        self, command: Command, bank: int = 0, address: int = 0, wait: int = 1, **more: int
    ) -> int:
        """A command, and `wait` - 1 clocks without one; what is sampled in the last."""
        sampled = self.pads.clock(Pins(command, bank, address, **more))
        return self.idle(wait - 1) if wait > 1 else sampled

    def idle(self, clocks: int) -> int:
        """Clocks without a command."""
        sampled = 0
        for _ in range(clocks):
            sampled = self.pads.clock(Pins())
        return sampled

    def open(self, bank: int = 0, row: int = 5, wait: str = "tRCD") -> None:
        """A row."""
        self.do(Command.ACTIVATE, bank, row, wait=self.wait_of[wait])

    def write(self, column: int, word: int, bank: int = 0, wait: int = 1) -> None:
        """A word."""
        self.do(Command.WRITE, bank, column, wait, drives=1, data=word)


@pytest.mark.parametrize("config", [CONFIG, SLOW], ids=["cas2", "cas3"])
def test_words_come_back_after_the_cas_latency(config: SdramConfig) -> None:
    chip = Driver(config)
    chip.open(bank=2, row=9)
    chip.write(7, 0x1234, bank=2)
    chip.write(8, 0xBEEF, bank=2)
    late = chip.timing.cas + config.read_delay
    seen = [chip.do(Command.READ, 2, 7), chip.do(Command.READ, 2, 8)]
    seen += [chip.idle(1) for _ in range(late)]
    assert seen[late : late + 2] == [0x1234, 0xBEEF]
    address = (9 << 2 | 2) << 9 | 7
    assert chip.pads.peek(address) == 0x1234
    assert chip.pads.peek(address + 2) != 0, "what was never written is no zero"


def early(name: str) -> None:
    """Two commands a clock too close, by a rule."""
    chip = Driver()
    wait = chip.wait_of[name] - 1
    if name == "tRCD":
        chip.do(Command.ACTIVATE, 1, wait=wait)
        chip.do(Command.READ, 1)
    elif name == "tRP":
        chip.open(wait="tRAS")
        chip.do(Command.PRECHARGE, wait=wait)
        chip.do(Command.REFRESH)
    elif name == "tRAS":
        chip.do(Command.ACTIVATE, 3, wait=wait)
        chip.do(Command.PRECHARGE, 3)
    elif name == "tRC":
        short = chip.wait_of["tRAS"]
        chip.pads = Pads(CONFIG, tuple(r for r in CONFIG.timing.rules if r.name != "tRP"))
        chip.start()
        chip.do(Command.ACTIVATE, wait=short)
        chip.do(Command.PRECHARGE, wait=wait - short)
        chip.do(Command.ACTIVATE)
    elif name == "tRRD":
        chip.do(Command.ACTIVATE, 0, wait=wait)
        chip.do(Command.ACTIVATE, 1)
    elif name == "tWR":
        chip.open(wait="tRAS")
        chip.write(0, 1, wait=wait)
        chip.do(Command.PRECHARGE, address=ALL_BANKS)
    elif name == "tRFC":
        chip.do(Command.REFRESH, wait=wait)
        chip.do(Command.ACTIVATE)
    elif name == "tMRD":
        chip.do(Command.MODE, address=chip.timing.mode, wait=wait)
        chip.do(Command.ACTIVATE)
    elif name == "turn-around":
        chip.open()
        chip.do(Command.READ, wait=wait)
        chip.write(0, 1)
    else:
        raise NotImplementedError(f"a test that breaks {name}")


@pytest.mark.parametrize("rule", CONFIG.timing.rules, ids=lambda rule: rule.name)
def test_a_command_that_comes_a_clock_early_is_caught(rule) -> None:
    with pytest.raises(Violation, match=rf"^clock \d+: {rule.name}: ") as caught:
        early(rule.name)
    first, *history = str(caught.value).splitlines()
    assert f"{rule.clocks - 1} clocks behind" in first and f"{rule.clocks} are needed" in first
    assert any(command.name in history[-1] for command in rule.after)
    assert len(history) > 10, "initialisation and all commands since are told"


def test_the_same_commands_in_time_are_allowed() -> None:
    chip = Driver()
    wait = chip.wait_of
    for bank in range(4):
        chip.open(bank, row=bank + 1, wait="tRRD")
    chip.idle(wait["tRC"])
    chip.write(3, 77, bank=1, wait=wait["tWR"])
    chip.do(Command.READ, 0, wait=wait["turn-around"])
    chip.write(4, 78, bank=2, wait=wait["tWR"])
    chip.do(Command.PRECHARGE, 2, wait=wait["tRP"])
    chip.open(2, row=8, wait="tRAS")
    chip.do(Command.PRECHARGE, address=ALL_BANKS, wait=wait["tRP"])
    chip.do(Command.REFRESH, wait=wait["tRFC"])
    chip.do(Command.MODE, address=chip.timing.mode, wait=wait["tMRD"])


def first_command_early(chip: Driver) -> None:
    chip.idle(5)
    chip.do(Command.PRECHARGE, address=ALL_BANKS)


def no_precharge(chip: Driver) -> None:
    chip.idle(30)
    chip.do(Command.REFRESH)


def few_refreshes(chip: Driver) -> None:
    chip.start(refreshes=7)


def other_latency(chip: Driver) -> None:
    chip.start(mode=3 << 4)


def no_mode(chip: Driver) -> None:
    chip.idle(30)
    chip.do(Command.PRECHARGE, address=ALL_BANKS, wait=2)
    chip.open()


def row_open_already(chip: Driver) -> None:
    chip.start()
    chip.open(wait="tRC")
    chip.open()


def refresh_with_an_open_row(chip: Driver) -> None:
    chip.start()
    chip.open(bank=3, wait="tRC")
    chip.do(Command.REFRESH)


def closed_row(chip: Driver) -> None:
    chip.start()
    chip.do(Command.READ)


def write_without_data(chip: Driver) -> None:
    chip.start()
    chip.open()
    chip.do(Command.WRITE)


def precharge_behind(chip: Driver) -> None:
    chip.start()
    chip.open()
    chip.do(Command.READ, address=ALL_BANKS)


def stop(chip: Driver) -> None:
    chip.start()
    chip.do(Command.STOP)


def both_drive(chip: Driver) -> None:
    chip.start()
    chip.open()
    chip.do(Command.READ, wait=chip.timing.cas)
    chip.do(Command.NOP, drives=1)


def drive_at_once(chip: Driver) -> None:
    chip.start()
    chip.open()
    chip.do(Command.READ, wait=chip.timing.cas + 1)
    chip.do(Command.NOP, drives=1)


def no_refresh(chip: Driver) -> None:
    chip.start()
    chip.idle(8000)


def slow_refresh(chip: Driver) -> None:
    chip.start()
    for _ in range(80):
        chip.do(Command.REFRESH, wait=1000)


def open_too_long(chip: Driver) -> None:
    chip.start()
    chip.open()
    chip.idle(500)


BROKEN = {
    first_command_early: "power-up",
    no_precharge: "initialisation: the first command",
    few_refreshes: "initialisation: too few refreshes",
    other_latency: "mode: not the bursts",
    no_mode: "initialisation: no mode",
    row_open_already: "ACTIVATE in a bank with an open row",
    refresh_with_an_open_row: "REFRESH with an open row",
    closed_row: "no open row",
    write_without_data: "WRITE without data",
    precharge_behind: "precharge behind a burst",
    stop: "STOP",
    both_drive: "bus: the FPGA drives",
    drive_at_once: "turn-around",
    no_refresh: "refresh interval",
    slow_refresh: "tREF",
    open_too_long: "tRAS: a row was open too long",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_what_is_out_of_order_is_caught(broken) -> None:
    with pytest.raises(Violation, match=BROKEN[broken]):
        broken(Driver(start=False))


def test_a_clock_too_fast_for_the_chip_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 100 MHz with 2"):
        Timing(Chip(), 101, cas=2)
    with pytest.raises(ValueError, match="150 MHz with CAS latency of any kind"):
        SdramConfig(mhz=150)
    assert Timing(Chip(), 100).cas == 2
    assert Timing(Chip(), 101).cas == 3


@pytest.mark.parametrize("mhz", [50, 80, 100, 125, 133])
def test_a_refresh_that_is_as_late_as_can_be_is_in_time(mhz: int) -> None:
    timing = Timing(Chip(), mhz)
    late = timing.clocks(Chip().active) + 16
    assert timing.refresh_interval * 8192 + late <= 64e3 * mhz
    assert timing.refresh_interval * 1000 / mhz > 7790, "and no more often than it must be"
