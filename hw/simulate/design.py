"""The design as the simulated board compiles it: Verilog of a machine that starts out of reset."""

import re
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module, Signal

from golden.spec.config import CoreConfig
from golden.spec.sdram import SdramConfig
from hw.top import Machine


def convert(config: CoreConfig, memory: SdramConfig | None = None) -> str:
    """RTLIL of a machine, with a memory beside the FPGA if asked for."""
    return convert_machine(Machine(config, memory=memory))


def convert_machine(machine: Any) -> str:
    """RTLIL of module `board`, of a component with the ports rx, tx and busy. Ports: clk, rx_*, tx_*, busy.

    With a memory also memory_clk and pins_*. There is no reset: every register starts at the value a reset
    would give it.
    """
    m = Module()
    m.domains.sync = sync = ClockDomain("sync", reset_less=True)
    m.submodules.machine = machine
    ports = [sync.clk]
    inputs = {"rx_payload": machine.rx.payload, "rx_valid": machine.rx.valid}
    outputs = {"rx_ready": machine.rx.ready, "tx_payload": machine.tx.payload}
    outputs |= {"tx_valid": machine.tx.valid, "busy": machine.busy}
    inputs["tx_ready"] = machine.tx.ready
    if getattr(machine, "memory", None):
        m.domains.memory = memory = ClockDomain("memory", reset_less=True)
        ports.append(memory.clk)
        inputs["pins_sampled"] = machine.pins.sampled
        for name in ("command", "bank", "address", "data", "drives"):
            outputs[f"pins_{name}"] = getattr(machine.pins, name)
    for name, port in (inputs | outputs).items():
        signal = Signal(port.shape(), name=name)
        ports.append(signal)
        m.d.comb += port.eq(signal) if name in inputs else signal.eq(port)
    text = rtlil.convert(m, name="board", ports=ports, emit_src=False)
    return re.sub(r"(?ms)^ *cell \$meminit_v2 .*?^ *end\n", _unless_zero, text)


def _unless_zero(cell: re.Match[str]) -> str:
    """Memories start at zero anyway; to spell it out makes up most of the text."""
    return "" if re.search(r"connect \\DATA \d+'0+\n", cell[0]) else cell[0]
