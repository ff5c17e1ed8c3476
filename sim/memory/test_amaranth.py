"""The controller in Amaranth's own simulator, with the model of the chip: one that is early is caught."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Signal
from amaranth.sim import Simulator

from golden.spec.sdram import Chip, SdramConfig
from hw.memory.controller import BurstController
from sim.harness import choose_seed
from sim.memory.chip import Pads, Pins, Violation
from sim.memory.traffic import UNKNOWN, memory_of, random_bursts

CHIP = Chip(power_up=500.0, row_bits=4, column_bits=4, retention=16 * 1300.0, most_active=2000.0)
CONFIG = SdramConfig(chip=CHIP, read_delay=1)


def simulate(judge: SdramConfig, *, words: int = 800, config: SdramConfig = CONFIG) -> np.ndarray:
    """Random bursts; the words that are wrong. Raises Violation."""
    rng = np.random.default_rng(choose_seed())
    bursts, given = random_bursts(rng, words, CHIP.words, longest=32, regions=6)
    expected, found = memory_of(bursts, given, CHIP.words), []
    unit, pads, stop = BurstController(config), Pads(judge), Signal()
    broken: list[Violation] = []

    async def chip(ctx: Any) -> None:
        pins = unit.pins
        ports = (pins.command, pins.bank, pins.address, pins.drives, pins.data)
        async for _, _, *held in ctx.tick().sample(*ports):
            try:
                ctx.set(pins.sampled, pads.clock(Pins(*held)))
            except Violation as violation:
                broken.append(violation)
                ctx.set(stop, 1)
                return

    async def ask(ctx: Any) -> None:
        request = unit.port.request
        for address, count, write in bursts.tolist():
            ctx.set(request.payload, {"address": address, "words": count, "write": write})
            ctx.set(request.valid, 1)
            await ctx.tick().until(request.ready | stop)
            ctx.set(request.valid, 0)

    async def give(ctx: Any) -> None:
        write = unit.port.write
        for word in given.tolist():
            ctx.set(write.payload, word)
            ctx.set(write.valid, 1)
            await ctx.tick().until(write.ready | stop)
            ctx.set(write.valid, 0)

    async def take(ctx: Any) -> None:
        read = unit.port.read
        ctx.set(read.ready, 1)
        while len(found) < len(expected) and not broken:
            found.append((await ctx.tick().sample(read.payload).until(read.valid | stop))[0])

    simulator = Simulator(unit)
    simulator.add_clock(1e-8)
    simulator.add_testbench(chip, background=True)
    for testbench in (ask, give, take):
        simulator.add_testbench(testbench)
    simulator.run()
    if broken:
        raise broken[0]
    return np.flatnonzero((expected != UNKNOWN) & (np.array(found) != expected))


def test_words_and_rules() -> None:
    assert not len(simulate(CONFIG))


SLOWER = {
    "activate_to_column": 30.0,
    "precharge": 30.0,
    "active": 55.0,
    "cycle": 86.0,
    "other_bank": 45.0,
    "write_recovery": 25.0,
    "refresh": 80.0,
    "power_up": 4000.0,
    "refreshes_first": 9,
    "mode_clocks": 3,
    "retention": 16 * 1100.0,
}


@pytest.mark.parametrize("what", SLOWER)
def test_a_controller_for_a_faster_chip_is_caught(what: str) -> None:
    """The chip needs a clock more, or a refresh more often, than the controller was told."""
    with pytest.raises(Violation, match="commands so far"):
        simulate(SdramConfig(chip=replace(CHIP, **{what: SLOWER[what]}), read_delay=1))


def test_words_that_are_sampled_a_clock_off_are_wrong() -> None:
    assert len(simulate(CONFIG, config=replace(CONFIG, read_delay=2), words=300)) > 50
