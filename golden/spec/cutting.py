"""How a network is cut into parts that a core holds one at a time (`golden.spec.parts`).

As many whole layers as fit are one part. A layer that does not fit alone is cut into tiles, as few and as
equal as groups of lanes can be. Room for a blank readout is part of the count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from golden.spec.config import CoreConfig
from golden.spec.layout import DoesNotFit, Placement, behind, check_fit
from golden.spec.maps import Map
from golden.spec.network import Network
from golden.spec.parts import Part
from golden.spec.shape import Stage, maps


def cut(network: Network, config: CoreConfig) -> tuple[Part, ...]:
    """The parts of a network on a core, in the order in which they run; one if the core holds it whole.

    Raises DoesNotFit, with what is missing, when a group of outputs of one layer is too large.
    """
    network.check_core(config)
    shape = (network.name, network.input_shape, network.hidden_stages, network.classes)
    learned = network.classifiers == "learned"
    try:
        return Cutter(*shape, config, network.latent_side, learned).parts()
    except DoesNotFit as error:
        try:
            network.check_fit(config)
        except DoesNotFit as whole:
            raise DoesNotFit(f"{whole}; nor in parts: {error}") from None
        raise


@dataclass(frozen=True)
class Cutter:
    """Cuts a network that is known by its layers alone."""

    name: str
    inputs: Map
    hidden: Sequence[Stage]
    classes: int
    config: CoreConfig
    latent_side: int
    learned: bool = False
    """Classifiers of maps learn."""

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Its layers, the readout the last."""
        return (*self.hidden, Stage(self.classes))

    @cached_property
    def seen(self) -> tuple[Map, ...]:
        """What goes into each."""
        return tuple(maps(self.inputs, tuple(self.hidden)))

    def parts(self) -> tuple[Part, ...]:
        """As `cut`."""
        found: list[Part] = []
        at = 0
        while at < len(self.stages):
            found += self.longest(at)
            at = found[-1].layers[-1] + 1
        return tuple(found)

    def smallest_parts(self) -> list[Part]:
        """The smallest part of every layer on a core of these lanes, whether or not it fits."""
        return [self.smallest(index) for index in range(len(self.stages))]

    def longest(self, first: int) -> list[Part]:
        """As many whole layers from `first` on as fit together; or one layer in tiles."""
        found: Part | None = None
        for beyond in range(first + 1, len(self.stages) + 1):
            part = self.part(first, beyond)
            if not self.fits(part):
                break
            found = part
        return [found] if found else self.tiles(first)

    def tiles(self, index: int) -> list[Part]:
        """A layer in as few tiles as can be, as equal as groups of lanes can be."""
        lanes, outputs = self.config.lanes, self.stages[index].outputs
        groups = -(-outputs // lanes)
        at_once = next(
            (
                n
                for n in range(groups - 1, 0, -1)
                if self.fits(self.part(index, None, 0, n * lanes))
            ),
            0,
        )
        if not at_once or index == len(self.stages) - 1:
            self.refuse(index)
        count = -(-groups // at_once)
        starts = [lanes * (groups * number // count) for number in range(count)]
        stops = [*starts[1:], outputs]
        return [self.part(index, None, *ends) for ends in zip(starts, stops, strict=True)]

    def part(self, first: int, beyond: int | None, start: int = 0, stop: int | None = None) -> Part:
        """Layers `first` to `beyond`; without `beyond`, outputs `start` to `stop` of layer `first`."""
        placed: list[Placement] = []
        end = len(self.stages)
        layers = range(first, first + 1 if beyond is None else beyond)
        for index in layers:
            stage, seen, readout = self.stages[index], self.seen[index], index == end - 1
            if stop is not None:
                stage = replace(stage, outputs=min(stop, stage.outputs) - start)
            if placed:
                placed.append(behind(placed[-1], stage, seen, readout=readout))
            else:
                averaged = self.averaged(index)
                common = (self.config.lanes, seen.channels, self.latent_side)
                placed.append(Placement(stage, seen, *common, readout, averaged))
        blank = layers[-1] < end - 1
        if blank:
            placed.append(_blank(placed[-1], self.stages[-1]))
        return Part(
            first=first,
            placements=tuple(placed),
            start=start,
            of=self.stages[layers[-1]].outputs,
            blank=blank,
        )

    def averaged(self, index: int) -> int:
        """Pixels of the map before a layer that it sees as one."""
        if not index or not self.stages[index - 1].kind.mapped:
            return 1
        return self.stages[index - 1].averaged(self.seen[index - 1])

    def fits(self, part: Part) -> bool:
        """The core has room for it."""
        try:
            self.check(part, self.name)
        except DoesNotFit:
            return False
        return True

    def check(self, part: Part, name: str) -> None:
        """Raise DoesNotFit, with what is missing, unless the core has room for it."""
        layers, classes = list(part.placements), self.stages[-1].outputs
        check_fit(name, layers, classes, self.config, learned=self.learned)

    def smallest(self, index: int) -> Part:
        """One group of outputs of a layer, or the readout, which is not cut."""
        whole = index == len(self.stages) - 1
        return self.part(
            index, index + 1 if whole else None, 0, None if whole else self.config.lanes
        )

    def refuse(self, index: int) -> None:
        """Say what is missing for the smallest part of a layer."""
        part, last = self.smallest(index), index == len(self.stages) - 1
        what = "the readout" if last else f"{part.last.stage.outputs} outputs of layer {index}"
        self.check(part, f"{self.name}: {what} alone")


def _blank(before: Placement, readout: Stage) -> Placement:
    """A readout that adds nothing, behind a layer."""
    lanes, outputs = before.lanes, before.stage.outputs
    if not before.kind.mapped:
        return Placement(readout, Map(outputs), lanes, outputs, before.latent_side, readout=True)
    channels, pixels = before.groups * lanes, before.stage.seen(before.inputs).positions
    return Placement(readout, Map(outputs), lanes, channels, before.latent_side, True, pixels)
