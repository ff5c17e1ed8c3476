"""One validated description of a network and of how it learns, in real numbers."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from golden.reference.checks import check_kinds, check_learning, check_network, require
from golden.reference.kinds import (
    ErrorKind,
    PrecisionKind,
    ReadoutUpdateKind,
    ResetKind,
    SurrogateKind,
    UpdateKind,
)
from golden.reference.layers import Layer, make_layers
from golden.reference.readouts import Readouts
from golden.reference.rounding import Formats
from golden.spec.shape import Map, Stage, parse_stages

PerLayer = float | tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class FloatConfig:
    """Everything that fixes a float run; symbols are those of the TESS paper.

    ``sizes`` is (inputs, hidden..., classes) of fully-connected layers; networks with maps are made
    by :meth:`of_stages`. ``PerLayer`` fields take one value for all hidden layers or a tuple with one
    per hidden layer. Raises ValueError, naming the field, on creation.

    Scale of the learning signal. The logits are always ``y = B o / (d tau)``. The published rule
    also multiplies ``m = B^T e / (d tau)`` by that factor; with ``fold_scale`` (the default, and
    what the chip does) ``m = B^T e`` and the factor is part of ``eta``. The output layer is the
    same: its error is ``e = error(y_out / temperature_out)`` and its 1/temperature_out is folded.
    """

    sizes: tuple[int, ...] = (2312, 128, 10)
    """Inputs, hidden layers (of maps: what the next layer sees of them, after pooling), classes."""
    input_map: Map | None = None
    """Shape of the inputs, flat and channel-last (`golden.reference.convolution`); None: no map."""
    stages: tuple[str, ...] = ()
    """Hidden layers as `golden.spec.shape` writes them; empty: fully connected, as in sizes."""
    latent_sides: tuple[int, ...] | None = None
    """Latents of each layer are s x s averages of its output per channel. None: those of the paper
    for VGG-9, else 4, or the side of the map where that is less."""
    steps: int = 10
    """Time steps T of a sample."""
    learn_last: int | None = None
    """Learning signal on in the last T_l steps only; None: in all of them."""

    gamma: float = 0.5
    """Membrane leak: share of the membrane that survives a step."""
    theta: float = 0.6
    """Firing threshold, in membrane units; a neuron fires strictly above it."""
    reset: ResetKind = "soft"
    """soft: subtract `reset_by` after a spike; hard: membrane to zero."""
    reset_by: float | None = None
    """Reset amount rho, in membrane units. None: theta, as in the paper; the convolutions of the
    authors' code subtract round(theta) = 1.0."""
    surrogate: SurrogateKind = "triangle"
    """Stand-in for the derivative of the spike."""

    lambda_pre: float = 0.5
    """Decay of the presynaptic (causal) trace q."""
    lambda_post: float = 0.2
    """Decay of the postsynaptic (non-causal) trace h."""
    alpha_pre: float = 1.0
    """Weight of the causal eligibility trace Psi_i q_j."""
    alpha_post: float = 0.0
    """Weight of the non-causal eligibility trace h_i x_j; 0 for event data, 1 for images. May be
    negative: -1 in S-TLLR (Apolinario and Roy, arXiv 2306.15220)."""

    error: ErrorKind = "softmax"
    """Error of the hidden layers' learning signal."""
    error_out: ErrorKind = "softmax"
    """Error of the output layer."""
    temperature: PerLayer = 0.02
    """tau of the hidden logits."""
    temperature_out: float = 1.0
    """Divides the output layer's logits before its error is formed."""
    dead_zone: float = 0.0
    """Hidden error components of smaller magnitude count as zero."""
    dead_zone_out: float = 0.0
    """The same for the output layer. 1/C with hard_sigmoid makes it learn only from logits on the
    wrong side of 0, or at 0, where all of them start: a larger dead zone would never learn."""
    rate_cost: float = 0.0
    """What a spike costs its neuron: added to m of a neuron that fires (and wins its pool)."""

    update: UpdateKind = "step"
    """When hidden weights move. step: at every learning step, by the sum over pixels; sample: once,
    by the sum over its steps too; pixel: as step, but with `formats` every pixel's update is rounded
    by itself, as a core does that keeps no sums."""
    update_out: ReadoutUpdateKind | None = None
    """When the output layer moves. None: as hidden weights do (at every step under pixel)."""
    eta: PerLayer = 0.005
    """Step size of the hidden layers."""
    eta_out: float = 0.004
    """Step size of the output layer."""
    train_hidden: bool = True
    """False: hidden weights stay as drawn, the baseline that learning must beat."""
    output_bias: bool = False
    """Give the output layer a learned bias."""
    fold_scale: bool = True
    """Take 1/(d tau) of the learning signal as part of eta (see above)."""
    fold_cells: bool = False
    """Take the division of a latent's signal by its pixels as part of eta too, as the chip does.
    Where cells overlap (their sides do not divide the map) a pixel hears the sum of its cells."""
    readouts: Readouts = field(default_factory=Readouts)
    """Readouts B of the hidden layers: fixed signs as published, or learned."""
    formats: Formats = field(default_factory=Formats)
    """Grids that weights are rounded to on line (`fit_online`); real numbers unless given."""

    init_scale: PerLayer = 1.0
    """Hidden weights start uniform in +-init_scale / sqrt(fan-in); output weights start at 0."""
    weight_norm: bool = False
    """Hidden weights are g v / |v| per neuron or output channel, and g and v learn."""
    precision: PrecisionKind = "float64"
    """Of all arrays; float32 halves the time of long runs."""
    seed: int = 0
    """Seeds the initial weights and the order of the samples."""

    def __post_init__(self) -> None:
        self._check_sizes()
        check_kinds(self)
        check_network(self)
        check_learning(self)

    @classmethod
    def of_stages(
        cls, input_map: Map, stages: tuple[str, ...], classes: int, **fields: Any
    ) -> "FloatConfig":
        """A network on maps: FloatConfig.of_stages(Map(2, 34, 34), ("16c3p", "32c3p"), 10)."""
        layers = make_layers(input_map, parse_stages(stages), fields.get("latent_sides"))
        sizes = _sizes(layers, classes)
        return cls(sizes=sizes, input_map=input_map, stages=tuple(stages), **fields)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Shapes of the hidden layers, and what passes through them."""
        stages = parse_stages(self.stages) or tuple(Stage(n) for n in self.sizes[1:-1])
        return make_layers(self.input_map or Map(self.sizes[0]), stages, self.latent_sides)

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return self.sizes[-1]

    @property
    def hidden_layers(self) -> int:
        """Number of spiking layers."""
        return len(self.sizes) - 2

    @property
    def reset_amount(self) -> float:
        """rho, what a soft reset subtracts."""
        return self.theta if self.reset_by is None else self.reset_by

    @property
    def out_waits(self) -> bool:
        """The output layer moves at the end of a sample, not in every step."""
        return (self.update_out or self.update) == "sample"

    @property
    def readouts_wait(self) -> bool:
        """The same of learned readouts of the hidden layers."""
        return self.out_waits if self.readouts.update is None else self.readouts.update == "sample"

    @property
    def first_learning_step(self) -> int:
        """First step (from 0) at which the learning signal is on."""
        return 0 if self.learn_last is None else self.steps - self.learn_last

    def per_layer(self, name: str, layer: int) -> float:
        """Value of the ``PerLayer`` field ``name`` for hidden layer ``layer`` (from 0)."""
        value = getattr(self, name)
        return float(value[layer]) if isinstance(value, tuple) else float(value)

    def logit_scale(self, layer: int) -> float:
        """1 / (d tau) of hidden layer ``layer``; d is the number of its latents."""
        return 1.0 / (self.layers[layer].latents * self.per_layer("temperature", layer))

    def _check_sizes(self) -> None:
        require(
            len(self.sizes) >= 3 and all(n > 0 for n in self.sizes),
            "sizes",
            self.sizes,
            "inputs, at least one hidden layer and classes, all positive",
        )
        require(self.classes >= 2, "sizes", self.sizes, "at least 2 classes")
        require(
            not self.stages or self.input_map is not None, "input_map", None, "a map, under stages"
        )
        expected = _sizes(self.layers, self.classes)
        require(tuple(self.sizes) == expected, "sizes", self.sizes, f"{expected} (see of_stages)")


def _sizes(layers: tuple[Layer, ...], classes: int) -> tuple[int, ...]:
    """Inputs, outputs of the hidden layers, classes."""
    inputs = (layer.inputs.neurons for layer in layers[:1])
    return (*inputs, *(layer.passed_on.neurons for layer in layers), classes)
