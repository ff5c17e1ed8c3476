"""Whether the layer table is one that the core can run. Twin of golden/host/checker.py.

The rules (`golden.spec.table_rules`) are a program. An operation takes a few cycles: none is in a hurry, as a
table is checked once behind a change.
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.layers import FIELDS
from golden.spec.rules import ARGUMENT_BITS, FACTOR_BITS, TEMPORARIES, Op, Source
from golden.spec.table_rules import table_program
from hw.core.base.layouts import layer_bits
from hw.core.host.answers import Answers
from hw.core.interfaces import Settings


def step() -> data.StructLayout:
    """One operation of the program."""
    return data.StructLayout({"op": 4, "source": 3, "argument": ARGUMENT_BITS})


class Checker(Component):
    """Runs the program over the entries in use, the accumulator and an operand in registers.

    start     pulse: the table is to be checked
    done      pulse: it is
    fault     with `done`: it breaks a rule
    settings  layers and classes in use
    active    the layer table is read
    layer     index of an entry
    field     number of a field of it
    value     that field, Answers.EARLY cycles later
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.program = table_program(config)
        super().__init__(
            {
                "start": In(1),
                "done": Out(1),
                "fault": Out(1),
                "settings": In(Settings()),
                "active": Out(1),
                "layer": Out(layer_bits(config)),
                "field": Out(ceil_log2(len(FIELDS))),
                "value": In(16),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self.at = Signal(range(len(self.program.steps) + 1))
        self.step = Signal(step())
        bits = self.program.bits
        self.value_in_hand, self.operand = Signal(bits), Signal(bits)
        self.sum = Signal(bits)  # of a product
        self.count = Signal(range(max(Answers.EARLY + 2, FACTOR_BITS + 1)))
        self.left = Signal(16)  # entries behind the one in hand
        m.submodules.kept = kept = Memory(
            shape=bits, depth=TEMPORARIES, init=[], attrs={"ram_style": "distributed"}
        )
        reader, self.writer = kept.read_port(domain="comb"), kept.write_port()
        place = self.step.argument[: ceil_log2(TEMPORARIES)]
        m.d.comb += [
            reader.addr.eq(place),
            self.writer.addr.eq(place),
            self.writer.data.eq(self.value_in_hand),
            self.field.eq(self.step.argument),
            self.left.eq(self.settings.layer_count - 1 - self.layer),
        ]
        with m.FSM() as self.fsm:
            m.d.comb += self.active.eq(~self.fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.sync += [self.at.eq(0), self.layer.eq(0)]
                with m.If(self.start):
                    m.next = "FETCH"
            with m.State("FETCH"):
                self._fetch(m)
                m.d.sync += [self.at.eq(self.at + 1), self.count.eq(Answers.EARLY + 1)]
                m.next = "OPERAND"
            with m.State("OPERAND"):
                self._operand(m, reader.data)
            with m.State("EXECUTE"):
                self._execute(m)
            with m.State("MULTIPLY"):
                self._multiply(m)
            with m.State("SHIFT"):
                with m.If(self.operand == 0):
                    m.next = "FETCH"
                with m.Else():
                    m.d.sync += self.value_in_hand.eq(self.value_in_hand >> 1)
                    m.d.sync += self.operand.eq(self.operand - 1)
        return m

    def _fetch(self, m: Module) -> None:
        """The operation that is next."""
        with m.Switch(self.at):
            for number, (op, source, argument) in enumerate(self.program.steps):
                with m.Case(number):
                    word = Cat(Const(op, 4), Const(source, 3), Const(argument, ARGUMENT_BITS))
                    m.d.sync += self.step.eq(word)

    def _operand(self, m: Module, kept: Any) -> None:
        """Its operand; a field takes the way of the host's reads."""
        operand, source = self.operand, self.step.source
        m.d.sync += self.count.eq(self.count - 1)
        m.next = "EXECUTE"
        with m.Switch(source):
            with m.Case(Source.FIELD):
                m.d.sync += operand.eq(self.value)
                with m.If(self.count != 0):
                    m.next = "OPERAND"
            with m.Case(Source.TEMPORARY):
                m.d.sync += operand.eq(kept)
            with m.Case(Source.LAYERS_LEFT):
                m.d.sync += operand.eq(self.left)
            with m.Case(Source.CLASSES):
                m.d.sync += operand.eq(self.settings.class_count)
            with m.Default():
                m.d.sync += operand.eq(self.step.argument)

    def _execute(self, m: Module) -> None:
        """What takes a cycle; the other operations begin."""
        value, operand, argument = self.value_in_hand, self.operand, self.step.argument
        broken, zero = Signal(), value == 0
        minus, result = Signal(), Signal(len(value) + 1)  # one adder: its carry compares
        m.d.comb += [
            minus.eq(self.step.op != Op.ADD),
            result.eq(value + (operand ^ minus.replicate(len(operand))) + minus),
        ]
        m.next = "FETCH"
        with m.Switch(self.step.op):
            with m.Case(Op.LOAD):
                m.d.sync += value.eq(operand)
            with m.Case(Op.ADD, Op.SUB):
                m.d.sync += value.eq(result)
            with m.Case(Op.MUL):
                m.d.sync += [value.eq(value[:FACTOR_BITS]), self.sum.eq(0)]
                m.d.sync += self.count.eq(FACTOR_BITS)
                m.next = "MULTIPLY"
            with m.Case(Op.AND):
                m.d.sync += value.eq(value & operand)
            with m.Case(Op.SHR):
                m.next = "SHIFT"
            with m.Case(Op.MOST):
                m.d.comb += broken.eq(result[-1] & (result[:-1] != 0))
            with m.Case(Op.SAME):
                m.d.comb += broken.eq(result[:-1] != 0)
            with m.Case(Op.STORE):
                m.d.comb += self.writer.en.eq(1)
            with m.Case(Op.SKIP_ZERO, Op.SKIP_OTHER):
                with m.If(zero == (self.step.op == Op.SKIP_ZERO)):
                    m.d.sync += self.at.eq(self.at + argument)
            with m.Case(Op.NEXT):
                m.d.sync += [self.at.eq(self.program.loop), self.layer.eq(self.layer + 1)]
                with m.If(self.left == 0):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"
        with m.If(broken):
            m.d.comb += [self.done.eq(1), self.fault.eq(1)]
            m.next = "IDLE"

    def _multiply(self, m: Module) -> None:
        """A bit of the operand a cycle."""
        value, operand = self.value_in_hand, self.operand
        m.d.sync += [
            self.sum.eq(self.sum + Mux(operand[0], value, 0)),
            value.eq(value << 1),
            operand.eq(operand >> 1),
            self.count.eq(self.count - 1),
        ]
        with m.If(self.count == 0):
            m.d.sync += value.eq(self.sum)
            m.next = "FETCH"
