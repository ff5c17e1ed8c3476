"""State memories of the core: a word of all lanes per group, in distributed RAM."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.layers import FIELDS
from hw.core.tokens import layer_bits, layer_entry, state_bits

NEAR = 8  # lanes that the first stage of LaneSelect chooses from


class LaneMemory(wiring.Component):
    """A word of `lanes` values per group; written by lane, read at once at `read_<n>`."""

    def __init__(self, config: CoreConfig, shape, reads: int = 1) -> None:
        self.depth, self.lanes, self.shape, self.reads = (
            config.neuron_groups, config.lanes, shape, reads,
        )  # fmt: skip
        vector = data.ArrayLayout(shape, config.lanes)
        ports = {
            "write_address": In(state_bits(config)),
            "write_data": In(vector),
            "write_lanes": In(config.lanes),
        }
        for number in range(reads):
            ports[f"address_{number}"] = In(state_bits(config))
            ports[f"read_{number}"] = Out(vector)
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        for lane in range(self.lanes):
            memory = Memory(
                shape=self.shape, depth=self.depth, init=[], attrs={"ram_style": "distributed"}
            )
            m.submodules[f"lane{lane}"] = memory
            writer = memory.write_port()
            m.d.comb += [
                writer.addr.eq(self.write_address),
                writer.data.eq(self.write_data[lane]),
                writer.en.eq(self.write_lanes[lane]),
            ]
            for number in range(self.reads):
                reader = memory.read_port(domain="comb")
                m.d.comb += reader.addr.eq(getattr(self, f"address_{number}"))
                m.d.comb += getattr(self, f"read_{number}")[lane].eq(reader.data)
        return m


class LayerTable(wiring.Component):
    """The layer table: entries read at once at `entry_<n>`, written by the host field by field."""

    def __init__(self, config: CoreConfig, reads: int) -> None:
        self.config, self.reads = config, reads
        ports = {
            "write": In(1),
            "write_layer": In(layer_bits(config)),
            "write_field": In(ceil_log2(len(FIELDS))),
            "write_data": In(16),
        }
        for number in range(reads):
            ports[f"layer_{number}"] = In(layer_bits(config))
            ports[f"entry_{number}"] = Out(layer_entry())
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        for index, field in enumerate(FIELDS):
            memory = Memory(
                shape=16, depth=self.config.layers, init=[], attrs={"ram_style": "distributed"}
            )
            m.submodules[field.name] = memory
            writer = memory.write_port()
            m.d.comb += [
                writer.addr.eq(self.write_layer),
                writer.data.eq(self.write_data),
                writer.en.eq(self.write & (self.write_field == index)),
            ]
            for number in range(self.reads):
                reader = memory.read_port(domain="comb")
                m.d.comb += reader.addr.eq(getattr(self, f"layer_{number}"))
                m.d.comb += getattr(self, f"entry_{number}")[field.name].eq(reader.data)
        return m


class LaneSelect(wiring.Component):
    """One lane of a word, LATENCY cycles later; zero beyond the last lane."""

    LATENCY = 2

    def __init__(self, shape, lanes: int) -> None:
        self.shape, self.lanes = shape, lanes
        super().__init__(
            {
                "word": In(data.ArrayLayout(shape, lanes)),
                "lane": In(ceil_log2(max(lanes, 2))),
                "value": Out(shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        near_bits = ceil_log2(NEAR)
        parts = -(-self.lanes // NEAR)
        far = Signal(max(1, len(self.lane) - near_bits))
        m.d.sync += far.eq(self.lane[near_bits:])
        chosen = []
        for part in range(parts):
            value = Signal(self.shape, name=f"near_{part}")
            chosen.append(value)
            m.d.sync += value.eq(0)
            with m.Switch(self.lane[:near_bits]):
                for offset in range(min(NEAR, self.lanes - part * NEAR)):
                    with m.Case(offset):
                        m.d.sync += value.eq(self.word[part * NEAR + offset])
        m.d.sync += self.value.eq(0)
        with m.Switch(far):
            for part, value in enumerate(chosen):
                with m.Case(part):
                    m.d.sync += self.value.eq(value)
        return m


class Signs(wiring.Component):
    """The random signs B: a bit per lane, a word per group and class, in block RAM.

    `signs` is the word at `address` LATENCY cycles before; the host writes 16 lanes at a time.
    """

    LATENCY = 2

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.chunks = -(-config.lanes // 16)
        bits = state_bits(config) + ceil_log2(config.classes)
        super().__init__(
            {
                "address": In(bits),
                "signs": Out(config.lanes),
                "write_address": In(bits),
                "write_chunk": In(ceil_log2(max(self.chunks, 2))),
                "write_data": In(16),
                "write": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        depth = self.config.neuron_groups << ceil_log2(self.config.classes)
        for chunk in range(self.chunks):
            memory = Memory(shape=16, depth=depth, init=[])
            m.submodules[f"chunk{chunk}"] = memory
            reader, writer = memory.read_port(), memory.write_port()
            bits = len(reader.addr)
            m.d.comb += [
                reader.addr.eq(self.address[:bits]),
                writer.addr.eq(self.write_address[:bits]),
                writer.data.eq(self.write_data),
                writer.en.eq(self.write & (self.write_chunk == chunk)),
            ]
            part = self.signs[16 * chunk : 16 * chunk + 16]
            m.d.sync += part.eq(reader.data)
        return m
