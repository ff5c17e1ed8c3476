"""Help that fits a terminal of 80 columns, examples and all."""

from __future__ import annotations

import argparse
import re
import textwrap
from typing import Any

WIDTH = 80
DEEP = 44  # columns of a command beyond which its text goes to the next line


class Help(argparse.RawDescriptionHelpFormatter):
    """Lines stay as they are written, but for those that are too long."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"width": WIDTH - 2, **options})

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(_fitted(f"{indent}{line}") for line in text.splitlines())


def _fitted(line: str) -> str:
    """A line in several: in columns, the second one stays one."""
    if len(line) <= WIDTH:
        return line
    first, gap, second = re.fullmatch(r"(\s*\S.*?)(?:(\s{2,})(\S.*))?", line).groups()  # type: ignore[union-attr]
    if second is None:
        inside = " " * (len(line) - len(line.lstrip()))
        return textwrap.fill(line, WIDTH, subsequent_indent=inside, break_on_hyphens=False)
    column = len(first) + len(gap)
    if column <= DEEP:
        margin = " " * column
        return textwrap.fill(
            second,
            WIDTH,
            initial_indent=first + gap,
            subsequent_indent=margin,
            break_on_hyphens=False,
        )
    margin = " " * 8
    return f"{first}\n" + textwrap.fill(
        second, WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    )
