"""What the neighbours of a unit keep to besides the stream rules."""

from typing import Any

from amaranth.hdl import Assume, Cat, Module, Signal


def words_stand_still(m: Module, unit: Any) -> None:
    """What a result is made of does not change while a word of it waits."""
    waits = Signal()
    m.d.sync += waits.eq(unit.result.valid & ~unit.result.ready)
    for name in ("status", "score", "spike_count", "class_count"):
        value = getattr(unit, name)
        before = Signal(value.shape(), name=f"{name}_was")
        m.d.sync += before.eq(value)
        m.d.comb += Assume(~waits | (value == before))
    m.d.comb += Assume(~unit.result.valid | ~(unit.busy | unit.begin))


def answers_follow(m: Module, unit: Any) -> None:
    """The core answers an access once, after it was asked, and a sample; who took a thing may refuse it."""
    open_, asked = Signal(8), unit.bus_request.valid & unit.bus_request.ready
    m.d.sync += open_.eq(open_ + asked - (unit.bus_reply.valid & unit.bus_reply.ready))
    m.d.comb += Assume(~unit.bus_reply.valid | (open_ != 0))
    owed, played, result = Signal(), Signal(), unit.result
    begins = unit.play.valid & unit.play.ready
    copies = unit.copy.valid & unit.copy.ready
    m.d.sync += played.eq(unit.playing | begins | copies)
    with m.If(unit.sample.valid | begins):
        m.d.sync += owed.eq(1)
    with m.Elif(result.valid & result.ready & result.payload.last):
        m.d.sync += owed.eq(0)
    m.d.comb += [
        Assume(~result.valid | owed),
        Assume(unit.play.ready == ~unit.playing),
        Assume(~unit.playing | played),
        Assume(~unit.refused | (unit.playing & ~result.valid)),
    ]


def a_sample_at_a_time(m: Module, unit: Any) -> None:
    """The core gives the result of a sample that it was given; nothing changes within."""
    given, result = Signal(), unit.core_result
    with m.If(unit.core_sample.valid):
        m.d.sync += given.eq(1)
    with m.Elif(result.valid & result.ready & result.payload.last):
        m.d.sync += given.eq(0)
    m.d.comb += [
        Assume(~(unit.restart | unit.table.written) | ~(unit.sample.valid | given)),
        Assume(~result.valid | (given & ~unit.sample.valid)),
    ]


def a_command_at_a_time(m: Module, unit: Any) -> None:
    """A sample comes from the link, or one is played."""
    m.d.comb += Assume(~(unit.i.valid & (unit.playing | unit.play.valid)))


def a_side_at_a_time(m: Module, unit: Any) -> None:
    """The store changes hands at rest; core and store do not answer at once."""
    roads = [unit.host_request, unit.player_request, unit.store_reply, unit.core_reply]
    before, rested, rests = Signal(), Signal(), Signal()
    m.d.comb += rests.eq(~Cat(road.valid for road in roads).any())
    m.d.sync += [before.eq(unit.playing), rested.eq(rests)]
    m.d.comb += Assume((unit.playing == before) | (rested & rests))
    m.d.comb += Assume(~(unit.store_reply.valid & unit.core_reply.valid))
