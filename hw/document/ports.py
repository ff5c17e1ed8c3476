"""What docstrings say of ports, fields and times.

A docstring documents a port in a line of its own, at the left margin, behind the prose:

    rx             bytes from the host, never made to wait
    data, write    a word of the store, and when to write it;
                   a line that is indented goes on with the one before
    write_*        one for every memory: a star stands for the rest of a name

A name and its text are two blanks or more apart; a colon and one blank do as well. A line is taken for
documentation only if every name in it is a port. The same holds for fields of interfaces and layouts.
"""

import ast
import inspect
import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

LINE = re.compile(r"([a-z*][\w*]*(?:, [a-z*][\w*]*)*)(?: {2,}|: )(\S.*)")
TIME = re.compile(r"LATENCY|\w+_AT")


def summary(thing: Any) -> str:
    """The first paragraph of a docstring, in one line."""
    paragraph = (inspect.getdoc(thing) or "").split("\n\n")[0]
    return " ".join(paragraph.split())


def member_docs(doc: str, members: Collection[str]) -> dict[str, str]:
    """Markdown of each of `members` that a docstring has a line for."""
    lines: list[tuple[list[str], str]] = []
    within = False
    for line in inspect.cleandoc(doc).splitlines():
        found = LINE.fullmatch(line)
        names = found[1].split(", ") if found else []
        if found and all(any(fnmatchcase(m, name) for m in members) for name in names):
            lines.append((names, found[2]))
            within = True
        elif within and line.startswith("  "):
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line.strip()}")
        else:
            within = False
    return {
        member: text.replace("|", r"\|")
        for names, text in reversed(lines)  # of two lines the first one counts
        for member in members
        if any(fnmatchcase(member, name) for name in names)
    }


def times(kind: type) -> dict[str, int]:
    """Times of a unit in cycles: whole numbers in capitals of its class, and *_AT of its module."""
    module = inspect.getmodule(kind)
    found = {name: getattr(module, name) for name in assigned(module) if TIME.fullmatch(name)}
    found |= {name: getattr(kind, name) for name in vars(kind) if name.isupper()}
    return {name: value for name, value in found.items() if isinstance(value, int)}


def assigned(module: ModuleType | None) -> dict[str, str]:
    """Names that a module itself assigns, with the string below each, or an empty one."""
    found: dict[str, str] = {}
    targets: list[str] = []
    for node in ast.parse(inspect.getsource(module)).body if module else []:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and targets:
            found |= dict.fromkeys(targets, str(node.value.value))
        targets = []
        if isinstance(node, ast.Assign):
            targets = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            targets = [node.target.id]
        found |= dict.fromkeys(targets, "")
    return found
