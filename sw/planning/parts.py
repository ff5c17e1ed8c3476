"""A network that no core of a chip holds whole, in parts (`golden.spec.cutting`): cycles, and what moves.

Every part runs alone, with a blank readout behind it, so its cycles are those of a small network. They are
the core's: bringing parts is not among them. Weights cross once each way for a block of samples, spikes once
out for each part, and once in for each part behind it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from golden.spec.config import CoreConfig
from golden.spec.cutting import Cutter
from golden.spec.fpga import Target
from golden.spec.layout import DoesNotFit, classifier_groups
from golden.spec.memory_map import block_rams_by_kind
from golden.spec.parts import Part
from sw.planning.activity import Activity
from sw.planning.cycles import cycles_of
from sw.planning.fitting import Draft, named
from sw.planning.shape import Shape

WORD_BITS = 16
"""A weight, or the spikes of 16 channels: a word of the memory."""
PARTS_LANES = (8, 16, 32, 64)
"""Lanes that are tried for a core that does not exist."""


@dataclass(frozen=True, kw_only=True)
class LayerParts:
    """The parts that one layer, or several that run together, take."""

    name: str
    count: int
    outputs: int
    """Of a part, at most."""
    words: int
    """Of weights, of a part at most."""
    cycles: float
    """Of a training sample, all parts together."""
    inference: float
    """With learning off."""
    weight_bytes: int
    spikes_in: float
    """Bits of a sample that go in, for all parts together."""
    spikes_out: float
    """Bits of a sample that are kept."""
    active: float
    """Inputs that spike or have a trace, a step."""


@dataclass(frozen=True, kw_only=True)
class PartsPlan:
    """A network in parts on a core."""

    preset: str
    """Name of the core; empty: none of the chip's holds a part of every layer, and this one does."""
    config: CoreConfig
    layers: tuple[LayerParts, ...]
    block_rams: int
    """Of the core."""
    lacks: str
    """Why no core of the chip will do."""

    @property
    def count(self) -> int:
        """Parts."""
        return sum(layer.count for layer in self.layers)

    @property
    def cycles(self) -> float:
        """Of a training sample."""
        return sum(layer.cycles for layer in self.layers)

    @property
    def inference_cycles(self) -> float:
        """Of a sample with learning off."""
        return sum(layer.inference for layer in self.layers)

    @property
    def weight_bytes(self) -> int:
        """Of all weights, a word each, idle lanes among them."""
        return sum(layer.weight_bytes for layer in self.layers)

    @property
    def spike_bytes(self) -> float:
        """Of the spikes of a sample that are kept: all that grows with its steps."""
        return sum(layer.spikes_out for layer in self.layers) / 8

    @property
    def moved_bytes(self) -> float:
        """Spikes of a sample, out and in."""
        return sum(layer.spikes_in + layer.spikes_out for layer in self.layers) / 8

    def block_bytes(self, samples: int) -> float:
        """That cross for a block of samples: weights both ways, and spikes."""
        return 2 * self.weight_bytes + samples * self.moved_bytes

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        more = ("count", "cycles", "inference_cycles", "weight_bytes", "spike_bytes", "moved_bytes")
        return {
            **asdict(self),
            "config": self.config.as_dict(),
            **{name: getattr(self, name) for name in more},
        }


def plan_parts(shape: Shape, target: Target, activity: Activity, steps: int) -> PartsPlan:
    """On the core of the target that takes the fewest cycles; else on one made for it.

    That is the fastest with no more block RAMs than the chip, or, if there is none, the smallest. It has room
    for one group of outputs of every layer and no more.
    """
    lacks, found = "", []
    for name, declared in named(target).items():
        config = replace(declared, input_bits=max(declared.input_bits, shape.input_bits))
        try:
            found.append(plan_on(shape, name, config, activity, steps, lacks))
        except DoesNotFit as error:
            lacks = f"{name}: {error}"
    if not found:
        drafts = [_draft(shape, target.config, lanes) for lanes in PARTS_LANES]
        least = min(block_rams(each) for each in drafts)
        room = max(least, target.fpga.block_rams)
        found = [
            plan_on(shape, "", each, activity, steps, lacks)
            for each in drafts
            if block_rams(each) <= room
        ]
    return min(found, key=lambda plan: plan.cycles)


