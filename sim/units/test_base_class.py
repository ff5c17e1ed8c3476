"""The base class itself: what it must not let pass."""

from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import Component, In, Out

from sim.units.base import UnitTest


class Counting(Component):
    """A queue of four numbers, and how many of them it has let go."""

    def __init__(self) -> None:
        byte = stream.Signature(8)
        super().__init__({"i": In(byte), "o": Out(byte), "gone": Out(8)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.fifo = fifo = SyncFIFO(width=8, depth=4)
        m.d.comb += [
            fifo.w_data.eq(self.i.payload),
            fifo.w_en.eq(self.i.valid),
            self.i.ready.eq(fifo.w_rdy),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.gone.eq(self.gone + 1)
        return m


class TestRight(UnitTest):
    """The twin as it should be."""

    unit = Counting
    gone = 0

    def stimuli(self, rng):
        for _ in range(50):
            yield {"i": rng.randbytes(rng.randrange(6))}

    def step(self, now):
        before, self.gone = self.gone, self.gone + (now.o is not None)
        return {"gone": before, "o": [] if now.i is None else [now.i]}


class Wrong(TestRight):
    """Another number comes."""

    def step(self, now):
        return super().step(now) | {"o": [] if now.i is None else [now.i ^ 1]}


class Late(TestRight):
    """The count, a cycle late."""

    at = {"gone": 1}


class Forgetful(TestRight):
    """The count is never looked at."""

    def step(self, now):
        return super().step(now) | {"gone": None}


class Greedy(TestRight):
    """Twice as much is owed."""

    def step(self, now):
        return super().step(now) | {"o": [] if now.i is None else [now.i] * 2}


class Silent(TestRight):
    """Nothing is owed."""

    def step(self, now):
        return super().step(now) | {"o": []}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Wrong, r"Counting only, waits steady, seed \d+: cycle \d+, port o: expected \d+, got \d+"),
        (Late, r"cycle \d+, port gone: expected 0, got 1"),
        (Forgetful, "never compared: gone"),
        (Greedy, r"port o: expected \d+, got \d+"),
        (Silent, "port o: expected nothing, got"),
    ],
)
def test_what_is_wrong_is_named(kind: type[UnitTest], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        kind().test_unit("")


def test_an_input_that_does_not_exist_is_named() -> None:
    with pytest.raises(AssertionError, match=r"no inputs.*nosuch"):
        Mistyped().test_unit("")


class Mistyped(TestRight):
    """A port that the unit does not have."""

    def stimuli(self, rng):
        yield {"nosuch": 1}
