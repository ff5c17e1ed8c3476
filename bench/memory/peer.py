"""LiteDRAM's controller with the same bursts, and its LUTs. A Python that has it is named."""

import ctypes
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.building.toolchain import YOSYS
from hw.simulate.compiling import compile_board, run

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "bench"
IDLE = 30_000
CORE = """{
    "cpu": "None", "device": "LFE5U-25F-6BG256C", "memtype": "SDR", "uart": "rs232",
    "sdram_module": "IS42S16160", "sdram_module_nb": 2, "sdram_phy": "GENSDRPHY",
    "sys_clk_freq": MHZe6, "input_clk_freq": 25e6, "cmd_buffer_depth": 16,
    "user_ports": {"native_0": {"type": "native", "block_until_ready": False}},
}
"""


class LiteDram:
    """Its controller and its own model of a chip, compiled."""

    def __init__(self, python: str, mhz: float) -> None:
        BUILD.mkdir(parents=True, exist_ok=True)
        command = [python, str(HERE / "litedram_core.py"), f"{mhz:g}"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (BUILD / "litedram.v").write_text(text)
        script = "read_verilog litedram.v; hierarchy -top board; proc; write_rtlil litedram.il"
        run([YOSYS.path(), "-q", "-p", script], BUILD)
        library = compile_board(
            (BUILD / "litedram.il").read_text(), trace=False, notify=lambda text: None, into=BUILD,
            harness=HERE / "peer.cc",
        )  # fmt: skip
        self._library = ctypes.CDLL(str(library))
        play = self._library.litedram_play
        play.argtypes, play.restype = (
            [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64],
            ctypes.c_int64,
        )

    def play(self, bursts: NDArray[Any]) -> int:
        """Cycles that bursts take."""
        bursts = np.ascontiguousarray(bursts)
        cycles = int(self._library.litedram_play(bursts.ctypes.data, len(bursts), IDLE))
        assert cycles > 0, "nothing moves"
        return cycles


def cells(python: str, mhz: float) -> dict[str, int]:
    """Cells of its generated core with a native port, by Yosys; it has no CPU, which its start would need."""
    folder = BUILD / "litedram"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "core.yml").write_text(CORE.replace("MHZ", f"{mhz:g}"))
    run([python, "-m", "litedram.gen", "core.yml"], folder)
    script = "read_verilog build/gateware/litedram_core.v; synth_ecp5 -top litedram_core"
    run([YOSYS.path(), "-q", "-p", f"{script}; tee -q -o stat.json stat -json"], folder)
    found: dict[str, int] = json.loads((folder / "stat.json").read_text())["design"][
        "num_cells_by_type"
    ]
    return found
