"""AEDAT4 files: where their packets are, so that damage has a place. faery decodes them.

The file is a magic line, a size and so many bytes of a flatbuffer (`IOHeader`), packets of 8 bytes
(stream, size) and `size` more, and a table of the packets, which a recorder that was killed left
out. Format: https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from sw.data.events import DamagedFile

MAGIC = b"#!AER-DAT4.0\r\n"
TABLE_FIELD = 1  # of the IOHeader: byte at which the table starts, -1 without one


class Packets(NamedTuple):
    """The packets of a file."""

    starts: list[int]
    """Byte of each whole one."""
    streams: list[int]
    """Its stream."""
    end: int
    """Of the last."""
    cut_short: bool
    """The file ends before its packets do."""


class Camera(NamedTuple):
    """A file made of one with the events of one camera alone, and without a table."""

    content: bytes
    starts: list[int]
    """Where its packets are in the file that it was made of."""
    note: str
    """What is left out of it that one may want."""


def one_camera(raw: bytes, packets: Packets) -> Camera:
    """The first camera of a file that has events; without its frames, its movements, and the table.

    What is left out cannot keep the events from being read: frames in a format that faery lacks, or a
    table that is cut off.
    """
    (size,) = struct.unpack_from("<I", raw, len(MAGIC))
    start = len(MAGIC) + 4
    header = bytearray(raw[start : start + size])
    if place := _table_place(header):
        struct.pack_into("<q", header, place, -1)
    names = event_streams(bytes(header))
    used = [stream for stream in names if stream in packets.streams]
    chosen = next(iter(used or names), None)
    kept = [
        at
        for at, stream in zip(packets.starts, packets.streams, strict=True)
        if chosen is None or stream == chosen
    ]
    parts = [raw[at : at + 8 + struct.unpack_from("<I", raw, at + 4)[0]] for at in kept]
    note = ""
    if len(used) > 1 and chosen is not None:
        others = ", ".join(names[stream] for stream in used if stream != chosen)
        note = (
            f"it has the events of {len(used)} cameras; those of {names[chosen]} are read, and those "
            f"of {others} are not: export them to a file of their own"
        )
    return Camera(raw[:start] + bytes(header) + b"".join(parts), kept, note)


def event_streams(header: bytes) -> dict[int, str]:
    """Number of every stream of events that a header describes, and what its camera is called."""
    found = {}
    nodes = list(re.finditer(rb'path="/mainloop/Recorder/outInfo/([0-9]{1,9})/"', header))
    ends = [*(node.start() for node in nodes[1:]), len(header)]
    for node, end in zip(nodes, ends, strict=True):
        text = header[node.start() : end]
        if re.search(rb'key="typeIdentifier"[^>]*>EVTS<', text):
            source = re.search(rb'key="source"[^>]*>([^<]*)<', text)
            name = source[1].decode("utf-8", "replace") if source else ""
            found[int(node[1])] = name or f"stream {int(node[1])}"
    return found


def walk(raw: bytes, source: str) -> Packets:
    """Find the packets of a file.

    Raises:
        DamagedFile: this is no AEDAT4 file, or it ends before the first packet.
    """
    if not raw.startswith(MAGIC):
        other = raw[:12].decode("ascii", "replace") if raw.startswith(b"#!AER-DAT") else "no AEDAT"
        raise DamagedFile(
            f"{source}: no AEDAT4 file ({other} by its first bytes); convert it with DV, "
            "or copy or download it again"
        )
    try:
        (size,) = struct.unpack_from("<I", raw, len(MAGIC))
        header = raw[len(MAGIC) + 4 : len(MAGIC) + 4 + size]
        place = _table_place(header)
        table = int(struct.unpack_from("<q", header, place)[0]) if place else -1
    except struct.error as err:
        raise DamagedFile(
            f"{source}: its header is cut short or damaged ({err}); copy or download it again"
        ) from err
    at = len(MAGIC) + 4 + size
    stop = min(table, len(raw)) if table > 0 else len(raw)
    starts, streams = [], []
    while at + 8 <= stop:
        stream, length = struct.unpack_from("<iI", raw, at)
        if at + 8 + length > stop:
            break
        starts.append(at)
        streams.append(stream)
        at += 8 + length
    return Packets(starts, streams, at, at < stop or table > len(raw))


def _table_place(header: bytes | bytearray) -> int:
    """Byte in a header at which it says where the table of packets starts; 0: it does not.

    Raises struct.error for a damaged header.
    """
    (root,) = struct.unpack_from("<I", header)
    (back,) = struct.unpack_from("<i", header, root)
    fields = root - back
    if fields < 0:
        raise struct.error("no list of fields")
    (size,) = struct.unpack_from("<H", header, fields)
    if size < 4 + 2 * (TABLE_FIELD + 1):
        return 0
    (offset,) = struct.unpack_from("<H", header, fields + 4 + 2 * TABLE_FIELD)
    if offset:
        struct.unpack_from("<q", header, root + offset)
    return root + offset if offset else 0
