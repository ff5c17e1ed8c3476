"""From pins to the core: `Machine` is what every target runs, `BoardTop` puts it on a board."""

from typing import Any

from amaranth.hdl import DomainRenamer, Module, Signal
from amaranth.lib import io, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from boards.board import Board
from boards.pll import Pll
from golden.spec.config import CoreConfig
from golden.spec.sdram import SdramConfig, check_beside
from hw.clocks import ClockGenerator, Crossing
from hw.core.core import Core
from hw.core.ports import BusReply, BusRequest, ByteStream
from hw.link.link import Link
from hw.link.uart import UartReceiver, UartTransmitter
from hw.memory.memory import Memory, MemorySwitch
from hw.memory.pads import SdramPads
from hw.memory.ports import SdramPins, request

SHOWN_SECONDS = 0.05  # how long an LED shows a pulse


class Machine(Component):
    """Link and core: bytes in, bytes out. The simulated board is this and nothing else.

    With a memory beside the FPGA there is a controller for it in domain `memory`. The sample store is there,
    and the host finds the memory's tester in a space of its own. Raises ValueError for a memory that is not
    that of the configuration.

    rx       bytes from the host
    tx       bytes to the host
    busy     a sample is in the core, or words are copied
    taken    pulse: a frame was taken
    damaged  pulse: a frame was damaged
    pins     of the memory, where there is one
    """

    def __init__(self, config: CoreConfig, *, memory: SdramConfig | None = None) -> None:
        check_beside(config, memory)
        self.config = config
        self.memory = memory
        more: dict[str, Any] = {"pins": Out(SdramPins(memory.chip))} if memory else {}
        super().__init__(
            more
            | {
                "rx": In(ByteStream),
                "tx": Out(ByteStream),
                "busy": Out(1),
                "taken": Out(1),
                "damaged": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.link = link = Link(self.config, self.memory)
        m.submodules.core = core = Core(self.config)
        connect(m, flipped(self.rx), link.rx)
        connect(m, link.tx, flipped(self.tx))
        if self.memory:
            self._memory(m, link, core)
        else:
            connect(m, link.bus_request, core.bus_request)
            connect(m, core.bus_reply, link.bus_reply)
        connect(m, link.sample, core.sample)
        connect(m, core.result, link.result)
        m.d.comb += [
            core.restart.eq(link.restart),
            link.layer_count.eq(core.layer_count),
            self.busy.eq(core.busy | link.copying if self.memory else core.busy),
            self.taken.eq(link.taken),
            self.damaged.eq(link.damaged),
        ]
        return m

    def _memory(self, m: Module, link: Link, core: Core) -> None:
        """A switch before the core, and the way to the other clock and back."""
        assert self.memory
        word = stream.Signature(self.memory.chip.data_bits)
        m.submodules.switch = switch = MemorySwitch()
        m.submodules.to_memory = there = Crossing(BusRequest, "sync", "memory")
        m.submodules.from_memory = back = Crossing(BusReply, "memory", "sync")
        bursts = Crossing(stream.Signature(request(self.memory.chip)), "sync", "memory")
        written, words = Crossing(word, "sync", "memory"), Crossing(word, "memory", "sync")
        m.submodules.bursts, m.submodules.written, m.submodules.words = bursts, written, words
        memory = Memory(self.memory)
        m.submodules.memory = DomainRenamer({"sync": "memory"})(memory)
        connect(m, link.bus_request, switch.host_request)
        connect(m, switch.host_reply, link.bus_reply)
        connect(m, switch.core_request, core.bus_request)
        connect(m, core.bus_reply, switch.core_reply)
        connect(m, switch.memory_request, there.i)
        connect(m, there.o, memory.request)
        connect(m, memory.reply, back.i)
        connect(m, back.o, switch.memory_reply)
        connect(m, link.memory.request, bursts.i)
        connect(m, bursts.o, memory.store.request)
        connect(m, link.memory.write, written.i)
        connect(m, written.o, memory.store.write)
        connect(m, memory.store.read, words.i)
        connect(m, words.o, link.memory.read)
        connect(m, memory.pins, flipped(self.pins))


class BoardTop(Component):
    """A machine on the serial port of `board`, in the clock of `pll`; with a memory, if asked for.

    LEDs, as many as the board has: heartbeat, frame taken, byte sent, core busy, frame damaged or
    serial line in error.
    """

    def __init__(
        self,
        board: Board,
        config: CoreConfig,
        *,
        pll: Pll,
        baud: int,
        memory: SdramConfig | None = None,
    ) -> None:
        self.board = board
        self.memory = memory
        self.config = config
        self.pll = pll
        self.baud = baud
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        clock_hz = self.pll.output_mhz * 1e6
        m.submodules.clocks = self._clocks()
        m.submodules.machine = machine = Machine(self.config, memory=self.memory)
        if self.memory:
            m.submodules.pads = pads = SdramPads(self.memory)
            connect(m, machine.pins, pads.pins)
        m.submodules.receiver = receiver = UartReceiver(clock_hz=clock_hz, baud=self.baud)
        m.submodules.transmitter = sender = UartTransmitter(clock_hz=clock_hz, baud=self.baud)
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx_pin = rx_pin = io.Buffer("i", uart.rx)
        m.submodules.tx_pin = tx_pin = io.Buffer("o", uart.tx)
        m.d.comb += [receiver.rx.eq(rx_pin.i), tx_pin.o.eq(sender.tx)]
        connect(m, receiver.o, machine.rx)
        connect(m, machine.tx, sender.i)

        beat = Signal(range(int(clock_hz)))
        m.d.sync += beat.eq(beat + 1)
        trouble = machine.damaged | receiver.overflow | receiver.frame_error
        states = [beat[-1]]
        for pulse in (machine.taken, sender.i.valid, machine.busy, trouble):
            states.append(stretched(m, pulse, int(clock_hz * SHOWN_SECONDS)))
        for number, state in enumerate(states[: self.board.leds]):
            led = io.Buffer("o", platform.request("led", number, dir="-"))
            m.submodules[f"led_{number}"] = led
            m.d.comb += led.o.eq(state)
        for resource, number, subsignal in self.board.held_high:
            port = getattr(platform.request(resource, number, dir="-"), subsignal)
            high = io.Buffer("o", port)
            m.submodules[f"{resource}_{subsignal}"] = high
            m.d.comb += high.o.eq(1)
        return m

    def _clocks(self) -> ClockGenerator:
        """Of the core, and of the memory if there is one."""
        if self.memory is None:
            return ClockGenerator(self.board, self.pll)
        memory_pll = self.board.pll(self.memory.mhz)
        return ClockGenerator(self.board, self.pll, memory_pll, self.memory.phase)


def stretched(m: Module, pulse: Any, cycles: int) -> Signal:
    """`pulse`, made to last for `cycles` so that an eye can see it."""
    left = Signal(range(cycles + 1))
    shown = Signal()
    with m.If(pulse):
        m.d.sync += left.eq(cycles)
    with m.Elif(left != 0):
        m.d.sync += left.eq(left - 1)
    m.d.sync += shown.eq(left != 0)
    return shown
