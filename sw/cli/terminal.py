"""The terminal that commands write to: of any encoding and width, or none; gone, it ends nothing.

All output of the commands goes through a `Terminal`. What it shows holds no control character that
did not come from rich itself (`sw.printable`).
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import SpinnerColumn
from rich.segment import Segment

from sw.printable import printable_lines

PLAIN = str.maketrans({"…": "...", "×": "x", "–": "-", "─": "-", "│": "|", "┤": "|", "·": "."})
BLOCKS = "▁▂▃▄▅▆▇█"
LEVELS = "_.-:=+*#"
"""What stands for BLOCKS on a terminal that does not have them."""
BRAILLE = ("\u2800", "\u28ff")


class Terminal(Console):
    """A console whose text is printable, whatever the names in it hold."""

    def __init__(self, *, stderr: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        super().__init__(file=_file(stream), soft_wrap=True, markup=False, highlight=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Segments of a renderable; their text is made printable."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable_lines(text), style, control)


def spinner(console: Console) -> SpinnerColumn:
    """A spinner in characters that the terminal has."""
    return SpinnerColumn("line" if console.options.ascii_only else "dots")


def lenient(stream: IO[str] | None) -> None:
    """Let a stream show a character that its encoding lacks in other characters, not raise."""
    if stream is not None and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=_plain.__name__)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """The nearest characters of ASCII; without such, the code point."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_ascii, error.object[error.start : error.end])), error.end


def _ascii(character: str) -> str:
    if character in BLOCKS:
        return LEVELS[BLOCKS.index(character)]
    if BRAILLE[0] <= character <= BRAILLE[1]:  # dots of a chart
        return " " if character == BRAILLE[0] else "*"
    near = character.translate(PLAIN)
    return near if near.isascii() else near.encode("ascii", "backslashreplace").decode()


codecs.register_error(_plain.__name__, _plain)


class _Tolerant:
    """A terminal that may go away (a closed window, a lost connection): writing to it never fails."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write; to a terminal that is gone, nothing."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        """Flush, if there is still somebody."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _file(stream: IO[str] | None) -> Any:
    """The stream to write to: a file that cannot be written must fail, a terminal must not."""
    if stream is None:  # a program without a terminal at all
        return open(os.devnull, "w")
    lenient(stream)
    return _Tolerant(stream) if stream.isatty() else stream
