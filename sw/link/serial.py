"""A board at a serial port. pyserial is imported only when a port is opened."""

from __future__ import annotations

import errno
from typing import Any

from sw.link.transport import LinkError, Transport

DEFAULT_BAUD = 1_000_000
LONGEST_FRAME = 2 * 65536  # bytes on the wire, everything escaped
UDEV_RULE = (
    'join the port\'s group (sudo usermod -aG dialout "$USER", then log in again), '
    'or add the udev rule: SUBSYSTEM=="tty", ATTRS{idVendor}=="0403", MODE="0666"'
)


class SerialTransport(Transport):
    """A serial port, 8 data bits, no parity, no flow control (the frames have their own)."""

    clocked_by_itself = True

    def __init__(self, port: str, *, baud: int) -> None:
        """Open `port`. Raises LinkError: pyserial, port or permission missing, or port in use."""
        try:
            import serial
        except ImportError as error:
            raise LinkError(
                "serial: pyserial is missing; install it: pip install pyserial"
            ) from error
        self.name = f"board at {port}"
        self.patience = 0.5 + 8192 * 2 * 10 / baud
        self._failures = (serial.SerialException, OSError)
        try:
            self._port: Any = serial.Serial(
                port, baud, timeout=0, write_timeout=5 + LONGEST_FRAME * 10 / baud, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise LinkError(_explain(port, baud, error)) from error
        self._port.reset_input_buffer()

    def write(self, data: bytes) -> None:
        """Send all bytes; blocks while the system's buffer is full."""
        try:
            self._port.write(data)
        except self._failures as error:
            raise self._gone(error) from error

    def read(self, timeout: float) -> bytes:
        """All bytes that are there, or those that come first within `timeout` seconds."""
        try:
            waiting = self._port.in_waiting
            self._port.timeout = 0 if waiting else timeout
            first: bytes = self._port.read(waiting or 1)
            more: bytes = self._port.read(self._port.in_waiting) if first else b""
        except self._failures as error:
            raise self._gone(error) from error
        return first + more

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def _gone(self, error: Exception) -> LinkError:
        return LinkError(
            f"{self.name}: link lost ({_short(error)}); check cable and power, run again"
        )


def _explain(port: str, baud: int, error: Exception) -> str:
    """Why a port could not be opened, and what to do."""
    code, text = getattr(error, "errno", None), str(error).lower()
    if code == errno.ENOENT or "no such file" in text or "filenotfound" in text:
        listing = "python -m serial.tools.list_ports"
        return f"{port}: no such port; plug the board in and list ports: {listing}"
    if code == errno.EACCES or "permission" in text or "access is denied" in text:
        return f"{port}: permission denied; {UDEV_RULE}"
    if code in (errno.EBUSY, errno.EAGAIN) or "busy" in text or "exclusively lock" in text:
        return f"{port}: in use by another program; close it (find it with: lsof {port})"
    if isinstance(error, ValueError) or "baud" in text:
        return f"{port}: cannot run at {baud} baud ({_short(error)}); choose another --baud"
    return f"{port}: cannot be opened ({_short(error)}); check that it is the board's serial port"


def _short(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
