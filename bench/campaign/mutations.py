"""Changes to a file that its grammar suggests: its numbers, lines, names and members, not its bits alone."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from random import Random

Change = Callable[[bytes, Random], bytes]
SIZES = (1, 2, 4, 8)
NUMBERS = (
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    4095,
    65535,
    1 << 20,
    1 << 31,
    (1 << 31) - 1,
    (1 << 32) - 1,
)
BIG = (1 << 40, 1 << 62, (1 << 63) - 1, (1 << 64) - 1)
TEXTS = (
    *(
        b"",
        b"0",
        b"-1",
        b"nan",
        b"inf",
        b"-inf",
        b"1e999",
        b"1e30",
        b"0.5",
        b"1_0",
        b"0x10",
        b"\xd9\xa1",
    ),
    *(b"9" * 19, b"9" * 5000, b"9223372036854775808", b"-9223372036854775809", b"1600000000000000"),
    *(
        b"1600000000000000000",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"''",
        b'"',
        b"\x1b[31m",
        b"\x00",
        b"\xff",
    ),
    *(
        b"\xef\xbb\xbf",
        b"t[s]",
        b"t[ns]",
        b"x@0",
        b"x@99999999999",
        b",",
        b";",
        b"\t",
        b"#",
        b"%",
        b"\r",
    ),
    *(
        b"[" * 3000,
        b"(" * 300,
        b"'|O'",
        b"'<M8[us]'",
        b"'<f8'",
        b"(0, 300000000000000)",
        b"(7,) * 9**9",
    ),
    *(
        b"% evt 2.1",
        b"% geometry 0x0",
        b"#Format: SerializedTS",
        b"DAVIS346",
        b"train",
        b"/etc/passwd",
    ),
)


def mutate(raw: bytes, random: Random) -> bytes:
    """The file after one to four changes."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        raw = random.choice(CHANGES)(raw, random)
    return raw[: 1 << 20]


def _at(raw: bytes, random: Random) -> int:
    """A place, most often near an end, where headers and tables are."""
    if random.random() < 0.4:
        return _few(random, len(raw))
    return random.randint(0, len(raw))


def _few(random: Random, most: int) -> int:
    """A number from 0 to a limit, most often a small one."""
    return int(most * random.random() ** 4)


def flip(raw: bytes, random: Random) -> bytes:
    """One bit."""
    if not raw:
        return raw
    at = min(_at(raw, random), len(raw) - 1)
    return raw[:at] + bytes([raw[at] ^ 1 << random.randrange(8)]) + raw[at + 1 :]


def number(raw: bytes, random: Random) -> bytes:
    """A number of 1 to 8 bytes that is at an edge of something."""
    at, size = _at(raw, random), random.choice(SIZES)
    value = random.choice((*NUMBERS, *BIG, len(raw), len(raw) - at, random.getrandbits(8 * size)))
    data = (value % (1 << 8 * size)).to_bytes(size, random.choice(("little", "big")))
    return raw[:at] + data + raw[at + size :]


def cut(raw: bytes, random: Random) -> bytes:
    """Its end is missing."""
    return raw[: _at(raw, random)]


def drop(raw: bytes, random: Random) -> bytes:
    """A part in its middle is missing."""
    at = _at(raw, random)
    return raw[:at] + raw[at + _few(random, len(raw)) + 1 :]


def repeat(raw: bytes, random: Random) -> bytes:
    """A part is there twice, or often."""
    at = _at(raw, random)
    part = raw[at : at + _few(random, len(raw)) + 1]
    return raw[:at] + part * random.choice((2, 2, 3, 50)) + raw[at:]


def move(raw: bytes, random: Random) -> bytes:
    """Two parts have changed places."""
    first, second, third = sorted(_at(raw, random) for _ in range(3))
    return raw[:first] + raw[second:third] + raw[first:second] + raw[third:]


def token(raw: bytes, random: Random) -> bytes:
    """A word or a number of its text is another."""
    found = list(
        re.finditer(rb"[A-Za-z_]+|-?[0-9][0-9.e]*|\([^()]{0,80}\)|'[^']{0,40}'", raw[:4000])
    )
    if not found:
        return number(raw, random)
    here = random.choice(found)
    other = random.choice((*TEXTS, random.choice(found)[0]))
    return raw[: here.start()] + other + raw[here.end() :]


def line(raw: bytes, random: Random) -> bytes:
    """A line is gone, there twice, elsewhere, or another."""
    lines = raw.split(b"\n")
    at = random.randrange(len(lines))
    kind = random.randrange(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(random.randint(0, len(lines)), lines[at])
    elif kind == 2:
        lines[at] = random.choice(TEXTS)
    else:
        random.shuffle(lines)
    return b"\n".join(lines)


def insert(raw: bytes, random: Random) -> bytes:
    """Something is there that does not belong there."""
    at = _at(raw, random)
    return raw[:at] + random.choice(TEXTS) + raw[at:]


def member(raw: bytes, random: Random) -> bytes:
    """A file within a zip is changed, and the zip is sound; of other files, one line."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = {info.filename: archive.read(info) for info in archive.infolist()[:9]}
    except Exception:  # no zip, or not any more
        return line(raw, random)
    if not parts:
        return raw
    name = random.choice(list(parts))
    changed = random.choice((flip, number, token, cut))(parts.pop(name), random)
    parts[random.choice((name, name, name, "about.npy", "\x1b[2J"))] = changed
    out = io.BytesIO()
    with zipfile.ZipFile(
        out, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    ) as archive:
        for each, content in parts.items():
            archive.writestr(each, content)
    return out.getvalue()


CHANGES: tuple[Change, ...] = (
    *(flip, number, number, cut, drop, repeat, move, token, token, token, line, insert, member),
)
