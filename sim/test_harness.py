"""The harness itself: timing of the drivers, seeds, parameters and failure reports."""

from typing import Any

import cocotb
import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import data, stream
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out
from cocotb.triggers import RisingEdge

from sim.harness import parameters, run, seeded, start
from sim.streams import OFTEN, STEADY, StreamSink, StreamSource, pack, unpack

PAIR = data.StructLayout({"number": signed(7), "flags": data.ArrayLayout(1, 3)})


class Queue(Component):
    """A FIFO of pairs."""

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(PAIR)), "o": Out(stream.Signature(PAIR))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=PAIR.size, depth=4)
        m.d.comb += [
            fifo.w_data.eq(self.i.payload),
            fifo.w_en.eq(self.i.valid),
            self.i.ready.eq(fifo.w_rdy),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        return m


def test_streams() -> None:
    run(Queue, __name__, testcase=["passes", "sustains"], parameters={"count": 200})


class Swap(Component):
    """One word, read while it is written: `read` is what was there, if a memory can tell."""

    def __init__(self) -> None:
        super().__init__({"write": In(32), "read": Out(32)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.word = word = Memory(shape=32, depth=2, init=[])
        reader, writer = word.read_port(), word.write_port()
        m.d.comb += [writer.data.eq(self.write), writer.en.eq(1), self.read.eq(reader.data)]
        return m


def test_what_is_read_while_it_is_written_is_noise() -> None:
    run(Swap, __name__, testcase="collides")


def test_failure_is_reported_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIM_SEED", "77")
    with pytest.raises(AssertionError, match=r"1 of 1 tests failed.*SIM_SEED=77"):
        run(Queue, __name__, testcase="fails")


def test_unknown_test_is_an_error() -> None:
    with pytest.raises(AssertionError, match="nosuch"):
        run(Queue, __name__, testcase="nosuch")


def test_pack_and_unpack() -> None:
    value = {"number": -3, "flags": [1, 0, 1]}
    assert pack(PAIR, value) == (0b101 << 7) | 0x7D
    assert unpack(PAIR, pack(PAIR, value)) == value
    with pytest.raises(ValueError, match="does not fit"):
        pack(4, 16)


@cocotb.test()
async def passes(dut: Any) -> None:
    """Everything arrives in order, whatever the waits."""
    rng = seeded()
    source = StreamSource(dut, "i", PAIR, waits=OFTEN)
    sink = StreamSink(dut, "o", PAIR, waits=OFTEN)
    await start(dut)
    sent = [
        {"number": rng.randint(-64, 63), "flags": [rng.getrandbits(1) for _ in range(3)]}
        for _ in range(parameters()["count"])
    ]
    source.send(*sent)
    assert await sink.receive_many(len(sent)) == sent
    assert len(sink) == 0


@cocotb.test()
async def collides(dut: Any) -> None:
    """Neither the old word nor the new one: a block RAM promises nothing."""
    await start(dut)
    for word in (0x1234, 0xFEDCBA98):
        dut.write.value = word
        for _ in range(3):
            await RisingEdge(dut.clk)
        assert int(dut.read.value) not in (0, 0x1234, 0xFEDCBA98)


@cocotb.test()
async def sustains(dut: Any) -> None:
    """Without waits, one transfer a cycle."""
    source, sink = StreamSource(dut, "i", PAIR, waits=STEADY), StreamSink(dut, "o", PAIR)
    await start(dut)
    source.send(*(i % 1024 for i in range(2000)))
    for _ in range(2004):
        await RisingEdge(dut.clk)
    assert len(sink) == 2000


@cocotb.test()
async def fails(dut: Any) -> None:
    """Only run to see the report."""
    await start(dut)
    raise AssertionError("on purpose")
