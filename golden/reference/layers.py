"""A layer: synapses onto a map of neurons, the pooling behind it and the latents it learns from."""

from dataclasses import dataclass
from functools import cached_property

from golden.reference import pooling
from golden.reference.convolution import Convolution
from golden.reference.dense import Dense
from golden.reference.equations import Floats
from golden.spec.shape import VGG9, Map, Stage, maps

VGG9_SIDES = (4, 2, 2, 2, 2, 2, 2, 1)
"""Sides of the latents of VGG-9 in the TESS paper."""
LARGEST_SIDE = 4


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Shapes of one hidden layer, and how arrays (..., neurons) pass it in both directions."""

    number: int
    """Which hidden layer, from 0."""
    stage: Stage
    """What it is."""
    inputs: Map
    """What it sees."""
    side: int
    """Latents are side x side averages per channel; 1 x 1 of a flat layer is the layer itself."""

    @cached_property
    def fired(self) -> Map:
        """Its neurons."""
        return self.stage.fired(self.inputs)

    @cached_property
    def passed_on(self) -> Map:
        """What the next layer sees of them."""
        return self.stage.passed_on(self.inputs)

    @cached_property
    def latents(self) -> int:
        """How many numbers d the learning signal is formed from."""
        return self.fired.channels * self.side**2

    @cached_property
    def synapses(self) -> Dense | Convolution:
        """What its weights do."""
        return Convolution(self.inputs) if self.stage.convolution else Dense()

    @property
    def weight_shape(self) -> tuple[int, int]:
        """Rows and columns of its weights."""
        return self.stage.fan_in(self.inputs), self.stage.outputs

    def pool(self, o: Floats) -> Floats:
        """z, the output after pooling, of spikes ``o``."""
        if self.stage.pool == "max":
            return pooling.max_pool(o, self.fired)
        return pooling.mean_pool(o, self.fired) if self.stage.pool == "mean" else o

    def unpool(self, dz: Floats, o: Floats, z: Floats) -> Floats:
        """``dz`` of the output back to the neurons: the gradient of :meth:`pool`."""
        if self.stage.pool == "max":
            return pooling.to_winners(dz, o, z, self.fired)
        return pooling.from_mean(dz, self.fired) if self.stage.pool == "mean" else dz

    def deciding(self, o: Floats, z: Floats) -> Floats:
        """Spikes of the neurons that decide an output: of a maximum, its winner alone."""
        return self.unpool(z, o, z) if self.stage.pool == "max" else o

    def average(self, z: Floats) -> Floats:
        """The latents a of output ``z``."""
        whole = self.latents == self.passed_on.neurons
        return z if whole else pooling.averages(z, self.passed_on, self.side)

    def to_neurons(self, m: Floats, o: Floats, z: Floats, *, divided: bool = True) -> Floats:
        """The latents' ``m`` back to the neurons: the gradient of :meth:`average` and :meth:`pool`.

        Not ``divided`` all pixels of a cell (of the map, under a mean) hear the whole of it.
        """
        if self.latents != self.passed_on.neurons:
            m = pooling.from_averages(m, self.passed_on, self.side, divided=divided)
        if self.stage.pool == "mean" and not divided:
            m = m * self.fired.positions
        return self.unpool(m, o, z)


def make_layers(
    inputs: Map, stages: tuple[Stage, ...], sides: tuple[int, ...] | None
) -> tuple[Layer, ...]:
    """The hidden layers; ``sides`` of their latents, None: the paper's for VGG-9, else at most 4.

    Raises ValueError: stages that do not follow each other, sides that do not fit their maps.
    """
    seen = maps(inputs, stages)
    most = [min(each.height, each.width) for each in seen[1:]]
    if sides is None:
        paper = tuple(map(str, stages)) == VGG9
        sides = VGG9_SIDES if paper else tuple(min(LARGEST_SIDE, side) for side in most)
    if len(sides) != len(stages) or not all(
        0 < side <= limit for side, limit in zip(sides, most, strict=True)
    ):
        limits = ", ".join(map(str, most))
        raise ValueError(f"latent_sides: got {sides}, expected one per layer, at most ({limits})")
    return tuple(
        Layer(number=number, stage=stage, inputs=seen[number], side=sides[number])
        for number, stage in enumerate(stages)
    )
