"""Shapes of networks: maps of channels, and the stages that turn one map into the next.

A stage is written as users write it: `128` (fully connected), `16c3` (3 x 3 convolution, padding 1,
stride 1, 16 channels), `16c3p` (and 2 x 2 max pooling), `16c3g` (and the average over the whole map).
"""

import re
from dataclasses import dataclass

from golden.spec.kinds import FLAT, KINDS, Kind
from golden.spec.maps import Map
from golden.spec.pooling import LETTERS, POOL, Pooling

__all__ = [
    "NAMED",
    "POOL",
    "VGG9",
    "Map",
    "Pooling",
    "Stage",
    "maps",
    "parse_stage",
    "parse_stages",
]

VGG9 = ("64c3", "128c3p", "256c3", "256c3p", "512c3", "512c3p", "512c3", "512c3g")
"""Hidden stages of the network of the TESS paper (arXiv 2502.01837)."""

NAMED = {"vgg9": VGG9}
"""Hidden stages that have a name."""


@dataclass(frozen=True)
class Stage:
    """One layer of neurons and the pooling behind it."""

    outputs: int
    """Neurons, or channels of a convolution."""
    kind: Kind = FLAT
    """As it is written: a flat one behind an average is another kind (`Kind.behind`)."""
    pool: Pooling = Pooling.NONE
    """Of a map: 2 x 2 maximum, average of the whole map, or none."""

    def __str__(self) -> str:
        return f"{self.outputs}{self.kind.suffix}{self.pool.letter}"

    @property
    def convolution(self) -> bool:
        """Its neurons lie on a map."""
        return self.kind.mapped

    def fired(self, inputs: Map) -> Map:
        """The map of its neurons, before pooling."""
        return self.kind.fired(self.outputs, inputs)

    def seen(self, inputs: Map) -> Map:
        """The map of spikes that the next stage takes in: of an average, those of all its pixels."""
        passed_on = self.passed_on(inputs)
        return self.fired(inputs) if self.pool is Pooling.MEAN else passed_on

    def passed_on(self, inputs: Map) -> Map:
        """The map that the next stage sees. Raises ValueError: a map too small to pool."""
        try:
            return self.pool.passed_on(self.fired(inputs))
        except ValueError as error:
            raise ValueError(f"stage {self}: {error}") from error

    def averaged(self, inputs: Map) -> int:
        """Pixels whose average the next stage sees as one, or 1."""
        return self.seen(inputs).positions // self.passed_on(inputs).positions

    def fan_in(self, inputs: Map) -> int:
        """Weights of one output neuron."""
        return self.kind.taps(inputs) * inputs.channels

    def synapses(self, inputs: Map) -> int:
        """Weights that are kept (a convolution shares them between positions)."""
        return self.fan_in(inputs) * self.outputs


WRITTEN = {kind.suffix: kind for kind in KINDS if kind.suffix is not None}
POOLED = {pooling.letter: pooling for pooling in LETTERS}
_STAGE = re.compile(
    "|".join(
        rf"(\d+)({suffix})({'|'.join(POOLED) if kind.pools else ''})"
        for suffix, kind in WRITTEN.items()
    )
)


def parse_stage(text: str) -> Stage:
    """A stage from its text. Raises ValueError, with what is understood."""
    found = _STAGE.fullmatch(text)
    outputs, suffix, letter = (
        (part for part in found.groups() if part is not None) if found else (0, "", "")
    )
    if int(outputs) < 1:
        raise ValueError(
            f"stage {text!r}: 128 is a layer of 128 neurons, 16c3 a 3 x 3 convolution to 16 channels, "
            "16c3p one with 2 x 2 max pooling, 16c3g one with the average of the map"
        )
    return Stage(int(outputs), WRITTEN[suffix], POOLED[letter])


def parse_stages(texts: tuple[str, ...] | list[str]) -> tuple[Stage, ...]:
    """Hidden stages from their texts, names of NAMED taken apart. Raises ValueError."""
    return tuple(parse_stage(part) for text in texts for part in NAMED.get(text, (text,)))


def maps(inputs: Map, stages: tuple[Stage, ...]) -> list[Map]:
    """What goes into each stage, and at last what comes out. Raises ValueError.

    A convolution behind a flat layer has no map to work on.
    """
    found = [inputs]
    for stage in stages:
        if stage.kind.mapped and found[-1].positions == 1 and found[-1] is not inputs:
            raise ValueError(
                f"stage {stage}: a convolution needs a map, the layer before it is flat"
            )
        found.append(stage.passed_on(found[-1]))
    return found
