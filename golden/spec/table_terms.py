"""The vocabulary of the rules for layer tables: fields of the entry in hand, and what is computed of it."""

from dataclasses import dataclass

from golden.spec.layers import FIELD_NAMES
from golden.spec.rules import Source, Term


def field(name: str) -> Term:
    """A field of the entry in hand."""
    return Term(Source.FIELD, FIELD_NAMES.index(name))


@dataclass(frozen=True)
class Before:
    """What the layers so far take, and what the last of them shows to the next: pixels x channels."""

    words: Term
    states: Term
    traces: Term
    classifiers: Term
    pixels: Term
    channels: Term
    """0: there is no layer before."""


@dataclass(frozen=True)
class Entry:
    """What is computed of the entry in hand for more than one rule."""

    before: Before
    bias: Term
    """1: the last row is a bias."""
    pixels: Term
    traces: Term
    """Rows that may be in its active list."""
    shown: Term
    """Pixels that the next layer sees."""

    def field(self, name: str) -> Term:
        """A field of the entry."""
        return field(name)
