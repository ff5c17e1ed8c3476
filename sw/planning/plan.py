"""A network planned for a board: everything the command `plan` shows, as one value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from golden.spec.config import CoreConfig
from golden.spec.fpga import TARGETS, Target
from golden.spec.logic import lut_estimate, multipliers
from golden.spec.memory_map import bits_by_kind, block_rams_by_kind
from golden.spec.samples import KEPT_LENGTH, SAMPLE_HEADER, SKIP
from golden.spec.sdram import SdramConfig
from golden.spec.values import slot_bits
from sw.energy import EnergyModel
from sw.planning.activity import Activity
from sw.planning.cycles import LayerCycles, layer_cycles
from sw.planning.fitting import Fit, draft, find_fit
from sw.planning.parts import PartsPlan, plan_parts
from sw.planning.sdram import SdramPlan, plan_sdram
from sw.planning.shape import Shape

SDRAM_MHZ = 133.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A network on a core: the target's own, the fastest that fits, or what it would take."""

    shape: Shape
    target: Target
    steps: int
    activity: Activity
    config: CoreConfig
    fits: tuple[Fit, ...]
    """Every size of the board."""
    chosen: Fit
    """That of the target."""
    training: tuple[LayerCycles, ...]
    inference: tuple[LayerCycles, ...]
    sdram: SdramPlan | None
    """Of a network that the target does not hold."""
    parts: PartsPlan | None
    """Of the same, in parts."""

    @property
    def cycles(self) -> float:
        """Of a training sample."""
        return sum(layer.cycles for layer in self.training)

    @property
    def inference_cycles(self) -> float:
        """Of a sample with learning off."""
        return sum(layer.cycles for layer in self.inference)

    @property
    def bound(self) -> float:
        """Of a training sample: (s + r) x groups, all layers and steps."""
        return sum(layer.bound for layer in self.training)

    @property
    def link_bytes(self) -> int:
        """Of a sample on its way to the board, each step in the shorter code (golden.spec.samples)."""
        inputs, spikes = self.shape.inputs.neurons, self.activity.input_rate
        bits, value = 1, 0
        if self.shape.input_bits > 1:
            bits, value = slot_bits(self.shape.input_bits), 1
        sparse = KEPT_LENGTH.size + inputs * max(spikes * (1 + value), 1 / SKIP)
        return round(SAMPLE_HEADER.size + self.steps * (1 + min(sparse, -(-inputs * bits // 8))))

    @property
    def fit_in_memory(self) -> int:
        """Samples that the store of a board with an SDRAM keeps, by `link_bytes`."""
        return SdramConfig().store_bytes // (
            KEPT_LENGTH.size + self.link_bytes + self.link_bytes % 2
        )

    @property
    def joules(self) -> float:
        """Estimated energy of a training sample's synaptic operations and updates (sw.energy)."""
        used = self.config.lanes * _useful(self.shape, self.config.lanes)
        counts = {
            "synops": round(used * sum(layer.integrate for layer in self.training)),
            "updates": round(used * sum(layer.update for layer in self.training)),
        }
        return EnergyModel.of(self.config).joules(counts)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        rate = self.target.mhz * 1e6
        return {
            "network": str(self.shape),
            "weights": self.shape.synapses,
            "neurons": self.shape.neurons,
            "board": self.target.board,
            "size": self.target.size,
            "fits": self.chosen.config is not None,
            "mhz": self.target.mhz,
            "steps": self.steps,
            "assumed": asdict(self.activity),
            "core": self.config.as_dict(),
            "memory_bits": bits_by_kind(self.config),
            "memory_block_rams": block_rams_by_kind(self.config),
            "layers": [
                {**asdict(learning), "bound": learning.bound, "cycles": learning.cycles}
                | {"inference_cycles": inferring.cycles}
                for learning, inferring in zip(self.training, self.inference, strict=True)
            ],
            "cycles": self.cycles,
            "bound": self.bound,
            "inference_cycles": self.inference_cycles,
            "samples_per_s": rate / self.cycles,
            "inference_samples_per_s": rate / self.inference_cycles,
            "link_bytes": self.link_bytes,
            "joules": self.joules,
            "sizes": [_fit_dict(fit) for fit in self.fits],
            "sdram": _sdram_dict(self.sdram),
            "parts": self.parts.as_dict() if self.parts else None,
        }


def make_plan(
    shape: Shape,
    target: Target,
    *,
    steps: int = 10,
    activity: Activity | None = None,
    sdram_mhz: float = SDRAM_MHZ,
    sdram: bool = False,
) -> Plan:
    """Plan a network. With `sdram`, the SDRAM version is planned even if the chip holds it.

    Raises ValueError when there are no steps or no clock.
    """
    if steps < 1 or not sdram_mhz > 0:
        raise ValueError(f"{steps} steps, SDRAM at {sdram_mhz:g} MHz: both are 1 or more")
    activity = activity or Activity()
    sizes = [each for each in TARGETS.values() if each.board == target.board]
    fits = tuple(find_fit(shape, each, activity, steps) for each in sizes)
    chosen = next(fit for fit in fits if fit.target.label == target.label)
    own = target.config
    config = chosen.config or draft(shape, own.lanes, own)
    without = sdram or chosen.config is None
    return Plan(
        shape=shape,
        target=chosen.target,
        steps=steps,
        activity=activity,
        config=config,
        fits=fits,
        chosen=chosen,
        training=tuple(layer_cycles(shape, config, activity, steps, learn=True)),
        inference=tuple(layer_cycles(shape, config, activity, steps, learn=False)),
        sdram=plan_sdram(shape, target, activity, steps, sdram_mhz) if without else None,
        parts=None if chosen.config else plan_parts(shape, target, activity, steps),
    )


def _useful(shape: Shape, lanes: int) -> float:
    """Share of the lanes that are neurons, weighed by the weights of a layer."""
    layers = shape.placements(lanes)
    words = [placement.words for placement in layers]
    filled = [placement.stage.outputs / (placement.groups * lanes) for placement in layers]
    return sum(w * f for w, f in zip(words, filled, strict=True)) / sum(words)


def _fit_dict(fit: Fit) -> dict[str, Any]:
    found: dict[str, Any] = {"size": fit.target.size, "fpga": asdict(fit.target.fpga)}
    if fit.config is None:
        return found | {"fits": False, "lacks": fit.lacks}
    return found | {
        "fits": True,
        "preset": fit.preset,
        "core": fit.config.as_dict(),
        "block_rams": sum(block_rams_by_kind(fit.config).values()),
        "multipliers": multipliers(fit.config),
        "luts_about": lut_estimate(fit.config),
        "mhz": fit.target.mhz,
        "cycles": fit.cycles,
        "samples_per_s": fit.samples_per_second,
    }


def _sdram_dict(plan: SdramPlan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    orders = [
        {**asdict(order), "traffic": order.traffic, "samples_per_s": order.rate}
        for order in plan.orders
    ]
    return {**asdict(plan), "fits": plan.fits, "orders": orders}
