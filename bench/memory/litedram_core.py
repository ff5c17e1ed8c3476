"""LiteDRAM's controller as Verilog, for `bench.memory --litedram`; run by a Python that has litedram.

    python litedram_core.py MHZ > core.v

A native port of one word, the module IS42S16160, LiteDRAM's own model of a PHY and chip behind it (it needs
no start), otherwise LiteDRAM's defaults, but for a queue of 16 commands in each bank.
"""

import sys

from litedram.common import PhySettings
from litedram.core import LiteDRAMCore
from litedram.core.controller import ControllerSettings
from litedram.modules import IS42S16160
from litedram.phy.model import SDRAMPHYModel
from migen import Module
from migen.fhdl.verilog import convert

CAS = {False: 2, True: 3}


class Top(Module):
    """Controller, crossbar with one port, chip."""

    def __init__(self, mhz: float) -> None:
        module = IS42S16160(mhz * 1e6, "1:1")
        cas = CAS[mhz > 100]
        settings = PhySettings(
            phytype="SDRAMPHYModel", memtype="SDR", databits=16, dfi_databits=16, nphases=1,
            rdphase=0, wrphase=0, cl=cas, read_latency=cas + 2, write_latency=0,
        )  # fmt: skip
        self.submodules.phy = phy = SDRAMPHYModel(module, settings=settings, clk_freq=mhz * 1e6)
        self.submodules.core = core = LiteDRAMCore(
            phy=phy,
            geom_settings=module.geom_settings,
            timing_settings=module.timing_settings,
            clk_freq=mhz * 1e6,
            controller_settings=ControllerSettings(cmd_buffer_depth=16),
        )
        port = core.crossbar.get_port()
        self.ports = {
            port.cmd.valid, port.cmd.ready, port.cmd.addr, port.cmd.we, port.wdata.valid, port.wdata.ready,
            port.wdata.data, port.wdata.we, port.rdata.valid, port.rdata.ready, port.rdata.data,
        }  # fmt: skip


if __name__ == "__main__":
    top = Top(float(sys.argv[1]))
    print(convert(top, top.ports, name="board"))
