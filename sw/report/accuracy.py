"""How the run went: accuracy over epochs."""

from __future__ import annotations

import math
from collections.abc import Callable

from sw.html import key, numbers, section, table
from sw.report.plots import Axes, some, ticks
from sw.report.source import Source
from sw.run import Epoch

HEAD = (
    "epoch", "rate", "test", "training", "while learning", "firing rate", "cycles/sample",
    "samples/s", "seconds",
)  # fmt: skip
SERIES: tuple[tuple[str, str, Callable[[Epoch], float | None]], ...] = (
    ("c-a", "test samples", lambda epoch: epoch.test_accuracy),
    ("c-b", "training samples", lambda epoch: epoch.train_accuracy),
    ("c-x", "while learning (flatters)", lambda epoch: epoch.online_accuracy),
)


def accuracy(source: Source) -> str:
    """The section."""
    epochs = source.epochs
    if not epochs:
        return section("accuracy", "No epoch is complete yet", "An accuracy comes with each epoch.")
    lines = {
        (style, words): [(e.epoch, y) for e in epochs if (y := value(e)) is not None]
        for style, words, value in SERIES
    }
    lines = {name: points for name, points in lines.items() if points}
    lowest = min(y for points in lines.values() for _, y in points)
    low = max(0.0, math.floor(lowest * 10 - 0.5) / 10)
    axes = Axes((epochs[0].epoch - 0.3, epochs[-1].epoch + 0.3), (low, 1.0))
    marks = "".join(
        axes.line(points, style)
        + axes.dots(points, style, [f"epoch {x}: {y:.1%} of {words}" for x, y in points])
        for (style, words), points in reversed(lines.items())
    )
    plot = axes.draw(
        marks,
        _title(source),
        x=[(n, str(n)) for n in some([e.epoch for e in epochs])],
        y=[(level, f"{level:.0%}") for level in ticks(low, 1.0, 5)],
        x_name="epoch",
        y_name="accuracy",
    )
    note = (
        f"Measured in training, on {source.target}, learning off; training samples: as many as there "
        f"are test samples. Chance is {1 / source.network.classes:.0%}."
    )
    rows = [_row(epoch) for epoch in epochs]
    return section(
        "accuracy",
        _title(source),
        note,
        key(list(lines)),
        plot,
        numbers(table(HEAD, rows, caption="Epochs"), "Every epoch"),
    )


def _title(source: Source) -> str:
    tested = [e for e in source.epochs if e.test_accuracy is not None]
    if not tested:
        return f"Accuracy: {source.epochs[-1].online_accuracy:.1%} while learning, not tested"
    best = max(tested, key=lambda e: e.test_accuracy or 0)
    last = tested[-1]
    reached = f"Accuracy reached {last.test_accuracy:.1%} after {_epochs(last.epoch)}"
    if best.test_accuracy == last.test_accuracy:
        return f"{reached}, its best" if len(tested) > 1 else reached
    return f"{reached}; it was {best.test_accuracy:.1%} after {_epochs(best.epoch)}"


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def _row(epoch: Epoch) -> tuple[object, ...]:
    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.1%}"

    return (
        epoch.epoch,
        f"{epoch.rate_scale:.3f}",
        share(epoch.test_accuracy),
        share(epoch.train_accuracy),
        share(epoch.online_accuracy),
        " ".join(f"{rate:.3f}" for rate in epoch.firing_rates) or "–",
        f"{epoch.cycles_per_sample:,.0f}" if epoch.cycles_per_sample else "–",
        f"{epoch.samples_per_second:.1f}",
        f"{epoch.seconds:.1f}",
    )
