"""Fields that say what they are: help, bounds, unit, beside the field and nowhere else.

A field of a dataclass is declared as `name: Annotated[type, Declared(...)] = default`. Its checks, the
options of every command line and the pages of docs/ read the declaration::

    gamma: Annotated[float, Declared("leak: part of the membrane that stays", 0, 255 / 256)] = 0.5
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Declared:
    """What a field is, in words for users."""

    help: str
    low: float | None = None
    """Least value that is taken; None: the field is no number."""
    high: float | None = None
    """Greatest value that is taken."""
    unit: str = ""
    """What one unit of it counts, if that is not in the help."""
    choices: tuple[str, ...] = ()
    """Words that are taken, of a field that is no number."""

    @property
    def bounds(self) -> str:
        """`1 to 128`, or the empty string."""
        return "" if self.low is None else f"{_plain(self.low)} to {_plain(self.high)}"

    @property
    def text(self) -> str:
        """Help, unit and bounds, as the pages of docs/ show them."""
        notes = ", ".join(filter(None, (self.bounds, self.unit)))
        return f"{self.help} [{notes}]" if notes else self.help

    @property
    def option_help(self) -> str:
        """The same for argparse, where % starts a name."""
        return self.text.replace("%", "%%")

    def holds(self, value: Any) -> bool:
        """The value lies within the bounds. NaN does not."""
        return self.low is None or self.high is None or self.low <= value <= self.high

    def check(self, name: str, value: Any) -> None:
        """Raise ValueError, with the field's name and bounds, unless it holds the value."""
        if not self.holds(value):
            raise ValueError(f"{name} is {value}: it must lie in {self.bounds}")


def _plain(bound: float | None) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


@cache
def declarations(cls: type) -> dict[str, Declared]:
    """The declared fields of a dataclass by name, in order."""
    found = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        for note in getattr(hint, "__metadata__", ()):
            if isinstance(note, Declared):
                found[name] = note
    return found


def plain_type(hint: Any) -> Any:
    """The type of a field without its declaration."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def option(name: str) -> str:
    """The field as an option of a command line: --weight-bits."""
    return "--" + name.replace("_", "-")


def check_whole(thing: Any) -> None:
    """Raise ValueError, with field and bounds, unless every declared field is a whole number in bounds."""
    for name, declared in declarations(thing.__class__).items():
        value = getattr(thing, name)
        if not isinstance(value, int) or not declared.holds(value):
            raise ValueError(
                f"{name} is {value!r}: a whole number from {declared.low} to {declared.high} is needed"
            )


def check_bounds(thing: Any) -> None:
    """Raise ValueError, with field and bounds, unless every declared field has a value that is taken.

    A field may hold a tuple of values, each within the bounds.
    """
    for name, declared in declarations(thing.__class__).items():
        value = getattr(thing, name)
        if declared.choices and value not in declared.choices:
            raise ValueError(f"{name} {value!r}: {' or '.join(declared.choices)}")
        for one in value if isinstance(value, tuple) else (value,):
            declared.check(name, one)
