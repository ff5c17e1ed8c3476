"""Text that a terminal may show: names of files and classes come from others, and may hold anything.

An escape sequence in a name can move the cursor, recolour the screen, or answer in the user's place. A
name whose bytes are not UTF-8 holds surrogates, which no encoder takes. Both are shown as `\\x1b` is.
"""

from __future__ import annotations

import re

_CONTROLS = "\x00-\x1f\x7f-\x9f"
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Marks that show the text after them backwards."""
_LINES = "\u2028\u2029"
_SURROGATES = "\ud800-\udfff"
_BAD = re.compile(f"[{_CONTROLS}{_DIRECTIONS}{_LINES}{_SURROGATES}\ufeff]")
_BAD_IN_LINES = re.compile(f"(?!\n)[{_CONTROLS}{_DIRECTIONS}{_LINES}{_SURROGATES}\ufeff]")
LONGEST_REASON = 200  # characters of an error of somebody else's


def printable(value: object) -> str:
    """Any value as one line that a terminal shows as it is: what it could obey is escaped."""
    return _BAD.sub(_escape, str(value))


def printable_lines(value: str) -> str:
    """The same for text of several lines: line feeds stay."""
    return _BAD_IN_LINES.sub(_escape, value)


def reason(error: BaseException) -> str:
    """What an error of another package says, in one line; its kind, where it says nothing."""
    return short(str(error)) or type(error).__name__


def short(value: object) -> str:
    """Text of a file or of another package in one line, cut where it is too long for a message."""
    text = printable(" ".join(str(value).split()))
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as Python keeps it in a name
        return f"\\x{code - 0xDC00:02x}"
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(match[0])
    return named or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
