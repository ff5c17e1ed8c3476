"""A network larger than a core, cut into parts that the core holds one at a time.

TESS is local in space: what a layer learns depends on the spikes that go in, on its own neurons and on its
own guess of the class, and on nothing behind it. So a part may run through all steps of a sample, or of many
samples, before the next one starts. A part is

- a run of whole layers that the core holds together, or
- a *tile*: some outputs of one layer (neurons; of a map, channels), with all their inputs and weights.

A tile has a guess of its own, from its own latents, as a whole layer has; that is all that a network in parts
does otherwise than the same network on a core that holds it whole. Outputs of a tile are whole groups of
lanes. A network that the core holds whole is one part.

The core's layer table ends in a readout. So each part but the last one has a *blank* one behind its
layers: its weights are 0, it learns nothing and adds nothing. Behind a map it is a layer that sees an average,
which has the fewest rows.

What a part takes in has no idle lanes: input pixel x C + c is channel c of the C that the layer before shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.entries import entry_fields
from golden.spec.flags import Flag
from golden.spec.layers import Layer, one_after_other
from golden.spec.layout import DoesNotFit, Placement, behind, check_fit
from golden.spec.maps import Map
from golden.spec.network import Network
from golden.spec.shape import Stage, maps
from golden.spec.weights import Weights


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some layers of a network, or some outputs of one, and where they lie on the core."""

    first: int
    """Number of its first layer in the network."""
    placements: tuple[Placement, ...]
    """Its layers on the core, a blank readout's last."""
    start: int
    """First output of its last layer, of those of the network's layer: 0 unless it is a tile."""
    of: int
    """Outputs of that layer of the network."""
    blank: bool
    """The last placement is a blank readout."""

    @property
    def layers(self) -> range:
        """Numbers of its layers in the network."""
        return range(self.first, self.first + len(self.placements) - self.blank)

    @property
    def last(self) -> Placement:
        """Its last layer, a blank readout apart."""
        return self.placements[len(self.layers) - 1]

    @property
    def stop(self) -> int:
        """Behind its last output."""
        return self.start + self.last.stage.outputs

    @property
    def tile(self) -> bool:
        """It has some outputs of a layer only."""
        return self.last.stage.outputs < self.of

    @property
    def ends_layer(self) -> bool:
        """Behind it all outputs of its last layer are known."""
        return self.stop == self.of

    @property
    def shown(self) -> Map:
        """The map of spikes that the parts behind it take in."""
        return self.last.stage.seen(self.last.inputs)

    @property
    def inputs(self) -> int:
        """Inputs of its first layer: pixels x channels."""
        return self.placements[0].input_neurons

    @property
    def words(self) -> int:
        """Words of weights, a blank readout apart."""
        return sum(self.placements[at].words for at in range(len(self.layers)))

    def __str__(self) -> str:
        if self.tile:
            kind = "channels" if self.last.kind.mapped else "neurons"
            return f"layer {self.first}, {kind} {self.start} to {self.stop - 1}"
        if len(self.layers) == 1:
            return f"layer {self.first}"
        return f"layers {self.layers[0]} to {self.layers[-1]}"

    def table(self, network: Network, config: CoreConfig, rate_scale: float = 1.0) -> list[Layer]:
        """Its layer table. `rate_scale` multiplies the learning rates. Raises what `Network.layers` does."""
        entries = [
            entry_fields(network, index, placement, rate_scale)
            for index, placement in zip(self.layers, self.placements, strict=False)
        ]
        if self.blank:
            fields = self.placements[-1].fields()
            entries.append(fields | {"flags": fields.get("flags", 0) | Flag.READOUT | Flag.BIAS})
        layers = one_after_other(entries)
        for layer in layers:
            network.check_shift(layer, config)
        return layers

    def share(self, weights: Weights) -> Weights:
        """Its part of a network's weights; classifiers by the number of their layer in the part."""
        mine = Weights([weights[index] for index in self.layers])
        for at, index in enumerate(self.layers):
            if index in weights.classifiers:
                mine.classifiers[at] = weights.classifiers[index]
        if self.tile:
            mine[0] = np.ascontiguousarray(mine[0][:, self.start : self.stop])
            if 0 in mine.classifiers:
                mine.classifiers[0] = self._columns(mine.classifiers[0]).reshape(
                    len(mine.classifiers[0]), -1
                )
        return mine

    def give(self, mine: Weights, weights: Weights) -> None:
        """Put its part into a network's weights, whose arrays are changed."""
        for at, index in enumerate(self.layers):
            into = weights[index][:, self.start : self.stop] if self.tile else weights[index]
            into[...] = mine[at]
            if at in mine.classifiers:
                held = weights.classifiers[index]
                view = self._columns(held) if self.tile else held
                view[...] = mine.classifiers[at].reshape(view.shape)

    def _columns(self, classifier: NDArray[np.int32]) -> NDArray[np.int32]:
        """View of a layer's classifier [classes, latents]: its channels of each cell, [classes, cells, channels]."""
        cells = classifier.reshape(len(classifier), -1, self.of)
        return cells[:, :, self.start : self.stop]


def cut(network: Network, config: CoreConfig) -> tuple[Part, ...]:
    """The parts of a network on a core, in the order in which they run; one if the core holds it whole.

    Raises DoesNotFit, with what is missing, when a group of outputs of one layer is too large.
    """
    network.check_core(config)
    shape = (network.name, network.input_shape, network.hidden_stages, network.classes)
    learned = network.classifiers == "learned"
    try:
        return cut_stages(*shape, config, network.latent_side, learned=learned)
    except DoesNotFit as error:
        try:
            network.check_fit(config)
        except DoesNotFit as whole:
            raise DoesNotFit(f"{whole}; nor in parts: {error}") from None
        raise


def cut_stages(
    name: str,
    inputs: Map,
    stages: Sequence[Stage],
    classes: int,
    config: CoreConfig,
    latent_side: int,
    *,
    learned: bool,
) -> tuple[Part, ...]:
    """The same of a network that is known by its layers alone."""
    cutter = _Cutter.of(name, inputs, stages, classes, config, latent_side, learned)
    parts: list[Part] = []
    at = 0
    while at < len(cutter.stages):
        found = cutter.longest(at)
        parts += found
        at = found[-1].layers[-1] + 1
    return tuple(parts)


def smallest_parts(
    inputs: Map, stages: Sequence[Stage], classes: int, config: CoreConfig, latent_side: int
) -> list[Part]:
    """The smallest part of every layer on a core of these lanes, whether or not it fits."""
    cutter = _Cutter.of("", inputs, stages, classes, config, latent_side, False)
    return [cutter.smallest(index) for index in range(len(cutter.stages))]


@dataclass(frozen=True)
class _Cutter:
    """The layers of a network, the readout the last, and what goes into each."""

    name: str
    stages: tuple[Stage, ...]
    seen: tuple[Map, ...]
    config: CoreConfig
    latent_side: int
    learned: bool

    @classmethod
    def of(
        cls,
        name: str,
        inputs: Map,
        stages: Sequence[Stage],
        classes: int,
        config: CoreConfig,
        latent_side: int,
        learned: bool,
    ) -> _Cutter:
        """Of a network known by its layers."""
        seen = tuple(maps(inputs, tuple(stages)))
        return cls(name, (*stages, Stage(classes)), seen, config, latent_side, learned)

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
            (n for n in range(groups - 1, 0, -1) if self.fits(self.part(index, None, 0, n * lanes))), 0
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
        return self.part(index, index + 1 if whole else None, 0, None if whole else self.config.lanes)

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
