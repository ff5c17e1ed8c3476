"""Rules over whole numbers, written once as expressions and compiled to a program of a few operations.

The model and the hardware run the same program: golden/host/checker.py all at once, hw/core/host/checker.py
an operation at a time. So both find the same tables wrong.

The machine has an accumulator A and a few temporaries. An operation takes one operand: a field of the entry
in hand, a constant, a temporary, or one of two numbers of the moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

ARGUMENT_BITS = 17
"""Of an operation: enough for the words of the largest memory."""
FACTOR_BITS = 16
"""Of a factor: rules multiply what was found to have no more."""
TEMPORARIES = 16


class Op(IntEnum):
    """What is done with the accumulator A and the operand."""

    LOAD = 0  # A = operand
    ADD = 1
    SUB = 2
    MUL = 3  # of the low FACTOR_BITS of both
    AND = 4
    SHR = 5
    MOST = 6  # fault, unless A <= operand
    SAME = 7  # fault, unless A == operand
    STORE = 8  # temporary = A
    SKIP_ZERO = 9  # if A == 0, leave out so many operations
    SKIP_OTHER = 10  # if A != 0, leave out so many operations
    NEXT = 11  # the entry is done: begin with the next one, or end


class Source(IntEnum):
    """Where an operand comes from; `argument` says which."""

    FIELD = 0
    CONSTANT = 1
    TEMPORARY = 2
    LAYERS_LEFT = 3  # entries behind this one
    CLASSES = 4  # in use


class Step(NamedTuple):
    """One operation."""

    op: Op
    source: Source = Source.CONSTANT
    argument: int = 0


@dataclass(frozen=True)
class Term:
    """A number: an operand, or an operator over two terms."""

    source: Source = Source.CONSTANT
    argument: int = 0
    op: Op | None = None
    terms: tuple[Term, ...] = ()

    def _with(self, op: Op, other: Term | int, *, swapped: bool = False) -> Term:
        pair = (self, term(other))
        return Term(op=op, terms=pair[::-1] if swapped else pair)

    def __add__(self, other: Term | int) -> Term:
        return self._with(Op.ADD, other)

    def __sub__(self, other: Term | int) -> Term:
        return self._with(Op.SUB, other)

    def __rsub__(self, other: int) -> Term:
        return self._with(Op.SUB, other, swapped=True)

    def __mul__(self, other: Term | int) -> Term:
        return self._with(Op.MUL, other)

    def __and__(self, other: Term | int) -> Term:
        return self._with(Op.AND, other)

    def __rshift__(self, other: Term | int) -> Term:
        return self._with(Op.SHR, other)


def term(value: Term | int) -> Term:
    """A number as a term."""
    return value if isinstance(value, Term) else Term(argument=int(value))


@dataclass(frozen=True)
class Program:
    """Rules, ready to run: `loop` is the first operation of an entry that is not the first."""

    steps: tuple[Step, ...]
    loop: int
    bits: int
    """Of the accumulator and of a temporary."""
    reasons: dict[int, str]
    """What is wrong when the operation of that number finds a fault."""


class Rules:
    """A program that is written rule by rule."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.reasons: dict[int, str] = {}
        self.loop = 0
        self._kept = 0
        self._scratch = TEMPORARIES

    def most(self, value: Term, bound: Term | int, reason: str) -> None:
        """A rule: `value` is at most `bound`, else `reason`."""
        self._assert(Op.MOST, value, bound, reason)

    def same(self, value: Term, other: Term | int, reason: str) -> None:
        """A rule: both are equal."""
        self._assert(Op.SAME, value, other, reason)

    def variable(self) -> Term:
        """A number that outlives an entry; `begin` sets it to zero."""
        self._kept += 1
        assert self._kept <= self._scratch
        return Term(Source.TEMPORARY, self._kept - 1)

    def keep(self, value: Term | int, where: Term | None = None) -> Term:
        """Compute it now, for use in several rules."""
        place = where or self.variable()
        self._value(term(value))
        self.steps.append(Step(Op.STORE, place.source, place.argument))
        return place

    def begin(self, *variables: Term) -> None:
        """What follows is done for each entry; the variables begin with zero."""
        self._value(term(0))
        self.steps += [Step(Op.STORE, each.source, each.argument) for each in variables]
        self.loop = len(self.steps)

    def end(self) -> None:
        """All rules are written."""
        self.steps.append(Step(Op.NEXT))

    def program(self, bits: int) -> Program:
        """What was written, to be computed with so many bits."""
        return Program(tuple(self.steps), self.loop, bits, self.reasons)

    @contextmanager
    def when(self, value: Term, skip: Op = Op.SKIP_ZERO) -> Iterator[None]:
        """Rules that are left out if `value` is zero."""
        self._value(value)
        place = len(self.steps)
        self.steps.append(Step(skip))
        yield
        self.steps[place] = Step(skip, argument=len(self.steps) - place - 1)

    def unless(self, value: Term) -> AbstractContextManager[None]:
        """Rules that are left out unless `value` is zero."""
        return self.when(value, Op.SKIP_OTHER)

    def _assert(self, op: Op, value: Term, bound: Term | int, reason: str) -> None:
        with self._operand(term(bound)) as operand:
            self._value(value)
            self.reasons[len(self.steps)] = reason
            self.steps.append(Step(op, operand.source, operand.argument))

    def _value(self, value: Term) -> None:
        """Operations that leave it in the accumulator."""
        if value.op is None:
            self.steps.append(Step(Op.LOAD, value.source, value.argument))
            return
        left, right = value.terms
        with self._operand(right) as operand:
            self._value(left)
            self.steps.append(Step(value.op, operand.source, operand.argument))

    @contextmanager
    def _operand(self, value: Term) -> Iterator[Term]:
        """The same number as an operand, in a temporary if need be."""
        if value.op is None:
            yield value
            return
        self._scratch -= 1
        assert self._kept <= self._scratch, "too many temporaries"
        place = Term(Source.TEMPORARY, self._scratch)
        self.keep(value, place)
        yield place
        self._scratch += 1
