"""The walk over a layer that turns class signals into gains, a step a cycle."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from hw.core import kinds
from hw.core.base.chunks import chunk_address_bits
from hw.core.base.layouts import group_bits, layer_entry
from hw.core.base.raster import Raster
from hw.core.learn.project import AT_ONCE, parts

CAUSAL, NON_CAUSAL, DECAY, ADD = range(4)  # products, in this order


def most_parts(config: CoreConfig) -> int:
    """Parts of a chunk, at most: classes AT_ONCE together, those of a classifier one by one."""
    return config.classes if config.classifier_groups else parts(config.classes)


def step(config: CoreConfig) -> data.StructLayout:
    """What a cycle of the walk is for.

    `go`: a `part` of the classes is projected on a chunk (`begin`, `end`: its first and last part), of
    `group` within the layer. `working`: product `job` of a chunk of the neurons `state`; `first` of the
    layer. Of a map: `keep` what was projected on a group of latents; `mapped`: the chunk's learning
    signal is that of group `latent`, as far as it is `pooled` in `corner` of group `window`.
    """
    fields: dict[str, data.ShapeLike] = {
        "go": 1,
        "part": bits_for(most_parts(config)),
        "begin": 1,
        "end": 1,
        "job": 2,
        "working": 1,
        "first": 1,
        "group": group_bits(config),
        "state": group_bits(config),
        "chunk": bits_for(config.chunks),
        "number": chunk_address_bits(config),
    }
    if config.map_pixels:
        fields |= {"keep": 1, "mapped": 1, "latent": group_bits(config)}
        fields |= {"window": group_bits(config), "corner": 2, "pooled": 1}
    return data.StructLayout(fields)


class Steps(wiring.Component):
    """Goes over one layer.

    A flat layer: every part of every chunk of every group, and as many cycles as products are left to
    do. A map: every part of the latents; then the products of every pixel's chunks.

    ready        there is a layer
    taken        pulse: it is taken
    parameters   its entry, while `ready`
    entry        its entry, from a cycle after `taken` on
    classifies   it learns from a classifier of its own, while `ready`: a part is a class
    any_signal   one of its class signals is not zero, while `ready`
    class_count  classes in use
    blocked      wait in this cycle, unless on a map
    step         what this cycle is for
    done         pulse: all that `settles` in so many cycles has
    """

    def __init__(self, config: CoreConfig, settles: int) -> None:
        self.config, self.settles = config, settles
        super().__init__(
            {
                "ready": In(1),
                "taken": Out(1),
                "parameters": In(layer_entry()),
                "entry": In(layer_entry()),
                "classifies": In(1),
                "any_signal": In(1),
                "class_count": In(16),
                "blocked": In(1),
                "step": Out(step(config)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, walk, entry = self.config, self.step, self.entry
        self.last_part = Signal(range(most_parts(config) + 1))
        self.at = Signal(range(most_parts(config) + ADD + 1))
        self.group, self.state = Signal(group_bits(config)), Signal(group_bits(config))
        self.chunk = Signal(bits_for(config.chunks))
        self.number = Signal(chunk_address_bits(config))
        self.last_job = Signal(range(ADD + 1))  # number of products of a neuron, less one
        drain = Signal(range(self.settles + 1))
        self.of_map = kinds.of_map(config, entry)
        m.d.comb += [
            walk.part.eq(self.at),
            walk.begin.eq(self.at == 0),
            walk.end.eq(self.at == self.last_part),
            walk.group.eq(self.group),
            walk.state.eq(self.state),
            walk.chunk.eq(self.chunk),
            walk.number.eq(self.number),
        ]
        with m.FSM() as fsm:
            with m.State("IDLE"):
                self._begin(m)
            with m.State("WALK"):
                m.d.sync += drain.eq(self.settles)
                self._walk(m)
            with m.State("DRAIN"):
                m.d.sync += drain.eq(drain - 1)
                with m.If(drain == 0):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"
            if config.map_pixels:
                m.submodules.raster = self.raster = Raster(config)
                m.d.comb += self.raster.entry.eq(entry), self.raster.start.eq(fsm.ongoing("IDLE"))
                with m.State("SETTLE"):
                    m.d.sync += drain.eq(drain - 1)
                    m.d.sync += self.chunk.eq(0), self.number.eq(0), self.at.eq(0)
                    with m.If(drain == 0):
                        m.next = "MAP"
                with m.State("MAP"):
                    m.d.sync += drain.eq(self.settles)
                    self._map(m)
        return m

    def _begin(self, m: Module) -> None:
        m.d.comb += self.taken.eq(self.ready)
        m.d.sync += [
            counter.eq(0)
            for counter in (self.last_part, self.at, self.group, self.chunk, self.number)
        ]
        with m.If(self.ready):
            has_post = (self.parameters.post_gain != 0) & bool(self.config.post_traces)
            m.d.sync += self.state.eq(self.parameters.state_base)
            m.d.sync += self.last_job.eq(Mux(has_post, ADD, 0))
            with m.If(self.any_signal & ~self.parameters.flags.readout):
                m.d.sync += self.last_part.eq((self.class_count - 1) >> (AT_ONCE - 1).bit_length())
            with m.If(self.classifies):
                m.d.sync += self.last_part.eq(self.class_count - 1)
            m.next = "WALK"

    def _walk(self, m: Module) -> None:
        """A flat layer's neurons, or a map's latents, of which no product is made."""
        walk, entry, at, of_map = self.step, self.entry, self.at, self.of_map
        last = Signal()
        m.d.comb += [
            walk.go.eq(~self.blocked & (at <= self.last_part)),
            walk.job.eq(at - self.last_part),
            last.eq(at == self.last_part + Mux(of_map, 0, self.last_job)),
            walk.working.eq(~self.blocked & (at >= self.last_part) & ~of_map),
            walk.first.eq(self.number == 0),
        ]
        groups = kinds.latent_groups(self.config, entry)
        if self.config.map_pixels:
            m.d.comb += walk.keep.eq(walk.go & walk.end & of_map)
        with m.If(~self.blocked):
            m.d.sync += at.eq(at + 1)
            with m.If(last):
                m.d.sync += at.eq(0), self.chunk.eq(self.chunk + 1), self.number.eq(self.number + 1)
                with m.If(self.chunk == self.config.chunks - 1):
                    m.d.sync += self.chunk.eq(0), self.group.eq(self.group + 1)
                    m.d.sync += self.state.eq(self.state + ~of_map)
                    with m.If(self.group == groups - 1):
                        m.next = "DRAIN"
                        if self.config.map_pixels:
                            with m.If(of_map):
                                m.next = "SETTLE"

    def _map(self, m: Module) -> None:
        """The products of a map's neurons, pixel after pixel."""
        walk, raster, last = self.step, self.raster, Signal()
        m.d.comb += [
            walk.working.eq(1),
            walk.mapped.eq(1),
            walk.job.eq(self.at),
            walk.first.eq(self.number == 0),
            walk.latent.eq(raster.latent),
            walk.window.eq(raster.window),
            walk.corner.eq(raster.corner),
            walk.pooled.eq(raster.pooled),
            last.eq(self.at == self.last_job),
        ]
        m.d.sync += self.at.eq(self.at + 1)
        with m.If(last):
            m.d.sync += self.at.eq(0), self.chunk.eq(self.chunk + 1), self.number.eq(1)
            with m.If(self.chunk == self.config.chunks - 1):
                m.d.sync += self.chunk.eq(0), self.state.eq(self.state + 1)
                m.d.comb += raster.step.eq(1)
                with m.If(raster.end):
                    m.next = "DRAIN"
