"""Results in a file: rows of methods, to which seeds may be added."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bench.accuracy.methods import METHODS
from sw.presets import PRESETS

Row = dict[str, Any]
SAME = ("samples", "epochs", "setting", "augmentation")
"""What must be the same for seeds to stand in one row, beside the network."""


def keep(
    name: str, changes: dict[str, Any], rows: dict[str, Row], path: Path, *, more: bool = False
) -> None:
    """Write rows of a preset to its file, in place of those of the same methods; with `more`, to them.

    Raises ValueError: what is there is of another network or other samples. The rows are then kept beside it.
    """
    preset = PRESETS[name]
    network = preset.network | changes
    known = json.loads(path.read_text()) if path.exists() else {}
    methods = known.get("methods", {})
    for method, row in rows.items():
        if more and method in methods:
            apart = differences(known["network"], network, methods[method], row)
            if apart:
                beside = path.with_suffix(".other.json")
                keep(name, changes, rows, beside)
                raise ValueError(f"{path}: {apart}; the new seeds are in {beside}")
            row = together(methods[method], row)
        methods[method] = row
    content = {
        "preset": name,
        "text": preset.text,
        "hidden": list(preset.hidden),
        "steps": preset.steps,
        "network": network,
        **({"changes": changes} if changes else {}),
        "methods": {method: methods[method] for method in METHODS if method in methods},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def differences(there: dict[str, Any], here: dict[str, Any], known: Row, new: Row) -> str:
    """Why seeds cannot stand in one row; "" if they can."""
    if there != json.loads(json.dumps(here)):
        return "its network is another"
    apart = [name for name in SAME if known.get(name) != new.get(name)]
    return ", ".join(f"{name} there {known.get(name)}, here {new.get(name)}" for name in apart)


def together(known: Row, new: Row) -> Row:
    """One row of the seeds of both, those of `new` in place of equal ones."""
    runs = {
        seed: (accuracy, by_epoch)
        for row in (known, new)
        for seed, accuracy, by_epoch in zip(
            row["seeds"], row["accuracy"], row["by_epoch"], strict=True
        )
    }
    counts = [len(set(known["seeds"]) - set(new["seeds"])), len(new["seeds"])]
    rates = np.average([known["firing_rates"], new["firing_rates"]], axis=0, weights=counts)
    return new | {
        "seeds": sorted(runs),
        "accuracy": [runs[seed][0] for seed in sorted(runs)],
        "by_epoch": [runs[seed][1] for seed in sorted(runs)],
        "firing_rates": rates.round(4).tolist(),
    }
