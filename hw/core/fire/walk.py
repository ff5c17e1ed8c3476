"""The chunks of a group whose rows are done, one after the other."""

from typing import Any

from amaranth import Module
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from hw.core.base.layouts import fired_chunk
from hw.core.interfaces import PassEnd


class ChunkWalk(Component):
    """From the end of a pass, its chunks in turn, the first one LATENCY cycles later.

    ended  a pass
    chunk  a chunk of its group
    """

    LATENCY = 1

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__({"ended": In(PassEnd(config)), "chunk": Out(fired_chunk(config))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        at = self.chunk
        m.d.sync += at.chunk.eq(at.chunk + 1)
        with m.If(at.chunk == self.config.chunks - 1):
            m.d.sync += at.valid.eq(0)
        with m.If(self.ended.last):
            m.d.sync += at.valid.eq(1), at.chunk.eq(0), at.context.eq(self.ended.context)
        return m
