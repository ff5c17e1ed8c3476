"""Registers, tester and store of the memory against the golden twin, with the chip behind them."""

from random import Random
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.triggers import RisingEdge

from golden.host.memory import BadAddress
from golden.memory.tester import MemoryTester
from golden.spec.memory_test import (
    CONTROL,
    MEMORY_REGISTER_WORDS,
    RESULTS,
    Pass,
    Pattern,
    memory_register,
)
from golden.spec.sdram import Chip, SdramConfig
from hw.core.ports import BUS_REPLY, BUS_REQUEST
from hw.memory.memory import Memory
from hw.memory.ports import request as burst_request
from sim.harness import parameters, run, seeded, start
from sim.memory.chip import Pads, Pins
from sim.streams import OFTEN, RARE, STEADY, StreamSink, StreamSource

CHIP = Chip(power_up=1000.0, row_bits=10)
CONFIGS = {
    "cas2": SdramConfig(chip=CHIP),
    "cas3": SdramConfig(chip=CHIP, mhz=125, read_delay=0),
}
WAITS = {"steady": STEADY, "rare": RARE, "often": OFTEN}


@pytest.mark.parametrize("name", CONFIGS)
def test_registers_and_tester(name: str) -> None:
    run(lambda: Memory(CONFIGS[name]), __name__, testcase="whole", parameters={"name": name})


class Host:
    """Accesses to a simulated memory and to its twin, whose answers have to be the same."""

    def __init__(self, dut: Any, config: SdramConfig, waits: str) -> None:
        self.dut, self.pads, self.twin = dut, Pads(config), MemoryTester(config)
        self.bursts = StreamSource(
            dut, "store__request", burst_request(config.chip), waits=WAITS[waits]
        )
        self.given = StreamSource(dut, "store__write", 16, waits=WAITS[waits])
        self.words = StreamSink(dut, "store__read", 16, waits=WAITS[waits])
        self.source = StreamSource(dut, "request", BUS_REQUEST, waits=WAITS[waits])
        self.sink = StreamSink(dut, "reply", BUS_REPLY, waits=WAITS[waits])
        self.twin.words[:] = [self.pads.peek(place) for place in range(config.chip.words)]
        dut.pins__sampled.value = 0
        cocotb.start_soon(self._chip())

    async def _chip(self) -> None:
        """The chip at the pins."""
        pins = [f"pins__{name}" for name in ("command", "bank", "address", "drives", "data")]
        while True:
            await RisingEdge(self.dut.clk)
            held = Pins(*(int(getattr(self.dut, name).value) for name in pins))
            self.dut.pins__sampled.value = self.pads.clock(held)

    async def access(self, address: int, data: int = 0, *, write: bool = False) -> dict[str, int]:
        """One access of the simulated memory."""
        self.source.send({"address": address, "data": data, "write": int(write)})
        reply: dict[str, int] = await self.sink.receive()
        return reply

    async def register(self, name: str, value: int | None = None) -> int:
        """Write a register, here and in the twin; or read it here."""
        at, register = memory_register(name)
        found = 0
        for part in range(register.words):
            if value is None:
                found |= (await self.access(at + part))["data"] << 16 * part
            else:
                word = value >> 16 * part & 0xFFFF
                assert not (await self.access(at + part, word, write=True))["error"]
                self.twin.write(at + part, np.array([word], np.uint16))
        return found

    async def store(self, address: int, given: list[int]) -> None:
        """A burst of the sample store that writes; returns when it was taken, its words come later."""
        self.bursts.send({"address": address, "words": len(given), "write": 1})
        self.given.send(*given)
        places = (address + np.arange(len(given))) % len(self.twin.words)
        self.twin.words[places] = given
        await self.bursts.drain()

    async def fetch(self, address: int, count: int) -> None:
        """A burst of the sample store that reads, compared."""
        self.bursts.send({"address": address, "words": count, "write": 0})
        places = (address + np.arange(count)) % len(self.twin.words)
        assert await self.words.receive_many(count) == self.twin.words[places].tolist()

    async def finish(self) -> None:
        """Wait for the end of a test, and compare its results."""
        while await self.register("start"):
            pass
        for register in RESULTS:
            if not register.name.endswith("clocks"):
                found = await self.register(register.name)
                assert found == self.twin.registers[register.name], register.name


