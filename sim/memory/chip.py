"""The model of the memory chip for simulators in Python.

    pads = Pads(SdramConfig())
    sampled = pads.clock(Pins(command=Command.ACTIVATE, bank=1, address=7))   # a rising edge

Raises Violation, with the commands so far, at the first that breaks a rule of the data sheet.
"""

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_int, c_int64, c_uint64, c_void_p
from functools import cache
from hashlib import sha256
from pathlib import Path

from golden.spec.sdram import Rule, SdramConfig
from hw.simulate.compiling import find_compiler, locked, run
from hw.simulate.sdram import numbers, rule_fields

BUILD = Path(__file__).parents[2] / "build" / "sim"
HERE = Path(__file__).parent
MODEL = Path(__file__).parents[2] / "hw" / "simulate"


class Violation(AssertionError):
    """A command that the chip does not allow, and what came before it."""


class Pins(Structure):
    """What the FPGA's registers at the pins hold: fields of `sdram::Pins`."""

    _fields_ = [(name, c_int) for name in ("command", "bank", "address", "drives", "data")]


class _Numbers(Structure):
    _fields_ = [(name, c_int64) for name in numbers(SdramConfig().timing)]


class _Rule(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("before", c_int),
        ("after", c_int),
        ("clocks", c_int64),
        ("same_bank", c_int),
    ]


class Pads:
    """The chip behind the registers at the pins. `rules` are those of the clock unless others are given."""

    def __init__(self, config: SdramConfig, rules: tuple[Rule, ...] | None = None) -> None:
        self.library = library()
        timing = config.timing
        fields = [rule_fields(rule) for rule in (timing.rules if rules is None else rules)]
        table = (_Rule * len(fields))(*((name.encode(), *rest) for name, *rest in fields))
        self._pads = self.library.pads_create(
            _Numbers(**numbers(timing)), table, len(fields), config.read_delay
        )

    def clock(self, held: Pins) -> int:
        """A rising edge: what the controller held before it; what its input register holds behind it."""
        sampled = int(self.library.pads_clock(self._pads, held))
        if violation := self.library.pads_violation(self._pads):
            raise Violation(violation.decode())
        return sampled

    def peek(self, address: int) -> int:
        """The word at an address, as it lies in the chip."""
        return int(self.library.pads_peek(self._pads, address))

    def poke(self, address: int, word: int) -> None:
        """Spoil a word."""
        self.library.pads_poke(self._pads, address, word)

    @property
    def refreshes(self) -> int:
        """Refreshes since power-on."""
        return int(self.library.pads_refreshes(self._pads))

    def __del__(self) -> None:
        if hasattr(self, "_pads"):
            self.library.pads_destroy(self._pads)


@cache
def library() -> ctypes.CDLL:
    """The model, compiled once for its text."""
    sources = [HERE / "chip.cc", MODEL / "sdram.h"]
    command = [*find_compiler(), "-O2", "-std=c++17", "-fPIC", "-shared", f"-I{MODEL}"]
    key = sha256(repr([[s.read_text() for s in sources], command]).encode()).hexdigest()[:16]
    path = BUILD / f"chip-{key}.so"
    with locked(path.with_suffix(".lock"), path, print):
        if not path.exists():
            run([*command, str(sources[0]), "-o", f"{path.name}.new"], BUILD)
            path.with_name(f"{path.name}.new").rename(path)
    chip = ctypes.CDLL(str(path))
    chip.pads_create.argtypes = [POINTER(_Numbers), POINTER(_Rule), c_int, c_int]
    chip.pads_create.restype = c_void_p
    chip.pads_clock.argtypes = [c_void_p, POINTER(Pins)]
    chip.pads_violation.argtypes, chip.pads_violation.restype = [c_void_p], c_char_p
    chip.pads_peek.argtypes = [c_void_p, c_uint64]
    chip.pads_poke.argtypes = [c_void_p, c_uint64, c_int]
    chip.pads_refreshes.argtypes, chip.pads_refreshes.restype = [c_void_p], c_int64
    chip.pads_destroy.argtypes = [c_void_p]
    return chip
