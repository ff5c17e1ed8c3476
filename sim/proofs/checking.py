"""That the check of a layer table comes to an end."""

from typing import Any

from amaranth.hdl import Array, Assert, Assume, Elaboratable, Fragment, Module, Signal, Value

from golden.spec.rules import FACTOR_BITS, Op, Source
from hw.core.host.answers import Answers
from hw.core.host.checker import Checker

ONCE = 4
"""Cycles of an operation beside waits: FETCH, EXECUTE, and the last one of a wait or two."""


def longest(checker: Checker) -> int:
    """Cycles that an operation takes at most: to look its operand up, then to shift or to multiply."""
    shifts = [step for step in checker.program.steps if step.op == Op.SHR]
    known = all(step.source == Source.CONSTANT for step in shifts)
    most = max(step.argument for step in shifts) if known else (1 << FACTOR_BITS) - 1
    return ONCE + Answers.EARLY + 1 + max(most, FACTOR_BITS)


class ChecksEnd(Elaboratable):
    """The checker is done in time, whatever the table says.

    Operations that are left are counted by entry and place, and every one that is fetched takes one; cycles
    since it was fetched are counted, too. Given: as many layers are in use as there are, or fewer, and that
    does not change.
    """

    def __init__(self, unit: Checker) -> None:
        self.unit = unit

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        unit = self.unit
        m.submodules.unit = Fragment.get(unit, platform)
        steps, state = unit.program.steps, unit.fsm.ongoing
        used = unit.settings.layer_count
        known, layers = Signal(), Signal(16)
        m.d.sync += [known.eq(1), layers.eq(used)]
        m.d.comb += Assume((used != 0) & (used <= unit.config.layers) & (~known | (used == layers)))
        self.left, self.since = Signal(32), Signal(32)
        was = Signal(32)
        m.d.comb += self.left.eq((used - 1 - unit.layer)[:16] * len(steps) + len(steps) - unit.at)
        with m.If(state("FETCH")):
            m.d.sync += was.eq(self.left)
        m.d.sync += self.since.eq(0)
        with m.If(~state("IDLE") & ~state("FETCH")):
            m.d.sync += self.since.eq(self.since + 1)
        fetched = Signal()  # behind the first
        with m.If(state("FETCH")):
            m.d.sync += fetched.eq(1)
        with m.If(state("IDLE")):
            m.d.sync += fetched.eq(0)
        m.d.comb += [
            Assert(~(state("FETCH") & fetched) | (self.left < was), "each takes one"),
            Assert(self.since <= longest(unit) + 1, "each ends"),
            Assert(~state("FETCH") | (unit.at < len(steps)), "there is one"),
            Assert(known | state("IDLE"), "power-on"),
            Assert(state("IDLE") | (unit.layer < used), "of an entry in use"),
        ]
        self._ties(m, was, fetched)
        return m

    def _ties(self, m: Module, was: Value, fetched: Value) -> None:
        """What is in hand is the operation before the next one; how far its waits have come."""
        unit, state, since = self.unit, self.unit.fsm.ongoing, self.since
        step, most = unit.step, longest(unit)
        within = state("OPERAND") | state("EXECUTE") | state("MULTIPLY") | state("SHIFT")
        early = Answers.EARLY + 1
        ops = Array(int(each.op) for each in unit.program.steps)
        sources = Array(int(each.source) for each in unit.program.steps)
        arguments = Array(each.argument for each in unit.program.steps)
        at = Signal.like(unit.at)
        m.d.comb += at.eq(unit.at - 1)
        same = (
            (step.op == ops[at]) & (step.source == sources[at]) & (step.argument == arguments[at])
        )
        constant = step.source == Source.CONSTANT
        m.d.comb += [
            Assert(within | state("IDLE") | state("FETCH"), "a state"),
            Assert(~within | (same & (unit.at != 0) & (unit.at <= len(ops))), "the operation"),
            Assert(~within | (fetched & (was == self.left + 1)), "it was fetched"),
            Assert(~state("OPERAND") | (since + unit.count <= early), "looks up"),
            Assert(~state("OPERAND") | (since <= early), "and not for long"),
            Assert(~state("EXECUTE") | (since <= early + 1), "executes"),
            Assert(~(state("EXECUTE") & constant) | (unit.operand == step.argument), "a constant"),
            Assert(~state("MULTIPLY") | (since + unit.count <= early + 2 + FACTOR_BITS), "bits"),
            Assert(
                ~state("MULTIPLY") | ((unit.count <= FACTOR_BITS) & (step.op == Op.MUL)), "factor"
            ),
            Assert(~state("SHIFT") | (step.op == Op.SHR), "which shifts"),
            Assert(~state("SHIFT") | (since + unit.operand <= most), "bits of a shift"),
        ]
