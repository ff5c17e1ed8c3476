"""AEDAT4 files: where their packets are, so that damage has a place. faery decodes them.

The file is a magic line, a size and so many bytes of a flatbuffer (`IOHeader`), packets of 8 bytes
(stream, size) and `size` more, and a table of the packets, which a recorder that was killed left
out. Format: https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from sw.data.events import DamagedFile

MAGIC = b"#!AER-DAT4.0\r\n"
TABLE_FIELD = 1  # of the IOHeader: byte at which the table starts, -1 without one


class Packets(NamedTuple):
    """The packets of a file: the byte of each whole one, and the end of the last."""

    starts: list[int]
    end: int
    cut_short: bool
    """The file ends before its packets do."""


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
        table = _table(header)
    except struct.error as err:
        raise DamagedFile(
            f"{source}: its header is cut short or damaged ({err}); copy or download it again"
        ) from err
    at = len(MAGIC) + 4 + size
    stop = min(table, len(raw)) if table > 0 else len(raw)
    starts = []
    while at + 8 <= stop:
        _, length = struct.unpack_from("<iI", raw, at)
        if at + 8 + length > stop:
            break
        starts.append(at)
        at += 8 + length
    return Packets(starts, at, at < stop or table > len(raw))


def _table(header: bytes) -> int:
    """Byte at which the table of packets starts. Raises struct.error for a damaged header."""
    (root,) = struct.unpack_from("<I", header)
    (back,) = struct.unpack_from("<i", header, root)
    fields = root - back
    if fields < 0:
        raise struct.error("no list of fields")
    (size,) = struct.unpack_from("<H", header, fields)
    if size < 4 + 2 * (TABLE_FIELD + 1):
        return -1
    (offset,) = struct.unpack_from("<H", header, fields + 4 + 2 * TABLE_FIELD)
    return int(struct.unpack_from("<q", header, root + offset)[0]) if offset else -1
