"""What is proven: the stream rules of any unit, and that a queue loses, doubles and swaps nothing."""

from collections.abc import Callable, Iterator
from typing import Any

from amaranth.hdl import Assert, Assume, Cover, Elaboratable, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Component

Environment = Callable[[Module, Any], None]
"""Assumes what a unit's neighbours keep to, apart from the stream rules."""


def nothing_else(m: Module, unit: Any) -> None:
    """The neighbours may do anything that the stream rules allow."""


def free_ports(unit: Component) -> list[Value]:
    """Every port of a unit: what the unit does not drive is anything, in every cycle."""
    values = (Value.cast(value) for _, _, value in unit.signature.flatten(unit))
    return [value for value in values if isinstance(value, Signal)]  # a ready of 1 is no port


def streams(unit: Component) -> Iterator[tuple[str, Any, bool]]:
    """Name, interface, and whether the unit is its source, of every stream at its border.

    Amaranth turns the signature of a member that is In, so a flow is the unit's own at any depth.
    """

    def inside(names: tuple[str, ...], signature: Any, at: Any) -> Iterator[Any]:
        for name, member in signature.members.items():
            if not member.is_signature or member.dimensions:
                continue
            value, path = getattr(at, name), (*names, name)
            if isinstance(member.signature, stream.Signature):
                yield ".".join(path), value, member.flow is wiring.Out
            else:
                yield from inside(path, member.signature, value)

    yield from inside((), unit.signature, unit)


def kept(m: Module, name: str, interface: Any) -> Value:
    """Whether a stream keeps the rules in this cycle: what waits stays valid and the same."""
    payload = Value.cast(interface.payload)
    waits, before = Signal(name=f"{name}_waits"), Signal(len(payload), name=f"{name}_before")
    m.d.sync += waits.eq(interface.valid & ~interface.ready), before.eq(payload)
    return ~waits | (interface.valid & (payload == before))


def picked(m: Module, number: Signal) -> None:
    """A free input becomes a number that the solver picks once."""
    started, before = Signal(name="picked"), Signal.like(number, name="number_before")
    m.d.sync += started.eq(1), before.eq(number)
    m.d.comb += Assume(~started | (before == number))


class StreamRules(Elaboratable):
    """A unit whose neighbours keep the stream rules keeps them, too."""

    def __init__(self, unit: Component, environment: Environment = nothing_else) -> None:
        self.unit, self.environment = unit, environment

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unit = self.unit
        for name, interface, leaves in streams(self.unit):
            holds = kept(m, name.replace(".", "_"), interface)
            m.d.comb += Assert(holds, name) if leaves else Assume(holds)
            m.d.comb += Cover(interface.valid & interface.ready, name)
        self.environment(m, self.unit)
        return m


class InOrder(Elaboratable):
    """What enters a queue by `source` leaves it by `sink`, in order, once.

    The solver picks any payload by its number; it must leave as that number, unchanged, and nothing leaves
    that has not entered.
    """

    def __init__(self, unit: Component, source: Any, sink: Any, count_bits: int = 5) -> None:
        self.unit, self.source, self.sink = unit, source, sink
        self.number = Signal(count_bits)
        """Any number: of the payload that is followed."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unit = self.unit
        bits, source, sink = len(self.number), self.source, self.sink
        entered, left, there = Signal(bits), Signal(bits), Signal()
        followed = Signal(len(Value.cast(source.payload)))
        enters, leaves = source.valid & source.ready, sink.valid & sink.ready
        m.d.sync += entered.eq(entered + enters), left.eq(left + leaves)
        picked(m, self.number)
        with m.If(enters & (entered == self.number)):
            m.d.sync += there.eq(1), followed.eq(Value.cast(source.payload))
        with m.If(leaves):
            m.d.comb += Assert(left != entered)
            with m.If(left == self.number):
                m.d.comb += Assert(there & (Value.cast(sink.payload) == followed))
        m.d.comb += Assume(kept(m, "source", source)), Assert(kept(m, "sink", sink))
        return m


class Committed(Elaboratable):
    """Bytes that were committed leave a ring in order, once; what was discarded never does.

    The solver picks any byte by its number among those that stay.
    """

    def __init__(self, ring: Any, count_bits: int = 5) -> None:
        self.ring = ring
        self.number = Signal(count_bits)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.ring = ring = self.ring
        bits = len(self.number)
        written, sure, left = (Signal(bits, name=name) for name in ("written", "sure", "left"))
        followed = Signal(8)
        leaves = ring.o.valid & ring.o.ready
        m.d.sync += left.eq(left + leaves)
        picked(m, self.number)
        m.d.comb += [
            Assume(~(ring.write & ring.full)),
            Assume(~(ring.commit & ring.discard)),
        ]
        with m.If(ring.discard):
            m.d.sync += written.eq(sure)
        with m.Elif(ring.write):
            m.d.sync += written.eq(written + 1)
            with m.If(written == self.number):
                m.d.sync += followed.eq(ring.data)
        with m.If(ring.commit):
            m.d.sync += sure.eq(written)
        with m.If(leaves):
            m.d.comb += Assert(left != sure, "nothing leaves that was not committed")
            with m.If(left == self.number):
                m.d.comb += Assert(ring.o.payload == followed, "in order")
        return m
