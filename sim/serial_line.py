"""A serial line between driver and board: levels on a wire, a clock at a time, and what harms them.

    driver -> HostUart -> levels, harmed -> UartReceiver -> compiled machine
    driver <- HostUart <- levels, harmed <- UartTransmitter <-

Receiver and transmitter are the compiled RTL of hw/link/uart.py, and so is the machine. They meet at bytes,
as in `hw.top`: the machine takes every byte at once (`Link.rx` never waits), so no clock lies between them
that could matter. The host's clock may be off by some percent.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from numpy.typing import NDArray

from golden.spec.config import PRESETS, CoreConfig
from hw.core.ports import ByteStream
from hw.link.uart import DATA_BITS, UartReceiver, UartTransmitter
from hw.simulate.compiling import compile_board
from hw.simulate.design import convert_machine
from sw.link import SimulatedTransport, Transport

CLOCK_HZ, BAUD = 60e6, 3e6
BIT = CLOCK_HZ / BAUD
"""Clocks of a bit."""
FRAME_BITS = DATA_BITS + 2
LONGEST = 4 * FRAME_BITS
"""Bits that a fault harms at most."""
SLICE = 50_000
Levels = NDArray[np.uint8]


class PinIn(Component):
    """The receiver behind a pin: bit 0 of a byte that goes in is the level of a clock."""

    def __init__(self) -> None:
        super().__init__({"rx": In(ByteStream), "tx": Out(ByteStream), "busy": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.uart = uart = UartReceiver(clock_hz=CLOCK_HZ, baud=BAUD)
        m.d.comb += [self.rx.ready.eq(1), uart.rx.eq(self.rx.payload[0] | ~self.rx.valid)]
        connect(m, uart.o, flipped(self.tx))
        return m


class PinOut(Component):
    """The transmitter before a pin: every clock gives a byte with the level."""

    def __init__(self) -> None:
        super().__init__({"rx": In(ByteStream), "tx": Out(ByteStream), "busy": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.uart = uart = UartTransmitter(clock_hz=CLOCK_HZ, baud=BAUD)
        connect(m, flipped(self.rx), uart.i)
        m.d.comb += [self.tx.valid.eq(1), self.tx.payload.eq(uart.tx)]
        return m


def compiled(pin: Component) -> SimulatedTransport:
    """One of the two, in the clock loop of the simulated board."""
    library = compile_board(convert_machine(pin), trace=False, notify=lambda text: None)
    return SimulatedTransport(PRESETS["tiny"], library=library)


def received(pin: SimulatedTransport, levels: Levels) -> bytes:
    """What the receiver makes of levels; the line rests behind them."""
    found = b""
    pin.write(levels.tobytes())
    left = len(levels) + round(2 * BIT)
    while left > 0:
        before = pin.cycles
        found += pin.run(min(left, SLICE), left + 1)[0]
        left -= pin.cycles - before
    return found


def sent(pin: SimulatedTransport, data: bytes) -> Levels:
    """What the transmitter makes of bytes, and a rest behind them."""
    found = b""
    pin.write(data)
    wanted = round((len(data) * (FRAME_BITS + 1) + 1) * BIT)
    while len(found) < wanted:
        found += pin.run(min(wanted - len(found), SLICE), wanted)[0]
    return np.frombuffer(found, np.uint8)


@dataclass
class HostUart:
    """The other end, a USB converter say: a bit is `bit` clocks of the board long."""

    bit: float

    def levels(self, data: bytes, rest: int) -> Levels:
        """Bytes back to back, after `rest` clocks without any."""
        octets = np.unpackbits(np.frombuffer(data, np.uint8)[:, None], axis=1, bitorder="little")
        frames = np.pad(octets, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
        bits = frames.reshape(-1)
        edges = np.round(np.arange(len(bits) + 1) * self.bit).astype(int)
        return np.concatenate([np.ones(rest, np.uint8), np.repeat(bits, np.diff(edges))])

    def data(self, levels: Levels) -> bytes:
        """Every bit is sampled in its middle; a byte without a stop bit is dropped, and the line awaited."""
        line, found, at = levels.tobytes() + b"\1" * round(FRAME_BITS * self.bit + 2), b"", 0
        middles = [round((place + 0.5) * self.bit) for place in range(FRAME_BITS)]
        while (at := line.find(0, at)) >= 0 and at + middles[-1] < len(line):
            start, *bits, stop = (line[at + middle] for middle in middles)
            if start:
                at += middles[0]
                continue
            at += middles[-1]
            if stop:
                found += bytes([sum(bit << place for place, bit in enumerate(bits))])
            elif (at := line.find(1, at)) < 0:
                break
        return found


@dataclass
class Harm:
    """What happens to levels on their way: the chance of each for a byte."""

    rng: random.Random
    glitch: float = 0.0
    """The line is inverted for a part of a bit, or a bit and a half."""
    slip: float = 0.0
    """Some of it is lost, or lasts longer: a part of a bit, or several bytes."""
    noise: float = 0.0
    """Random levels."""
    down: float = 0.0
    """A break: the line is low."""
    done: dict[str, int] = field(default_factory=dict)
    """How often each happened."""

    def apply(self, levels: Levels) -> Levels:
        """The levels at the other end."""
        for name in ("glitch", "slip", "noise", "down"):
            chance = getattr(self, name) * len(levels) / (FRAME_BITS * BIT)
            times = int(chance) + (self.rng.random() < chance % 1)
            self.done[name] = self.done.get(name, 0) + times
            for _ in range(times):
                levels = self._harmed(levels, name)
        return levels

    def _harmed(self, levels: Levels, name: str) -> Levels:
        at = self.rng.randrange(len(levels))
        bits = 1.5 if name == "glitch" else self.rng.choice([1, FRAME_BITS, LONGEST])
        size = self.rng.randint(1, round(bits * BIT))
        if name == "slip":
            more = self.rng.random() < 0.5
            kept = [
                levels[:at],
                levels[at : at + 1].repeat(size * more),
                levels[at + size * (not more) :],
            ]
            return np.concatenate(kept)
        changed = levels.copy()
        part = changed[at : at + size]
        if name == "glitch":
            part ^= 1
        elif name == "noise":
            part[:] = [self.rng.getrandbits(1) for _ in part]
        else:
            part[:] = 0
        return changed


class SerialLine(Transport):
    """A simulated board at the end of a serial line."""

    patience = 0.05
    name = "board on a serial line"

    def __init__(
        self,
        config: CoreConfig,
        there: Harm,
        back: Harm,
        *,
        drift: float = 0.0,
        library: Path | None = None,
    ) -> None:
        self.board = SimulatedTransport(config, library=library)
        self.pins = compiled(PinIn()), compiled(PinOut())
        self.there, self.back = there, back
        self.drift(drift)
        self.carried = 0
        """Bytes, both ways together."""

    def drift(self, part: float) -> None:
        """From now on the host's bits are longer by this part."""
        self.host = HostUart(BIT * (1 + part))

    def write(self, data: bytes) -> None:
        """Through the line, to the board."""
        self.carried += len(data)
        rest = self.there.rng.randint(1, round(3 * BIT))
        self.board.write(received(self.pins[0], self.there.apply(self.host.levels(data, rest))))

    def read(self, timeout: float) -> bytes:
        """What the board says, as the host hears it: perhaps nothing of it."""
        data = self.board.read(timeout)
        self.carried += len(data)
        return self.host.data(self.back.apply(sent(self.pins[1], data))) if data else b""

    def close(self) -> None:
        """Switch all off."""
        for part in (self.board, *self.pins):
            part.close()
