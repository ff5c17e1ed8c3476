"""Tables of Markdown, as the pages have them."""

from collections.abc import Iterable, Sequence


def table(columns: str, rows: Iterable[Sequence[str]]) -> str:
    """A table with these columns, written with bars between them, and a line of cells for each row."""
    lines = [f"| {columns} |", f"|{'---|' * (columns.count('|') + 1)}"]
    lines += [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join(lines) + "\n"
