"""What is taken for what: the confusion matrix, a table that is its own picture."""

from __future__ import annotations

import numpy as np

from sw.html import el, section, text
from sw.report.source import Source

CROWDED = 20  # classes from which cells carry no number


def confusion(source: Source) -> str:
    """The section."""
    measured = source.measured
    note = (
        f"Classes down, what the network took them for across; learning off, measured for this page on "
        f"{measured.samples} samples ({source.set_name}) by the integer model with the run's weights."
    )
    warning = source.disagreement
    return section(
        "confusion",
        _title(source),
        note,
        el("p", text(warning), class_="warning") if warning else "",
        _matrix(source),
    )


def _title(source: Source) -> str:
    wrong = source.measured.confusion.copy()
    np.fill_diagonal(wrong, 0)
    right = f"{source.measured.correct} of {source.measured.samples} samples are right"
    if not wrong.any():
        return right
    true, taken = (int(at) for at in np.unravel_index(wrong.argmax(), wrong.shape))
    times = int(wrong[true, taken])
    return f"{right}; most often {source.label(true)} is taken for {source.label(taken)}, {_times(times)}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _matrix(source: Source) -> str:
    confusion = source.measured.confusion
    classes = len(confusion)
    crowded = classes > CROWDED
    head = [
        el("th", text("class"), scope="col"),
        *(el("th", text(c), scope="col") for c in range(classes)),
    ]
    head.append(el("th", text("right"), scope="col"))
    rows = []
    for true, counts in enumerate(confusion):
        total = int(counts.sum())
        cells = [_cell(true, taken, int(n), total, crowded) for taken, n in enumerate(counts)]
        share = f"{counts[true] / total:.0%}" if total else "–"
        name = el("th", text(source.label(true)), scope="row")
        rows.append(el("tr", name, *cells, el("td", text(share), class_="sum")))
    matrix = el(
        "table",
        el("caption", "Samples by class and by the class they were taken for"),
        el("thead", el("tr", *head)),
        el("tbody", *rows),
        class_="matrix crowded" if crowded else "matrix",
    )
    return el(
        "div", matrix, class_="scroll", tabindex=0, role="region", aria_label="Confusion matrix"
    )


def _cell(true: int, taken: int, count: int, total: int, crowded: bool) -> str:
    part = count / total if total else 0.0
    style = ("right" if true == taken else "wrong") + (" strong" if part > 0.5 else "")
    words = f"class {true} taken for {taken}: {count} of {total}"
    shown = "" if crowded or not count else text(count)
    if not count:
        return el("td", "" if crowded else el("span", "0", class_="zero"))
    return el("td", shown, class_=style, style=f"--v:{part:.0%}", title=words)
