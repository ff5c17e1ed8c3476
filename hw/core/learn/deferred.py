"""Which groups have a deferred weight update: gains that the next pass over them applies."""

from typing import Any

from amaranth import Module, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In

from golden.spec.config import CoreConfig
from hw.core.interfaces import DeferredMarks, DeferredQuery


class Deferred(Component):
    """A bit per group and one per layer, set while a group's gains are written.

    marks  gains that are being written
    query  what the schedule asks
    clear  pulse: there are no deferred updates
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "marks": In(DeferredMarks(config)),
                "query": In(DeferredQuery(config)),
                "clear": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        marks, query = self.marks, self.query
        self._set(m, query.of_layer, marks.begins_layer, marks.layer)
        if self.config.map_pixels:
            self._many(m)
        else:
            groups = Signal(self.config.neuron_groups)
            self._set(m, groups, marks.begins_group, marks.group)
            m.d.comb += query.of_group.eq(groups.bit_select(query.group, 1))
        return m

    def _set(self, m: Module, bits: Any, begins: Value, where: Value) -> None:
        bit = bits.bit_select(where, 1)
        with m.If(self.marks.valid & begins):
            m.d.sync += bit.eq(self.marks.nonzero)
        with m.Elif(self.marks.valid & self.marks.nonzero):
            m.d.sync += bit.eq(1)
        with m.If(self.clear):
            m.d.sync += bits.eq(0)

    def _many(self, m: Module) -> None:
        """Too many groups to clear at once: a bit in the memory counts only for layers marked since."""
        marks, query = self.marks, self.query
        m.submodules.groups = groups = Memory(
            shape=1,
            depth=self.config.neuron_groups,
            init=[],
            attrs={"ram_style": "distributed"},
        )
        write = groups.write_port()
        asked, next_one = groups.read_port(domain="comb"), groups.read_port(domain="comb")
        before = Signal()
        layer = query.of_layer.bit_select(query.layer, 1)
        m.d.comb += [
            write.addr.eq(marks.group),
            write.data.eq(marks.nonzero | (before & ~marks.begins_group)),
            write.en.eq(marks.valid),
            asked.addr.eq(query.group),
            next_one.addr.eq(query.next_group),
        ]
        m.d.sync += query.of_group.eq(asked.data & layer), query.of_next.eq(next_one.data & layer)
        with m.If(marks.valid):
            m.d.sync += before.eq(write.data)
