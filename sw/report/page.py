"""The page: sections in order, the style sheet inside, nothing from outside."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from sw.html import el, text
from sw.report.accuracy import accuracy
from sw.report.confusion import confusion
from sw.report.cycles import cycles
from sw.report.explore import SCRIPT, explore
from sw.report.fields import fields
from sw.report.histograms import rates, weights
from sw.report.sample import sample
from sw.report.setup import setup
from sw.report.source import Source, folder_name

SECTIONS = (accuracy, confusion, sample, explore, fields, rates, weights, cycles, setup)
STYLE = Path(__file__).parent / "page.css"
# A browser that obeys this fetches nothing, whatever the page says, and runs no script but ours.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Page(str):
    """The text of a page. A notebook shows it in a frame of its own."""

    def _repr_html_(self) -> str:
        style = "width:100%;height:80vh;border:1px solid #8884"
        return el("iframe", srcdoc=self, style=style, title="report of a training run")


def page(source: Source) -> Page:
    """The whole file, HTML."""
    title = f"{folder_name(Path(source.name))}: {_what(source)}"
    sections = el("main", *(make(source) for make in SECTIONS))
    return document(title, _header(source) + sections, SCRIPT.read_text())


def document(title: str, body: str, script: str = "") -> Page:
    """A page of its own, HTML. It may run `script`, and no other."""
    policy = POLICY
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{digest}'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="color-scheme", content="light dark"),
        el("link", rel="icon", href="data:,"),
        el("title", text(title)),
        el("style", STYLE.read_text()),
    )
    last = el("script", script) if script else ""
    whole = el("html", head, el("body", body, last), lang="en")
    return Page(f"<!doctype html>\n{whole}\n")


def _what(source: Source) -> str:
    name = source.network.name.replace("-", "–")
    return f"{source.set_name} {name} on {source.target}"


def _header(source: Source) -> str:
    figures = "".join(
        el("div", el("dt", text(name)), el("dd", text(value)), class_="figure")
        for name, value in _figures(source)
    )
    return el(
        "header",
        el("p", text("tess-fpga · a training run"), class_="kicker"),
        el("h1", text(folder_name(Path(source.name)))),
        el("p", text(_what(source)), class_="what"),
        el("dl", figures, class_="figures"),
    )


def _figures(source: Source) -> list[tuple[str, str]]:
    """The numbers people ask for first."""
    metrics, epochs = source.metrics, source.epochs
    found = []
    if metrics["test_accuracy"] is not None:
        found.append(("test accuracy", f"{metrics['test_accuracy']:.1%}"))
    planned = source.config.get("training", {}).get("epochs", len(epochs))
    of = f" of {planned}" if planned != len(epochs) else ""
    found.append(("epochs", f"{len(epochs)}{of}"))
    found.append(("samples learned", f"{metrics['samples_learned']:,}"))
    if epochs:
        last = epochs[-1]
        found += [(f"firing rate, layer {i}", f"{r:.1%}") for i, r in enumerate(last.firing_rates)]
        if last.cycles_per_sample:
            found.append(("cycles a sample", f"{last.cycles_per_sample:,.0f}"))
        found.append(("samples a second", f"{last.samples_per_second:,.1f}"))
    found.append(("time", _time(metrics.get("seconds", 0.0))))
    return found


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
