"""The serial line: clocks that differ on both ends, every byte, breaks, and bytes nobody takes."""

from typing import Any

import cocotb
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from cocotb.triggers import ClockCycles, FallingEdge, Timer

from hw.core.ports import ByteStream
from hw.link.uart import MAX_ERROR, UartReceiver, UartTransmitter, phase_step
from sim.harness import parameters, run, seeded, start
from sim.streams import OFTEN, StreamSink, StreamSource

# clock, baud: the fast line at clocks that are no multiple of it, the slowest one
LINES = [(60e6, 3e6), (100e6, 3e6), (77.7e6, 3e6), (25e6, 3e6), (25e6, 115200)]
PERIOD_NS = 10.0  # of the simulated clock, whatever it stands for


class Uart(Component):
    """Receiver and transmitter beside each other."""

    def __init__(self, *, clock_hz: float, baud: float) -> None:
        self.line = {"clock_hz": clock_hz, "baud": baud}
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "i": In(ByteStream),
                "o": Out(ByteStream),
                "overflow": Out(1),
                "frame_error": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(**self.line)
        m.submodules.transmitter = transmitter = UartTransmitter(**self.line)
        connect(m, flipped(self.i), transmitter.i)
        connect(m, receiver.o, flipped(self.o))
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.overflow.eq(receiver.overflow),
            self.frame_error.eq(receiver.frame_error),
        ]
        return m


@pytest.mark.parametrize(("clock_hz", "baud"), LINES)
def test_line(clock_hz: float, baud: float) -> None:
    bit_ns = PERIOD_NS * clock_hz / baud
    tests = ["receives", "transmits"] + (["breaks", "overflows"] if clock_hz == 60e6 else [])
    run(
        lambda: Uart(clock_hz=clock_hz, baud=baud),
        __name__,
        testcase=tests,
        parameters={"bit_ns": bit_ns},
    )


@pytest.mark.parametrize("clock_hz", [60e6, 75e6, 80e6, 100e6, 48e6])
@pytest.mark.parametrize("baud", [9600, 115200, 921600, 1e6, 3e6])
def test_usual_rates_are_exact_enough(clock_hz: float, baud: float) -> None:
    rate = phase_step(clock_hz, baud) * clock_hz / (1 << 20)
    assert rate == pytest.approx(baud, rel=MAX_ERROR / 2)


def test_rates_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at most 3.125e\+06 baud"):
        phase_step(25e6, 4e6)
    with pytest.raises(ValueError, match=r"% off: at most 1% is allowed, so at least"):
        phase_step(100e6, 220)
    with pytest.raises(ValueError, match="0 baud"):
        phase_step(100e6, 0)


async def send(dut: Any, data: bytes, bit_ns: float, *, stop: int = 1) -> None:
    """Bytes back to back, as a sender with bits of `bit_ns` puts them on the line."""
    edges, now = 0, 0
    for byte in data:
        bits = [0, *(byte >> n & 1 for n in range(8)), stop]
        for bit in bits:
            dut.rx.value = bit
            edges += 1
            step = round(edges * bit_ns * 1000) - now
            now += step
            await Timer(step, unit="ps")
    dut.rx.value = 1


async def hear(dut: Any, bit_ns: float) -> int:
    """The next byte on tx, sampled in the middle of bits of `bit_ns`."""
    await FallingEdge(dut.tx)
    byte = 0
    for place in range(10):
        await Timer(round(bit_ns * (1000 if place else 500)), unit="ps")
        if place == 0:
            assert dut.tx.value == 0, "start bit"
        elif place == 9:
            assert dut.tx.value == 1, "stop bit"
        else:
            byte |= int(dut.tx.value) << place - 1
    return byte


@cocotb.test()
@cocotb.parametrize(drift=[-0.02, -0.01, 0.0, 0.01, 0.02])
async def receives(dut: Any, drift: float) -> None:
    """All bytes back to back from a sender whose clock is off."""
    dut.rx.value = 1
    sink = StreamSink(dut, "o")
    await start(dut)
    rng = seeded()
    await Timer(rng.randrange(1, 99999), unit="ps")
    bit_ns = parameters()["bit_ns"] * (1 + drift)
    data = bytes(range(256)) if bit_ns < 500 else rng.randbytes(20) + b"\x00\xff\x55\xaa"
    await send(dut, data, bit_ns)
    await Timer(round(bit_ns), unit="ns")
    assert bytes(sink.take_all()) == data
    assert not dut.overflow.value and not dut.frame_error.value


@cocotb.test()
@cocotb.parametrize(drift=[-0.02, 0.0, 0.02])
async def transmits(dut: Any, drift: float) -> None:
    """All bytes back to back to a receiver whose clock is off; no more than a clock between."""
    dut.rx.value = 1
    source = StreamSource(dut, "i")
    await start(dut)
    bit_ns = parameters()["bit_ns"]
    rng = seeded()
    data = bytes(range(256)) if bit_ns < 500 else rng.randbytes(20) + b"\x00\xff\x55\xaa"
    source.send(*data)
    for byte in data:
        assert await hear(dut, bit_ns * (1 + drift)) == byte
    await source.drain()
    source.waits = OFTEN
    source.send(*data[:20])
    for byte in data[:20]:
        assert await hear(dut, bit_ns) == byte


@cocotb.test()
async def breaks(dut: Any) -> None:
    """A missing stop bit, a break and a glitch: reported, dropped, and the next byte is right."""
    dut.rx.value = 1
    sink = StreamSink(dut, "o")
    await start(dut)
    bit_ns = parameters()["bit_ns"]
    errors = count_pulses(dut, "frame_error")
    await send(dut, b"\x5a", bit_ns, stop=0)
    await Timer(round(2 * bit_ns), unit="ns")
    assert errors["count"] == 1 and not len(sink)
    dut.rx.value = 0
    await Timer(round(35 * bit_ns), unit="ns")
    dut.rx.value = 1
    await Timer(round(2 * bit_ns), unit="ns")
    assert errors["count"] == 2 and not len(sink)
    dut.rx.value = 0
    await Timer(round(0.3 * bit_ns), unit="ns")
    dut.rx.value = 1
    await Timer(round(12 * bit_ns), unit="ns")
    assert errors["count"] == 2 and not len(sink)
    await send(dut, b"\x00\xff", bit_ns)
    await Timer(round(bit_ns), unit="ns")
    assert sink.take_all() == [0, 255] and errors["count"] == 2


@cocotb.test()
async def overflows(dut: Any) -> None:
    """A byte nobody takes stays; the ones after it are lost, each with a pulse."""
    dut.rx.value = 1
    dut.o__ready.value = 0
    await start(dut)
    lost = count_pulses(dut, "overflow")
    await send(dut, b"abc", parameters()["bit_ns"])
    await ClockCycles(dut.clk, 20)
    assert lost["count"] == 2
    sink = StreamSink(dut, "o")
    await send(dut, b"d", parameters()["bit_ns"])
    await ClockCycles(dut.clk, 20)
    assert bytes(sink.take_all()) == b"ad" and lost["count"] == 2


def count_pulses(dut: Any, name: str) -> dict[str, int]:
    """Count the clocks in which an output is high, from now on."""
    seen = {"count": 0}

    async def watch() -> None:
        while True:
            await ClockCycles(dut.clk, 1)
            seen["count"] += int(getattr(dut, name).value)

    cocotb.start_soon(watch())
    return seen
