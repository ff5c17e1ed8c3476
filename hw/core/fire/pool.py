"""Max pooling of spikes as they fire, and who decided each window. Twin of golden/fire/pool.py."""

from typing import Any

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.formats import MEMBRANE_BITS
from golden.spec.pooling import CORNERS
from hw.core import kinds
from hw.core.base.chunks import chunk_address, chunk_address_bits, window_group
from hw.core.base.layouts import context, group_bits, layer_entry
from hw.core.base.pipeline import later, register, spread, taps
from hw.core.base.raster import Raster


class Pool(wiring.Component):
    """Takes every fired chunk; a layer without pooling passes through.

    With pooling, a chunk is seen when the last of its window has fired. At the end of a layer there is
    always one, empty where a map has an odd side.

    valid             there is a chunk
    context           of its group
    chunk             its number within the group
    entry             of its layer
    spikes            of the chunk
    fired_potentials  of the chunk
    coming            the next layer will see a chunk, LATENCY cycles later
    local             with `coming`: its group of latents
    restart           with `coming`: it is its layer's first
    seen              its spikes
    potentials        with `seen`: those of the chunk that came last
    write_winners     pulse: a window is complete; written by LATENCY
    winners_place     chunk address of the window
    winners           for each lane, a bit for each corner of the window
    """

    LATENCY = 3

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.chunk_lanes
        membranes = data.ArrayLayout(signed(MEMBRANE_BITS), lanes)
        super().__init__(
            {
                "valid": In(1),
                "context": In(context(config)),
                "chunk": In(bits_for(config.chunks)),
                "entry": In(layer_entry()),
                "spikes": In(lanes),
                "fired_potentials": In(membranes),
                "coming": Out(1),
                "local": Out(group_bits(config)),
                "restart": Out(1),
                "seen": Out(lanes),
                "potentials": Out(membranes),
                "write_winners": Out(1),
                "winners_place": Out(chunk_address_bits(config)),
                "winners": Out(data.ArrayLayout(lanes, CORNERS)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, entry, lanes = self.config, self.entry, self.config.chunk_lanes
        m.submodules.raster = raster = Raster(config)
        last_chunk = self.chunk == config.chunks - 1
        of_map, pools = kinds.is_map(entry), entry.flags.pool
        done = Signal()  # the layer's last chunk is here
        begun = Signal()  # one of the layer's chunks was seen before
        whole = raster.corner == CORNERS - 1
        m.d.comb += [
            done.eq(self.context.final & last_chunk),
            raster.entry.eq(entry),
            raster.step.eq(self.valid & last_chunk & of_map),
            raster.start.eq(self.valid & done),
            self.coming.eq(self.valid & (~pools | whole | done)),
            self.local.eq(Mux(of_map, raster.latent, self.context.group - entry.state_base)),
            self.restart.eq(~begun),
        ]
        with m.If(self.coming):
            m.d.sync += begun.eq(~done)
        m.d.comb += self.potentials.eq(
            later(m, "potentials", self.fired_potentials.as_value(), self.LATENCY)
        )
        self._gather(m, raster, pools & whole, lanes)
        return m

    def _gather(self, m: Module, raster: Raster, completes: Any, lanes: int) -> None:
        """Windows of the line in hand: which corner was the first to fire, so far."""
        config = self.config
        m.submodules.line = line = Memory(
            shape=data.ArrayLayout(lanes, CORNERS - 1),
            depth=config.latent_groups * config.chunks,
            init=[],
            attrs={"ram_style": "distributed"},
        )
        reader, writer = line.read_port(), line.write_port()
        address = raster.in_line * config.chunks + self.chunk
        corner = later(m, "corner", raster.corner, 1)
        spikes = taps(m, "spikes", self.spikes, self.LATENCY)
        pooled, due = later(m, "pools", self.entry.flags.pool, 1), later(m, "due", completes, 1)
        before = [Mux(corner == 0, 0, reader.data[at]) for at in range(CORNERS - 1)]
        any_before = before[0] | before[1] | before[2]
        first = Signal(lanes)  # lanes whose first spike of the window this is
        fired = Signal(lanes)
        m.d.comb += [
            first.eq(spikes[1] & ~any_before),
            fired.eq(any_before | spikes[1]),
            reader.addr.eq(address),
            writer.addr.eq(later(m, "address", address, 1)),
            writer.en.eq(
                later(m, "gathers", self.valid & self.entry.flags.pool & raster.pooled, 1)
            ),
        ]
        for at in range(CORNERS - 1):
            m.d.comb += writer.data[at].eq(Mux(corner == at, first, before[at]))
        seen = Signal(lanes, reset_less=True)
        m.d.sync += seen.eq(Mux(pooled, fired & spread(due, lanes), spikes[1]))
        m.d.sync += register(m, self.seen).eq(seen)
        winners = register(m, self.winners)
        m.d.sync += [
            winners[0].eq(before[0] | ~fired),
            winners[1].eq(before[1]),
            winners[2].eq(before[2]),
            winners[3].eq(first),
        ]
        group = window_group(self.entry, raster.window)
        m.d.comb += [
            self.winners_place.eq(later(m, "place", chunk_address(config, group, self.chunk), 2)),
            self.write_winners.eq(later(m, "completes", self.valid & completes, 2)),
        ]
