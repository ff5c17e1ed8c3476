"""What the command `plan` shows of a network that runs in parts."""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table

from golden.spec.fpga import SLOWER
from sw.planning import Plan
from sw.planning.parts import PartsPlan

BLOCKS = (1, 10, 100)
"""Samples of a block for which the memory's rate is told."""


def parts_table(parts: PartsPlan, table: Table, count: Callable[[float], str]) -> Table:
    """A row for each layer, or for several that run together."""
    for layer in parts.layers:
        table.add_row(
            layer.name, f"{layer.count}", f"{layer.outputs}", f"{layer.words:,}",
            f"{layer.weight_bytes / 1e6:,.2f}", f"{layer.spikes_out / 8:,.0f}",
            f"{layer.spikes_in / 8:,.0f}", count(layer.cycles),
        )  # fmt: skip
    table.add_section()
    table.add_row(
        "all", f"{parts.count}", "", "", f"{parts.weight_bytes / 1e6:,.2f}", f"{parts.spike_bytes:,.0f}",
        f"{parts.moved_bytes - parts.spike_bytes:,.0f}", count(parts.cycles),
    )  # fmt: skip
    return table


def parts_notes(plan: Plan, parts: PartsPlan, rate: Callable[[float], str]) -> list[str]:
    """Which core, how fast, and what a memory would hold and move."""
    target, core = plan.target, parts.config
    mhz = SLOWER.get(parts.preset, target.mhz)
    clock = mhz * 1e6
    lines = [
        "spikes: bytes of a sample that are kept behind a layer, and that its parts take in",
        f"the core at {mhz:g} MHz: {rate(clock / parts.cycles)} samples/s learning, "
        f"{rate(clock / parts.inference_cycles)} with learning off; what brings parts is not in it",
    ]
    if core.list_rows:
        fullest = max(parts.layers, key=lambda layer: layer.active)
        too_many = fullest.active > core.list_rows
        lines.append(
            f"its lists hold {core.list_rows:,} active inputs; at these rates {fullest.name} has "
            f"{fullest.active:,.0f}{': some would be left out (LIST_FULL)' * too_many}"
        )
    if plan.sdram:
        peak = plan.sdram.sdram.bytes_per_second(plan.sdram.mhz)
        each = ", ".join(
            f"{rate(peak * block / parts.block_bytes(block))} of {block}" for block in BLOCKS
        )
        lines.append(f"the SDRAM would bring, samples/s with blocks of so many samples: {each}")
    if not parts.preset:
        there = target.fpga.block_rams
        much = f"{parts.block_rams} block RAMs of {there}"
        more = f" ({parts.block_rams - there} too many)" if parts.block_rams > there else ""
        lines += [
            f"no core of {target.label} has room for a part of every layer ({parts.lacks})",
            f"this one would, {much}{more}: {core.lanes} lanes, {core.weight_words:,} words, "
            f"{core.neuron_groups:,} groups, {core.trace_entries:,} traces",
        ]
    return lines
