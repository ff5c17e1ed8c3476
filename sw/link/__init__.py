"""The way to a device: bytes to it and bytes from it, whatever is at the other end.

In come a target's name and the bytes of frames. Out come the bytes that the device answers.
`transport` is the interface, and `serial` (a board), `simulated` (compiled RTL) and `golden` (the
integer model) implement it. `targets` picks one by name. A transport owns its serial port, or the
device that runs in this process, until it is closed. It knows nothing of frames: the channel
(`sw.device`) sends again what was lost.
"""

from sw.link.golden import GoldenTransport
from sw.link.serial import DEFAULT_BAUD, SerialTransport
from sw.link.simulated import SimulatedTransport
from sw.link.targets import TARGETS, check_target, open_transport
from sw.link.transport import LinkError, Transport

__all__ = [
    "DEFAULT_BAUD",
    "TARGETS",
    "GoldenTransport",
    "LinkError",
    "SerialTransport",
    "SimulatedTransport",
    "Transport",
    "check_target",
    "open_transport",
]
