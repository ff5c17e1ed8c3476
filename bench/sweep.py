"""One setting of a preset, swept: accuracy and firing rate of the chip's integer model.

    python -m bench.sweep --field rate_cost --values 0 0.03 0.1 0.3 [--preset nmnist-fast]

The test samples are not touched: five-fold over the training samples, so that every one of them is judged
once by a network that has not seen it. This is how the presets were chosen. Results go to
bench/results/sweep-PRESET-FIELD.json, from where `python -m bench.results` draws them.
"""

import argparse
import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
from rich.console import Console

from bench.accuracy.choose import part
from bench.accuracy.jobs import RESULTS, task_of
from bench.accuracy.methods import Task, chip
from golden.spec.network import Network
from sw.presets import PRESETS

FOLDS = 5


def fold(task: Task, number: int) -> Task:
    """The training samples alone: every fifth is judged, from `number` on."""
    judge = range(number, len(task.train), FOLDS)
    learn = [index for index in range(len(task.train)) if index % FOLDS != number]
    return replace(task, train=part(task.train, learn), test=part(task.train, list(judge)))


def measure(folds: list[Task], setting: dict[str, Any], seed: int) -> dict[str, Any]:
    """Mean over the folds."""
    outcomes = [chip(task, setting, seed + number) for number, task in enumerate(folds)]
    accuracy = np.array([outcome.accuracy[-1] for outcome in outcomes])
    rates = np.mean([outcome.firing_rates for outcome in outcomes], axis=0)
    return {
        "accuracy": float(accuracy.mean()),
        "by_fold": accuracy.round(4).tolist(),
        "firing_rates": rates.round(4).tolist(),
    }


def main() -> None:
    """Sweep, tell, keep."""
    types = {field.name: field.type for field in fields(Network)}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--data-dir", metavar="DIR", help="of a data set that is not included")
    parser.add_argument("--field", required=True, choices=types, metavar="FIELD", help="of Network")
    parser.add_argument("--values", required=True, type=float, nargs="+")
    parser.add_argument("--train", type=int, metavar="N", help="training samples (default: all)")
    parser.add_argument("--seed", type=int, default=10)
    options = parser.parse_args()
    console, points = Console(highlight=False), []
    task = task_of(options.preset, options.data_dir, options.train, 1)
    folds = [fold(task, number) for number in range(FOLDS)]
    for value in options.values:
        exact = round(value) if types[options.field] is int else value
        point = {"value": exact, **measure(folds, {options.field: exact}, options.seed)}
        firing = ", ".join(f"{100 * rate:.1f} %" for rate in point["firing_rates"])
        console.print(f"{options.field} {exact}: {100 * point['accuracy']:.1f} %, firing {firing}")
        points.append(point)
    path = RESULTS / f"sweep-{options.preset}-{options.field}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"preset": options.preset, "field": options.field, "points": points}
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
