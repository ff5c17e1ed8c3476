"""Samples to choose from, and their steps to go through: data for explore.js, which draws them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.shape import Map
from sw.html import el, section, text
from sw.report.measured import Shown
from sw.report.source import Source

SCRIPT = Path(__file__).with_name("explore.js")
MOST_BYTES = 900_000  # of the samples in the page
DATA = "samples-data"


def explore(source: Source) -> str:
    """The section."""
    chosen = _fitting(source)
    given = _facts(source) | {"samples": [_packed(source, shown) for shown in chosen]}
    note = (
        f"{len(chosen)} of the {source.measured.samples} samples: of each class the first that was wrong and "
        "the first that was right. Learning off, on the integer model."
    )
    pick = el("label", text("sample "), el("select", id="pick"))
    slider = el(
        "label", text("step "),
        el("input", type="range", id="step", min=0, max=source.measured.shown.frames.shape[0], value=0),
        el("output", text("all"), id="step-is", for_="step"),
    )  # fmt: skip
    play = el("button", text("play"), type="button", id="play")
    parts = [_canvas("explore-input", "Input", "all inputs, and those that spike")]
    for index, shape in enumerate(layer_maps(source)):
        what = f"Layer {index}, {shape.neurons} neurons"
        if shape.positions > 1:
            what = f"Layer {index}, {shape.channels} maps of {shape.height} x {shape.width}"
        parts.append(_canvas(f"explore-{index}", what, "its neurons, and those that spike"))
    scores = el("figure", el("figcaption", text("Scores up to this step")), el("div", id="scores"))
    # In a script element nothing is markup but its end.
    data = json.dumps(given, separators=(",", ":")).replace("<", "\\u003c")
    return section(
        "explore",
        "Other samples, step by step",
        note,
        el("p", text("This section needs scripts."), class_="warning", id="no-script"),
        el("div", pick, slider, play, class_="controls"),
        el("p", id="explore-says", class_="note", aria_live="polite"),
        el("div", *parts, scores, class_="explore"),
        el("script", data, type="application/json", id=DATA),
    )


def layer_maps(source: Source) -> list[Map]:
    """What the neurons of each hidden layer are as a map, channels first; flat ones are 1 x 1 pixels."""
    placements = source.network.placements(source.core)[:-1]
    return [at.stage.seen(at.inputs) for at in placements]


def _canvas(name: str, title: str, label: str) -> str:
    canvas = el("canvas", id=name, role="img", aria_label=label)
    return el("figure", el("figcaption", text(title)), canvas)


def _facts(source: Source) -> dict[str, Any]:
    """What holds of all samples."""
    sensor, maps = source.sensor, layer_maps(source)
    return {
        "classes": [source.label(number) for number in range(source.network.classes)],
        "input": [sensor.polarities, sensor.height, sensor.width] if sensor else None,
        "inputs": source.network.inputs,
        "layers": [[shape.channels, shape.height, shape.width] for shape in maps],
    }


def _fitting(source: Source) -> list[Shown]:
    """As many of the samples as there is room for, at least one."""
    chosen: list[Shown] = []
    left = MOST_BYTES
    for shown in source.measured.others:
        bits = shown.frames.size + sum(spikes.size for spikes in shown.spikes)
        left -= bits // 6 + 12 * shown.scores.size  # base64, and numbers in text
        if left < 0 and chosen:
            break
        chosen.append(shown)
    return chosen


def _packed(source: Source, shown: Shown) -> dict[str, Any]:
    """A sample. Flat layers are sorted by the class that a neuron prefers."""
    spikes = []
    for layer, (fired, shape) in enumerate(zip(shown.spikes, layer_maps(source), strict=True)):
        if shape.positions > 1:
            planes = fired.reshape(len(fired), shape.positions, shape.channels)
            spikes.append(_bits(planes.transpose(0, 2, 1)))
        else:
            spikes.append(
                _bits(fired[:, np.argsort(source.measured.preferred(layer), kind="stable")])
            )
    return {
        "key": shown.key,
        "label": shown.label,
        "prediction": shown.prediction,
        "steps": len(shown.frames),
        "frames": _bits(shown.frames),
        "spikes": spikes,
        "scores": [[round(float(score), 3) for score in row] for row in shown.scores],
    }


def _bits(values: NDArray[np.bool_]) -> str:
    """Bits, a step after the other, each from a new byte on."""
    return base64.b64encode(np.packbits(values.reshape(len(values), -1), axis=1).tobytes()).decode()
