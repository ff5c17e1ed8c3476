"""The random signs B: for every chunk of latents a bit per class and lane."""

from typing import Any

from amaranth import Module, Mux
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In

from golden.spec.config import CoreConfig
from hw.core.base.chunks import chunk_bits, ram_style, state_depth
from hw.core.base.pipeline import register
from hw.core.interfaces import SignAccess, SignRead


class Signs(Component):
    """Read a chunk at a time, written a class of a chunk at a time.

    read  signs of a chunk, LATENCY cycles later
    host  the same for the host, who also writes them
    """

    LATENCY = 2

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__({"read": In(SignRead(config)), "host": In(SignAccess(config))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, host = self.config, self.host
        m.submodules.words = words = Memory(
            shape=self.read.signs.shape(),
            depth=config.latent_groups << chunk_bits(config),
            init=[],
            attrs=ram_style(state_depth(config)),
        )
        reader, writer = words.read_port(), words.write_port(granularity=1)
        m.d.comb += [
            reader.addr.eq(Mux(host.active, host.address, self.read.address)),
            writer.addr.eq(host.address),
            writer.en.eq(Mux(host.write, 1 << host.number, 0)),
            host.signs.eq(self.read.signs),
        ]
        for number in range(config.classes):
            m.d.comb += writer.data[number].eq(host.data)
        m.d.sync += register(m, self.read.signs).eq(reader.data)
        return m
