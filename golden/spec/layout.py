"""Where a network's layers lie on a core: rows, groups, maps, cells, and what a core must have for them.

Behind a convolution every pixel takes whole groups of lanes, idle lanes included, so that a neuron's
number is that of its lane; rows of idle lanes are never visited.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.kinds import Kind
from golden.spec.maps import Map
from golden.spec.shape import Stage, maps


class DoesNotFit(ValueError):
    """A network that a core has no room for; the message names the memory and by how much."""


@dataclass(frozen=True)
class Placement:
    """One layer on a core with `lanes` lanes; `channels` of a pixel of its input, idle ones included.

    `averaged`: pixels of the map whose average is its input, or 1.
    """

    stage: Stage
    inputs: Map
    lanes: int
    channels: int
    latent_side: int
    readout: bool = False
    averaged: int = 1

    @property
    def kind(self) -> Kind:
        """What kind of layer it is on the chip."""
        return self.stage.kind.behind(self.averaged)

    @property
    def taps(self) -> int:
        """Pixels that one neuron sees."""
        return self.kind.taps(self.inputs)

    @property
    def sharing(self) -> int:
        """Pixels that share a row of weights."""
        return self.kind.sharing(self)

    @property
    def rows(self) -> int:
        """Rows of weights, a readout's bias included."""
        return self.taps * self.channels + self.readout

    @property
    def input_neurons(self) -> int:
        """Neurons whose spikes it takes in, idle ones apart."""
        return self.averaged * self.inputs.neurons

    @property
    def groups(self) -> int:
        """Groups of lanes for its outputs (at one pixel)."""
        return -(-self.stage.outputs // self.lanes)

    @property
    def positions(self) -> int:
        """Pixels at which it has neurons."""
        return self.stage.fired(self.inputs).positions

    @property
    def traces(self) -> int:
        """Entries of the active list if every input fires."""
        return self.averaged * self.inputs.positions * self.channels + self.readout

    @property
    def cell(self) -> int:
        """log2 of the side of a latent's cell in pixels that the next layer sees."""
        seen = self.stage.passed_on(self.inputs)
        return ceil_log2(-(-max(seen.height, seen.width) // self.latent_side))

    @property
    def cell_pixels(self) -> int:
        """Pixels of a whole cell whose spikes the next layer takes in: a latent is their average."""
        return 4**self.cell * self.stage.averaged(self.inputs)

    @property
    def cell_grid(self) -> tuple[int, int]:
        """Lines and columns of cells."""
        seen, side = self.stage.passed_on(self.inputs), 1 << self.cell
        return -(-seen.height // side), -(-seen.width // side)

    @property
    def line_groups(self) -> int:
        """Groups of pooling windows of a line, all being gathered at a time."""
        return self.groups * self.stage.pool.windows(self.inputs.width)

    @property
    def state_groups(self) -> int:
        """Groups of neurons with a state, all pixels together."""
        return self.groups * self.positions

    @property
    def words(self) -> int:
        """Words of weight memory it takes."""
        return self.rows * self.groups

    @property
    def latent_groups(self) -> int:
        """Groups of latents: the learning signal tells these apart."""
        lines, columns = self.cell_grid
        return self.groups * lines * columns

    @property
    def latents(self) -> int:
        """Latents that are averages over channels and cells; of idle lanes there are none."""
        return self.latent_groups // self.groups * self.stage.outputs

    def row_numbers(self) -> NDArray[np.int64]:
        """The chip's row of each row of weights of the network (idle channels have none)."""
        taps, channels = np.arange(self.taps)[:, None], np.arange(self.inputs.channels)
        rows = (taps * self.channels + channels).reshape(-1)
        return np.append(rows, self.rows - 1) if self.readout else rows

    def fields(self) -> dict[str, int]:
        """Its part of a layer table entry."""
        common = {"rows": self.rows, "groups": self.groups, "outputs": self.stage.outputs}
        return common | self.kind.fields(self)


def placements(
    inputs: Map, stages: tuple[Stage, ...], classes: int, lanes: int, latent_side: int
) -> list[Placement]:
    """Every layer's placement, the readout's last."""
    found: list[Placement] = []
    for number, (stage, seen) in enumerate(
        zip((*stages, Stage(classes)), maps(inputs, stages), strict=True)
    ):
        last = number == len(stages)
        if found:
            found.append(behind(found[-1], stage, seen, readout=last))
        else:
            found.append(Placement(stage, seen, lanes, seen.channels, latent_side, last))
    return found


def behind(before: Placement, stage: Stage, seen: Map, *, readout: bool) -> Placement:
    """The placement of the layer behind another one, of which it sees the map `seen`."""
    lanes, channels, averaged = before.lanes, seen.channels, 1
    if before.kind.mapped:
        channels = before.groups * lanes
        averaged = before.stage.averaged(before.inputs)
    return Placement(stage, seen, lanes, channels, before.latent_side, readout, averaged)


def classifier_groups(layers: list[Placement]) -> int:
    """Groups of latents that have classifiers, where classifiers learn: those of all maps."""
    return sum(placement.latent_groups for placement in layers if placement.kind.mapped)


def traces_of(layers: list[Placement], config: CoreConfig) -> int:
    """Trace entries that the layers need: of all together, or, where lists may be full, of the largest."""
    traces = [placement.traces for placement in layers]
    return max(traces) if config.list_rows else sum(traces)


def check_fit(
    name: str, layers: list[Placement], classes: int, config: CoreConfig, *, learned: bool = False
) -> None:
    """Raise DoesNotFit, with what is missing, unless `config` has room for the layers.

    `learned`: their classifiers learn.
    """
    mapped = [placement.positions for placement in layers if placement.kind.mapped]
    lanes = config.lanes
    needs = (
        ("layers", len(layers), config.layers, "layer table entries", "layers"),
        ("classes", classes, config.classes, "classes", "classes"),
        ("map_pixels", max(mapped, default=0), config.map_pixels,
          "pixels in a map", "pixels (pool the input)"),
        ("trace_entries", traces_of(layers, config), config.trace_entries,
         "trace entries", "inputs"),
        ("neuron_groups", sum(placement.state_groups for placement in layers),
         config.neuron_groups, f"groups of {lanes} neurons", "neurons"),
        ("neuron_groups", max(placement.latent_groups for placement in layers), config.latent_groups,
         f"groups of {lanes} latents", "channels or latents"),
        ("neuron_groups", max(placement.line_groups for placement in layers), config.latent_groups,
         f"groups of {lanes} pooling windows in a line", "channels or pixels"),
        ("weight_words", sum(placement.words for placement in layers), config.weight_words,
         f"weight words of {lanes} lanes", "inputs or neurons"),
        ("classifier_groups", classifier_groups(layers) if learned else 0, config.classifier_groups,
         f"groups of {lanes} latents with a classifier that learns",
         "channels or latents (latent_side), or classifiers signs"),
    )  # fmt: skip
    for field, need, have, unit, cure in needs:
        if need > have:
            raise DoesNotFit(
                f"network {name} needs {need} {unit}, the core has {have} ({need - have} too many): "
                f"use fewer {cure}, or build with a larger {field}"
            )
