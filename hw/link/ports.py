"""What passes between the units of the link."""

from amaranth.lib.data import StructLayout

FRAME_BYTE = StructLayout({"data": 8, "end": 1, "damaged": 1})
"""A byte of a frame, or its end (`data` void then); `damaged` on the end: an escape was broken."""

BODY_BYTE = StructLayout({"data": 8, "end": 1})
"""A byte to send, or the end of the frame (`data` void then)."""

HEAD = StructLayout({"sequence": 8, "status": 8, "length": 16})
"""Header of a reply, as it goes on the wire; `length` bytes of payload follow."""

PLAY = StructLayout({"address": 31, "learn": 1})
"""Which sample of the store to play: as in `golden.spec.frames.PLAY_ENTRY`."""

COMPLAINT = StructLayout({"sequence": 8, "status": 8})
"""A reply without payload that the receiver asks for."""
