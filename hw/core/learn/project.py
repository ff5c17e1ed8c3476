"""Learning signal of a chunk of neurons: class signals projected back through the signs.

Twin of golden/learn/project.py.
"""

from typing import Any

from amaranth import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.formats import SIGNAL_BITS
from hw.core.base.chunks import chunk_address_bits
from hw.core.base.formats import saturate
from hw.core.base.pipeline import derived, later, register, when
from hw.core.learn.signs import Signs

AT_ONCE = 4  # classes a cycle
SUM = signed(SIGNAL_BITS + 6)


def parts(classes: int) -> int:
    """Cycles a chunk takes for so many classes."""
    return -(-classes // AT_ONCE)


class Project(wiring.Component):
    """m = saturate(sum of +-signal over the classes - cost of a spike); of a readout: the own signal.

    Times are cycles after a part of the classes is issued.

    go       a part is issued
    part     which AT_ONCE classes
    begin    it is the chunk's first
    end      it is the chunk's last
    number   of the chunk in its layer
    readout  the layer is the readout
    cost     of a spike
    spikes   of the chunk, at SPIKES_AT
    signals  of all classes
    signs    of the chunk, at SIGNS_AT
    m        at LATENCY, until the next chunk's
    """

    @derived
    def SIGNS_AT(cls) -> int:
        return Signs.LATENCY

    @derived
    def TERMS_AT(cls) -> int:
        """Signals and signs of a part are chosen, paired, and each lane has its terms, a cycle each."""
        return cls.SIGNS_AT + 3

    @derived
    def SPIKES_AT(cls) -> int:
        return cls.TERMS_AT - 1

    @derived
    def LATENCY(cls) -> int:
        """Terms are added up, and the sum is saturated."""
        return cls.TERMS_AT + 2

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.chunk_lanes
        super().__init__(
            {
                "go": In(1),
                "part": In(bits_for(parts(config.classes))),
                "begin": In(1),
                "end": In(1),
                "number": In(chunk_address_bits(config)),
                "readout": In(1),
                "cost": In(SIGNAL_BITS - 1),
                "spikes": In(lanes),
                "signals": In(data.ArrayLayout(signed(SIGNAL_BITS), config.classes)),
                "signs": In(data.ArrayLayout(lanes, config.classes)),
                "m": Out(data.ArrayLayout(signed(SIGNAL_BITS), lanes)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        go = later(m, "go", self.go, self.TERMS_AT)
        begin = later(m, "begin", self.begin, self.TERMS_AT)
        end = later(m, "end", self.go & self.end, self.LATENCY - 1)
        number = later(m, "number", self.number, self.TERMS_AT - 1)
        pairs = self._pairs(m, later(m, "part", self.part, self.SIGNS_AT))
        signals = register(m, self.m)
        for lane in range(self.config.chunk_lanes):
            total = Signal(SUM, name=f"total_{lane}", reset_less=True)
            own = Signal(signed(SIGNAL_BITS), name=f"own_{lane}", reset_less=True)
            start = Signal(signed(SIGNAL_BITS), name=f"start_{lane}", reset_less=True)
            m.d.sync += start.eq(when(self.spikes[lane], -self.cost))
            m.d.sync += own.eq(Array(self._own(lane))[number])
            change = Mux(self.readout, own, self._sum(m, lane, pairs))
            with m.If(go):
                m.d.sync += total.eq(Mux(begin, start, total) + change)
            with m.If(end):
                m.d.sync += signals[lane].eq(saturate(total, SIGNAL_BITS))
        return m

    def _own(self, lane: int) -> list[Any]:
        """Signal of the class that `lane` of each chunk of a readout stands for."""
        return list(self.signals)[lane :: self.config.chunk_lanes]

    def _pairs(self, m: Module, part: Any) -> list[Any]:
        """For two classes each, a and b: signs of the lanes, and a+b, a-b, -a+b, -a-b."""
        signals, signs = list(self.signals), list(self.signs)
        pairs: list[Any] = []

        def choose(values: list[Any], offset: int, like: Any) -> Signal:
            """Of class `part` x AT_ONCE + offset; nothing where there is no such class."""
            chosen = Signal(like, name=f"chosen_{offset}_{len(pairs)}", reset_less=True)
            places = values[offset::AT_ONCE]
            with m.Switch(part):
                for at, value in enumerate(places):
                    with m.Case(at):
                        m.d.sync += chosen.eq(value)
                with m.Default():
                    m.d.sync += chosen.eq(0)
            return chosen

        for offset in range(0, AT_ONCE, 2):
            a, b = (choose(signals, offset + at, signed(SIGNAL_BITS)) for at in range(2))
            plus = [choose(signs, offset + at, self.config.chunk_lanes) for at in range(2)]
            sums = [
                Signal(signed(SIGNAL_BITS + 1), name=f"sum_{offset}_{at}", reset_less=True)
                for at in range(4)
            ]
            values = (-a - b, a - b, b - a, a + b)
            m.d.sync += [one.eq(value) for one, value in zip(sums, values, strict=True)]
            pairs.append(([later(m, f"plus_{offset}", sign, 1) for sign in plus], sums))
        return pairs

    def _sum(self, m: Module, lane: int, pairs: list[Any]) -> Any:
        """The lane's share of the pairs, at TERMS_AT."""
        terms = []
        for number, (plus, sums) in enumerate(pairs):
            term = Signal(signed(SIGNAL_BITS + 1), name=f"term_{lane}_{number}", reset_less=True)
            m.d.sync += term.eq(Array(sums)[Cat(plus[0][lane], plus[1][lane])])
            terms.append(term)
        return sum(terms[1:], terms[0])
