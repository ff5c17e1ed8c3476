"""How often neurons fire, and how weights are spread."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sw.html import el, key, numbers, section, table, text
from sw.report.plots import Axes, some, ticks, whole
from sw.report.source import Source

BINS = 20
MOST_WEIGHT_BINS = 64


def rates(source: Source) -> str:
    """Firing rates of the hidden neurons."""
    layers = [source.measured.mean_rates(i) for i in range(len(source.network.hidden))]
    note = (
        f"Part of the steps in which a neuron fires, over {source.measured.samples} samples "
        f"({source.set_name}), learning off, on the integer model."
    )
    if not layers:
        return section("rates", "There is no hidden layer", note)
    silent = sum(int((rate == 0).sum()) for rate in layers)
    mean = " and ".join(f"{rate.mean():.1%}" for rate in layers)
    count = sum(map(len, layers))
    dead = f"{silent} of {count} neurons never do" if silent else f"all {count} neurons do"
    plots = [_rate_plot(index, rate) for index, rate in enumerate(layers)]
    if len(source.epochs) > 1:
        plots.append(_trend(source))
    rows = [
        (
            f"layer {i}",
            len(r),
            _share(r.mean()),
            _share(np.median(r)),
            _share(r.max()),
            int((r == 0).sum()),
        )
        for i, r in enumerate(layers)
    ]
    head = ("layer", "neurons", "mean", "median", "highest", "silent")
    numbers_ = numbers(table(head, rows, caption="Firing rates"))
    return section(
        "rates",
        f"Neurons fire in {mean} of the steps; {dead}",
        note,
        el("div", *plots, class_="pair"),
        numbers_,
    )


def weights(source: Source) -> str:
    """Weights of every layer, before and after."""
    top = 1 << (source.core.weight_bits - 1)
    initial = source.initial
    plots, rows = [], []
    for index, values in enumerate(source.weights):
        name = _name(source, index)
        before = None if initial is None else initial[index]
        plots.append(_weight_plot(name, values, before, top))
        one = 2.0 ** source.network.fraction(index)
        changed = "–" if before is None else f"{np.mean(values != before):.1%}"
        rows.append(
            (
                name, f"{values.shape[0]} × {values.shape[1]}", f"{values.mean() / one:.4f}",
                f"{values.std() / one:.4f}", f"{values.min() / one:.3f}", f"{values.max() / one:.3f}",
                f"{_at_ends(values, top) / values.size:.2%}", changed,
            )
        )  # fmt: skip
    total = sum(values.size for values in source.weights)
    stuck = sum(_at_ends(values, top) for values in source.weights)
    ends = f"{stuck / total:.2%}" if stuck else "none"
    note = (
        f"Whole numbers of {source.core.weight_bits} bits, {-top} to {top - 1}, as the run left them; "
        "counts on a logarithmic scale."
    )
    entries = [("c-a fill", "learned")] + ([("c-x", "at the start")] if initial else [])
    head = ("layer", "weights", "mean", "deviation", "lowest", "highest", "at the ends", "changed")
    return section(
        "weights",
        f"{total:,} weights; {ends} of them at the ends of their range",
        note,
        key(entries),
        el("div", *plots, class_="pair"),
        numbers(table(head, rows, caption="Weights in units of 1", texts=2)),
    )


def _rate_plot(index: int, rate: NDArray[np.float64]) -> str:
    high = max(0.05, math.ceil(float(rate.max()) * 20) / 20)
    counts, edges = np.histogram(rate, BINS, (0, high))
    axes = Axes((0, high), (0, float(counts.max()) * 1.05), 170)
    marks = axes.steps(edges.tolist(), counts.tolist(), "area c-a")
    mean = float(rate.mean())
    marks += axes.line([(mean, 0), (mean, axes.y[1])], "c-b")
    title = f"Layer {index}: {len(rate)} neurons, mean {mean:.1%}"
    plot = axes.draw(
        marks,
        f"{title}, histogram of firing rates",
        x=[(x, f"{x:.0%}") for x in ticks(0, high, 5)],
        y=[(y, f"{y:g}") for y in whole(float(counts.max()))],
        x_name="steps in which a neuron fires; the line is the mean",
        y_name="neurons",
    )
    return el("div", el("h3", text(title)), plot)


def _trend(source: Source) -> str:
    """Mean firing rate of each layer, epoch by epoch."""
    epochs = source.epochs
    high = max(max(epoch.firing_rates) for epoch in epochs) * 1.1 or 1.0
    axes = Axes((epochs[0].epoch - 0.3, epochs[-1].epoch + 0.3), (0, high), 150)
    marks, styles = "", ("c-a", "c-b", "c-v", "c-x")
    for layer in range(len(source.network.hidden)):
        points = [(float(epoch.epoch), epoch.firing_rates[layer]) for epoch in epochs]
        titles = [f"epoch {x:.0f}, layer {layer}: {y:.1%}" for x, y in points]
        style = styles[min(layer, 3)]
        marks += axes.line(points, style) + axes.dots(points, style, titles)
    plot = axes.draw(
        marks,
        "Mean firing rate of each hidden layer over epochs",
        x=[(n, str(n)) for n in some([epoch.epoch for epoch in epochs])],
        y=[(y, f"{y:.0%}") for y in ticks(0, high, 4)],
        x_name="epoch",
        y_name="steps in which a neuron fires",
    )
    count = len(source.network.hidden)
    legend = key([(styles[min(i, 3)], f"layer {i}") for i in range(count)]) if count > 1 else ""
    return el("div", el("h3", text("Mean rate while learning")), legend, plot)


def _weight_plot(
    name: str, values: NDArray[np.int32], before: NDArray[np.int32] | None, top: int
) -> str:
    width = max(1, 2 * top // MOST_WEIGHT_BINS)
    edges = np.arange(-top, top + 1, width) - 0.5
    counts = np.histogram(values, edges)[0]
    old = None if before is None else np.histogram(before, edges)[0]
    highest = math.log10(max(int(counts.max()), int(old.max()) if old is not None else 1))
    axes = Axes((-top - 0.5, top - 0.5), (-0.3, max(1.0, highest * 1.05)), 170)
    marks = axes.steps(edges.tolist(), _logs(counts), "area c-a")
    if old is not None:
        marks += axes.steps(edges.tolist(), _logs(old), "line c-x")
    plot = axes.draw(
        marks,
        f"{name}: histogram of weights, logarithmic",
        x=[(x, str(x)) for x in (-top, -top // 2, 0, top // 2, top - 1)],
        y=[(n, _thousands(10**n)) for n in range(math.floor(highest) + 1)],
        x_name="weight",
        y_name="weights",
    )
    return el("div", el("h3", text(name)), plot)


def _logs(counts: NDArray[np.integer]) -> list[float]:
    return [math.log10(count) if count else -0.3 for count in counts.tolist()]


def _thousands(count: int) -> str:
    return f"{count // 1000}k" if count >= 1000 else str(count)


def _at_ends(values: NDArray[np.int32], top: int) -> int:
    """Weights that cannot grow any more."""
    return int(((values == -top) | (values == top - 1)).sum())


def _name(source: Source, index: int) -> str:
    return "Readout" if index == len(source.network.hidden) else f"Layer {index}"


def _share(value: float) -> str:
    return f"{value:.1%}"
