"""Things that have names: one that there is not is refused with the names that are near."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

Value = TypeVar("Value")


class UnknownName(KeyError):
    """A name that nothing has. One line: what there is, and which is near."""

    def __str__(self) -> str:
        return str(self.args[0])


class Named(dict[str, Value]):
    """A dictionary by name that answers an unknown one with UnknownName."""

    def __init__(self, what: str, values: dict[str, Value]) -> None:
        super().__init__(values)
        self.what = what

    def __missing__(self, name: str) -> Value:
        raise UnknownName(
            f"{self.what} {name!r}: there is none of that name{near(str(name), self)}; "
            f"use one of {', '.join(self)}"
        )

    def __reduce__(self) -> tuple[type, tuple[str, dict[str, Value]]]:
        """A copy, in other processes too."""
        return type(self), (self.what, dict(self))


def near(name: str, names: Iterable[str]) -> str:
    """ ", did you mean X?" where a name is near; else nothing."""
    found = get_close_matches(name.lower(), list(names), 1)
    return f", did you mean {found[0]}?" if found else ""
