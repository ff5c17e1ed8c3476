"""The layer table, and the choice of one lane among many."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.layers import FIELDS
from hw.core.base.pipeline import register
from hw.core.base.tokens import layer_bits, layer_entry

NEAR = 8  # lanes that the first stage of LaneSelect chooses from


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
            value = Signal(self.shape, name=f"near_{part}", reset_less=True)
            chosen.append(value)
            m.d.sync += value.eq(0)
            with m.Switch(self.lane[:near_bits]):
                for offset in range(min(NEAR, self.lanes - part * NEAR)):
                    with m.Case(offset):
                        m.d.sync += value.eq(self.word[part * NEAR + offset])
        picked = register(m, self.value)
        m.d.sync += picked.eq(0)
        with m.Switch(far):
            for part, value in enumerate(chosen):
                with m.Case(part):
                    m.d.sync += picked.eq(value)
        return m
