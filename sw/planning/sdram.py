"""The machine for a network that no chip holds: weights, and what else has no room, in an SDRAM.

No such machine is built; these are the numbers it would have to live with, from the same model.

Step after step (time-major), the rows of weights that a step visits come in, and those that the step
before has left to update go back out, in every step; so do membranes and gains, unless they fit on the chip.

Layer after layer (layer-major, `golden.layer_major`), a layer's weights come in once per sample and go out
once, updates being added up to the end of the sample. Spikes of a layer, steps x neurons bits, go out and
come back in. A layer that the chip does not hold whole (weights, their sums, its neurons) is cut into
tiles; its error is known only after the last of them, so it is run twice and its weights come in twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from golden.spec.block_ram import BLOCK_RAM_SHAPES
from golden.spec.config import CoreConfig
from golden.spec.formats import GAIN_BITS, MEMBRANE_BITS, SURROGATE_BITS, TRACE_BITS
from golden.spec.fpga import Sdram, Target
from golden.spec.layout import Placement
from golden.spec.memory_map import block_rams_by_kind
from sw.planning.activity import Activity, Rows
from sw.planning.cycles import LayerCycles, layer_cycles
from sw.planning.fitting import draft
from sw.planning.shape import Shape

BLOCK_RAM_BITS = max(width * depth for width, depth in BLOCK_RAM_SHAPES)
LISTED_BITS = 32
"""An entry of an active list: row, trace, spike."""
STATE_BITS = MEMBRANE_BITS + GAIN_BITS
"""Of a neuron from step to step."""
NEURON_BITS = MEMBRANE_BITS + SURROGATE_BITS + GAIN_BITS + 1
"""Of a neuron while its layer runs."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One order of work: bytes and cycles of a training sample."""

    name: str
    weight_bytes: float
    state_bytes: float
    spike_bytes: float
    cycles: float
    compute_rate: float
    """Samples a second that the lanes take."""
    memory_rate: float
    """Samples a second that the SDRAM brings, at its peak."""

    @property
    def traffic(self) -> float:
        """Bytes of a sample, both ways."""
        return self.weight_bytes + self.state_bytes + self.spike_bytes

    @property
    def rate(self) -> float:
        """The slower one counts, both working at once."""
        return min(self.compute_rate, self.memory_rate)


@dataclass(frozen=True, kw_only=True)
class SdramPlan:
    """What the SDRAM version needs."""

    sdram: Sdram
    mhz: float
    """Clock of the SDRAM: an assumption."""
    weight_bytes: float
    """All weights."""
    state_bytes: float
    """Membranes, gains and pre traces of all layers."""
    state_on_chip: bool
    """They fit beside the lanes, so that only weights move."""
    spike_buffer_bits: int
    """Most spikes that layer-major order keeps at a time: a layer's inputs and outputs."""
    tiles: tuple[int, ...]
    """Tiles of each layer in layer-major order, at least."""
    orders: tuple[Order, Order]
    """Time-major, layer-major."""

    @property
    def fits(self) -> bool:
        """The SDRAM is large enough."""
        kept = self.weight_bytes + self.state_bytes + self.spike_buffer_bits / 8
        return kept <= self.sdram.megabytes * 2**20


def plan_sdram(
    shape: Shape, target: Target, activity: Activity, steps: int, mhz: float
) -> SdramPlan | None:
    """For the target's lanes and clock; None for a board without an SDRAM."""
    if target.sdram is None:
        return None
    own = target.config
    whole, layers = draft(shape, own.lanes, own, store_bytes=0), shape.placements(own.lanes)
    rows = activity.rows(layers, steps, shape.learning_steps(steps))
    counted = layer_cycles(shape, whole, activity, steps, learn=True)
    weights = [_weight_bits(placement, own) / 8 for placement in layers]
    state = [placement.state_groups * own.lanes * STATE_BITS / 8 for placement in layers]
    lists = [row.traces * LISTED_BITS / 8 for row in rows]
    needed = {kind: n for kind, n in block_rams_by_kind(whole).items() if kind != "weights"}
    on_chip = sum(needed.values()) <= target.fpga.block_rams
    tiles = tuple(_tiles(placement, own, target, steps) for placement in layers)
    moved = target.sdram.bytes_per_second(mhz)

    def order(name: str, weight: float, kept: float, spikes: float, cycles: float) -> Order:
        return Order(
            name=name,
            weight_bytes=weight,
            state_bytes=kept,
            spike_bytes=spikes,
            cycles=cycles,
            compute_rate=target.mhz * 1e6 / cycles,
            memory_rate=moved / (weight + kept + spikes),
        )

    step_weights = sum(
        size * sum(_touched(placement, row))
        for size, placement, row in zip(weights, layers, rows, strict=True)
    )
    kept = 0.0 if on_chip else 2 * steps * (sum(state) + sum(lists))
    spike_bits = [placement.inputs.neurons * steps for placement in layers]
    runs = [2 if count > 1 else 1 for count in tiles]
    spikes_in = sum(b * n * r for b, n, r in zip(spike_bits, tiles, runs, strict=True)) / 8
    return SdramPlan(
        sdram=target.sdram,
        mhz=mhz,
        weight_bytes=sum(weights),
        state_bytes=sum(state) + sum(lists),
        state_on_chip=on_chip,
        spike_buffer_bits=max(map(sum, zip(spike_bits, [*spike_bits[1:], 0], strict=True))),
        tiles=tiles,
        orders=(
            order("time-major", step_weights * steps, kept, 0.0, sum(c.cycles for c in counted)),
            order(
                "layer-major",
                sum(size * (run + 1) for size, run in zip(weights, runs, strict=True)),
                0.0,
                sum(spike_bits[1:]) / 8 + spikes_in,
                sum(_run_again(c, run) for c, run in zip(counted, runs, strict=True)),
            ),
        ),
    )


def _weight_bits(placement: Placement, config: CoreConfig) -> int:
    return placement.words * config.lanes * config.weight_bits


def _touched(placement: Placement, row: Rows) -> tuple[float, float]:
    """Share of the rows of weights that a step reads, and that it writes.

    A row that pixels share is touched if its channel spikes, or has a trace, at any pixel.
    """
    pixels, inputs = placement.sharing, placement.input_neurons
    spikes, traces = min(row.spikes / inputs, 1.0), min(row.traces / inputs, 1.0)
    either = 1 - (1 - spikes) * (1 - traces)
    return 1 - (1 - either) ** pixels, 1 - (1 - traces) ** pixels


def _tiles(placement: Placement, config: CoreConfig, target: Target, steps: int) -> int:
    """Parts of a layer that the block RAMs hold one at a time, at least."""
    sum_bits = GAIN_BITS + TRACE_BITS + ceil(log2(max(steps * placement.positions, 2)))
    weights = placement.words * config.lanes * (config.weight_bits + sum_bits)
    neurons = placement.state_groups * config.lanes * NEURON_BITS
    lists = placement.traces * LISTED_BITS
    return ceil((weights + neurons + lists) / (target.fpga.block_rams * BLOCK_RAM_BITS))


def _run_again(counted: LayerCycles, runs: int) -> float:
    """Cycles of a layer that is run so often before its weights change; nothing waits for a signal."""
    forward = counted.integrate + counted.fire + counted.turnaround
    return counted.update + forward * runs
