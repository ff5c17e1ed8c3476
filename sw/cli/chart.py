"""A line chart of dots for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

# Dots of a Braille character, by row and column, as bits from U+2800 on.
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
SPARKS = "▁▂▃▄▅▆▇█"


def chart(values: Sequence[float], width: int, height: int, low: float, high: float) -> list[str]:
    """Lines of text: `values` from left to right, joined; width x height characters."""
    columns, rows = 2 * width, 4 * height
    cells = [[0] * width for _ in range(height)]
    before: int | None = None
    for x in range(columns):
        place = x / max(columns - 1, 1) * (len(values) - 1)
        left = min(int(place), max(len(values) - 2, 0))
        right = min(left + 1, len(values) - 1)
        value = values[left] + (values[right] - values[left]) * (place - left)
        part = min(max((value - low) / ((high - low) or 1), 0), 1)
        y = round((1 - part) * (rows - 1))
        start = y if before is None else before
        for at in range(min(start, y), max(start, y) + 1) if start != y else (y,):
            cells[at // 4][x // 2] |= DOTS[at % 4][x % 2]
        before = y
    return ["".join(chr(0x2800 + cell) for cell in line) for line in cells]


def sparkline(values: Sequence[float], low: float, high: float) -> str:
    """A character for each value, higher for more."""
    top = len(SPARKS) - 1
    parts = ((value - low) / ((high - low) or 1) for value in values)
    return "".join(SPARKS[round(min(max(part, 0), 1) * top)] for part in parts)
