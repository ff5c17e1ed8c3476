"""Tables and plots of docs/results.md, from what bench.accuracy and bench.sweep kept.

    python -m bench.results            # writes both; needs matplotlib (the extra `plots`)

A table stands in the page between `<!-- NAME -->` and `<!-- end -->`; the words around it are written by
hand. A test fails when a table is not that of its file.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from bench.markdown import table
from sw.presets import PRESETS

ROOT = Path(__file__).parents[1]
PAGE, PLOTS, KEPT = (
    ROOT / "docs" / "results.md",
    ROOT / "docs" / "results",
    ROOT / "bench" / "results",
)
NAMES = {
    "chip": "**chip**",
    "frozen": "hidden layers frozen",
    "online": "TESS, floating point, on line",
    "tess": "TESS, floating point, added up, Adam",
    "bptt": "BPTT, floating point, Adam",
}
SUMMARY = "summary"
MARKED = re.compile(r"(<!-- ([\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def kept(name: str) -> dict[str, Any]:
    """A file under bench/results."""
    return json.loads((KEPT / f"{name}.json").read_text())


def percent(values: list[float]) -> str:
    """Several as one cell."""
    return ", ".join(f"{100 * value:.1f} %" for value in values)


def shown(value: float | str) -> str:
    """A swept value as text."""
    return value if isinstance(value, str) else f"{value:g}"


def method_table(content: dict[str, Any]) -> str:
    """The methods of a preset."""
    columns = "method | test accuracy | least to most | firing | epochs | chosen"
    rows = []
    for method, result in content["methods"].items():
        values = result["accuracy"]
        chosen = ", ".join(f"{name} {value:g}" for name, value in result["setting"].items())
        cells = [
            NAMES[method],
            f"{100 * np.mean(values):.1f} %",
            f"{100 * min(values):.1f} to {100 * max(values):.1f}",
            percent(result["firing_rates"]),
            str(result["epochs"]),
            chosen or "the preset",
        ]
        rows.append(cells)
    return table(columns, rows)


def summary_table() -> str:
    """Every preset that was measured, in the order of sw.presets; a table of a part of a set is not here."""
    columns = (
        "preset | learned, tested | chip | firing | BPTT | firing | TESS, Adam "
        "| TESS on line | frozen"
    )
    rows = []
    for name in PRESETS:
        if not (KEPT / f"{name}.json").exists():
            continue
        methods = kept(name)["methods"]
        learned, tested = methods["chip"]["samples"]
        cells = [f"`{name}`", f"{learned}, {tested}"]
        for method in ("chip", "bptt", "tess", "online", "frozen"):
            result = methods.get(method)
            cells.append(percent([float(np.mean(result["accuracy"]))]) if result else "-")
            if method in ("chip", "bptt"):
                cells.append(percent(result["firing_rates"]) if result else "-")
        rows.append(cells)
    return table(columns, rows)


def sweep_table(content: dict[str, Any]) -> str:
    """A sweep."""
    columns = f"`{content['field']}` | accuracy on held-out samples | firing"
    rows = []
    rows = [
        (shown(p["value"]), percent([p["accuracy"]]), percent(p["firing_rates"]))
        for p in content["points"]
    ]
    return table(columns, rows)


def filled(page: str) -> str:
    """The page with every table as its file says."""

    def replace(match: re.Match[str]) -> str:
        if match[2] == SUMMARY:
            return match[1] + summary_table() + match[3]
        content = kept(match[2])
        make = sweep_table if "points" in content else method_table
        return match[1] + make(content) + match[3]

    return MARKED.sub(replace, page)


def plot_epochs(content: dict[str, Any], axes: Any) -> None:
    """Accuracy against epoch, mean of the seeds."""
    for method, result in content["methods"].items():
        mean = 100 * np.mean(result["by_epoch"], axis=0)
        axes.plot(np.arange(1, len(mean) + 1), mean, label=NAMES[method].strip("*"))
    axes.set(xlabel="epoch", ylabel="test accuracy, %", title=content["preset"])
    axes.legend(fontsize="small")


def plot_sweep(content: dict[str, Any], axes: Any) -> None:
    """Accuracy against firing rate, or against the value where it is no price."""
    points = content["points"]
    accuracy = [100 * point["accuracy"] for point in points]
    firing = [100 * float(np.mean(point["firing_rates"])) for point in points]
    if content["field"] == "rate_cost":
        axes.plot(firing, accuracy, "o-")
        for point, x, y in zip(points, firing, accuracy, strict=True):
            axes.annotate(f" {point['value']:g}", (x, y))
        axes.set(xlabel="firing rate of hidden layers, % (at the points: rate_cost)")
    else:
        line = "o" if isinstance(points[0]["value"], str) else "o-"
        axes.plot([point["value"] for point in points], accuracy, line)
        axes.set(xlabel=content["field"])
    axes.set(ylabel="held-out accuracy, %", title=content["preset"])


def plot(name: str) -> None:
    """One picture as SVG; the same numbers give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "tess-fpga"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    content = kept(name)
    (plot_sweep if "points" in content else plot_epochs)(content, axes)
    axes.grid(alpha=0.3)
    PLOTS.mkdir(exist_ok=True)
    figure.savefig(PLOTS / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Write tables and plots."""
    PAGE.write_text(filled(PAGE.read_text()))
    for path in sorted(KEPT.glob("*.json")):
        plot(path.stem)


if __name__ == "__main__":
    main()
