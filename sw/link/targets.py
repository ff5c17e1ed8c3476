"""A target's name becomes an open transport: `sim`, `golden`, `golden-numpy` or `serial:PORT`."""

from __future__ import annotations

from golden.spec.config import CoreConfig
from golden.spec.names import near
from golden.spec.sdram import SdramConfig, beside
from sw.link.golden import GoldenTransport
from sw.link.serial import DEFAULT_BAUD, SerialTransport
from sw.link.simulated import SimulatedTransport
from sw.link.transport import LinkError, Transport

MODELS = ("sim", "golden", "golden-numpy")
TARGETS = "sim, golden or serial:PORT (for instance serial:/dev/ttyUSB0)"


def check_target(target: str) -> None:
    """Raise LinkError for a name that no target has."""
    kind, _, port = target.partition(":")
    if target not in MODELS and not (kind == "serial" and port):
        known = near(target, (*MODELS, "serial:"))
        raise LinkError(f"target {target!r}: unknown{known}; use {TARGETS}")


def open_transport(
    target: str,
    *,
    config: CoreConfig | None = None,
    baud: int = DEFAULT_BAUD,
    memory: SdramConfig | None = None,
) -> Transport:
    """Open `sim`, `golden`, `golden-numpy` (the integer model as specified, not compiled) or `serial:PORT`.

    `config` is what a simulated or golden core is built with (default: CoreConfig()), `memory` what it has
    beside the FPGA: its sample store is there then. A core whose store is too large for block RAM gets the
    usual one. A board has its own of both. `baud` is used by a serial port alone. Raises LinkError.
    """
    check_target(target)
    config = beside(config or CoreConfig(), memory)
    if config.store_off_chip and memory is None:
        memory = SdramConfig()
    kind, _, port = target.partition(":")
    if kind == "serial":
        return SerialTransport(port, baud=baud)
    if target == "golden":
        return GoldenTransport(config, memory=memory)
    if target == "golden-numpy":
        return GoldenTransport(config, compiled=False, memory=memory)
    return SimulatedTransport(config, memory=memory)
