"""Cost against work: cycles of a training sample as spikes, neurons, layers, steps and classes grow.

    python -m bench.scaling [--plot docs/scaling.svg] [--json]

Random spikes and random labels on the compiled RTL (the core of the ULX3S-85F), counted by the core.
Of every curve all but one thing stay as in BASE. Theory: cycles grow in proportion to input spikes,
neurons, layers and steps; classes cost next to nothing; state does not depend on the steps. Seed 1.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.data import Sample
from sw.device import Device

BASE: dict[str, Any] = {"rate": 0.05, "hidden": 128, "depth": 1, "steps": 10, "classes": 10}
CURVES: dict[str, tuple[float, ...]] = {
    "rate": (0.0, 0.0125, 0.025, 0.05, 0.1, 0.2, 0.4),
    "hidden": (64, 128, 192, 256, 320, 384),
    "depth": (1, 2, 3, 4, 5, 6),
    "steps": (5, 10, 20, 40, 80),
    "classes": (2, 4, 8, 12, 16),
}
INPUTS = 600
LABELS = {
    "rate": "input spikes a step, share of 600 inputs",
    "hidden": "neurons of the hidden layer",
    "depth": "hidden layers",
    "steps": "steps T",
    "classes": "classes",
}


def cycles(device: Device, samples: int, point: dict[str, Any]) -> float:
    """Cycles of a training sample, mean over `samples` after as many to warm up."""
    rng = np.random.default_rng(1)
    sizes = (INPUTS, *[point["hidden"]] * point["depth"], point["classes"])
    device.load(Network(sizes=sizes, seed=1))

    def sample() -> Sample:
        frames = rng.random((point["steps"], INPUTS)) < point["rate"]
        return Sample(frames, int(rng.integers(point["classes"])), "")

    def run() -> int:
        before = device.counters()["cycles"]
        for _ in device.run([sample() for _ in range(samples)], learn=True):
            pass
        return device.counters()["cycles"] - before

    run()
    return run() / samples


def slope(values: tuple[float, ...], measured: list[float]) -> tuple[float, float]:
    """Slope of the line of least squares, and the share of variance it explains."""
    line = np.polyfit(values, measured, 1)
    rest = np.array(measured) - np.polyval(line, values)
    return float(line[0]), float(1 - rest.var() / np.var(measured))


def plot(results: dict[str, list[float]], path: Path) -> None:
    """A panel per curve."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(CURVES), figsize=(16, 3.2), layout="constrained")
    for panel, (name, values) in zip(panels, CURVES.items(), strict=True):
        measured = np.array(results[name]) / 1000
        panel.plot(values, np.polyval(np.polyfit(values, measured, 1), values), color="0.7")
        panel.plot(values, measured, "o", color="C0")
        panel.set(xlabel=LABELS[name], ylim=(0, None))
    panels[0].set_ylabel("thousand cycles a sample")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure every curve, print the table, draw the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=10, help="of every point")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="picture (extra `plots`)")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    console, results = Console(stderr=True), {}
    with Device.open("sim", config=CoreConfig()) as device, console.status("") as status:
        for name, values in CURVES.items():
            status.update(name)
            results[name] = [
                cycles(device, options.samples, {**BASE, name: value}) for value in values
            ]
    if options.plot:
        plot(results, options.plot)
    if options.json:
        print(json.dumps({"base": BASE, "curves": CURVES, "cycles": results}))
        return
    table = Table(title="cycles of a training sample")
    for column in ("", "at", "cycles", "slope", "R²"):
        table.add_column(column)
    for name, values in CURVES.items():
        rise, fit = slope(values, results[name])
        table.add_row(
            LABELS[name],
            " ".join(f"{value:g}" for value in values),
            " ".join(f"{value:,.0f}" for value in results[name]),
            f"{rise:,.1f}",
            f"{fit:.3f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
