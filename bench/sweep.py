"""One setting of a preset, swept: accuracy and firing rate of the chip's integer model.

    python -m bench.sweep --field rate_cost --values 0 0.03 0.1 0.3 [--preset nmnist-fast]

A field is one of Network (`python -m sw.driver train --help` has them), or

    steps        time steps that a recording is cut into
    weight_bits  width of a weight; 8-bit weights have one fraction bit less, so that all reach +-1/4,
                 and wider ones reach further: the core has at most 10 fraction bits
    error        hard_sigmoid or softmax, of the hidden layers, in floating point: the chip has the first
    error_out    the same of the readout

The test samples are not touched: five-fold over the training samples, so that every one of them is judged
once by a network that has not seen it, `--repeats` times with other seeds. This is how the presets were
chosen. Results go to bench/results/sweep-PRESET-FIELD.json, from where `python -m bench.results` draws them.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

import numpy as np
from rich.console import Console

from bench.accuracy.choose import divided
from bench.accuracy.jobs import RESULTS, task_of
from bench.accuracy.methods import Outcome, Setting, Task, chip, online
from golden.spec.network import Network
from sw.presets import PRESETS
from sw.study import run as run_tasks
from sw.study.options import add_workers

FOLDS = 5
USUAL_FRACTION = Network(sizes=(1, 1)).weight_fraction
"""Wider weights than it needs only reach further."""
TYPES: dict[str, Any] = {
    name: kind for name, kind in get_type_hints(Network).items() if kind in (float, int, str)
}
TYPES |= {"eta": float, "steps": int, "weight_bits": int, "error": str, "error_out": str}
FLOAT_ONLY = ("error", "error_out")

Value = float | int | str


def fold(task: Task, number: int) -> Task:
    """The training samples alone: every fifth is judged, from `number` on."""
    learn, judge = divided(task.train, range(number, len(task.train), FOLDS))
    return replace(task, train=learn, test=judge)


def setting_of(field: str, value: Value) -> tuple[Callable[[Task, Setting, int], Outcome], Setting]:
    """The method that takes a value of a field, and the setting it wants."""
    if field == "weight_bits":
        return chip, {field: value, "weight_fraction": min(int(value) + 1, USUAL_FRACTION)}
    if field == "steps":
        return chip, {}  # the samples have them
    return (online if field in FLOAT_ONLY else chip), {field: value}


def measure(folds: list[Task], field: str, value: Value, seeds: list[int]) -> dict[str, Any]:
    """Mean over the folds, with every seed."""
    method, setting = setting_of(field, value)
    outcomes = [
        [method(task, setting, seed + number) for seed in seeds]
        for number, task in enumerate(folds)
    ]
    accuracy = np.array([[one.accuracy[-1] for one in row] for row in outcomes])
    rates = np.mean([[one.firing_rates for one in row] for row in outcomes], axis=(0, 1))
    return {
        "value": value,
        "accuracy": float(accuracy.mean()),
        "by_fold": accuracy.mean(axis=1).round(4).tolist(),
        "firing_rates": rates.round(4).tolist(),
    }


@dataclass(frozen=True)
class Point:
    """A value to measure, as a task."""

    preset: str
    root: str | None
    limit: int | None
    folds: int
    field: str
    value: Value
    seeds: tuple[int, ...]


def measured(point: Point) -> dict[str, Any]:
    """Load, train, judge."""
    steps = int(point.value) if point.field == "steps" else None
    task = task_of(point.preset, point.root, point.limit, 1, steps)
    folds = [fold(task, number) for number in range(point.folds)]
    return measure(folds, point.field, point.value, list(point.seeds))


def main() -> None:
    """Sweep, tell, keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--data-dir", metavar="DIR", help="of a data set that is not included")
    parser.add_argument("--field", required=True, choices=TYPES, metavar="FIELD", help="see above")
    parser.add_argument("--values", required=True, nargs="+")
    parser.add_argument("--train", type=int, metavar="N", help="training samples (default: all)")
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument(
        "--folds", type=int, choices=range(1, FOLDS + 1), default=FOLDS, metavar="N",
        help="fifths that are judged, where all take too long (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=1, help="seeds of each fold (%(default)s)")
    add_workers(parser)
    options = parser.parse_args()
    console, found = Console(highlight=False), {}
    seeds = tuple(options.seed + FOLDS * n for n in range(options.repeats))
    given = (options.preset, options.data_dir, options.train, options.folds, options.field)
    wanted = [Point(*given, TYPES[options.field](text), seeds) for text in options.values]
    where = {"workers": options.workers, "cluster": options.cluster}
    for point, result in run_tasks(measured, wanted, **where):
        if isinstance(result, Exception):
            raise result
        firing = ", ".join(f"{100 * rate:.1f} %" for rate in result["firing_rates"])
        text = f"{100 * result['accuracy']:.1f} %, firing {firing}"
        console.print(f"{options.field} {point.value}: {text}")
        found[point] = result
    points = [found[point] for point in wanted]
    path = RESULTS / f"sweep-{options.preset}-{options.field}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "preset": options.preset,
        "field": options.field,
        "repeats": options.repeats,
        "folds": options.folds,
        "points": points,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
