"""Shapes of networks: maps of channels, and the stages that turn one map into the next.

A stage is written as users write it: `128` (fully connected), `16c3` (3 x 3 convolution, padding 1,
stride 1, 16 channels), `16c3p` (and 2 x 2 max pooling), `16c3g` (and the average over the whole map).
"""

import re
from dataclasses import dataclass

POOL = 2
"""Side of a pooling window, and its stride."""

VGG9 = ("64c3", "128c3p", "256c3", "256c3p", "512c3", "512c3p", "512c3", "512c3g")
"""Hidden stages of the network of the TESS paper (arXiv 2502.01837)."""

NAMED = {"vgg9": VGG9}
"""Hidden stages that have a name."""


@dataclass(frozen=True)
class Map:
    """Channels of height x width neurons; a flat layer is a 1 x 1 map."""

    channels: int
    height: int = 1
    width: int = 1

    def __post_init__(self) -> None:
        if min(self.channels, self.height, self.width) < 1:
            raise ValueError(f"map {self}: channels, height and width are 1 or more")

    @property
    def positions(self) -> int:
        """Pixels of a channel."""
        return self.height * self.width

    @property
    def neurons(self) -> int:
        """Neurons of all channels."""
        return self.channels * self.positions

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"


@dataclass(frozen=True)
class Stage:
    """One layer of neurons and the pooling behind it."""

    outputs: int
    """Neurons, or channels of a convolution."""
    convolution: bool = False
    """3 x 3, padding 1, stride 1; else fully connected."""
    pool: str = ""
    """Of a convolution: "max" (2 x 2), "mean" (whole map), or none."""

    def __str__(self) -> str:
        kind = "c3" * self.convolution
        return f"{self.outputs}{kind}{({'max': 'p', 'mean': 'g'}).get(self.pool, '')}"

    def fired(self, inputs: Map) -> Map:
        """The map of its neurons, before pooling."""
        return (
            Map(self.outputs, inputs.height, inputs.width)
            if self.convolution
            else Map(self.outputs)
        )

    def seen(self, inputs: Map) -> Map:
        """The map of spikes that the next stage takes in: of an average, those of all its pixels."""
        return self.fired(inputs) if self.pool == "mean" else self.passed_on(inputs)

    def passed_on(self, inputs: Map) -> Map:
        """The map that the next stage sees. Raises ValueError: a map too small to pool."""
        fired = self.fired(inputs)
        if self.pool == "mean":
            return Map(self.outputs)
        if self.pool == "max":
            if min(fired.height, fired.width) < POOL:
                raise ValueError(f"stage {self}: a {fired} map is too small for 2 x 2 pooling")
            return Map(self.outputs, fired.height // POOL, fired.width // POOL)
        return fired

    def fan_in(self, inputs: Map) -> int:
        """Weights of one output neuron."""
        return 9 * inputs.channels if self.convolution else inputs.neurons

    def synapses(self, inputs: Map) -> int:
        """Weights that are kept (a convolution shares them between positions)."""
        return self.fan_in(inputs) * self.outputs


def parse_stage(text: str) -> Stage:
    """A stage from its text. Raises ValueError, with what is understood."""
    found = re.fullmatch(r"(\d+)(?:(c3)([pg]?))?", text)
    if not found or int(found[1]) < 1:
        raise ValueError(
            f"stage {text!r}: 128 is a layer of 128 neurons, 16c3 a 3 x 3 convolution to 16 channels, "
            "16c3p one with 2 x 2 max pooling, 16c3g one with the average of the map"
        )
    pool = {"p": "max", "g": "mean"}.get(found[3] or "", "")
    return Stage(int(found[1]), bool(found[2]), pool)


def parse_stages(texts: tuple[str, ...] | list[str]) -> tuple[Stage, ...]:
    """Hidden stages from their texts, names of NAMED taken apart. Raises ValueError."""
    return tuple(parse_stage(part) for text in texts for part in NAMED.get(text, (text,)))


def maps(inputs: Map, stages: tuple[Stage, ...]) -> list[Map]:
    """What goes into each stage, and at last what comes out. Raises ValueError.

    A convolution behind a flat layer has no map to work on.
    """
    found = [inputs]
    for stage in stages:
        if stage.convolution and found[-1].positions == 1 and found[-1] is not inputs:
            raise ValueError(
                f"stage {stage}: a convolution needs a map, the layer before it is flat"
            )
        found.append(stage.passed_on(found[-1]))
    return found
