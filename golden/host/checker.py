"""Whether the layer table is one that the core can run. Twin of hw/core/host/checker.py."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.spec.rules import FACTOR_BITS, TEMPORARIES, Op, Program, Source

FACTOR = (1 << FACTOR_BITS) - 1


@dataclass(frozen=True)
class Fault:
    """What is wrong with a table."""

    layer: int
    reason: str

    def __str__(self) -> str:
        return f"layer {self.layer}: {self.reason}"


class Checker:
    """Runs the rules (`golden.spec.table_rules`) over a table, u16[layers, fields]."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def fault(self, table: NDArray[np.uint16], layers: int, classes: int) -> Fault | None:
        """The first rule that the first `layers` entries break; None: they break none."""
        kept = [0] * TEMPORARIES
        for layer, entry in enumerate(table[:layers].tolist()):
            first = 0 if layer == 0 else self.program.loop
            broken = self._broken(first, (entry, kept, layers - 1 - layer, classes))
            if broken is not None:
                return Fault(layer, broken)
        return None

    def _broken(self, at: int, known: tuple[list[int], list[int], int, int]) -> str | None:
        """Run the rules from operation `at` to the end of an entry; the reason of one that is broken.

        `known` are the fields of the entry, the temporaries, the entries behind it and the classes.
        """
        kept, value = known[1], 0
        while True:
            op, source, argument = self.program.steps[at]
            if op is Op.NEXT:
                return None
            if op is Op.STORE:
                kept[argument] = value
            elif op in (Op.SKIP_ZERO, Op.SKIP_OTHER):
                at += argument * ((value == 0) == (op is Op.SKIP_ZERO))
            else:
                operand = _operand(source, argument, known)
                if (op is Op.MOST and value > operand) or (op is Op.SAME and value != operand):
                    return self.program.reasons[at]
                value = _computed(op, value, operand) & (1 << self.program.bits) - 1
            at += 1


def _operand(source: Source, argument: int, known: tuple[list[int], list[int], int, int]) -> int:
    """What an operation takes."""
    entry, kept, left, classes = known
    match source:
        case Source.FIELD:
            return entry[argument]
        case Source.TEMPORARY:
            return kept[argument]
        case Source.LAYERS_LEFT:
            return left
        case Source.CLASSES:
            return classes
    return argument


def _computed(op: Op, value: int, operand: int) -> int:
    """The accumulator behind an operation."""
    match op:
        case Op.LOAD:
            return operand
        case Op.ADD:
            return value + operand
        case Op.SUB:
            return value - operand
        case Op.MUL:
            return (value & FACTOR) * (operand & FACTOR)
        case Op.AND:
            return value & operand
        case Op.SHR:
            return value >> operand
    return value
