"""Where the clock cycles went, by the chip's own counters."""

from __future__ import annotations

from golden.spec.registers import COUNTERS, CYCLE_CAUSES
from sw.html import key, numbers, section, table
from sw.report.plots import Axes, ticks
from sw.report.source import Source
from sw.run import Epoch

DOCS = {counter.name: counter.doc for counter in COUNTERS}
STYLES = dict(
    zip(CYCLE_CAUSES, ("k-1", "k-2", "k-3", "k-4", "k-5", "k-6", "k-7", "k-8"), strict=True)
)
WORK = ("events", "spikes", "synops", "updates")
ROWS = tuple(cause for cause in CYCLE_CAUSES if cause.startswith("rows_"))


def cycles(source: Source) -> str:
    """The section."""
    epochs = source.epochs
    if not epochs:
        return section("cycles", "No cycles yet", "Counters are kept with each complete epoch.")
    last = epochs[-1]
    clocked = 0 < last.counters["cycles"] == sum(last.counters[cause] for cause in CYCLE_CAUSES)
    causes = CYCLE_CAUSES if clocked else ROWS
    if clocked:
        rows = sum(last.counters[cause] for cause in ROWS) / last.counters["cycles"]
        title = (
            f"{_each(last, 'cycles'):,.0f} cycles a sample, {rows:.0%} of them on rows of weights"
        )
        note = (
            f"Counted on chip ({source.target}) while it learned, per training sample; each cycle has "
            "one cause. A row is a word of weights, one for each of the core's "
            f"{source.core.lanes} lanes."
        )
    else:
        each = sum(_each(last, cause) for cause in ROWS)
        title = f"{each:,.0f} cycles a sample on rows of weights; waiting was not counted"
        note = (
            "The epoch, or part of it, ran on the integer model, which has no clock: it counts rows, "
            "each a cycle on the chip, but neither waiting nor turn-around. Train with --target sim, "
            "or on a board, for all causes."
        )
    entries = [(f"{STYLES[cause]} fill", cause.replace("_", " ")) for cause in causes]
    table_rows = [
        (
            cause.replace("_", " "),
            DOCS[cause],
            f"{_each(last, cause):,.1f}",
            _share(last, cause, clocked),
        )
        for cause in causes
    ]
    table_rows += [(name, DOCS[name], f"{_each(last, name):,.1f}", "") for name in WORK]
    return section(
        "cycles",
        title,
        note,
        key(entries),
        _bars(epochs, causes),
        numbers(
            table(
                ("counter", "meaning", "per sample", "of the cycles"),
                table_rows,
                caption=f"Counters in epoch {last.epoch}, per sample",
                texts=2,
            )
        ),
    )


def _bars(epochs: list[Epoch], causes: tuple[str, ...]) -> str:
    """A bar for each epoch; of many, some."""
    shown = epochs[:: max(1, -(-len(epochs) // 12))]
    if shown[-1] is not epochs[-1]:
        shown.append(epochs[-1])
    most = max(sum(_each(epoch, cause) for cause in causes) for epoch in shown) or 1.0
    axes = Axes((0, most), (0, float(len(shown))), max(60, 26 * len(shown)))
    marks, labels = [], []
    for place, epoch in enumerate(reversed(shown)):
        left = 0.0
        for cause in causes:
            right = left + _each(epoch, cause)
            words = f"epoch {epoch.epoch}, {cause.replace('_', ' ')}: {right - left:,.1f} a sample"
            marks.append(
                axes.bar(
                    (left, right), (place + 0.14, place + 0.86), f"fill {STYLES[cause]}", words
                )
            )
            left = right
        labels.append((place + 0.5, f"epoch {epoch.epoch}"))
    return axes.draw(
        "".join(marks),
        "Cycles per sample by cause, a bar for each epoch",
        x=[(x, f"{x:,.0f}") for x in ticks(0, most, 4)],
        y=labels,
        grid=(),
        x_name="cycles per training sample",
    )


def _each(epoch: Epoch, name: str) -> float:
    return epoch.counters[name] / max(epoch.samples, 1)


def _share(epoch: Epoch, cause: str, clocked: bool) -> str:
    return f"{epoch.counters[cause] / epoch.counters['cycles']:.2%}" if clocked else "–"
