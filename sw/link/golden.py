"""The integer model of the device as a target: the same bytes as a board, without one."""

from __future__ import annotations

from golden.core import Core
from golden.device import GoldenDevice
from golden.spec.config import CoreConfig
from golden.spec.sdram import SdramConfig
from sw.link.transport import Transport
from sw.native.compiled_core import CompiledCore

COMPILED = "integer model: its core is compiled C++, with the bits of the NumPy model"


class GoldenTransport(Transport):
    """A `GoldenDevice` in this process. Every read runs one command.

    Its core is compiled where there is a C++ compiler; `compiled=False` takes NumPy's, the specification,
    in any case. `about` says which one it is.
    """

    patience = 0.05
    name = "integer model"

    def __init__(
        self, config: CoreConfig, *, compiled: bool = True, memory: SdramConfig | None = None
    ) -> None:
        core, self.about = _core(config) if compiled else (Core(config), "integer model: in NumPy")
        self.device = GoldenDevice(config, core, memory)

    @property
    def compiled(self) -> bool:
        """The core is compiled."""
        return isinstance(self.device.core, CompiledCore)

    def write(self, data: bytes) -> None:
        """Hand bytes to the device; it runs nothing yet."""
        self.device.receive(data)

    def read(self, timeout: float) -> bytes:
        """Run the oldest command. The timeout is not needed: nothing comes later by itself."""
        return self.device.run()

    def close(self) -> None:
        """Nothing to let go of."""


def _core(config: CoreConfig) -> tuple[Core, str]:
    """The core, and a line about it."""
    try:
        return CompiledCore(config), COMPILED
    except RuntimeError as error:
        why = " ".join(str(error).split())
        return Core(config), f"integer model: in NumPy, some 10 times slower than compiled: {why}"
