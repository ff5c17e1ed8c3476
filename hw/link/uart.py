"""Serial line, 8 data bits, no parity, one stop bit: pins to bytes and back.

A phase accumulator of PHASE_BITS bits counts bits of the line: it overflows `baud` times a second,
so any ratio of clock and baud works, not only whole ones.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import Component, In, Out

from hw.core.ports import ByteStream

PHASE_BITS = 20
MAX_ERROR = 0.01
MIN_CLOCKS = 8
DATA_BITS = 8


def phase_step(clock_hz: float, baud: float) -> int:
    """What the phase grows by in one clock. Raises ValueError when the line would not work."""
    if baud <= 0 or clock_hz / baud < MIN_CLOCKS:
        raise ValueError(
            f"{baud:g} baud from a clock of {clock_hz:g} Hz: at least {MIN_CLOCKS} clocks per bit "
            f"are needed, so at most {clock_hz / MIN_CLOCKS:g} baud"
        )
    step = round(baud * (1 << PHASE_BITS) / clock_hz)
    error = abs(step * clock_hz / (1 << PHASE_BITS) / baud - 1)
    if error > MAX_ERROR:
        raise ValueError(
            f"{baud:g} baud from a clock of {clock_hz:g} Hz would be {error:.1%} off: "
            f"at most {MAX_ERROR:.0%} is allowed, so at least "
            f"{clock_hz / (1 << PHASE_BITS) / 2 / MAX_ERROR:g} baud"
        )
    return step


class UartReceiver(Component):
    """Samples every bit in its middle.

    rx           pin, high when idle; registered twice here
    o            bytes received
    overflow     pulse: a byte was lost because the one before was not taken yet
    frame_error  pulse: no stop bit, the byte was dropped (noise, wrong baud, or a break)
    """

    def __init__(self, *, clock_hz: float, baud: float) -> None:
        self.step = phase_step(clock_hz, baud)
        super().__init__(
            {
                "rx": In(1, init=1),
                "o": Out(ByteStream),
                "overflow": Out(1),
                "frame_error": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        phase = Signal(PHASE_BITS)
        tick = Signal()
        bits = Signal(range(DATA_BITS + 1))
        shift = Signal(DATA_BITS)
        m.d.sync += Cat(phase, tick).eq(phase + Const(self.step, PHASE_BITS))
        m.d.sync += [self.overflow.eq(0), self.frame_error.eq(0)]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                # half a bit on, less the two clocks that the way to the first sample takes
                m.d.sync += phase.eq((1 << (PHASE_BITS - 1)) + 2 * self.step)
                m.d.sync += [tick.eq(0), bits.eq(0)]
                with m.If(~line):
                    m.next = "START"
            with m.State("START"):  # a start bit still low in its middle, or a glitch
                with m.If(tick):
                    m.next = "IDLE"
                    with m.If(~line):
                        m.next = "DATA"
            with m.State("DATA"):
                with m.If(tick):
                    m.d.sync += [shift.eq(Cat(shift[1:], line)), bits.eq(bits + 1)]
                    with m.If(bits == DATA_BITS - 1):
                        m.next = "STOP"
            with m.State("STOP"):
                with m.If(tick):
                    m.next = "IDLE"
                    with m.If(~line):
                        m.d.sync += self.frame_error.eq(1)
                        m.next = "BREAK"
                    with m.Elif(self.o.valid & ~self.o.ready):
                        m.d.sync += self.overflow.eq(1)
                    with m.Else():
                        m.d.sync += [self.o.payload.eq(shift), self.o.valid.eq(1)]
            with m.State("BREAK"), m.If(line):
                m.next = "IDLE"
        return m


class UartTransmitter(Component):
    """Sends bytes back to back.

    i   bytes to send
    tx  pin, high when idle
    """

    def __init__(self, *, clock_hz: float, baud: float) -> None:
        self.step = phase_step(clock_hz, baud)
        super().__init__({"i": In(ByteStream), "tx": Out(1, init=1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        phase = Signal(PHASE_BITS)
        tick = Signal()
        shift = Signal(DATA_BITS + 1, init=-1)
        left = Signal(range(DATA_BITS + 3))
        """Bits that have yet to end, the one on the line included."""
        m.d.comb += self.i.ready.eq(left == 0)
        m.d.comb += self.tx.eq(shift[0])
        with m.If(left != 0):
            m.d.sync += Cat(phase, tick).eq(phase + Const(self.step, PHASE_BITS))
            with m.If(tick):
                m.d.sync += [shift.eq(Cat(shift[1:], Const(1, 1))), left.eq(left - 1)]
        with m.Elif(self.i.valid):
            m.d.sync += [shift.eq(Cat(Const(0, 1), self.i.payload)), left.eq(DATA_BITS + 2)]
            m.d.sync += [phase.eq(0), tick.eq(0)]
        return m