async def one_test(host: Host, rng: Random, spoil: bool) -> None:
    """A test of anything; if asked for, words are spoiled between its passes."""
    words = host.twin.words
    count = rng.choice([0, 1, 2, rng.randrange(3, 700)])
    address = rng.choice([0, len(words) - rng.randrange(1, 300), rng.randrange(len(words))])
    asked = {
        "pattern": rng.choice(list(Pattern)),
        "seed": rng.choice([0, 0xFFFF, rng.getrandbits(16)]),
    }
    asked |= {"burst": rng.choice([0, 1, 8, 512, 600, rng.randrange(1, 513)]), "address": address}
    asked |= {"words": count, "pause": rng.choice([0, 0, 1])}
    for name, value in asked.items():
        await host.register(name, value)
    if not spoil:
        near = (address + rng.randrange(count + 1)) % len(words)
        await host.store(near, [rng.getrandbits(16) for _ in range(rng.randrange(1, 9))])
        await host.register("start", rng.choice([Pass.WRITE | Pass.CHECK, Pass.CHECK]))
        await host.fetch(near, rng.randrange(1, 9))  # waits until the test is over
        await host.store(near, [rng.getrandbits(16)])
        await host.fetch(near, rng.randrange(1, 9))
        await host.finish()
        return
    await host.register("start", Pass.WRITE)
    await host.finish()
    for _ in range(rng.randrange(4)):
        place = (address + rng.randrange(count + 1)) % len(words)
        words[place] ^= 1 << rng.randrange(16)
        host.pads.poke(place, int(words[place]))
    await host.register("start", Pass.CHECK)
    await host.finish()


@cocotb.test()
@cocotb.parametrize(waits=list(WAITS))
async def whole(dut: Any, waits: str) -> None:
    """Every register, and tests of all kinds."""
    rng, config = seeded(waits), CONFIGS[parameters()["name"]]
    host = Host(dut, config, waits)
    await start(dut)
    host.pads = Pads(config)  # it was reset while its clock ran
    for register in CONTROL:  # which a reset does not reach
        await host.register(register.name, 0)
    for index in [*range(MEMORY_REGISTER_WORDS + 2), (1 << 24) - 1]:
        reply = await host.access(index)
        exists = index < MEMORY_REGISTER_WORDS
        assert reply["error"] == (not exists), index
        assert not exists or reply["data"] == host.twin.read(index, 1)[0], index
    first, after = memory_register(CONTROL[0].name)[0], memory_register(RESULTS[0].name)[0]
    for index in [0, first - 1, after, MEMORY_REGISTER_WORDS]:
        assert (await host.access(index, 7, write=True))["error"]
        with pytest.raises(BadAddress):
            host.twin.write(index, np.array([7], np.uint16))
    for number in range(30):
        await one_test(host, rng, spoil=bool(number % 2))
    await a_test_that_runs(host)


async def a_test_that_runs(host: Host) -> None:
    """It counts its clocks, and nothing that is written meanwhile is kept."""
    asked = {
        "pattern": Pattern.RANDOM,
        "seed": 5,
        "burst": 256,
        "address": 0,
        "words": 4096,
        "pause": 0,
    }
    for name, value in asked.items():
        await host.register(name, value)
    await host.register("start", Pass.WRITE | Pass.CHECK)
    at = memory_register("seed")[0]
    assert not (await host.access(at, 99, write=True))["error"]
    await host.finish()
    assert await host.register("seed") == 5
    for name in ("write_clocks", "check_clocks"):
        assert 4096 <= await host.register(name) < 4096 / 0.95
