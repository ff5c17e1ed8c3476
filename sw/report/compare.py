"""Several runs beside each other: how they went, where they ended, in which settings they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from sw.html import el, key, numbers, section, table, text
from sw.report.page import Page, document
from sw.report.plots import Axes, some, ticks
from sw.report.source import folder_name
from sw.run import Epoch, RunFolder
from sw.run.listing import MISSING, outcome, settings

STYLES = ("k-2", "k-6", "k-3", "c-v", "k-5", "k-1", "k-7", "k-8")
MOST = len(STYLES)  # runs that have a colour of their own


def comparison(runs: Sequence[RunFolder]) -> Page:
    """A page about several runs, from their files. Raises FileError; ValueError: too many, or one twice."""
    if not 2 <= len(runs) <= MOST:
        raise ValueError(f"{len(runs)} runs: 2 to {MOST} can be compared on a page")
    if twice := [run.path for at, run in enumerate(runs) if run in runs[:at]]:
        raise ValueError(f"{twice[0]} is named twice; name other runs")
    names = _names([run.path for run in runs])
    epochs = [run.epochs() for run in runs]
    outcomes = [outcome(run) for run in runs]
    title = f"{len(runs)} runs: {', '.join(names)}"
    header = el(
        "header",
        el("p", text("tess-fpga · training runs beside each other"), class_="kicker"),
        el("h1", text(_best(names, epochs))),
        el("p", text(" · ".join(str(run.path) for run in runs)), class_="what"),
    )
    sections = (
        _accuracy(names, epochs),
        _outcomes(names, outcomes),
        _settings(names, [settings(run) for run in runs]),
    )
    return document(title, header + el("main", *sections))


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of folders, longer ones where two are the same."""
    names = [folder_name(path) for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _tested(epochs: Sequence[Epoch]) -> list[tuple[float, float]]:
    return [(e.epoch, e.test_accuracy) for e in epochs if e.test_accuracy is not None]


def _best(names: Sequence[str], epochs: Sequence[Sequence[Epoch]]) -> str:
    """In words, which run ended best."""
    last = {n: _tested(e)[-1][1] for n, e in zip(names, epochs, strict=True) if _tested(e)}
    if not last:
        return "None of the runs was tested"
    high = max(last.values())
    winners = [name for name, value in last.items() if value == high]
    if len(winners) == len(last) > 1:
        return f"All end at {high:.1%}"
    return f"{' and '.join(winners)} {'ends' if len(winners) == 1 else 'end'} best, at {high:.1%}"


def _accuracy(names: Sequence[str], epochs: Sequence[Sequence[Epoch]]) -> str:
    """Test accuracy over epochs, a line for each run."""
    lines = {
        (STYLES[at], name): _tested(run)
        for at, (name, run) in enumerate(zip(names, epochs, strict=True))
    }
    lines = {name: points for name, points in lines.items() if points}
    if not lines:
        return section("course", "No test accuracy", "No epoch was tested.")
    low = max(0.0, math.floor(min(y for p in lines.values() for _, y in p) * 10 - 0.5) / 10)
    last = max(int(points[-1][0]) for points in lines.values())
    axes = Axes((0.7, last + 0.3), (low, 1.0), 280)
    marks = "".join(
        axes.line(points, style)
        + axes.dots(points, style, [f"{name}, epoch {x:.0f}: {y:.1%}" for x, y in points])
        for (style, name), points in lines.items()
    )
    plot = axes.draw(
        marks,
        "Test accuracy over epochs, a line for each run",
        x=[(n, str(n)) for n in some(list(range(1, last + 1)))],
        y=[(level, f"{level:.0%}") for level in ticks(low, 1.0, 5)],
        x_name="epoch",
        y_name="test accuracy",
    )
    count = max(map(len, epochs))
    rows = [
        (at + 1, *(_share(run[at].test_accuracy) if at < len(run) else "–" for run in epochs))
        for at in range(count)
    ]
    every = numbers(table(("epoch", *names), rows, caption="Test accuracy"), "Every epoch")
    note = "Measured in training, with learning off."
    return section("course", "Test accuracy over epochs", note, key(list(lines)), plot, every)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _outcomes(names: Sequence[str], outcomes: Sequence[dict[str, str]]) -> str:
    rows = [(what, *(each[what] for each in outcomes)) for what in outcomes[0]]
    note = "The last epoch of each run. Accuracies are with learning off."
    content = table(("of the last epoch", *names), rows, caption="Outcomes")
    return section("outcomes", "What came out", note, content)


def _settings(names: Sequence[str], given: Sequence[dict[str, str]]) -> str:
    """Settings that are not the same in all."""
    every = dict.fromkeys(name for each in given for name in each)
    rows = [(name.replace("_", " "), *(e.get(name, MISSING) for e in given)) for name in every]
    differ = [row for row in rows if len(set(row[1:])) > 1]
    if not differ:
        return section("settings", "The settings are the same", f"All {len(rows)} of them.")
    note = f"{len(differ)} of {len(rows)}; the others are the same in all."
    content = table(("setting", *names), differ, caption="Settings", texts=1 + len(names))
    return section("settings", "Settings that differ", note, content)
