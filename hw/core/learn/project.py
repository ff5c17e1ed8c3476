"""Learning signal of a chunk of neurons: class signals projected back through the signs.

Twin of `golden.learn.signal.learning_signal`.
"""

from amaranth import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.formats import SIGNAL_BITS
from hw.core.base.chunks import place_bits
from hw.core.base.pipeline import later, register, taps, when

AT_ONCE = 4  # classes a cycle
TOP = 1 << (SIGNAL_BITS - 1)
SUM = signed(SIGNAL_BITS + 6)


def parts(classes: int) -> int:
    """Cycles a chunk takes for so many classes."""
    return -(-classes // AT_ONCE)


class Project(wiring.Component):
    """m = saturate(sum of +-signal over the classes - cost of a spike); of a readout: the own signal.

    Times are cycles after a part of the classes is issued: 0 `go`, `part`, `begin` (the chunk's first),
    `end` (its last), `number` of the chunk · SIGNS_AT signs · SPIKES_AT spikes of the chunk · LATENCY m,
    until the next chunk's.
    """

    SIGNS_AT, SPIKES_AT, LATENCY = 2, 4, 7

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.chunk_lanes
        super().__init__(
            {
                "go": In(1),
                "part": In(bits_for(parts(config.classes))),
                "begin": In(1),
                "end": In(1),
                "number": In(place_bits(config)),
                "readout": In(1),
                "cost": In(SIGNAL_BITS - 1),
                "spikes": In(lanes),
                "signals": In(data.ArrayLayout(signed(SIGNAL_BITS), config.classes)),
                "signs": In(data.ArrayLayout(lanes, config.classes)),
                "m": Out(data.ArrayLayout(signed(SIGNAL_BITS), lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        go, begin = taps(m, "go", self.go, 5), taps(m, "begin", self.begin, 5)
        end = later(m, "end", self.go & self.end, 6)
        number = later(m, "number", self.number, 4)
        pairs = self._pairs(m, later(m, "part", self.part, 2))
        signals = register(m, self.m)
        for lane in range(self.config.chunk_lanes):
            total = Signal(SUM, name=f"total_{lane}", reset_less=True)
            own = Signal(signed(SIGNAL_BITS), name=f"own_{lane}", reset_less=True)
            start = Signal(signed(SIGNAL_BITS), name=f"start_{lane}", reset_less=True)
            m.d.sync += start.eq(when(self.spikes[lane], -self.cost))
            m.d.sync += own.eq(Array(self._own(lane))[number])
            change = Mux(self.readout, own, self._sum(m, lane, pairs))
            with m.If(go[5]):
                m.d.sync += total.eq(Mux(begin[5], start, total) + change)
            with m.If(end):
                m.d.sync += signals[lane].eq(
                    Mux(total >= TOP, TOP - 1, Mux(total < -TOP, -TOP, total))
                )
        return m

    def _own(self, lane):
        """Signal of the class that `lane` of each chunk of a readout stands for."""
        return list(self.signals)[lane :: self.config.chunk_lanes]

    def _pairs(self, m, part):
        """For two classes each, a and b: signs of the lanes, and a+b, a-b, -a+b, -a-b."""
        signals, signs, pairs = list(self.signals), list(self.signs), []

        def choose(values, offset, like):
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

    def _sum(self, m, lane, pairs):
        """The lane's share of the pairs, at 5."""
        terms = []
        for number, (plus, sums) in enumerate(pairs):
            term = Signal(signed(SIGNAL_BITS + 1), name=f"term_{lane}_{number}", reset_less=True)
            m.d.sync += term.eq(Array(sums)[Cat(plus[0][lane], plus[1][lane])])
            terms.append(term)
        return sum(terms[1:], terms[0])