def block_rams(config: CoreConfig) -> int:
    """Of a core."""
    return sum(block_rams_by_kind(config).values())


def plan_on(
    shape: Shape,
    preset: str,
    config: CoreConfig,
    activity: Activity,
    steps: int,
    lacks: str = "",
) -> PartsPlan:
    """On one core. Raises DoesNotFit: it has no room for a part of every layer."""
    layers: dict[range, list[Part]] = {}
    for part in _cutter(shape, config).parts():
        layers.setdefault(part.layers, []).append(part)
    return PartsPlan(
        preset=preset,
        config=config,
        layers=tuple(_layer(shape, each, config, activity, steps) for each in layers.values()),
        block_rams=block_rams(config),
        lacks=lacks,
    )


def _cutter(shape: Shape, config: CoreConfig) -> Cutter:
    return Cutter(
        *(str(shape), shape.inputs, shape.stages, shape.classes),
        *(config, shape.latent_side, shape.learned),
    )


def _layer(
    shape: Shape, parts: list[Part], config: CoreConfig, activity: Activity, steps: int
) -> LayerParts:
    """One layer's parts."""
    first = parts[0]
    learn = [_cycles(shape, part, config, activity, steps, learn=True) for part in parts]
    infer = [_cycles(shape, part, config, activity, steps, learn=False) for part in parts]
    real = first.placements[: len(first.layers)]
    names = "-".join(f"{placement.stage}" for placement in (*real[:-1],))
    last = f"{first.of}{str(real[-1].stage).removeprefix(str(real[-1].stage.outputs))}"
    shown = first.shown.positions * first.of if first.blank else 0
    return LayerParts(
        name="-".join(filter(None, (names, last))),
        count=len(parts),
        outputs=max(part.last.stage.outputs for part in parts),
        words=max(part.words for part in parts),
        cycles=sum(learn),
        inference=sum(infer),
        weight_bytes=sum(part.words for part in parts) * config.lanes * WORD_BITS // 8,
        spikes_in=float(steps * first.inputs * len(parts) * bool(first.first)),
        spikes_out=float(steps * shown),
        active=first.inputs
        * activity.active(activity.rate if first.first else activity.input_rate),
    )


def _cycles(
    shape: Shape, part: Part, config: CoreConfig, activity: Activity, steps: int, *, learn: bool
) -> float:
    """Of a part, its blank readout included."""
    layers, last = list(part.placements), shape.learning_steps(steps) * learn
    rate = activity.rate if part.first else None
    rows = activity.rows(layers, steps, last, first=rate)
    counted = cycles_of(
        layers, rows, config, activity, (steps, last), learned=shape.learned, blank=part.blank
    )
    return sum(each.cycles for each in counted)


def _draft(shape: Shape, like: CoreConfig, lanes: int) -> Draft:
    """The smallest core of so many lanes that holds a group of outputs of every layer, one at a time."""
    fields = like.as_dict() | {"lanes": lanes, "store_bytes": 0, "post_traces": 0}
    fields |= {"input_bits": shape.input_bits, "layers": 2}
    lanes_only = Draft(**fields)
    parts = _cutter(shape, lanes_only).smallest_parts()
    alone = [list(part.placements) for part in parts]
    pixels = [each.positions for layers in alone for each in layers if each.kind.mapped]
    fields |= {
        "weight_words": max(sum(each.words for each in layers) for layers in alone),
        "neuron_groups": max(sum(each.state_groups for each in layers) for layers in alone),
        "trace_entries": max(sum(each.traces for each in layers) for layers in alone),
        "map_pixels": max(pixels, default=0),
        "classifier_groups": max(map(classifier_groups, alone)) if shape.learned else 0,
        "classes": max(shape.classes, like.classes),
    }
    return Draft(**fields)
