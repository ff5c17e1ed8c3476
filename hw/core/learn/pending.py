"""Which groups have a weight update to make up for."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from hw.core.base.tokens import layer_bits, state_bits


class Pending(wiring.Component):
    """A bit per group and one per layer, set while a group's gains are written.

    `mark` comes with every chunk of gains of a group: `some` are not zero; `begins_group` and
    `begins_layer` with the first. What is asked: `of_group` for `group` (of `layer`), at once, but where
    there are maps a cycle later; there `of_next` for `next_group` too. `clear` forgets all.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "mark": In(1),
                "some": In(1),
                "begins_group": In(1),
                "begins_layer": In(1),
                "marked_group": In(state_bits(config)),
                "marked_layer": In(layer_bits(config)),
                "clear": In(1),
                "group": In(state_bits(config)),
                "layer": In(layer_bits(config)),
                "of_group": Out(1),
                "next_group": In(state_bits(config)),
                "of_next": Out(1),
                "of_layer": Out(config.layers),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._set(m, self.of_layer, self.begins_layer, self.marked_layer)
        if not self.config.map_pixels:
            groups = Signal(self.config.neuron_groups)
            self._set(m, groups, self.begins_group, self.marked_group)
            m.d.comb += self.of_group.eq(groups.bit_select(self.group, 1))
            return m
        # too many to clear at once: what is left in the memory counts only for layers marked since
        m.submodules.groups = groups = Memory(
            shape=1,
            depth=self.config.neuron_groups,
            init=[],
            attrs={"ram_style": "distributed"},
        )
        write, asked, next_one = (
            groups.write_port(),
            groups.read_port(domain="comb"),
            groups.read_port(domain="comb"),
        )
        before = Signal()
        layer = self.of_layer.bit_select(self.layer, 1)
        m.d.comb += [
            write.addr.eq(self.marked_group),
            write.data.eq(self.some | (before & ~self.begins_group)),
            write.en.eq(self.mark),
            asked.addr.eq(self.group),
            next_one.addr.eq(self.next_group),
        ]
        m.d.sync += self.of_group.eq(asked.data & layer), self.of_next.eq(next_one.data & layer)
        with m.If(self.mark):
            m.d.sync += before.eq(write.data)
        return m

    def _set(self, m, bits, begins, where):
        bit = bits.bit_select(where, 1)
        with m.If(self.mark & begins):
            m.d.sync += bit.eq(self.some)
        with m.Elif(self.mark & self.some):
            m.d.sync += bit.eq(1)
        with m.If(self.clear):
            m.d.sync += bits.eq(0)
