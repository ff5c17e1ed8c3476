"""Training and tests as HTML: what a notebook shows of a cell that ends in a `Progress` or a `Tally`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sw.html import el, table, text

if TYPE_CHECKING:
    from sw.run.metrics import Epoch, Progress, Tally

WIDTH, HEIGHT = 360, 110
LEFT, BOTTOM, TOP = 40, 18, 6
HEAD = ("epoch", "rate", "test", "training", "firing rate", "samples/s", "seconds")
MOST_CLASSES = 20  # of a confusion matrix that is shown


def progress_html(progress: Progress, now: str = "") -> str:
    """Accuracy over epochs as a curve and a table; `now` is markup for what is under way."""
    epochs = progress.epochs
    parts = [now] if now else []
    if not epochs:
        return el("div", *(parts or [el("p", text("not trained yet"))]))
    if len(epochs) > 1:
        parts.append(_curve(epochs))
    rows = [_row(epoch) for epoch in epochs]
    parts.append(table(HEAD, rows, caption=f"{progress.samples:,} samples learned"))
    return el("div", *parts)


def bar_html(task: str, done: int, total: int, words: str) -> str:
    """How far a task is."""
    bar = el("progress", value=done, max=max(total, 1), style="width:16em;vertical-align:middle")
    return el("p", text(f"{task} "), bar, text(f" {done}/{total} {words}"))


def tally_html(tally: Tally) -> str:
    """Accuracy, and what was taken for what."""
    said = f"{tally.accuracy:.1%}: {tally.correct} of {tally.samples} right"
    classes = len(tally.confusion)
    if not 0 < classes <= MOST_CLASSES:
        return el("p", text(said))
    cells = [el("tr", el("th", text("class")), *(el("th", text(c)) for c in range(classes)))]
    for label, row in enumerate(tally.confusion):
        total = max(sum(row), 1)
        shades = (_cell(count, count / total, label == taken) for taken, count in enumerate(row))
        cells.append(el("tr", el("th", text(label)), *shades))
    caption = el("caption", text("label down, prediction across"))
    return el("div", el("p", text(said)), el("table", caption, *cells))


def _cell(count: int, share: float, right: bool) -> str:
    colour = f"rgba({'31,111,178' if right else '200,90,0'},{0.75 * share:.2f})"
    return el(
        "td", text(count or ""), style=f"background:{colour};min-width:1.6em;text-align:center"
    )


def _curve(epochs: Sequence[Epoch]) -> str:
    """Test accuracy (while learning, where there is none) over epochs."""
    tested = [e.test_accuracy for e in epochs]
    values = [e.online_accuracy if t is None else t for e, t in zip(epochs, tested, strict=True)]
    name = "while learning" if None in tested else "test samples"
    low = max(0.0, int(min(values) * 10 - 0.5) / 10)

    def place(number: int, value: float) -> str:
        x = LEFT + (WIDTH - LEFT - 8) * number / (len(values) - 1)
        y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / ((1 - low) or 1))
        return f"{x:.1f},{y:.1f}"

    points = " ".join(place(at, value) for at, value in enumerate(values))
    style = "fill:currentColor;font:11px sans-serif;opacity:.7"
    labels = [
        el("text", text(words), x=x, y=y, style=f"{style};text-anchor:{anchor}")
        for words, x, y, anchor in (
            ("100%", LEFT - 5, TOP + 6, "end"),
            (f"{low:.0%}", LEFT - 5, HEIGHT - BOTTOM, "end"),
            (f"epoch {epochs[0].epoch}", LEFT, HEIGHT - 3, "start"),
            (str(epochs[-1].epoch), WIDTH - 8, HEIGHT - 3, "end"),
        )
    ]
    line = el("polyline", points=points, style="fill:none;stroke:#1f6fb2;stroke-width:2")
    said = f"accuracy, {name}: {values[-1]:.1%} after epoch {epochs[-1].epoch}"
    picture = el(
        "svg", el("title", text(said)), line, *labels,
        viewBox=f"0 0 {WIDTH} {HEIGHT}", width=WIDTH, height=HEIGHT, role="img", aria_label=said,
    )  # fmt: skip
    return el("div", el("p", text(said)), picture)


def _row(epoch: Epoch) -> tuple[object, ...]:
    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.1%}"

    rates = " ".join(f"{rate:.3f}" for rate in epoch.firing_rates) or "–"
    return (
        *(epoch.epoch, f"{epoch.rate_scale:.3f}", share(epoch.test_accuracy)),
        *(share(epoch.train_accuracy), rates, f"{epoch.samples_per_second:.1f}"),
        f"{epoch.seconds:.1f}",
    )
