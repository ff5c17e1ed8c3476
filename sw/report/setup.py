"""What was run, with what, and how to run it again."""

from __future__ import annotations

from typing import Any

from sw.html import el, section, table, text
from sw.report.source import Source


def setup(source: Source) -> str:
    """The section."""
    config, metrics = source.config, source.metrics
    parts = {
        "Network": config["network"],
        "Data": _data(config.get("data")),
        "Training": config.get("training", {}) | {"start": config.get("start") or "as drawn"},
        "Core": config["core"] | {"fingerprint": config.get("fingerprint", "–")},
        "Versions": config.get("versions", {}),
        "Link": metrics.get("link", {}),
        "Energy": metrics.get("energy_estimate", {}),
    }
    tables = [
        table(
            ("field", "value"),
            [(field.replace("_", " "), _value(value)) for field, value in values.items()],
            caption="Energy: an estimate" if name == "Energy" else name,
            texts=2,
        )
        for name, values in parts.items()
        if values
    ]
    return section(
        "setup",
        "How to run it again",
        _note(source),
        _commands(config.get("commands", [])),
        el("div", *tables, class_="tables"),
    )


def _note(source: Source) -> str:
    if not source.config.get("commands"):
        return "The run recorded no command: it was begun from Python, or by an older version."
    commit = source.config.get("versions", {}).get("commit", "")
    at = f" at commit {commit}" if commit else ""
    if len(source.config["commands"]) == 1:
        return (
            f"In a checkout of tess-fpga{at}. The same command gives the same bits on every target."
        )
    return (
        f"In a checkout of tess-fpga{at}. The run was stopped and resumed; the first command alone, "
        "left to its end, gives the same bits, unless a later one changes the number of epochs."
    )


def _commands(commands: list[str]) -> str:
    return el("pre", el("code", text("\n".join(commands))), tabindex=0) if commands else ""


def _data(data: dict[str, Any] | None) -> dict[str, Any]:
    """Where samples are from; nothing given means all, and those that are in the repository."""
    if data is None:
        return {"given": "from Python"}
    return {
        name: ("as included" if name == "root" else "all") if value is None else value
        for name, value in data.items()
    }


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " – ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
