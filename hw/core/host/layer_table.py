"""The layer table: what the host says of every layer, read by the rooms while they run."""

from typing import Any

from amaranth import Module
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Member

from golden.spec.config import CoreConfig
from golden.spec.layers import FIELDS
from hw.core.interfaces import LayerRead, TableWrite


def readers(config: CoreConfig) -> tuple[str, ...]:
    """Who reads an entry, each in a cycle of its own choice."""
    return ("schedule", "fire", "learn", "host", *(["counted"] if config.classifier_groups else []))


class LayerTable(Component):
    """A memory of 16 bits a field, made of logic. A read port for each room that reads, one writer.

    write                        a field, from the host
    schedule, fire, learn, host  an entry, in the cycle in which its layer is named
    counted                      the same, for classifiers
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        ports: dict[str, Member] = {"write": In(TableWrite(config))}
        super().__init__(ports | {name: In(LayerRead(config)) for name in readers(config)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for index, field in enumerate(FIELDS):
            memory = Memory(
                shape=16, depth=self.config.layers, init=[], attrs={"ram_style": "distributed"}
            )
            m.submodules[field.name] = memory
            writer = memory.write_port()
            m.d.comb += [
                writer.addr.eq(self.write.layer),
                writer.data.eq(self.write.data),
                writer.en.eq(self.write.valid & (self.write.field == index)),
            ]
            for name in readers(self.config):
                road, reader = getattr(self, name), memory.read_port(domain="comb")
                m.d.comb += reader.addr.eq(road.layer)
                m.d.comb += road.entry[field.name].eq(reader.data)
        return m
