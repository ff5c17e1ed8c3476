"""Parts of a network that is larger than a core, which holds one at a time.

TESS is local in space: what a layer learns depends on the spikes that go in, on its own neurons and on its
own guess of the class, and on nothing behind it. So a part may run through all steps of a sample, or of many
samples, before the next one starts. A part is

- a run of whole layers that the core holds together, or
- a *tile*: some outputs of one layer (neurons; of a map, channels), with all their inputs and weights.

A tile has a guess of its own, from its own latents, as a whole layer has. That is all that a network in
parts does otherwise than on a core that holds it whole. Outputs of a tile are whole groups of lanes. A
network that the core holds whole is one part.

The core's layer table ends in a readout. So each part but the last one has a *blank* one behind its
layers: its weights are 0, it learns nothing and adds nothing. Behind a map it is a layer that sees an
average, which has the fewest rows.

`golden.spec.cutting` cuts. What a part takes in has no idle lanes: input pixel x C + c is channel c of the C
that the layer before shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.entries import entry_fields
from golden.spec.flags import Flag
from golden.spec.layers import Layer, one_after_other
from golden.spec.layout import Placement
from golden.spec.maps import Map
from golden.spec.network import Network
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
        """Its channels of each cell: a view [classes, cells, channels] of a layer's classifier."""
        cells = classifier.reshape(len(classifier), -1, self.of)
        return cells[:, :, self.start : self.stop]
