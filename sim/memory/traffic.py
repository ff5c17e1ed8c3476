"""The controller, compiled with the model of the chip: millions of words in seconds.

    traffic = Traffic(SdramConfig())
    words, cycles = traffic.play(bursts, given)

Bursts and words are arrays. Raises `Violation` where the chip's rules are broken, or nothing moves.
"""

import ctypes
import sys
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_int, c_int64, c_uint16, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module, Signal, Value
from numpy.typing import NDArray

from golden.spec.sdram import SdramConfig
from hw.memory.controller import BurstController
from hw.simulate.compiling import compile_board
from hw.simulate.sdram import header
from sim.memory.chip import BUILD, Violation
from sim.streams import STEADY, Waits

BURST = np.dtype([("address", np.uint32), ("words", np.uint32), ("write", np.uint32)])
PATIENCE = 60_000
"""Cycles without a transfer after which the controller counts as stuck; it takes 20,000 to start."""


class Traffic:
    """A controller of its own, from power-on. `make` is for tests: another controller."""

    def __init__(
        self, config: SdramConfig, make: Callable[[SdramConfig], Any] = BurstController
    ) -> None:
        self.library = _library(config, make)
        self._traffic = self.library.traffic_create()

    def play(
        self,
        bursts: NDArray[Any],
        given: NDArray[np.uint16],
        *,
        waits: tuple[Waits, Waits, Waits] = (STEADY, STEADY, STEADY),
        seed: int = 1,
    ) -> tuple[NDArray[np.uint16], int]:
        """Play bursts (BURST), `given` the words to write; the words read, and the cycles it took.

        waits  of bursts, of words to write, and of words read
        """
        reads = bursts[bursts["write"] == 0]
        found = np.zeros(int(reads["words"].sum()), np.uint16)
        given, bursts = np.ascontiguousarray(given), np.ascontiguousarray(bursts)
        pairs = [(round(w.chance * 1024), max(w.longest, 1)) for w in waits]
        table = (c_uint32 * 6)(*(number for pair in pairs for number in pair))
        words = POINTER(c_uint16)
        cycles = self.library.traffic_play(
            self._traffic, bursts.ctypes.data, len(bursts), given.ctypes.data_as(words), len(given),
            found.ctypes.data_as(words), len(found), table, seed, PATIENCE,
        )  # fmt: skip
        self._check(cycles)
        return found, cycles

    def idle(self, cycles: int) -> None:
        """Run the clock without traffic."""
        self._check(self.library.traffic_idle(self._traffic, cycles))

    @property
    def refreshes(self) -> int:
        """Refreshes since power-on."""
        return int(self.library.traffic_refreshes(self._traffic))

    def _check(self, answer: int) -> None:
        if answer < 0:
            raise Violation(self.library.traffic_problem(self._traffic).decode())

    def __del__(self) -> None:
        if hasattr(self, "_traffic"):
            self.library.traffic_destroy(self._traffic)


@cache
def _library(config: SdramConfig, make: Callable[[SdramConfig], Any]) -> ctypes.CDLL:
    def notify(text: str) -> None:
        print(f"memory controller: {text}", file=sys.stderr)

    harness = Path(__file__).with_name("traffic.cc")
    path = compile_board(
        convert(make(config)),
        trace=False,
        notify=notify,
        into=BUILD,
        harness=harness,
        table=header(config),
    )
    library = ctypes.CDLL(str(path))
    words = POINTER(c_uint16)
    library.traffic_create.restype = c_void_p
    library.traffic_destroy.argtypes = [c_void_p]
    library.traffic_problem.argtypes, library.traffic_problem.restype = [c_void_p], c_char_p
    library.traffic_refreshes.argtypes, library.traffic_refreshes.restype = [c_void_p], c_int64
    library.traffic_idle.argtypes, library.traffic_idle.restype = [c_void_p, c_uint64], c_int
    library.traffic_play.argtypes = [
        c_void_p, c_void_p, c_uint64, words, c_uint64, words, c_uint64, POINTER(c_uint32), c_uint32, c_uint64,
    ]  # fmt: skip
    library.traffic_play.restype = c_int64
    return library


def convert(controller: Any) -> str:
    """RTLIL of module `board`, with a port for every field."""
    m = Module()
    m.domains.sync = sync = ClockDomain("sync", reset_less=True)
    m.submodules.controller = controller
    port, pins = controller.port, controller.pins
    inputs = {
        f"request_{name}": port.request.payload[name] for name in ("address", "words", "write")
    }
    inputs |= {"request_valid": port.request.valid, "write_payload": port.write.payload}
    inputs |= {"write_valid": port.write.valid, "read_ready": port.read.ready}
    inputs["pins_sampled"] = pins.sampled
    outputs = {"request_ready": port.request.ready, "write_ready": port.write.ready}
    outputs |= {"read_valid": port.read.valid, "read_payload": port.read.payload}
    for name in ("command", "bank", "address", "data", "drives", "mask"):
        outputs[f"pins_{name}"] = getattr(pins, name)
    ports = [sync.clk]
    for name, value in (inputs | outputs).items():
        signal = Signal(Value.cast(value).shape(), name=name)
        ports.append(signal)
        m.d.comb += value.eq(signal) if name in inputs else signal.eq(value)
    return rtlil.convert(m, name="board", ports=ports, emit_src=False)


UNKNOWN = -1
"""A word that was never written: it may be anything."""


def memory_of(bursts: NDArray[Any], given: NDArray[np.uint16], words: int) -> NDArray[np.int32]:
    """The golden twin: what a plain memory of so many words answers to bursts that read, or UNKNOWN."""
    memory, at = np.full(words, UNKNOWN, np.int32), 0
    found = [np.zeros(0, np.int32)]
    for address, count, write in bursts.tolist():
        places = np.arange(address, address + count) % words
        if write:
            memory[places] = given[at : at + count]
            at += count
        else:
            found.append(memory[places])
    return np.concatenate(found)


def random_bursts(
    rng: np.random.Generator, words: int, memory: int, *, longest: int = 512, regions: int = 64
) -> tuple[NDArray[Any], NDArray[np.uint16]]:
    """Bursts of about so many `words`, written and read, and the words to write.

    They are of all lengths, none and one word not rare, and lie about a few places of a memory of `memory`
    words (its end is one of them), so that rows are met again and most words read were written.
    """
    count = 4 * words // longest
    bursts = np.zeros(count, BURST)
    kinds = rng.integers(0, 4, count)
    lengths = [rng.integers(0, 3, count), rng.integers(1, 33, count)]
    lengths += [rng.integers(1, longest + 1, count), np.full(count, longest)]
    bursts["words"] = np.choose(kinds, lengths)
    bases = rng.integers(0, memory, regions)
    bases[0] = memory - longest // 2
    offset = rng.integers(0, 3 * longest, count)
    bursts["address"] = (bases[rng.integers(0, regions, count)] + offset) % memory
    bursts["write"] = rng.integers(0, 2, count)
    bursts["write"][: count // 8] = 1
    total = int(bursts["words"][bursts["write"] == 1].sum())
    return bursts, rng.integers(0, 1 << 16, total).astype(np.uint16)
