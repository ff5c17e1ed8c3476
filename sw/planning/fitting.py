"""Which core holds a network on which chip, or what the chip lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.fpga import Target
from golden.spec.layout import DoesNotFit, check_fit
from golden.spec.logic import lut_estimate, multipliers
from golden.spec.memory_map import block_rams_by_kind
from golden.spec.room import needs
from sw.planning.activity import Activity
from sw.planning.cycles import layer_cycles
from sw.planning.shape import Shape

LANES = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Lanes that are tried."""
LUT_SHARE = 0.95
"""Part of the look-up tables that can be used before routing ends."""


class Draft(CoreConfig):
    """A core as a network would need it, whether or not it can be built."""

    def __post_init__(self) -> None:
        """No bounds."""


def draft(shape: Shape, lanes: int, like: CoreConfig, **fields: int) -> Draft:
    """The core that holds a network with so many lanes, has these fields, and else is like another."""
    wanted = needs(
        shape.placements(lanes),
        lanes,
        shape.classes,
        learned=shape.learned,
        input_bits=shape.input_bits,
    )
    return Draft(**{**like.as_dict(), **wanted, **fields})


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What became of a network on one target."""

    target: Target
    preset: str
    """Name of the core in golden.spec.config.PRESETS, if it has one."""
    config: CoreConfig | None
    """The fastest core found that holds it; without one, `lacks` says why."""
    lacks: str = ""
    cycles: float = 0.0
    """Of a training sample."""

    @property
    def samples_per_second(self) -> float:
        """Training samples the core takes, if the link keeps up."""
        return self.target.mhz * 1e6 / self.cycles if self.cycles else 0.0


def find_fit(shape: Shape, target: Target, activity: Activity, steps: int) -> Fit:
    """The target's own core if it holds the network, else the fastest that fits the chip.

    A declared core may be built for inputs that carry values.
    """

    def cycles(config: CoreConfig) -> float:
        return sum(c.cycles for c in layer_cycles(shape, config, activity, steps, learn=True))

    for name, declared in named(target).items():
        config = replace(declared, input_bits=max(declared.input_bits, shape.input_bits))
        if not misfit(shape, config) and not (
            config != declared and shortage(shape, config, target)
        ):
            return Fit(
                target=target.clocked(name), preset=name, config=config, cycles=cycles(config)
            )
    own = target.config
    drafts = [
        draft(shape, lanes, own, store_bytes=store, post_traces=post)
        for lanes in LANES
        for store in (own.store_bytes, 0)
        for post in (1, 0)
    ]
    fitting = [each for each in drafts if not shortage(shape, each, target)]
    if fitting:
        best = min(fitting, key=lambda d: (cycles(d), -d.post_traces, -d.store_bytes, d.lanes))
        config = CoreConfig(**best.as_dict())
        return Fit(target=target, preset="", config=config, cycles=cycles(config))
    least = min(drafts, key=lambda each: sum(block_rams_by_kind(each).values()))
    return Fit(target=target, preset="", config=None, lacks=shortage(shape, least, target))


def named(target: Target) -> dict[str, CoreConfig]:
    """Cores that are declared for a target: what it is built with, then others of its name."""
    others = {name: core for name, core in PRESETS.items() if name.startswith(f"{target.label}-")}
    return {target.preset: target.config} | others


def misfit(shape: Shape, config: CoreConfig) -> str:
    """Why a core has no room for a network; empty if it has."""
    if shape.input_bits > config.input_bits:
        return f"{shape}: inputs of {shape.input_bits} bits, the core takes {config.input_bits}"
    try:
        layers = shape.placements(config.lanes)
        check_fit(str(shape), layers, shape.classes, config, learned=shape.learned)
    except DoesNotFit as error:
        return str(error)
    return ""


def shortage(shape: Shape, config: CoreConfig, target: Target) -> str:
    """What a chip lacks for a core made for a network; empty if nothing."""
    fpga, by_kind = target.fpga, block_rams_by_kind(config)
    short = []
    if (blocks := sum(by_kind.values())) > fpga.block_rams:
        most = max(by_kind, key=lambda kind: by_kind[kind])
        short.append(
            f"{blocks - fpga.block_rams:,} block RAMs too many, of {blocks:,} with {config.lanes} lanes "
            f"({most} {by_kind[most]:,})"
        )
    if (count := multipliers(config)) > fpga.multipliers:
        short.append(f"{count - fpga.multipliers} multipliers too many, of {count}")
    if (luts := lut_estimate(config)) > fpga.luts * LUT_SHARE:
        short.append(f"about {luts:,} LUTs, {fpga.luts:,} there")
    try:
        built = CoreConfig(**config.as_dict())
    except ValueError as error:
        return "; ".join(short or [f"no such core: {error}"])
    if reason := misfit(shape, built):
        short.append(reason)
    return "; ".join(short)
