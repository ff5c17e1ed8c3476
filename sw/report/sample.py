"""One sample through the network: input frames, spikes of every layer, the scores as they grow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from golden.spec.shape import Map
from sw.html import el, key, numbers, section, table, text
from sw.report.explore import layer_maps
from sw.report.pictures import image, rate_pixels, spike_pixels
from sw.report.plots import Axes, some, ticks
from sw.report.source import Source

FRAMES = 20  # pictures of the input at most
SPIKES = 20_000  # marks of a raster at most
MAPS = 64  # pictures of a layer at most
TALLEST = 230  # pixels of a raster


def sample(source: Source) -> str:
    """The section."""
    shown = source.measured.shown
    word = (
        "right"
        if shown.prediction == shown.label
        else f"wrong: its class is {source.label(shown.label)}"
    )
    note = f"Sample {shown.key}, {len(shown.frames)} steps, learning off, on the integer model. "
    if any(shape.positions == 1 for shape in layer_maps(source)):
        note += (
            "Neurons are sorted by the class they fire most for; those that prefer this sample's class are "
            'shaded, those that never fire stand under "none".'
        )
    parts = [_film(source), _inputs(source)]
    parts += [_layer(source, layer) for layer in range(len(source.network.hidden))]
    parts += [_scores(source), numbers(_table(source), "Every step")]
    title = f"One sample, step by step: taken for {source.label(shown.prediction)}, which is {word}"
    return section("sample", title, note, *parts)


def _film(source: Source) -> str:
    """The input as pictures; steps are joined when there are many."""
    sensor, frames = source.sensor, source.measured.shown.frames
    if sensor is None:
        return ""
    pictures = []
    edges = np.linspace(0, len(frames), min(FRAMES, len(frames)) + 1).astype(int)
    for start, stop in pairwise(edges):
        seen = frames[start:stop].any(axis=0)
        planes = seen.reshape(sensor.polarities, sensor.height, sensor.width)
        name = f"step {start + 1}" if stop == start + 1 else f"steps {start + 1} to {stop}"
        alt = f"{name}: {int(planes[-1].sum())} on"
        alt += f", {int(planes[0].sum())} off" if sensor.polarities == 2 else ""
        caption = str(start + 1) if stop == start + 1 else f"{start + 1}–{stop}"
        picture = image(spike_pixels(planes), alt)
        pictures.append(el("figure", picture, el("figcaption", text(caption))))
    polarity = [("c-b fill", "on"), ("c-a fill", "off"), ("c-v fill", "both")]
    legend = polarity if sensor.polarities == 2 else [("c-b fill", "spike")]
    return el("h3", "Input") + key(legend) + el("div", *pictures, class_="film")


def _inputs(source: Source) -> str:
    frames, sensor = source.measured.shown.frames, source.sensor
    heading = "Input spikes" if sensor else "Input"
    text_ = f"{heading}: {int(frames.sum())} spikes of {frames.shape[1]} inputs"
    half = frames.shape[1] // 2
    if sensor is None or sensor.polarities < 2:
        return _raster(frames, [(0, frames.shape[1], "c-b")], text_, [])
    parts = [(0, half, "c-a"), (half, frames.shape[1], "c-b")]
    return _raster(frames, parts, text_, [(half / 2, "off"), (1.5 * half, "on")])


def _layer(source: Source, layer: int) -> str:
    """Spikes of a hidden layer, sorted by preferred class."""
    measured, shape = source.measured, layer_maps(source)[layer]
    if shape.positions > 1:
        return _maps(measured.shown.spikes[layer], layer, shape)
    spikes, preferred = measured.shown.spikes[layer], measured.preferred(layer)
    order = np.argsort(preferred, kind="stable")
    counts = np.bincount(preferred + 1, minlength=source.network.classes + 1)  # silent ones first
    ends = np.cumsum(counts)
    names = ["none", *map(str, range(source.network.classes))]
    room = 16 * len(preferred) / _height(len(preferred))  # neurons that a label's height covers
    labels, free = [], -room
    for name, count, end in zip(names, counts.tolist(), ends.tolist(), strict=True):
        middle = end - count / 2
        if count and middle - free >= room:
            labels.append((middle, name))
            free = middle
    own = measured.shown.label + 1
    band = (int(ends[own] - counts[own]), int(ends[own]))
    parts = [(0, len(preferred), "c-a")]
    title = (
        f"Layer {layer}: {int(spikes.sum())} spikes of {spikes.shape[1]} neurons, "
        f"{spikes.mean():.1%} of neurons a step"
    )
    return _raster(spikes[:, order], parts, title, labels, band, ends[:-1].tolist())


def _maps(spikes: NDArray[np.bool_], layer: int, shape: Map) -> str:
    """Spikes of a map, a picture for each channel: the darker the more steps in which a pixel fired."""
    planes = spikes.reshape(len(spikes), shape.height, shape.width, shape.channels)
    rates, counts = planes.mean(axis=0), planes.sum(axis=(0, 1, 2))
    shown = range(min(shape.channels, MAPS))
    pictures = [
        image(rate_pixels(rates[..., channel]), f"channel {channel}: {counts[channel]} spikes")
        for channel in shown
    ]
    some_ = "" if len(shown) == shape.channels else f"; the first {len(shown)} are shown"
    title = (
        f"Layer {layer}: {int(spikes.sum())} spikes in {shape.channels} maps of {shape.height} x "
        f"{shape.width}, {spikes.mean():.1%} of neurons a step{some_}"
    )
    words = el("p", text("The darker a pixel, the more of the steps it fired in."), class_="note")
    return el("h3", text(title)) + words + el("div", *pictures, class_="maps")


def _height(neurons: int) -> int:
    """Pixels of a raster."""
    return int(np.clip(neurons * 6, 48, TALLEST))


def _raster(
    spikes: NDArray[np.bool_],
    parts: list[tuple[int, int, str]],
    title: str,
    labels: list[tuple[float, str]],
    band: tuple[int, int] = (0, 0),
    borders: Sequence[float] = (),
) -> str:
    """A tick for every spike, as long as most of a step. `parts`: rows and their style."""
    steps, neurons = spikes.shape
    height = _height(neurons)
    axes = Axes((0.5, steps + 0.5), (0.0, float(neurons)), height)
    thin = max(1, -(-int(spikes.sum()) // SPIKES))
    marks = []
    if band[1] > band[0]:
        marks.append(axes.bar(axes.x, (band[0], band[1]), "band", "neurons of this sample's class"))
    for start, stop, style in parts:
        places = np.argwhere(spikes[:, start:stop])[::thin]
        d = "".join(
            f"M{axes.at(step + 0.62, start + row + 0.5)}H{(step + 0.88) / steps * 1000:.1f}"
            for step, row in places
        )
        width = float(np.clip(0.8 * height / neurons, 0.9, 5))
        marks.append(el("path", d=d, class_=f"tick {style}", style=f"stroke-width:{width:.2f}px"))
    note = f"; one spike in {thin} is drawn" if thin > 1 else ""
    plot = axes.draw(
        "".join(marks),
        f"{title}{note}",
        x=[(n, str(n)) for n in some(list(range(1, steps + 1)), 10)],
        y=labels,
        grid=borders,
        x_name="step",
        y_name="prefers class" if borders else "",
    )
    return el("h3", text(title + note)) + plot


def _scores(source: Source) -> str:
    """The readout, summed up to each step: the highest at the end is the answer."""
    shown = source.measured.shown
    steps = len(shown.scores)
    low, high = min(0.0, float(shown.scores.min())), max(0.0, float(shown.scores.max()))
    margin = 0.05 * (high - low)
    axes = Axes((0.5, steps + 0.5), (low - margin, high + margin), 180)
    marks = []
    order = sorted(
        range(source.network.classes), key=lambda c: c in (shown.label, shown.prediction)
    )
    for number in order:
        style = _style(source, number)
        points = [(step + 1.0, float(y)) for step, y in enumerate(shown.scores[:, number])]
        marks.append(axes.line(points, style))
        final = f"class {number}: {points[-1][1]:.2f} at the end"
        marks.append(axes.dots(points[-1:], style, [final]))
    entries = [(_style(source, shown.label), f"class {shown.label}, its own")]
    if shown.prediction != shown.label:
        entries.append((_style(source, shown.prediction), f"class {shown.prediction}, the answer"))
    entries.append(("c-x", "other classes"))
    plot = axes.draw(
        "".join(marks),
        f"Scores of every class over the steps; class {shown.prediction} is highest at the end",
        x=[(n, str(n)) for n in some(list(range(1, steps + 1)), 10)],
        y=[(y, f"{y:g}") for y in ticks(low, high, 4)],
        x_name="step",
        y_name="score",
    )
    return el("h3", "Readout: scores, summed up to each step") + key(entries) + plot


def _style(source: Source, number: int) -> str:
    shown = source.measured.shown
    if number == shown.label:
        return "c-a"
    return "c-b" if number == shown.prediction else "c-x"


def _table(source: Source) -> str:
    shown = source.measured.shown
    layers = [f"layer {layer}" for layer in range(len(shown.spikes))]
    rows = [
        (
            step + 1,
            int(shown.frames[step].sum()),
            *(int(spikes[step].sum()) for spikes in shown.spikes),
            int(shown.scores[step].argmax()),
            f"{shown.scores[step, shown.label]:.2f}",
        )
        for step in range(len(shown.frames))
    ]
    head = ("step", "input spikes", *layers, "leading class", "score of its own class")
    return table(head, rows, caption="Spikes and scores of each step")
