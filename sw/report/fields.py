"""What the first layer looks for: weights as pictures, where the input is one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sw.html import el, numbers, section, table, text
from sw.report.pictures import image, weight_pixels
from sw.report.source import Source

MOST = 72  # pictures in all
STRONG = 99.5  # percentile of the weights that is shown in full


def fields(source: Source) -> str:
    """The section."""
    weights = source.weights[0] / 2.0 ** source.network.fraction(0)
    full = float(np.percentile(np.abs(weights), STRONG)) or 1.0
    if not source.network.hidden:
        return section("fields", "There is no hidden layer", "The readout sees the input itself.")
    if source.network.stages and source.network.input_map:
        return _kernels(source, weights, full)
    if source.sensor is None:
        return _matrix(source, weights, full)
    chosen = _chosen(source)
    rows = []
    for number, neurons in chosen:
        pictures = [_picture(source, weights[:, n], n, full) for n in neurons]
        rows.append(
            el("div", el("h3", text(number)), el("div", *pictures, class_="fields"), class_="group")
        )
    shown = sum(len(neurons) for _, neurons in chosen)
    note = (
        f"{shown} of {weights.shape[1]} neurons of layer 0, under the class they fire most for on the "
        f"{source.measured.samples} samples, those that prefer it most first. {_legend_words(source)}"
    )
    body = el("div", *rows, class_="groups")
    return section(
        "fields",
        "What the neurons of the first layer look for, by the class they prefer",
        note,
        _legend(source, full),
        body,
        numbers(_table(source, chosen)),
    )


def _chosen(source: Source) -> list[tuple[int, list[int]]]:
    """For each class the neurons that prefer it most: rate there, less the mean of all classes."""
    rates, preferred = source.measured.rates[0], source.measured.preferred(0)
    liking = np.nan_to_num(rates - np.nanmean(rates, axis=0))
    each = max(1, min(8, MOST // source.network.classes))
    found = []
    for number in range(source.network.classes):
        members = np.flatnonzero((preferred == number) & (liking[number] > 0))
        best = members[np.argsort(-liking[number][members], kind="stable")][:each]
        if len(best):
            found.append((number, best.tolist()))
    return found[:MOST]


def _picture(source: Source, weights: NDArray[np.float64], neuron: int, full: float) -> str:
    assert source.sensor is not None
    shape = (source.sensor.polarities, source.sensor.height, source.sensor.width)
    planes = weights.reshape(shape)
    names = ("off", "on") if len(planes) == 2 else ("weights",)
    sums = ", ".join(f"{n} {p.sum():+.2f}" for n, p in zip(names, planes, strict=True))
    return image(weight_pixels(planes, full), f"neuron {neuron}; sum of weights: {sums}")


def _legend_words(source: Source) -> str:
    assert source.sensor is not None
    if source.sensor.polarities == 1:
        return "Orange weights excite, blue ones inhibit, grey is zero."
    return (
        "Orange: an on event excites the neuron more than an off event; blue: the other way round. "
        "Light: both excite; dark: both inhibit; grey: neither."
    )


def _legend(source: Source, full: float) -> str:
    """The two-dimensional scale: on weights across, off weights up."""
    assert source.sensor is not None
    line = np.linspace(-full, full, 9)
    if source.sensor.polarities == 1:
        square = image(weight_pixels(line[None, None], full), "scale: blue to grey to orange")
        return el("div", square, el("p", text(f"{-full:.2f} to {full:.2f}")), class_="scale one")
    on, off = np.meshgrid(line, line[::-1])
    square = image(weight_pixels(np.stack([off, on]), full), "scale of on and off weights")
    words = el("p", text(f"on weight across, off weight up, each {-full:.2f} to {full:.2f}"))
    return el("div", square, words, class_="scale")


def _kernels(source: Source, weights: NDArray[np.float64], full: float) -> str:
    """The 3 x 3 kernels of a first layer that is a convolution."""
    assert source.network.input_map is not None
    inputs = source.network.input_map[0]
    planes = weights.reshape(3, 3, inputs, -1).transpose(3, 2, 0, 1)  # channel, input, y, x
    shown = planes if inputs <= 2 else planes.reshape(-1, 1, 3, 3)[:MOST]
    pictures = [
        image(weight_pixels(kernel, full), f"kernel {number}; sum of weights: {kernel.sum():+.2f}")
        for number, kernel in enumerate(shown)
    ]
    one = 2.0 ** source.network.fraction(0)
    rows = [
        (number, *(f"{plane.sum():+.2f}" for plane in kernel))
        for number, kernel in enumerate(
            source.weights[0].T.reshape(-1, 9, inputs).transpose(0, 2, 1) / one
        )
    ]
    head = ("channel", *(f"sum of weights from input channel {n}" for n in range(inputs)))
    legend = _legend(source, full) if source.sensor is not None and inputs == 2 else ""
    return section(
        "fields",
        "What the channels of the first layer look for",
        f"The 3 x 3 kernels of {weights.shape[1]} channels, full colour at {full:.2f}.",
        legend,
        el("div", *pictures, class_="fields"),
        numbers(table(head, rows, caption="Kernels")),
    )


def _matrix(source: Source, weights: NDArray[np.float64], full: float) -> str:
    """No image: all weights, neurons down and inputs across."""
    order = np.argsort(source.measured.preferred(0), kind="stable")
    picture = image(
        weight_pixels(weights.T[order][None], full),
        f"weights of {weights.shape[1]} neurons (down) from {weights.shape[0]} inputs (across)",
    )
    note = (
        "The inputs are no image: every row is a neuron, sorted by the class it fires most for, every "
        f"column an input. Orange weights excite, blue ones inhibit, full colour at {full:.2f}."
    )
    chosen = [
        (c, np.flatnonzero(source.measured.preferred(0) == c).tolist()[: MOST // 8])
        for c in range(source.network.classes)
    ]
    return section(
        "fields",
        "What the first layer looks for",
        note,
        el("div", picture, class_="weights"),
        numbers(_table(source, chosen)),
    )


def _table(source: Source, chosen: list[tuple[int, list[int]]]) -> str:
    rates = source.measured.rates[0]
    one = 2.0 ** source.network.fraction(0)
    rows = [
        (n, number, f"{rates[number, n]:.1%}", f"{np.nanmean(rates[:, n]):.1%}",
         f"{source.weights[0][:, n].sum() / one:+.2f}")
        for number, neurons in chosen
        for n in neurons
    ]  # fmt: skip
    head = ("neuron", "prefers class", "its rate there", "its mean rate", "sum of weights")
    return table(head, rows, caption="Neurons shown", texts=1)
