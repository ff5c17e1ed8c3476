"""Units of the link on their own: CRC, escapes, ring."""

import zlib
from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge

from golden.spec.frames import END, Damaged, stuff, unstuff
from hw.link.crc import Crc32
from hw.link.ports import BODY_BYTE, FRAME_BYTE
from hw.link.ring import Ring
from hw.link.slip import Stuffer, Unstuffer
from sim.harness import parameters, run, seeded, start
from sim.link_model import biased_bytes
from sim.streams import OFTEN, RARE, STEADY, StreamSink, StreamSource

WAITS = [STEADY, RARE, OFTEN]


def test_crc() -> None:
    run(Crc32, __name__, testcase="crc")


def test_unstuffer() -> None:
    run(Unstuffer, __name__, testcase="unstuffer")


def test_stuffer() -> None:
    run(Stuffer, __name__, testcase="stuffer")


@pytest.mark.parametrize("depth", [16, 512])
def test_ring(depth: int) -> None:
    run(lambda: Ring(depth), __name__, testcase="ring", parameters={"depth": depth})


@cocotb.test()
async def crc(dut: Any) -> None:
    """That of zlib after every byte; `good` after a CRC and only there."""
    rng = seeded()
    dut.clear.value = dut.enable.value = 0
    await start(dut)
    for size in (0, 1, 2, 50, 300):
        data = rng.randbytes(size)
        dut.clear.value = dut.enable.value = 1  # clear wins
        await RisingEdge(dut.clk)
        dut.clear.value = 0
        for place, byte in enumerate(data + zlib.crc32(data).to_bytes(4, "little")):
            dut.data.value = byte
            dut.enable.value = 1
            await RisingEdge(dut.clk)
            if place <= size:
                assert dut.value.value == zlib.crc32(data[:place])
            assert not dut.good.value
            dut.enable.value = 0
            dut.data.value = rng.randrange(256)
            for _ in range(rng.randrange(3)):
                await RisingEdge(dut.clk)
        await RisingEdge(dut.clk)
        assert dut.good.value


@cocotb.test()
@cocotb.parametrize(kind=range(len(WAITS)))
async def unstuffer(dut: Any, kind: int) -> None:
    """As golden does, for frames and for garbage; empty frames are silent."""
    rng = seeded()
    source = StreamSource(dut, "i", waits=WAITS[kind])
    sink = StreamSink(dut, "o", FRAME_BYTE, waits=WAITS[kind])
    await start(dut)
    for _ in range(200):
        raw = raw_frame(rng)
        source.send(*raw, END)
        if not raw:
            continue
        try:
            wanted = unstuff(raw)
        except Damaged:
            wanted = None
        packet = await sink.receive_packet("end")
        assert packet[-1]["damaged"] == (wanted is None)
        if wanted is not None:
            assert bytes(item["data"] for item in packet[:-1]) == wanted
    await ClockCycles(dut.clk, 20)
    assert not len(sink)


def raw_frame(rng: Random) -> bytes:
    """Bytes without END: stuffed well, stuffed badly, or none."""
    data = biased_bytes(rng, rng.choice([0, 1, 2, rng.randrange(30)]))
    return stuff(data)[:-1] if rng.random() < 0.5 else data.replace(b"\xc0", b"\xdb")


@cocotb.test()
@cocotb.parametrize(kind=range(len(WAITS)))
async def stuffer(dut: Any, kind: int) -> None:
    """As golden does, a byte a clock."""
    rng = seeded()
    source = StreamSource(dut, "i", BODY_BYTE, waits=WAITS[kind])
    sink = StreamSink(dut, "o", waits=WAITS[kind])
    await start(dut)
    for _ in range(100):
        body = biased_bytes(rng, rng.choice([0, 1, 2, rng.randrange(30)]))
        source.send(*({"data": byte, "end": 0} for byte in body), {"data": END, "end": 1})
        wanted = stuff(body)
        assert bytes(await sink.receive_many(len(wanted))) == wanted
    before = sink.transfers
    source.send(*({"data": 0, "end": 0} for _ in range(200)))
    if kind == 0:
        await ClockCycles(dut.clk, 204)
        assert sink.transfers - before == 200


@cocotb.test()
@cocotb.parametrize(kind=range(len(WAITS)))
async def ring(dut: Any, kind: int) -> None:
    """Frames come out whole or not at all; a full ring says so; it is never overrun."""
    rng = seeded()
    depth = parameters()["depth"]
    sink = StreamSink(dut, "o", waits=WAITS[kind])
    dut.write.value = dut.commit.value = dut.discard.value = 0
    await start(dut)
    wanted: list[int] = []
    held_back = 0
    for number in range(80):
        frame = rng.randbytes(rng.choice([1, rng.randrange(1, depth), depth]))
        good = True
        for byte in frame:
            dut.data.value = byte
            dut.write.value = 0
            while rng.random() < 0.2:
                await RisingEdge(dut.clk)
            await RisingEdge(dut.clk)
            if dut.full.value:
                good = False
                break
            dut.write.value = 1
            await RisingEdge(dut.clk)
        dut.write.value = 0
        if not good:
            held_back += 1
        good = good and rng.random() < 0.7
        dut.commit.value, dut.discard.value = int(good), int(not good)
        await RisingEdge(dut.clk)
        dut.commit.value = dut.discard.value = 0
        wanted += frame if good else b""
        if number % 8 == 7:
            await ClockCycles(dut.clk, 8 * depth)
    await ClockCycles(dut.clk, 20 * depth)
    assert bytes(sink.take_all()) == bytes(wanted)
    assert depth > 16 or held_back
