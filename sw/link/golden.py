"""The integer model of the device as a target: the same bytes as a board, without one."""

from __future__ import annotations

from golden.device import GoldenDevice
from golden.spec.config import CoreConfig
from sw.link.transport import Transport


class GoldenTransport(Transport):
    """A `GoldenDevice` in this process. Every read runs one command."""

    patience = 0.05
    name = "integer model"

    def __init__(self, config: CoreConfig) -> None:
        self.device = GoldenDevice(config)

    def write(self, data: bytes) -> None:
        """Hand bytes to the device; it runs nothing yet."""
        self.device.receive(data)

    def read(self, timeout: float) -> bytes:
        """Run the oldest command. The timeout is not needed: nothing comes later by itself."""
        return self.device.run()

    def close(self) -> None:
        """Nothing to let go of."""
