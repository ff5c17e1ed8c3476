"""The rows of the table: what each differs in from the recipe, its training, and how it is judged."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bench.kernels.inputs import Images
from golden.reference import (
    Fixed,
    FloatConfig,
    Formats,
    Readouts,
    Weights,
    evaluate,
    fit_bptt,
    fit_online,
    init_weights,
)
from golden.reference.equations import Floats
from golden.reference.optim import Adam

ETAS = (1e-4, 3e-4, 1e-3)
"""Of the hidden layers in their order; the last one serves all that follow."""
LEARNED = Readouts(start="zero", eta=0.03, feedback="power_of_two")
SIGNS = Readouts()
FORMATS = Formats(hidden=Fixed(9, 9), readout=Fixed(9, 6), out=Fixed(16, 13))
RECIPE: dict[str, Any] = {
    **{"precision": "float32", "init_scale": 2.0, "eta_out": 0.001, "temperature": 0.02},
    **{"steps": 6, "update": "sample", "fold_cells": True, "readouts": LEARNED},
    "formats": FORMATS,
}
"""Kernels and readouts of 9 bits, an output layer of 16; all move once a sample."""
LAST: dict[str, Any] = {"learn_last": 1}
"""Learning in the last step alone, and so many times as much as there are steps."""
ROWS: dict[str, dict[str, Any]] = {
    "bptt": {"formats": Formats(), "readouts": SIGNS},
    "recipe": {},
    "every-step": {"update": "step"},
    "readouts-every-step": {"update_out": "step"},
    "out-every-step": {"update_out": "step", "readouts": replace(LEARNED, update="sample")},
    "last-step": LAST,
    "last-step-clipped": {**LAST, "error": "clipped"},
    "last-step-out9.6": {**LAST, "formats": replace(FORMATS, out=Fixed(9, 6))},
    "last-step-out9.9": {**LAST, "formats": replace(FORMATS, out=Fixed(9, 9))},
    "last-step-pixel": {**LAST, "update": "pixel"},
    "frugal": {
        **{**LAST, "update": "pixel", "error": "clipped", "error_out": "clipped"},
        "readouts": replace(LEARNED, feedback="exact"),
        "formats": replace(FORMATS, out=Fixed(9, 9)),
    },
    "each-pixel": {"update": "pixel"},
    "real": {"formats": Formats()},
    "kernels16-pixel": {"update": "pixel", "formats": replace(FORMATS, hidden=Fixed(16, 16))},
    "clipped": {"error": "clipped"},
    "clipped-both": {"error": "clipped", "error_out": "clipped"},
    "from-signs": {"readouts": replace(LEARNED, start="signs")},
    "exact": {"readouts": replace(LEARNED, feedback="exact")},
    "signs": {"readouts": SIGNS},
    "signs-pixel": {"readouts": SIGNS, "update": "pixel"},
    "frozen": {"readouts": SIGNS, "train_hidden": False},
}
"""What each differs in from the recipe; `frugal` is what costs a chip least: no sums, no exponential."""
TORCH: dict[str, dict[str, Any]] = {"bptt-torch": {}, "bptt-norm": {"norm": True}}
"""BPTT once more, by torch (bench/kernels/autograd.py), and with batch normalization."""
BATCH, ADAM = 8, (5e-4, 1e-3, 2e-3)
"""Of BPTT: its minibatch, and the rates that it may choose from."""
BATCH_TORCH, ADAM_TORCH = 32, (1e-3, 3e-3, 1e-2)
"""The same of BPTT by torch, whose rates fall to zero along a cosine."""
HELD_OUT, VALIDATION_SEED = 5, 100

Result = dict[str, Any]
Trainer = Callable[[FloatConfig, Images, Images, int, float | None], list[Result]]


def configuration(row: str, stages: tuple[str, ...], images: Images, **fields: Any) -> FloatConfig:
    """The network of a row. Where fewer steps teach, its rates are higher by as much."""
    fields = {**RECIPE, **ROWS[row], **fields}
    own, steps = fields["readouts"], fields["steps"]
    times = steps / fields.get("learn_last", steps)
    eta = tuple(times * ETAS[min(layer, len(ETAS) - 1)] for layer in range(len(stages)))
    fields |= {"eta": eta, "eta_out": times * fields["eta_out"]}
    fields["readouts"] = replace(own, eta=times * own.eta)
    return FloatConfig.of_stages(images.shape, stages, images.classes, **fields)


def train(
    cfg: FloatConfig, train_on: Images, test: Images, epochs: int, adam: float | None
) -> list[Result]:
    """What `judge` finds after each epoch of BPTT by Adam with this rate, or of the rule on line."""
    history: list[Result] = []

    def after(weights: Weights) -> None:
        history.append(judge(cfg, weights, test))

    inputs, labels = train_on.repeated(cfg.steps), train_on.labels
    if adam:
        how: dict[str, Any] = {"batch": BATCH, "optimizer": Adam(adam)}
        fit_bptt(cfg, inputs, labels, epochs=epochs, after=after, **how)
    else:
        fit_online(cfg, inputs, labels, epochs=epochs, after=after)
    return history


def judge(cfg: FloatConfig, weights: Weights, images: Images) -> Result:
    """With learning off: accuracy of output layer, of own readouts and of all summed; firing rates."""
    found = evaluate(cfg, weights, images.repeated(cfg.steps))

    def right(logits: Floats) -> float:
        return round(float(np.mean(logits.argmax(axis=-1) == images.labels)), 4)

    return {
        "accuracy": right(found.logits),
        "summed": right(found.logits / cfg.temperature_out + found.layer_logits.sum(axis=0)),
        "layers": [right(logits) for logits in found.layer_logits],
        "firing": [round(rate, 4) for rate in found.firing_rates],
    }


def run(
    row: str,
    stages: tuple[str, ...],
    images: tuple[Images, Images],
    epochs: int,
    *,
    offered: Sequence[float] = (),
    **fields: Any,
) -> Result:
    """A row; BPTT chooses its rate first, of those offered or the usual, on a fifth of the images."""
    trainer, rates = train, ADAM if row == "bptt" else ()
    cfg = configuration("bptt" if row in TORCH else row, stages, images[0], **fields)
    if row in TORCH:
        trainer, rates = partial(train_by_torch, **TORCH[row]), ADAM_TORCH
    rates = tuple(offered) if rates and offered else rates
    adam = choose(trainer, cfg, images[0], epochs, rates) if rates else None
    started = time.perf_counter()
    history = trainer(cfg, *images, epochs, adam)
    seconds = round(time.perf_counter() - started)
    curve = [each["accuracy"] for each in history]
    return {**history[-1], "by_epoch": curve, "adam": adam, "seconds": seconds}


def choose(
    trainer: Trainer, cfg: FloatConfig, images: Images, epochs: int, rates: Sequence[float]
) -> float:
    """Adam's rate with the highest accuracy on the last fifth of the training images."""
    if len(rates) == 1:
        return rates[0]
    first = len(images) - len(images) // HELD_OUT
    parts, cfg = (images[:first], images[first:]), replace(cfg, seed=VALIDATION_SEED)
    scores = {rate: trainer(cfg, *parts, epochs, rate)[-1]["accuracy"] for rate in rates}
    return max(scores, key=scores.__getitem__)


def train_by_torch(
    cfg: FloatConfig,
    train_on: Images,
    test: Images,
    epochs: int,
    adam: float | None,
    *,
    norm: bool = False,
) -> list[Result]:
    """BPTT by torch from the same weights; it has no readouts of layers. Raises SystemExit without torch."""
    from bench.kernels import autograd  # torch is an extra, and takes seconds

    history: list[Result] = []

    def told(accuracy: float, rates: list[float]) -> None:
        firing = [round(rate, 4) for rate in rates]
        history.append(
            {"accuracy": round(accuracy, 4), "summed": None, "layers": [], "firing": firing}
        )

    how: dict[str, Any] = {"epochs": epochs, "eta": adam, "batch": BATCH_TORCH, "norm": norm}
    autograd.train(cfg, init_weights(cfg), train_on, test, told=told, **how)
    return history
