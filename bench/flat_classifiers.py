"""Do flat layers gain from a classifier of their own that learns? In floating point, on line.

    python -m bench.flat_classifiers [--folds 3] [--epochs 8]

N-MNIST pooled to 17 x 17 x 2 inputs, 128 neurons, 10 steps: the 1000 training recordings, each fold held out
once and judged by, seed 1. First the fixed signs of the preset `nmnist-best`, then classifiers that begin at
zero or at the signs. The cores of this project have such classifiers for maps alone; this is why.
"""

import argparse
import os
from dataclasses import replace
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy; more threads only wait here

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.accuracy.choose import HELD_OUT, divided
from bench.accuracy.floats import float_config
from golden.reference import FloatConfig, Readouts, evaluate, fit_online
from sw.data import Dataset
from sw.presets import PRESETS

PRESET = replace(PRESETS["nmnist-best"], hidden=(128,))
TEMPERATURE = 0.02
"""Of classifiers that learn, as on maps."""
SETTINGS: tuple[dict[str, Any], ...] = (
    {"eta": 0.003, "eta_out": 0.01, "classifier": 0.03},
    {"eta": 0.003, "eta_out": 0.01, "classifier": 0.1},
    {"eta": 0.003, "eta_out": 0.01, "classifier": 0.3},
    {"eta": 0.01, "eta_out": 0.01, "classifier": 0.1},
    {"eta": 0.03, "eta_out": 0.01, "classifier": 0.1},
    {"eta": 0.003, "eta_out": 0.03, "classifier": 0.1},
    {"eta": 0.003, "eta_out": 0.01, "classifier": 0.1, "start": "signs"},
)
"""Rates of the layer, the readout and the classifier that learns."""


def signs(samples: Dataset) -> FloatConfig:
    """The preset's own rule."""
    return float_config(PRESET.make_network(samples, seed=1), samples.steps)


def learned(samples: Dataset, setting: dict[str, Any]) -> FloatConfig:
    """A classifier that learns in place of the signs; nothing is paid for a spike."""
    classifier = Readouts(start=setting.get("start", "zero"), eta=setting["classifier"])
    rates: dict[str, Any] = {
        "eta": (setting["eta"],),
        "eta_out": setting["eta_out"],
        "rate_cost": 0.0,
    }
    kinds: dict[str, Any] = {"error": "clipped", "error_out": "clipped"}
    return replace(signs(samples), readouts=classifier, temperature=TEMPERATURE, **rates, **kinds)


def accuracy(config: FloatConfig, learn: Dataset, judge: Dataset, epochs: int) -> float:
    """Of the second samples, learning off, when the first were learned."""
    one, other = (np.stack([sample.frames for sample in each]) for each in (learn, judge))
    weights = fit_online(config, one, learn.labels, epochs=epochs)
    logits = evaluate(config, weights, other).logits
    return float(np.mean(logits.argmax(axis=1) == judge.labels))


def folds(samples: Dataset, count: int) -> list[tuple[Dataset, Dataset]]:
    """What to learn and what to be judged by: every fifth sample, from another one on in each fold."""
    return [divided(samples, range(fold, len(samples), HELD_OUT)) for fold in range(count)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folds", type=int, default=3, choices=range(1, HELD_OUT + 1))
    parser.add_argument("--epochs", type=int, default=PRESET.epochs)
    parser.add_argument("--train", type=int, metavar="N", help="recordings (default: all)")
    options = parser.parse_args()
    console, samples = Console(highlight=False), PRESET.samples(limit=options.train)
    table = Table("B", "held-out recordings", "mean")
    rows = {"signs, as the preset": signs(samples)}
    rows |= {
        ", ".join(f"{key} {value}" for key, value in each.items()): learned(samples, each)
        for each in SETTINGS
    }
    for name, config in rows.items():
        found = []
        for learn, judge in folds(samples, options.folds):
            found.append(100 * accuracy(config, learn, judge, options.epochs))
            console.print(f"{name}: {found[-1]:.1f} %")
        table.add_row(name, " ".join(f"{value:.1f}" for value in found), f"{np.mean(found):.1f} %")
    console.print(table)


if __name__ == "__main__":
    main()
