"""One value out of many, chosen over two cycles so that the choice is no long path."""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import ceil_log2
from hw.core.base.pipeline import register

NEAR = 8  # values that the first stage chooses from


class ReadMultiplexer(Component):
    """Value number `index` of a word, LATENCY cycles later; zero beyond the last one.

    word    all values
    index   which one
    value   that one
    """

    LATENCY = 2

    def __init__(self, shape: Any, count: int) -> None:
        self.shape, self.count = shape, count
        super().__init__(
            {
                "word": In(data.ArrayLayout(shape, count)),
                "index": In(ceil_log2(max(count, 2))),
                "value": Out(shape),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        near_bits = ceil_log2(NEAR)
        far = Signal(max(1, len(self.index) - near_bits))
        m.d.sync += far.eq(self.index[near_bits:])
        chosen = []
        for first in range(0, self.count, NEAR):
            value = Signal(self.shape, name=f"near_{first}", reset_less=True)
            chosen.append(value)
            m.d.sync += value.eq(0)
            with m.Switch(self.index[:near_bits]):
                for offset in range(min(NEAR, self.count - first)):
                    with m.Case(offset):
                        m.d.sync += value.eq(self.word[first + offset])
        picked = register(m, self.value)
        m.d.sync += picked.eq(0)
        with m.Switch(far):
            for part, value in enumerate(chosen):
                with m.Case(part):
                    m.d.sync += picked.eq(value)
        return m
