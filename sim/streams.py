"""Drivers and monitors of Amaranth streams for cocotb, with seeded random waits on both sides.

    source = StreamSource(dut, "i", SAMPLE_BYTE)     # drives dut.i__payload, dut.i__valid
    sink = StreamSink(dut, "o", RESULT_WORD)         # drives dut.o__ready
    source.send({"data": 1, "last": 0}, {"data": 2, "last": 1})
    word = await sink.receive()                      # {"data": ..., "last": ...}

Waits are named: STEADY never waits, RARE and OFTEN do so at random. A sink also checks the rule of
streams: once valid, neither valid nor the payload may change before the transfer.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import cocotb
from amaranth.hdl import Shape
from amaranth.lib import data
from cocotb.triggers import Event, RisingEdge, with_timeout

from sim.harness import seeded


@dataclass(frozen=True)
class Waits:
    """How long a side waits before a transfer: by `chance`, up to `longest` cycles; else not."""

    chance: float
    longest: int

    def draw(self, rng: Random) -> int:
        """Cycles to wait before the next transfer."""
        return rng.randint(1, self.longest) if rng.random() < self.chance else 0


STEADY = Waits(0.0, 0)
RARE = Waits(0.1, 8)
OFTEN = Waits(0.6, 5)
STALL = Waits(0.02, 200)
BATCH = 256
"""Payloads that are waited for together, of many."""


def pack(shape: Any, value: Any) -> int:
    """The bits of `value`: an int, or a dict or list for a struct or array."""
    if isinstance(shape, type) and issubclass(shape, data.Struct):
        shape = data.Layout.cast(shape)
    if not isinstance(shape, data.Layout) or isinstance(value, int):
        width = Shape.cast(shape).width
        number = int(value)
        if not -(1 << width) < number < 1 << width:
            raise ValueError(f"{number} does not fit in {width} bits")
        return number & ((1 << width) - 1)
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    bits = 0
    for key, item in items:
        field = shape[key]
        bits |= pack(field.shape, item) << field.offset
    return bits


def unpack(shape: Any, bits: int) -> Any:
    """Undo `pack`: dicts for structs, lists for arrays, signed numbers where the shape says so."""
    if isinstance(shape, type) and issubclass(shape, data.Struct):
        shape = data.Layout.cast(shape)
    if isinstance(shape, data.Layout):
        values = {
            key: unpack(field.shape, bits >> field.offset & ((1 << field.width) - 1))
            for key, field in shape
        }
        return list(values.values()) if isinstance(shape, data.ArrayLayout) else values
    plain = Shape.cast(shape)
    return bits - (1 << plain.width) if plain.signed and bits >> (plain.width - 1) else bits


class Port:
    """A port of a struct (or signed) shape, read and written as dicts, lists and signed numbers."""

    def __init__(self, handle: Any, shape: Any) -> None:
        self._handle, self._shape = handle, shape

    @property
    def value(self) -> Any:
        """What the port holds now."""
        return unpack(self._shape, int(self._handle.value))

    @value.setter
    def value(self, value: Any) -> None:
        self._handle.value = pack(self._shape, value)


class _Stream:
    def __init__(self, dut: Any, name: str, shape: Any, waits: Waits) -> None:
        self._dut, self._name, self._shape, self.waits = dut, name, shape, waits
        self._payload: Any = getattr(dut, f"{name}__payload")
        self._valid: Any = getattr(dut, f"{name}__valid", None)  # absent: always valid
        self._ready: Any = getattr(dut, f"{name}__ready", None)  # absent: always ready
        self._rng = seeded(name)
        self._edge = RisingEdge(dut.clk)
        self.transfers = 0
        """Transfers so far."""

    async def _released(self) -> None:
        """Wait for the end of reset."""
        while True:
            await self._edge
            if not self._dut.rst.value:
                return


class StreamSource(_Stream):
    """Drives the stream port `name` of `dut`. `waits` may be changed at any time.

    shape  shape of the payload: what `send` is given is packed by it
    """

    def __init__(self, dut: Any, name: str, shape: Any = 8, *, waits: Waits = STEADY) -> None:
        super().__init__(dut, name, shape, waits)
        self._queue: deque[int] = deque()
        self._wake, self._idle = Event(), Event()
        self._idle.set()
        self._valid.value = 0
        self._payload.value = 0
        cocotb.start_soon(self._run())

    def send(self, *payloads: Any) -> None:
        """Queue payloads; returns at once."""
        self._queue.extend(pack(self._shape, payload) for payload in payloads)
        if payloads:
            self._idle.clear()
            self._wake.set()

    async def drain(self) -> None:
        """Wait until everything queued was transferred."""
        await self._idle.wait()

    async def _run(self) -> None:
        await self._released()
        while True:
            if not self._queue:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
                await self._edge
            for _ in range(self.waits.draw(self._rng)):
                await self._edge
            self._valid.value = 1
            moved = True
            while moved:
                self._payload.value = self._queue[0]
                await self._edge
                while self._ready is not None and not self._ready.value:
                    await self._edge
                self._queue.popleft()
                self.transfers += 1
                moved = bool(self._queue) and not self.waits.chance
            self._valid.value = 0
            self._payload.value = self._rng.getrandbits(len(self._payload))


class StreamSink(_Stream):
    """Takes from the stream port `name` of `dut`. `waits` may be changed at any time.

    shape    shape of the payload: what `receive` returns is unpacked by it
    take     False leaves `ready` alone: only watches transfers
    """

    def __init__(
        self, dut: Any, name: str, shape: Any = 8, *, waits: Waits = STEADY, take: bool = True
    ) -> None:
        super().__init__(dut, name, shape, waits)
        self._queue: deque[int] = deque()
        self._arrived, self._wanted = Event(), 1
        self._take = take and self._ready is not None
        if self._take:
            self._ready.value = 0
        cocotb.start_soon(self._run())

    def __len__(self) -> int:
        return len(self._queue)

    async def receive(self, *, within_us: int = 10_000) -> Any:
        """The next payload; raises SimTimeoutError when none comes."""
        await self.arrival(within_us=within_us)
        return unpack(self._shape, self._queue.popleft())

    async def arrival(self, count: int = 1, *, within_us: int = 10_000) -> None:
        """Wait until `count` payloads are there to receive; raises SimTimeoutError when they stay away.

        The time is that for BATCH payloads: to wake up for each one of many takes longer than to simulate it.
        """
        while (there := len(self._queue)) < count:
            self._wanted = min(count, there + BATCH)
            self._arrived.clear()
            await with_timeout(self._arrived.wait(), within_us, "us")

    async def receive_many(self, count: int, *, within_us: int = 10_000) -> list[Any]:
        """The next `count` payloads."""
        await self.arrival(count, within_us=within_us)
        return [unpack(self._shape, self._queue.popleft()) for _ in range(count)]

    async def receive_packet(self, last: str = "last", *, within_us: int = 10_000) -> list[Any]:
        """Payloads up to and including the one whose member `last` is set."""
        packet = [await self.receive(within_us=within_us)]
        while not packet[-1][last]:
            packet.append(await self.receive(within_us=within_us))
        return packet

    def take_all(self) -> list[Any]:
        """Everything received and not yet taken."""
        payloads = [unpack(self._shape, bits) for bits in self._queue]
        self._queue.clear()
        return payloads

    async def _run(self) -> None:
        await self._released()
        pause = self._pause()
        held = None
        while True:
            await self._edge
            if self._valid is None or self._valid.value:
                bits = int(self._payload.value)
                assert held is None or held == bits, f"{self._name}: payload changed while waiting"
                if not pause if self._take else self._ready is None or self._ready.value:
                    self._queue.append(bits)
                    self.transfers += 1
                    if len(self._queue) >= self._wanted:
                        self._arrived.set()
                    held = None
                    pause = self._pause()
                    continue
                held = bits
            else:
                assert held is None, f"{self._name}: valid dropped before the transfer"
                if not pause:  # nothing to do until something is offered
                    await RisingEdge(self._valid)
                    continue
            if pause:
                pause -= 1
                if not pause:
                    self._ready.value = 1

    def _pause(self) -> int:
        """Draw a wait and set `ready` for it."""
        if not self._take:
            return 0
        pause = self.waits.draw(self._rng)
        self._ready.value = int(not pause)
        return pause
