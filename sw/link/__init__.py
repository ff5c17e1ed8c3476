"""Ways to reach a device: one byte interface, whatever is at the other end."""

from sw.link.transport import LinkError, Transport, open_transport

__all__ = ["LinkError", "Transport", "open_transport"]
