"""Roads of firing: chunks of neurons, and the memories and tables that are read for them."""

from typing import Any

from amaranth import signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out, Signature
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import MEMBRANE_BITS
from golden.spec.layers import FIELDS
from hw.core.base.chunks import chunk_address_bits
from hw.core.base.layouts import fired_chunk, group_bits, layer_bits, layer_entry


class SumRead(Signature):
    """fire → lanes: the sums of a chunk.

    chunk  number of the chunk within its group
    sums   its sums, LATENCY cycles later
    """

    LATENCY = 1

    def __init__(self, config: CoreConfig) -> None:
        sums = data.ArrayLayout(signed(config.accumulator_bits), config.chunk_lanes)
        super().__init__({"chunk": Out(bits_for(config.chunks)), "sums": In(sums)})


class ChunkWrite(Signature):
    """A chunk of values, to the memory that keeps it.

    valid    there is one
    address  its chunk address
    values   one value a lane
    """

    def __init__(self, config: CoreConfig, shape: Any) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "address": Out(chunk_address_bits(config)),
                "values": Out(data.ArrayLayout(shape, config.chunk_lanes)),
            }
        )


class ChunkRead(Signature):
    """A reader → a chunk memory.

    address  a chunk address
    values   the chunk there, ChunkMemory.LATENCY cycles later
    """

    def __init__(self, config: CoreConfig, shape: Any) -> None:
        super().__init__(
            {
                "address": Out(chunk_address_bits(config)),
                "values": In(data.ArrayLayout(shape, config.chunk_lanes)),
            }
        )


class HostRead(Signature):
    """host → a chunk memory: the host reads while the core is at rest.

    active   the memory is the host's
    address  a chunk address
    values   the chunk there, ChunkMemory.LATENCY cycles later
    """

    def __init__(self, config: CoreConfig, shape: Any) -> None:
        super().__init__({"active": Out(1)} | dict(ChunkRead(config, shape).members))


class Seen(Signature):
    """fire → learn, readout: a chunk's spikes as the next layer sees them, behind the pooling.

    coming      the chunk, Firing.SEEN_LEAD cycles ahead of `chunk` and what follows
    latent      with `coming`: its group among the latents of its layer
    restart     with `coming`: it is its layer's first
    chunk       the chunk
    number      its number among the chunks of its layer
    readout     its layer is the readout: it has no spikes, its potentials are logits
    spikes      a bit a lane
    potentials  membranes after the reset, before the leak
    """

    def __init__(self, config: CoreConfig) -> None:
        lanes = config.chunk_lanes
        super().__init__(
            {
                "coming": Out(fired_chunk(config)),
                "latent": Out(group_bits(config)),
                "restart": Out(1),
                "chunk": Out(fired_chunk(config)),
                "number": Out(chunk_address_bits(config)),
                "readout": Out(1),
                "spikes": Out(lanes),
                "potentials": Out(data.ArrayLayout(signed(MEMBRANE_BITS), lanes)),
            }
        )


class LayerRead(Signature):
    """A reader → the layer table.

    layer  index of a layer
    entry  its entry, in the same cycle
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__({"layer": Out(layer_bits(config)), "entry": In(layer_entry())})


class TableWrite(Signature):
    """host → the layer table: a field of an entry.

    valid  there is one
    layer  index of the layer
    field  number of the field (`golden.spec.layers.FIELDS`)
    data   its value
    """

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(
            {
                "valid": Out(1),
                "layer": Out(layer_bits(config)),
                "field": Out(ceil_log2(len(FIELDS))),
                "data": Out(16),
            }
        )
