"""Tables and picture of docs/boards.md, from what bench.boards kept."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from bench.markdown import table

ROOT = Path(__file__).parents[2]
KEPT, PAGE = ROOT / "bench" / "results" / "boards", ROOT / "docs" / "boards.md"
PICTURE = ROOT / "docs" / "boards.svg"
ORDER = ("nmnist-fast", "mnist", "nmnist-conv")
MARKED = re.compile(r"(<!-- (boards-[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def kept() -> list[dict[str, Any]]:
    """What was measured, in order."""
    return [json.loads((KEPT / f"{name}.json").read_text()) for name in ORDER]


def accuracy_table() -> str:
    """Rows of presets and K, a column for each number of boards."""
    columns = "preset | learned, tested, seeds | K | 1 board | 2 | 4 | 8"
    rows = []
    for content in kept():
        points = {(p["boards"], p["every"]): np.mean(p["accuracy"]) for p in content["points"]}
        alone = next(value for (boards, _), value in points.items() if boards == 1)
        for every in sorted({every for boards, every in points if boards > 1}):
            learned, tested = content["samples"]
            cells = [f"`{content['preset']}`", f"{learned}, {tested}, {len(content['seeds'])}"]
            values = [alone, *(points[boards, every] for boards in (2, 4, 8))]
            cells += [str(every), *(f"{100 * value:.1f} %" for value in values)]
            rows.append(cells)
    return table(columns, rows)


def model_table() -> str:
    """Samples a second that the model gives, and the bytes that averaging moves."""
    columns = (
        "preset | K | link bytes of weights for each sample | 1 board | 2 | 4 | 8 | 16 | 32 | 64"
    )
    rows = []
    for content in kept():
        model = content["model"]
        for every, speeds in model["samples_per_second"].items():
            moved = f"{model['weight_bytes_per_sample'][every]:,.0f}"
            cells = [f"`{content['preset']}`", every, moved, *(f"{s:,.0f}" for s in speeds)]
            rows.append(cells)
    return table(columns, rows)


def counted_table() -> str:
    """What was counted for the model."""
    names = ("cycles", "mhz", "sample", "down", "up", "packed", "tensors")
    columns = (
        "preset | cycles of a sample | MHz | link bytes of a sample | of "
        "weights down | up | network bytes of a sample | of weights, one way"
    )
    rows = []
    for content in kept():
        counted = content["model"]["counted"]
        cells = [f"`{content['preset']}`", *(f"{counted[name]:,.0f}" for name in names)]
        rows.append(cells)
    return table(columns, rows)


def speed_table() -> str:
    """Samples a second of this computer."""
    columns = "preset | K | 1 process | 2 processes"
    rows = []
    for content in kept():
        if "speed" not in content:
            continue
        found = {
            (r["workers"], r["every"]): r["samples_per_second"] for r in content["speed"]["rows"]
        }
        for every in sorted({every for _, every in found}):
            cells = [f"`{content['preset']}`", str(every)]
            cells += [f"{found[workers, every]:,.0f}" for workers in (1, 2)]
            rows.append(cells)
    return table(columns, rows)


TABLES = {
    "boards-accuracy": accuracy_table,
    "boards-model": model_table,
    "boards-counted": counted_table,
    "boards-speed": speed_table,
}


def filled(page: str) -> str:
    """The page with every table as its file says."""
    return MARKED.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], page)


def plot() -> None:
    """Accuracy against boards, and the model's speed, as SVG; the same numbers give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "tess-fpga"
    import matplotlib.pyplot as plt

    contents = kept()
    figure, panels = plt.subplots(2, len(contents), figsize=(10, 6), layout="constrained")
    for column, content in enumerate(contents):
        above, below = panels[0][column], panels[1][column]
        model = content["model"]
        for every, speeds in model["samples_per_second"].items():
            points = [p for p in content["points"] if str(p["every"]) == every or p["boards"] == 1]
            values = [100 * np.mean(p["accuracy"]) for p in points]
            above.plot([p["boards"] for p in points], values, "o-", label=f"K = {every}")
            below.plot(model["boards"], speeds, "o-", label=f"K = {every}")
        below.plot(
            model["boards"],
            np.array(model["boards"]) * model["alone"],
            "--",
            color="0.6",
            label="boards x 1",
        )
        above.set(
            title=content["preset"], ylabel="test accuracy, %", xscale="log", xticks=[1, 2, 4, 8]
        )
        below.set(xlabel="boards", ylabel="samples/s (model)", xscale="log", yscale="log")
        for panel, ticks in ((above, (1, 2, 4, 8)), (below, tuple(model["boards"]))):
            panel.set_xticks(ticks, [str(tick) for tick in ticks])
            panel.minorticks_off()
            panel.grid(alpha=0.3)
    panels[0][0].legend(fontsize="small")
    panels[1][0].legend(fontsize="small")
    figure.savefig(PICTURE, metadata={"Date": None})
    plt.close(figure)


def write() -> None:
    """Tables and picture."""
    PAGE.write_text(filled(PAGE.read_text()))
    plot()
