"""HTML by functions: `el` makes an element, `text` escapes what is not markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from sw.printable import printable_lines

VOID = ("img", "meta", "link", "input")


def text(value: object) -> str:
    """Any value as text, escaped; what no encoding or browser takes is shown as `\\x1b` is."""
    return escape(printable_lines(str(value)))


def el(name: str, /, *children: str, **attributes: object) -> str:
    """An element. Children are markup; attributes are escaped, `class_` is class, None is left out."""
    parts = [name]
    for key, value in attributes.items():
        if value is not None:
            parts.append(f'{key.rstrip("_").replace("_", "-")}="{text(value)}"')
    start = f"<{' '.join(parts)}>"
    return start if name in VOID else f"{start}{''.join(children)}</{name}>"


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str, texts: int = 1
) -> str:
    """A table of plain values. The first `texts` columns are text, the others numbers."""

    def cells(row: Sequence[object]) -> str:
        first = el("th", text(row[0]), scope="row")
        return first + "".join(
            el("td", text(value), class_="t" if at < texts else None)
            for at, value in enumerate(row[1:], start=1)
        )

    titles = "".join(
        el("th", text(title), scope="col", class_="t" if at < texts else None)
        for at, title in enumerate(head)
    )
    return el(
        "div",
        el(
            "table",
            el("caption", text(caption)),
            el("thead", el("tr", titles)),
            el("tbody", *(el("tr", cells(row)) for row in rows)),
        ),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def numbers(content: str, title: str = "Numbers") -> str:
    """A table that opens on demand, under its chart."""
    return el("details", el("summary", text(title)), content)


def section(name: str, title: str, note: str, *content: str) -> str:
    """A section. The title is what it shows, in words; `note` says what was measured on what."""
    heading = el("h2", text(title), id=f"{name}-title")
    return el(
        "section", heading, el("p", text(note), class_="note"), *content,
        id=name, aria_labelledby=f"{name}-title",
    )  # fmt: skip


def key(entries: Sequence[tuple[str, str]]) -> str:
    """A legend: (style, words) each."""
    items = (
        el("span", el("i", class_=f"swatch {style}"), text(words), class_="entry")
        for style, words in entries
    )
    return el("p", *items, class_="key")
