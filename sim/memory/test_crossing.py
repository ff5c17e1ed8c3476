"""Streams from one clock to another, whatever these are: nothing is lost, doubled, swapped or torn."""

from random import Random
from typing import Any

import cocotb
import pytest
from amaranth.lib import stream
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, with_timeout

from hw.clocks import Crossing
from sim.harness import parameters, run, seeded

WORDS = 3000
PERIODS = {  # picoseconds, of source and sink
    "board": (12_500, 10_000),
    "fast-to-slow": (7_518, 20_000),
    "slow-to-fast": (20_000, 7_518),
    "nearly-equal": (10_000, 10_002),
    "equal": (10_000, 10_000),
}


@pytest.mark.parametrize("name", PERIODS)
def test_crossing(name: str) -> None:
    run(
        lambda: Crossing(stream.Signature(33), "source", "sink"),
        __name__,
        testcase="crosses",
        parameters={"name": name},
    )


async def give(dut: Any, rng: Random, chance: float, words: list[int]) -> None:
    """Offer words, with waits; what is offered stays."""
    for word in words:
        while rng.random() < chance:
            dut.i__valid.value = 0
            await RisingEdge(dut.source_clk)
        dut.i__payload.value, dut.i__valid.value = word, 1
        while True:
            await ReadOnly()
            taken = bool(dut.i__ready.value)
            await RisingEdge(dut.source_clk)
            if taken:
                break
    dut.i__valid.value = 0


async def take(dut: Any, rng: Random, chance: float, count: int) -> list[int]:
    """Take words, with waits."""
    found: list[int] = []
    while len(found) < count:
        dut.o__ready.value = int(rng.random() >= chance)
        await ReadOnly()
        moves = bool(dut.o__valid.value) and bool(dut.o__ready.value)
        word = int(dut.o__payload.value)
        await RisingEdge(dut.sink_clk)
        found += [word] if moves else []
    return found


@cocotb.test()
@cocotb.parametrize(chances=[(0.0, 0.0), (0.3, 0.3), (0.0, 0.7), (0.7, 0.0)])
async def crosses(dut: Any, chances: tuple[float, float]) -> None:
    """All words come out as they went in."""
    source, sink = PERIODS[parameters()["name"]]
    rng = seeded(f"words {chances}")
    words = [rng.getrandbits(33) for _ in range(WORDS)]
    dut.i__valid.value = dut.o__ready.value = dut.source_rst.value = dut.sink_rst.value = 0
    Clock(dut.source_clk, source, unit="ps").start()
    Clock(dut.sink_clk, sink, unit="ps").start()
    await RisingEdge(dut.sink_clk)
    cocotb.start_soon(give(dut, seeded("give"), chances[0], words))
    found = await with_timeout(take(dut, seeded("take"), chances[1], WORDS), 1000, "us")
    assert found == words
