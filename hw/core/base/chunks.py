"""Chunks of lanes: what happens once per neuron and step is done a chunk of lanes a cycle.

A row of weights meets all lanes; firing, learning signals and the memories behind them have time for
one chunk after the other.
"""

from amaranth import Cat, Module, Mux
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.block_ram import SHALLOW
from golden.spec.config import CoreConfig, ceil_log2
from hw.core.base.pipeline import register
from hw.core.base.tokens import context, state_bits


def chunk_bits(config: CoreConfig) -> int:
    """Bits of a chunk's number within its group."""
    return ceil_log2(config.chunks)


def place_bits(config: CoreConfig) -> int:
    """Bits of a chunk's address in the state memories: group, then chunk."""
    return state_bits(config) + chunk_bits(config)


def place(config: CoreConfig, group, chunk):
    """Address of a chunk in the state memories."""
    return Cat(chunk[: chunk_bits(config)], group[: state_bits(config)])


def ram(config: CoreConfig) -> dict[str, str]:
    """Where state goes: into block RAM, unless so little of it were used that logic is cheaper."""
    depth = config.neuron_groups << chunk_bits(config)
    return {"ram_style": "block" if depth > SHALLOW else "distributed"}


class Walk(wiring.Component):
    """From `go`, the chunks of a group in turn: `valid` with `chunk` and `context`, a cycle later."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "go": In(1),
                "started": In(context(config)),
                "valid": Out(1),
                "chunk": Out(bits_for(config.chunks)),
                "context": Out(context(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.chunk.eq(self.chunk + 1)
        with m.If(self.chunk == self.config.chunks - 1):
            m.d.sync += self.valid.eq(0)
        with m.If(self.go):
            m.d.sync += self.valid.eq(1), self.chunk.eq(0), self.context.eq(self.started)
        return m


class ChunkMemory(wiring.Component):
    """A chunk of values per word: `read` is the word at `address`, LATENCY cycles later.

    Reader and writer never meet at one address. One that does not exist reads as zeros.
    """

    LATENCY = 2

    def __init__(self, config: CoreConfig, shape, *, exists: bool = True) -> None:
        self.config, self.exists = config, exists
        self.vector = data.ArrayLayout(shape, config.chunk_lanes)
        super().__init__(
            {
                "address": In(place_bits(config)),
                "read": Out(self.vector),
                "write": In(1),
                "write_address": In(place_bits(config)),
                "write_data": In(self.vector),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if not self.exists:
            return m
        depth = self.config.neuron_groups << chunk_bits(self.config)
        m.submodules.words = words = Memory(
            shape=self.vector, depth=depth, init=[], attrs=ram(self.config)
        )
        reader, writer = words.read_port(), words.write_port()
        m.d.comb += [
            reader.addr.eq(self.address),
            writer.addr.eq(self.write_address),
            writer.data.eq(self.write_data),
            writer.en.eq(self.write),
        ]
        m.d.sync += register(m, self.read).eq(reader.data)
        return m


class Signs(wiring.Component):
    """The random signs B: for every chunk a bit per class and lane.

    `signs` are those of the chunk at `address`, LATENCY cycles later; the host writes a class's at a
    time.
    """

    LATENCY = 2

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        bits = place_bits(config)
        super().__init__(
            {
                "address": In(bits),
                "signs": Out(data.ArrayLayout(config.chunk_lanes, config.classes)),
                "write_address": In(bits),
                "write_class": In(ceil_log2(config.classes)),
                "write_data": In(config.chunk_lanes),
                "write": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        depth = self.config.latent_groups << chunk_bits(self.config)
        m.submodules.words = words = Memory(
            shape=self.signs.shape(), depth=depth, init=[], attrs=ram(self.config)
        )
        reader, writer = words.read_port(), words.write_port(granularity=1)
        m.d.comb += [
            reader.addr.eq(self.address),
            writer.addr.eq(self.write_address),
            writer.en.eq(Mux(self.write, 1 << self.write_class, 0)),
        ]
        for number in range(self.config.classes):
            m.d.comb += writer.data[number].eq(self.write_data)
        m.d.sync += register(m, self.signs).eq(reader.data)
        return m
