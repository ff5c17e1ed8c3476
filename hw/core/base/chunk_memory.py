"""Memories of the state of neurons, a chunk of lanes a word."""

from typing import Any

from amaranth import Module, Mux
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Member

from golden.spec.config import CoreConfig
from hw.core.base.chunks import ram_style, state_depth
from hw.core.base.pipeline import register
from hw.core.interfaces import ChunkRead, ChunkWrite, HostRead


class ChunkMemory(Component):
    """A chunk of values per word, read LATENCY cycles after its address.

    Reader and writer never meet at one address. The host reads in place of the core, which is at rest
    then. A memory that does not exist (`exists`) reads as zeros.

    write   a chunk to be kept
    read    the chunk at an address
    host    the same for the host, where `host` was asked for
    """

    LATENCY = 2

    def __init__(
        self,
        config: CoreConfig,
        shape: Any,
        *,
        depth: int = 0,
        host: bool = False,
        exists: bool = True,
    ) -> None:
        """`shape` of a lane's value; `depth` in words, in block RAM, if there is not one a chunk."""
        self.depth = depth or state_depth(config)
        self.style = {"ram_style": "block"} if depth else ram_style(self.depth)
        self.config, self.exists, self.for_host = config, exists, host
        self.vector = data.ArrayLayout(shape, config.chunk_lanes)
        ports: dict[str, Member] = {
            "write": In(ChunkWrite(config, shape)),
            "read": In(ChunkRead(config, shape)),
        }
        super().__init__(ports | ({"host": In(HostRead(config, shape))} if host else {}))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if not self.exists:
            return m
        m.submodules.words = words = Memory(
            shape=self.vector, depth=self.depth, init=[], attrs=self.style
        )
        reader, writer = words.read_port(), words.write_port()
        m.d.comb += [
            reader.addr.eq(self.read.address),
            writer.addr.eq(self.write.address),
            writer.data.eq(self.write.values),
            writer.en.eq(self.write.valid),
        ]
        values = register(m, self.read.values)
        m.d.sync += values.eq(reader.data)
        if self.for_host:
            m.d.comb += self.host.values.eq(values)
            m.d.comb += reader.addr.eq(Mux(self.host.active, self.host.address, self.read.address))
        return m
