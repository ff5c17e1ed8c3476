"""Chunks of lanes: what happens once per neuron and step is done a chunk of lanes a cycle.

A row of weights meets all lanes; firing, learning signals and the memories behind them have time for
one chunk after the other.
"""

from typing import Any

from amaranth import Cat, Value

from golden.spec.block_ram import SHALLOW
from golden.spec.config import CoreConfig, ceil_log2
from hw.core.base.layouts import group_bits


def chunk_bits(config: CoreConfig) -> int:
    """Bits of a chunk's number within its group."""
    return ceil_log2(config.chunks)


def chunk_address_bits(config: CoreConfig) -> int:
    """Bits of a chunk's address in the chunk memories: group, then chunk."""
    return group_bits(config) + chunk_bits(config)


def chunk_address(config: CoreConfig, group: Any, chunk: Any) -> Value:
    """Address of a chunk in the chunk memories."""
    return Cat(chunk[: chunk_bits(config)], group[: group_bits(config)])


def ram_style(depth: int) -> dict[str, str]:
    """Where a memory goes: into block RAM, unless so little of it were used that logic is cheaper."""
    return {"ram_style": "block" if depth > SHALLOW else "distributed"}


def state_depth(config: CoreConfig) -> int:
    """Words of a chunk memory that has one for every chunk of neurons."""
    return config.neuron_groups << chunk_bits(config)


def window_group(entry: Any, window: Any) -> Value:
    """A group of pooling windows among those of all layers: there are a quarter of the neurons' groups."""
    return (entry.state_base >> 2) + window
