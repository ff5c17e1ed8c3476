"""Votes of classifiers, summed over layers and steps of a sample, and added to the scores."""

from typing import Any

from amaranth import Module, Mux, Signal, signed
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import SCORE_BITS
from hw.core.base.formats import saturate
from hw.core.interfaces import ClassVotes


class Votes(Component):
    """Adds a vote a cycle. Sums and totals saturate.

    clear  pulse: a sample begins
    votes  of the classes
    index  a class
    score  its score
    total  its score and its votes, in the same cycle, unless there is a vote
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "votes": In(ClassVotes(config)),
                "index": In(ceil_log2(config.classes)),
                "score": In(signed(SCORE_BITS)),
                "total": Out(signed(SCORE_BITS)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        votes, depth = self.votes, self.config.classes
        m.submodules.sums = memory = Memory(
            shape=signed(SCORE_BITS), depth=depth, init=[], attrs={"ram_style": "distributed"}
        )
        port, write = memory.read_port(domain="comb"), memory.write_port()
        voted = Signal(depth)  # sums that hold something since the sample began
        known = Signal(signed(SCORE_BITS))
        m.d.comb += [
            port.addr.eq(Mux(votes.valid, votes.number, self.index)),
            known.eq(Mux(voted.bit_select(port.addr, 1), port.data, 0)),
            self.total.eq(saturate(self.score + known, SCORE_BITS)),
            write.addr.eq(votes.number),
            write.data.eq(saturate(known + votes.vote, SCORE_BITS)),
            write.en.eq(votes.valid),
        ]
        with m.If(votes.valid):
            m.d.sync += voted.bit_select(votes.number, 1).eq(1)
        with m.If(self.clear):
            m.d.sync += voted.eq(0)
        return m
