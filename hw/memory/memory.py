"""The memory of a board: controller, tester, registers; and the switch that leads the host to it."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from golden.spec.memory_test import Pass
from golden.spec.registers import SPACE_SHIFT, Space
from golden.spec.sdram import SdramConfig
from hw.core.base.register_slice import register_slice
from hw.core.ports import BusReply, BusRequest
from hw.memory.arbiter import Arbiter
from hw.memory.controller import BurstController
from hw.memory.ports import BurstPort, SdramPins
from hw.memory.registers import MemoryRegisters
from hw.memory.tester import MemoryTester


class Memory(Component):
    """What the host finds in space SDRAM, and the words of its sample store.

    request  accesses
    reply    their answers
    store    bursts of the sample store
    pins     to the registers at the pins
    """

    def __init__(self, sdram: SdramConfig) -> None:
        self.sdram = sdram
        super().__init__(
            {
                "request": In(BusRequest),
                "reply": Out(BusReply),
                "store": In(BurstPort(sdram.chip)),
                "pins": Out(SdramPins(sdram.chip)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.registers = registers = MemoryRegisters(self.sdram)
        m.submodules.tester = tester = MemoryTester(self.sdram.chip)
        m.submodules.arbiter = arbiter = Arbiter(self.sdram.chip)
        m.submodules.controller = controller = BurstController(self.sdram)
        connect(m, flipped(self.request), registers.request)
        connect(m, registers.reply, flipped(self.reply))
        connect(m, flipped(self.store), arbiter.store)
        connect(m, tester.port, arbiter.tester)
        connect(m, arbiter.port.request, controller.port.request)
        register_slice(m, "written", arbiter.port.write, controller.port.write)
        connect(m, controller.port.read, arbiter.port.read)
        connect(m, controller.pins, flipped(self.pins))
        m.d.comb += [
            tester.asked.eq(registers.asked),
            registers.found.eq(tester.found),
            registers.running.eq(tester.running),
            # from the cycle in which the host is told that it has begun
            arbiter.running.eq(tester.running | registers.asked.start[: len(Pass)].any()),
        ]
        return m


class MemorySwitch(Component):
    """Leads accesses of the host to the memory or to the core, by their space.

    All accesses of a command are in one space and are answered before the next command begins, so answers
    never come from two sides.

    host_request, host_reply      of the link
    core_request, core_reply      to the core
    memory_request, memory_reply  to the memory
    """

    def __init__(self) -> None:
        ports: dict[str, Any] = {"host_request": In(BusRequest), "host_reply": Out(BusReply)}
        for side in ("core", "memory"):
            ports |= {f"{side}_request": Out(BusRequest), f"{side}_reply": In(BusReply)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        host, core, memory = self.host_request, self.core_request, self.memory_request
        to_memory, answer = Signal(), self.host_reply
        m.d.comb += [
            to_memory.eq(host.payload.address[SPACE_SHIFT:] == Space.SDRAM),
            core.payload.eq(host.payload),
            memory.payload.eq(host.payload),
            core.valid.eq(host.valid & ~to_memory),
            memory.valid.eq(host.valid & to_memory),
            host.ready.eq(Mux(to_memory, memory.ready, core.ready)),
            answer.valid.eq(self.core_reply.valid | self.memory_reply.valid),
            answer.payload.eq(
                Mux(self.core_reply.valid, self.core_reply.payload, self.memory_reply.payload)
            ),
            self.core_reply.ready.eq(answer.ready),
            self.memory_reply.ready.eq(answer.ready & ~self.core_reply.valid),
        ]
        return m
