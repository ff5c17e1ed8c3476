"""Plots that stretch: marks are SVG without a fixed shape, labels are HTML, so text keeps its size.

The SVG is 1000 x 1000 units whatever its size on the page; strokes do not scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sw.html import el, text

UNITS = 1000
Points = Sequence[tuple[float, float]]
Ticks = Sequence[tuple[float, str]]


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values from `low` to `high`, at most `most` + 1."""
    span = (high - low) or 1.0
    step = 10.0 ** math.floor(math.log10(span / most))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= most)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def whole(high: float, most: int = 4) -> list[float]:
    """Round whole numbers from 0 to `high`."""
    return [n for n in ticks(0, high, most) if n == round(n)]


def some(values: Sequence[int], most: int = 8) -> list[int]:
    """Some of the whole numbers, evenly, at most `most`: labels that do not touch."""
    return list(values[:: max(1, -(-len(values) // most))])


@dataclass(frozen=True)
class Axes:
    """A plot's ranges and its height in pixels. Its methods give markup of marks."""

    x: tuple[float, float]
    y: tuple[float, float]
    height: int = 220

    def at(self, x: float, y: float) -> str:
        """A place in SVG units."""
        (x0, x1), (y0, y1) = self.x, self.y
        across = (x - x0) / ((x1 - x0) or 1) * UNITS
        down = (1 - (y - y0) / ((y1 - y0) or 1)) * UNITS
        return f"{across:.1f} {down:.1f}"

    def line(self, points: Points, style: str) -> str:
        """A line through points."""
        return _path("M" + "L".join(self.at(*point) for point in points), f"line {style}")

    def dots(self, points: Points, style: str, titles: Sequence[str]) -> str:
        """A dot for each point, with a title to hover for."""
        return "".join(
            _path(f"M{self.at(*point)}h0", f"dot {style}", title)
            for point, title in zip(points, titles, strict=True)
        )

    def steps(self, edges: Sequence[float], values: Sequence[float], style: str) -> str:
        """A histogram's outline, closed on the axis."""
        places = [self.at(edges[0], self.y[0])]
        for at, value in enumerate(values):
            places += [self.at(edges[at], value), self.at(edges[at + 1], value)]
        places.append(self.at(edges[-1], self.y[0]))
        return _path("M" + "L".join(places), style)

    def bar(self, x: tuple[float, float], y: tuple[float, float], style: str, title: str) -> str:
        """A rectangle with a title to hover for."""
        (x0, x1), (y0, y1) = x, y
        corners = [self.at(*corner) for corner in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
        return _path("M" + "L".join(corners) + "z", style, title)

    def draw(
        self,
        marks: str,
        label: str,
        *,
        x: Ticks,
        y: Ticks,
        grid: Sequence[float] | None = None,
        x_name: str = "",
        y_name: str = "",
    ) -> str:
        """The plot: grid (at the y ticks), marks, and labels. `label` is read out instead of it."""
        lines = "".join(
            _path(f"M{self.at(self.x[0], at)}L{self.at(self.x[1], at)}", "grid")
            for at in ([at for at, _ in y] if grid is None else grid)
        )
        picture = el(
            "svg",
            el("title", text(label)),
            lines + marks,
            viewBox=f"0 0 {UNITS} {UNITS}",
            preserveAspectRatio="none",
            role="img",
            aria_label=label,
        )
        return el(
            "div",
            el("div", text(y_name), class_="y-name"),
            el("div", *(self._label(at, words, "y") for at, words in y), class_="y-axis"),
            el("div", picture, class_="canvas"),
            el("div", *(self._label(at, words, "x") for at, words in x), class_="x-axis"),
            el("div", text(x_name), class_="x-name"),
            class_="plot",
            style=f"--h:{self.height}px;--w:{max((len(words) for _, words in y), default=0)}",
        )

    def _label(self, at: float, words: str, axis: str) -> str:
        low, high = self.x if axis == "x" else self.y
        part = (at - low) / ((high - low) or 1)
        side = "left" if axis == "x" else "bottom"
        return el("span", text(words), style=f"{side}:{part:.2%}", aria_hidden="true")


def _path(d: str, style: str, title: str = "") -> str:
    inside = el("title", text(title)) if title else ""
    return el("path", inside, d=d, class_=style)
