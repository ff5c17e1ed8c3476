"""A network in the user's terms. Its layer table (golden.spec.entries) and weights are whole numbers."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np

from golden.spec.config import PRESETS, CoreConfig, ceil_log2
from golden.spec.declare import Declared, check_bounds
from golden.spec.entries import entry_fields
from golden.spec.formats import FACTOR_ONE, MEMBRANE_BITS, MOST_INPUT_BITS
from golden.spec.layers import Layer, most_psi_shift, one_after_other
from golden.spec.layout import DoesNotFit, Placement, check_fit, placements
from golden.spec.samples import MOST_STEPS
from golden.spec.shape import Map, Stage, maps, parse_stages
from golden.spec.weights import Weights

ONE_BITS = MEMBRANE_BITS - 2
"""log2 of the largest number that may stand for 1.0 in a membrane, which then reaches to +-2."""

LEAST_FRACTION = 4
"""Fewest fraction bits of a weight."""

SEED_FACTOR, SEED_OFFSET = 0x2545F491, 0x1234567
"""Seeds that follow each other start the noise far apart: an odd factor, and an offset for seed 0."""

DECAY = (FACTOR_ONE - 1) / FACTOR_ONE
"""Largest leak or decay that the chip has."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """Spiking layers, flat or convolutions, and a readout, trained with TESS (arXiv 2502.01837).

    Raises ValueError, naming the parameter and its bounds, on creation.
    """

    sizes: tuple[int, ...]
    """Inputs, neurons of each hidden layer (behind its pooling), classes."""
    input_map: tuple[int, int, int] | None = None
    """Channels, height and width of the inputs, for a network with `stages`."""
    stages: tuple[str, ...] = ()
    """Hidden layers as `golden.spec.shape` writes them; none: flat layers of `sizes`."""
    latent_side: Annotated[
        int, Declared("cells to a side over which a map's latents are averaged, at most", 1, 16)
    ] = 4
    gamma: Annotated[
        float, Declared("leak: part of the membrane kept from step to step", 0, DECAY)
    ] = 0.5
    theta: Annotated[float, Declared("firing threshold", 0.01, 100)] = 0.6
    reset: Annotated[
        str,
        Declared("after a spike: soft (minus theta) or hard (to zero)", choices=("soft", "hard")),
    ] = "soft"
    lambda_pre: Annotated[float, Declared("decay of the pre traces (causal)", 0, DECAY)] = 0.5
    lambda_post: Annotated[float, Declared("decay of the post traces (non-causal)", 0, DECAY)] = 0.2
    alpha_pre: Annotated[float, Declared("weight of the causal term", 0, 15)] = 1.0
    alpha_post: Annotated[float, Declared("weight of the non-causal term", -1.99, 1.99)] = 0.0
    logit_scale: Annotated[
        float, Declared("scale of a hidden layer's own class guess, 1 / (d tau)", 0, 1.99)
    ] = 0.8
    """The logits of a hidden layer are the sum of B o times this."""
    readout_scale: Annotated[float, Declared("scale of the readout's class guess", 0, 200)] = 1.0
    eta: Annotated[
        float | tuple[float, ...],
        Declared("learning rate of the hidden layers, or of each: 0.001,0.002", 0, 0.1),
    ] = 0.0032
    """It multiplies (B' e) Psi q; the 2/C of the error is part of it."""
    eta_out: Annotated[float, Declared("learning rate of the readout, on e s", 0, 4)] = 0.012
    classifiers: Annotated[
        str,
        Declared(
            "of maps: random signs (TESS), or classifiers of their own that learn",
            choices=("signs", "learned"),
        ),
    ] = "signs"
    eta_classifier: Annotated[
        float, Declared("learning rate of classifiers, on e a; a: average of a cell", 0, 4)
    ] = 0.03
    tau: Annotated[
        float, Declared("of learned classifiers: their logits are B a / (d tau)", 0.001, 10)
    ] = 0.02
    """d is the number of latents of the layer. `logit_scale` is for signs."""
    guess: Annotated[
        str,
        Declared(
            "a class of logit 0 is guessed to be half true, or one of all (even)",
            choices=("half", "even"),
        ),
    ] = "half"
    """guess = 1/2 + y/4, the hard sigmoid of TESS on hardware, or 1/C + y/4, both from 0 to 1. The second has
    the error and, near y = 0, the slope of a softmax."""
    score: Annotated[
        str,
        Declared(
            "the logits that a class's score adds up: the output layer's, or all, those of classifiers that "
            "learn, too",
            choices=("output", "all"),
        ),
    ] = "output"
    """Each logit counts the same. Summed over the steps of a sample, the highest score is the prediction."""
    rate_cost: Annotated[
        float,
        Declared(
            "what a spike costs its neuron, in units of a class's error: above 0, fewer spikes",
            0,
            16,
        ),
    ] = 0.0
    """m = B' e - rate_cost o. It bears on weights at the pace of eta."""
    learn_last: Annotated[
        int,
        Declared(
            "learn only in the last so many steps of a sample (T_l); 0: in all", 0, MOST_STEPS
        ),
    ] = 0
    train_hidden: Annotated[
        bool, Declared("learn in the hidden layers (--no-train-hidden: a random layer)")
    ] = True
    """Frozen hidden layers are the baseline that learning must beat."""
    input_bits: Annotated[
        int,
        Declared("bits of the signed value that an input carries; 1: a spike", 1, MOST_INPUT_BITS),
    ] = 1
    input_fraction: Annotated[
        int,
        Declared(
            "fraction bits of that value: 2^input_fraction counts as much as a spike",
            0,
            MOST_INPUT_BITS - 1,
        ),
    ] = 0
    weight_fraction: Annotated[
        int, Declared("fraction bits of a hidden weight", LEAST_FRACTION, ONE_BITS)
    ] = 10
    """One unit is 2^-weight_fraction. Fine steps matter more than range: 9-bit weights of +-1/4 lose
    nothing to floating point, +-2 lose points. A layer that sees the average of P pixels has
    14 - log2 P if that is less: its membranes are sums over the pixels. The first layer has
    14 - input_fraction if that is less: its membranes are sums of weights times values."""
    readout_fraction: Annotated[
        int, Declared("fraction bits of a readout weight", LEAST_FRACTION, ONE_BITS)
    ] = 7
    init_scale: Annotated[
        float, Declared("initial weights are uniform in +-init_scale / sqrt(inputs)", 0, 100)
    ] = 0.7
    seed: Annotated[
        int, Declared("seed of weights, rounding, order of samples, generated data", 0, 2**32 - 1)
    ] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        object.__setattr__(self, "stages", tuple(self.stages))
        if self.input_map is not None:
            object.__setattr__(self, "input_map", tuple(self.input_map))
        if len(self.sizes) < 2 or any(not isinstance(n, int) or n < 1 for n in self.sizes):
            raise ValueError(
                f"sizes {self.sizes}: inputs, hidden layers and classes, 1 or more each"
            )
        if self.stages:
            self._check_stages()
        self._check_rates()
        check_bounds(self)
        self._check_values()
        if self.classifiers == "learned" and not self.classifier_shapes:
            raise ValueError(
                "classifiers learned: they read the latents of maps, and no layer is a convolution; "
                "use signs, or hidden layers like 16c3p"
            )
        if self.score == "all" and self.classifiers != "learned":
            raise ValueError(
                "score all: only classifiers that learn add to it; use output, or classifiers learned"
            )
        if self.score == "all" and not self.readout_scale:
            raise ValueError("score all: readout_scale is 0, so nothing says what a logit counts")

    @classmethod
    def of_stages(
        cls, input_map: tuple[int, int, int], stages: tuple[str, ...], classes: int, **settings: Any
    ) -> "Network":
        """A network of hidden layers written as in `golden.spec.shape`; `settings` are other fields of it.

        Raises ValueError.
        """
        texts = tuple(str(stage) for stage in parse_stages(stages))
        seen = maps(Map(*input_map), parse_stages(texts))
        sizes = (*(each.neurons for each in seen), classes)
        return cls(sizes=sizes, input_map=input_map, stages=texts, **settings)

    @property
    def name(self) -> str:
        """Its layers in short: 578-384-10, or 2x34x34:16c3p-10."""
        if self.input_map and self.stages:
            return f"{Map(*self.input_map)}:{'-'.join((*self.stages, str(self.classes)))}"
        return "-".join(map(str, self.sizes))

    @property
    def inputs(self) -> int:
        """Input rows of the first layer."""
        return self.sizes[0]

    @property
    def classes(self) -> int:
        """Neurons of the readout."""
        return self.sizes[-1]

    @property
    def seen(self) -> tuple[int, ...]:
        """Neurons of each hidden layer whose spikes the next one takes in, of an average all."""
        if not self.stages:
            return self.hidden
        return tuple(
            placement.stage.seen(placement.inputs).neurons for placement in self._placements[:-1]
        )

    @property
    def hidden(self) -> tuple[int, ...]:
        """Neurons of each hidden layer."""
        return self.sizes[1:-1]

    def as_dict(self) -> dict[str, Any]:
        """The parameters by name; `Network(**d)` gives the same network."""
        plain = asdict(self)
        for name in ("input_map", "stages"):  # of flat layers there is nothing to say
            if not plain[name]:
                del plain[name]
        if not self.stages:
            del plain["latent_side"]
        if self.input_bits == 1:
            del plain["input_bits"], plain["input_fraction"]
        return {n: list(v) if isinstance(v, tuple) else v for n, v in plain.items()}

    def learn_from(self, steps: int) -> int:
        """First step with a learning signal in a sample of `steps` steps."""
        return max(0, steps - self.learn_last) if self.learn_last else 0

    def layers(self, config: CoreConfig, rate_scale: float = 1.0) -> list[Layer]:
        """The layer table. `rate_scale` multiplies the learning rates (the host's schedule).

        Raises DoesNotFit when `config` has no room for the network, ValueError when a rate or scale
        has no integer on the chip.
        """
        self.check_fit(config)
        placed = enumerate(self.placements(config))
        layers = one_after_other(entry_fields(self, *each, rate_scale) for each in placed)
        for layer in layers:
            self.check_shift(layer, config)
        return layers

    def placements(self, config: CoreConfig) -> list[Placement]:
        """Where each layer lies on a core, whether or not all of them fit."""
        return placements(
            self.input_shape, self.hidden_stages, self.classes, config.lanes, self.latent_side
        )

    @property
    def input_shape(self) -> Map:
        """The inputs as a map; without one, as many channels of a pixel."""
        return Map(*self.input_map) if self.input_map else Map(self.inputs)

    @property
    def hidden_stages(self) -> tuple[Stage, ...]:
        """The hidden layers, flat ones too."""
        return parse_stages(self.stages) or tuple(Stage(n) for n in self.hidden)

    def check_fit(self, config: CoreConfig) -> None:
        """Raise DoesNotFit, with what is missing, unless `config` has room for the network."""
        try:
            self._check_room(config)
        except DoesNotFit as error:
            raise DoesNotFit(f"{error}{self.elsewhere(config)}") from None

    def elsewhere(self, config: CoreConfig) -> str:
        """Which named core has room, or what one with maps lacks where `config` has none; empty: nothing."""
        lacking = ""
        for name, core in PRESETS.items():
            if name == "tiny" or core == config:
                continue
            try:
                self._check_room(core)
            except DoesNotFit as error:
                if self.stages and core.map_pixels and not config.map_pixels and not lacking:
                    lacking = (
                        f"; convolutions need a core with maps, as --core {name}: there {error}"
                    )
            else:
                return f"; the core {name} has room: --core {name}"
        return lacking

    def _check_room(self, config: CoreConfig) -> None:
        learned = self.classifiers == "learned"
        check_fit(self.name, self.placements(config), self.classes, config, learned=learned)
        self.check_core(config)

    def check_core(self, config: CoreConfig) -> None:
        """Raise DoesNotFit unless `config` knows the network's inputs and terms, whatever its size."""
        if self.input_bits > config.input_bits:
            raise DoesNotFit(
                f"network {self.name}: its inputs carry values of {self.input_bits} bits, the core takes "
                f"{config.input_bits}: use input_bits {config.input_bits}, or build with a larger input_bits"
            )
        if self.alpha_post and not config.post_traces:
            raise DoesNotFit(
                f"alpha_post is {self.alpha_post}: the core has no post traces; "
                "use 0, or build with post_traces 1"
            )

    def initial_weights(self) -> Weights:
        """Integer start weights [rows, outputs] of each layer; the readout's last row is its bias.

        Rows of a convolution are 3 (dy + 1) C + (dx + 1) C + c for its C input channels. Classifiers that
        learn start at zero.
        """
        rng = np.random.default_rng(self.seed)
        weights = []
        for index, placement in enumerate(self._placements):
            inputs, outputs = placement.stage.fan_in(placement.inputs), placement.stage.outputs
            bound = self.init_scale / np.sqrt(inputs)
            real = rng.uniform(-bound, bound, (inputs, outputs))
            if placement.readout:
                real = np.vstack([real, np.zeros(outputs)])
            weights.append(np.rint(real * 2.0 ** self.fraction(index)).astype(np.int32))
        shapes = self.classifier_shapes
        return Weights(weights, {at: np.zeros(shape, np.int32) for at, shape in shapes.items()})

    @property
    def weight_shapes(self) -> list[tuple[int, int]]:
        """Rows and outputs of every layer's weights, the readout's bias among its rows."""
        return [
            (at.stage.fan_in(at.inputs) + at.readout, at.stage.outputs) for at in self._placements
        ]

    @property
    def classifier_shapes(self) -> dict[int, tuple[int, int]]:
        """Classes and latents of every classifier that learns, by its layer."""
        if self.classifiers == "signs":
            return {}
        layers = enumerate(self._placements)
        return {at: (self.classes, each.latents) for at, each in layers if each.kind.mapped}

    def fraction(self, index: int) -> int:
        """Fraction bits of the weights of layer `index`."""
        if index == len(self.hidden):
            return self.readout_fraction
        taken = ceil_log2(self._placements[index].averaged) + self.value_fraction(index)
        return min(self.weight_fraction, ONE_BITS - taken)

    def value_fraction(self, index: int) -> int:
        """Fraction bits of what goes into layer `index`: those of inputs, 0 of spikes."""
        return 0 if index else self.input_fraction

    def rate(self, index: int) -> float:
        """Learning rate of hidden layer `index`."""
        return self.eta[index] if isinstance(self.eta, tuple) else self.eta

    @property
    def logit_one(self) -> float:
        """What stands for 1.0 in the logits of a step; behind an average they are sums over its pixels."""
        return self._placements[-1].averaged * 2.0**self.readout_fraction

    @property
    def noise_seed(self) -> int:
        """Initial state of stochastic rounding, u32."""
        return (self.seed * SEED_FACTOR + SEED_OFFSET) & 0xFFFFFFFF

    def check_shift(self, layer: Layer, config: CoreConfig) -> None:
        """Raise DoesNotFit when the surrogate of `config` has no room for a layer's fine weights."""
        too_far = layer.psi_shift - most_psi_shift(config)
        if too_far > 0:
            most = self.weight_fraction - too_far
            raise DoesNotFit(
                f"network {self.name}: weight_fraction is {self.weight_fraction}, the surrogate of a core "
                f"without maps has room for {most}: use that, or build with map_pixels"
            )

    @cached_property
    def _placements(self) -> list[Placement]:
        """Places on any core, for what is the same on all."""
        return self.placements(CoreConfig())

    def _check_values(self) -> None:
        if self.input_fraction >= self.input_bits:
            raise ValueError(
                f"input_fraction is {self.input_fraction}: below input_bits, {self.input_bits}, it must be"
            )
        if self.input_bits > 1 and not self.hidden:
            raise ValueError(
                f"input_bits is {self.input_bits}: a readout takes spikes alone; use a hidden layer, or 1"
            )
        if self.input_bits > 1 and self.alpha_post:
            raise ValueError(
                f"input_bits is {self.input_bits}: values of inputs have no non-causal term; use "
                "alpha_post 0, or input_bits 1"
            )

    def _check_rates(self) -> None:
        if isinstance(self.eta, int | float):
            return
        object.__setattr__(self, "eta", tuple(self.eta))
        if len(self.eta) != len(self.hidden):
            raise ValueError(
                f"eta has {len(self.eta)} values: one, or one for each of {len(self.hidden)} hidden layers"
            )

    def _check_stages(self) -> None:
        if self.input_map is None:
            raise ValueError(
                "stages: input_map is needed, the channels, height and width of the inputs"
            )
        seen = maps(Map(*self.input_map), parse_stages(self.stages))
        sizes = (*(each.neurons for each in seen), self.classes)
        if self.sizes != sizes:
            raise ValueError(f"sizes {self.sizes}: the stages {'-'.join(self.stages)} have {sizes}")
