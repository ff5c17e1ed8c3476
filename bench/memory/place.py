"""python -m bench.memory.place: the memory alone at the pins of a board, placed and routed: its clock.

Controller, tester, registers, crossings, PLLs and pads as on a board, and a serial line in place of link
and core.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from amaranth import Cat, DomainRenamer, Elaboratable, Module, Signal
from amaranth.lib import io
from amaranth.lib.wiring import connect
from rich.console import Console

import boards
from boards import Board
from golden.spec.sdram import SdramConfig
from hw.building.flow import AFTER_READ
from hw.building.toolchain import TOOLCHAINS, show_stage
from hw.clocks import ClockGenerator, Crossing
from hw.core.ports import BusReply, BusRequest
from hw.link.uart import UartReceiver, UartTransmitter
from hw.memory.memory import Memory
from hw.memory.pads import SdramPads
from hw.report import read_fmax

CORE_MHZ, BAUD = 50, 1e6


class Top(Elaboratable):
    """Seven bytes from the line are an access; half of its answer goes back."""

    def __init__(self, board: Board, sdram: SdramConfig) -> None:
        self.board, self.sdram = board, sdram

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        board, clock_hz = self.board, CORE_MHZ * 1e6
        plls = board.pll(CORE_MHZ), board.pll(self.sdram.mhz)
        m.submodules.clocks = ClockGenerator(board, *plls, self.sdram.phase)
        memory = Memory(self.sdram)
        m.submodules.memory = DomainRenamer({"sync": "memory"})(memory)
        m.submodules.there = there = Crossing(BusRequest, "sync", "memory")
        m.submodules.back = back = Crossing(BusReply, "memory", "sync")
        m.submodules.pads = pads = SdramPads(self.sdram)
        m.submodules.receiver = receiver = UartReceiver(clock_hz=clock_hz, baud=BAUD)
        m.submodules.sender = sender = UartTransmitter(clock_hz=clock_hz, baud=BAUD)
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        connect(m, memory.pins, pads.pins)
        connect(m, there.o, memory.request)
        connect(m, memory.reply, back.i)
        taken, count = Signal(56), Signal(3)
        answer = back.o.payload.as_value()
        m.d.comb += [
            receiver.rx.eq(rx.i),
            tx.o.eq(sender.tx),
            receiver.o.ready.eq(1),
            there.i.payload.eq(taken),
            there.i.valid.eq(count == 7),
            sender.i.payload.eq(answer[:8] ^ answer[8:]),
            sender.i.valid.eq(back.o.valid),
            back.o.ready.eq(sender.i.ready),
        ]
        with m.If(there.i.ready & there.i.valid):
            m.d.sync += count.eq(0)
        with m.Elif(receiver.o.valid):
            m.d.sync += [taken.eq(Cat(taken[8:], receiver.o.payload)), count.eq(count + 1)]
        return m


def main() -> None:
    """Print the clock."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory.place", description=__doc__)
    parser.add_argument("--board", default="ulx3s", help="(%(default)s)")
    parser.add_argument("--size", help="of its FPGA")
    parser.add_argument("--mhz", type=float, default=100.0, help="of the memory (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the placement (%(default)s)")
    options = parser.parse_args()
    board, sdram = boards.find(options.board, options.size), SdramConfig(mhz=options.mhz)
    folder, platform = Path("build") / "bench" / f"memory-{board.label}", board.platform()
    plan = platform.prepare(
        Top(board, sdram), "top", debug_verilog=False, script_after_read=AFTER_READ
    )
    plan.extract(str(folder))
    for stage in TOOLCHAINS[board.toolchain].stages(platform, options.seed, CORE_MHZ, 1)[:2]:
        show_stage(stage, folder, Console())
    report = json.loads((folder / "top.report.json").read_text())
    used = {name: cell["used"] for name, cell in report["utilization"].items() if cell["used"]}
    reached = read_fmax(report, memory=True)
    print(f"{board.label}, seed {options.seed}: {reached:.1f} MHz of {sdram.mhz:g}; {used}")


if __name__ == "__main__":
    main()
