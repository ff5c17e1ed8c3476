"""The layer table: one entry of 16-bit fields per layer, read by the core while it runs.

`Layer` declares the fields once. FIELDS, docs/registers.md, the conversions of golden.spec.entries and
the C++ of sw/native come from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Annotated, get_type_hints

from golden.spec.config import CoreConfig
from golden.spec.flags import ALL_FLAGS, Flag
from golden.spec.formats import (
    ERROR_ONE,
    FACTOR_ONE,
    LOGIT_FRACTION,
    MOST_MAP_INPUTS,
    POST_ONE,
    SIGMOID_SLOPE,
    TRACE_ONE,
    VOTE_FRACTION,
)
from golden.spec.kinds import Kind, kind_of

WORD_BITS = 16
MOST = (1 << (WORD_BITS - 1)) - 1
"""Largest value of a field that the core takes as a signed number."""


@dataclass(frozen=True)
class Field:
    """One 16-bit word of a layer table entry, unsigned.

    `scale` integers stand for a real value of 1, where that is the same for all layers; `unit` says
    what one of them is.
    """

    name: str
    doc: str
    low: int = 0
    high: int = 0xFFFF
    scale: float = field(default=1, repr=False)
    unit: str = field(default="", repr=False)

    @property
    def bits(self) -> int:
        """Bits that its values need."""
        return self.high.bit_length()


def word(doc: str, low: int = 0, high: int = 0xFFFF, *, scale: float = 1, unit: str = "") -> Field:
    """A Field that takes its name from the attribute it annotates."""
    return Field("", doc, low, high, scale, unit)


def scaled(quantity: str, scale: int, more: str = "") -> Field:
    """A byte that holds a real quantity in units of 1/scale."""
    text = f"{quantity} x {scale}{': ' * bool(more)}{more}"
    return word(text, 0, 255, scale=scale, unit=f"1/{scale}")


class Has:
    """A flag of an entry as an attribute of the flag's name, true or false."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.flag = Flag[name.upper()]

    def __get__(self, layer: "Layer | None", owner: type) -> bool:
        return layer is not None and bool(layer.flags & self.flag)


FLAG_SUM = ", ".join(f"{flag.name} {flag.value}" for flag in Flag)
WEIGHT_UNITS = "weight units"
LOGIT_SCALE = ERROR_ONE * SIGMOID_SLOPE * 2**LOGIT_FRACTION


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One entry of the layer table, in the chip's integers.

    Raises ValueError, naming the field and its bounds, when a value has no place in its field.
    """

    rows: Annotated[int, word("rows of weights, the bias row included", 1, 1 << 14)]
    groups: Annotated[int, word("groups of lanes: outputs / lanes, rounded up", 1, 1 << 10)]
    outputs: Annotated[int, word("neurons of the layer; of a convolution: its channels", 1)]
    weight_base: Annotated[int, word("first word of the layer in the weight memory")] = 0
    state_base: Annotated[
        int, word("first group of the layer in the state memories", 0, 1 << 12)
    ] = 0
    flags: Annotated[int, word(f"sum of {FLAG_SUM}", 0, ALL_FLAGS)] = 0
    theta: Annotated[int, word("firing threshold, weight units", 0, MOST, unit=WEIGHT_UNITS)] = 0
    leak: Annotated[int, scaled("gamma", FACTOR_ONE)] = 0
    pre_decay: Annotated[int, scaled("lambda_pre", FACTOR_ONE)] = 0
    pre_gain: Annotated[
        int, scaled("alpha_pre", TRACE_ONE, "what a spike, or 1 of a value, adds to its pre trace")
    ] = 0
    post_decay: Annotated[int, scaled("lambda_post", FACTOR_ONE)] = 0
    post_gain: Annotated[int, scaled("|alpha_post|", POST_ONE, "what Psi adds to a post trace")] = 0
    psi_width: Annotated[
        int, word("half width of the surrogate triangle, weight units", 0, MOST, unit=WEIGHT_UNITS)
    ] = 0
    psi_shift: Annotated[int, word("right shift that brings the triangle to 8 bits", 0, 7)] = 0
    error_gain: Annotated[
        int,
        word("logit scale: guess = error_offset + logit x error_gain / 256", 0, MOST,
             scale=LOGIT_SCALE, unit=f"1/{LOGIT_SCALE:g}"),
    ] = 0  # fmt: skip
    error_offset: Annotated[
        int, word("guess of a class whose logit is 0, x 256", 0, ERROR_ONE, scale=ERROR_ONE)
    ] = ERROR_ONE // 2
    rate: Annotated[int, word("learning rate: learning signal = error x rate / 256", 0, MOST)] = 0
    rate_cost: Annotated[
        int, word("what a spike takes off its neuron's learning signal", 0, MOST)
    ] = 0
    channels: Annotated[
        int,
        word("of a map that goes in: channels, the idle ones of the last group included"),
    ] = 0
    width: Annotated[
        int, word("of a convolution: pixels of a line; 1 behind an average", 0, 1 << 12)
    ] = 0
    height: Annotated[int, word("of a convolution: lines; 1 behind an average", 0, 1 << 12)] = 0
    cell_shift: Annotated[
        int, word("log2 of the side of a latent's cell, in pixels before pooling", 0, 15)
    ] = 0
    cell_line: Annotated[int, word("groups of latents of a line of cells", 0, 1 << 12)] = 0
    latents: Annotated[int, word("groups of latents of the map", 0, 1 << 12)] = 0
    line_inputs: Annotated[
        int, word("of a convolution: width x channels; behind an average: pixels of its map")
    ] = 0
    map_inputs: Annotated[
        int, word(f"of a map that goes in: pixels x channels; 0 for {MOST_MAP_INPUTS}")
    ] = 0

    classifier_base: Annotated[
        int, word("first group of its latents in the memory of classifiers", 0, 1 << 12)
    ] = 0
    classifier_rate: Annotated[
        int, word("learning rate of its classifier: move = error x classifier_rate / 256", 0, MOST)
    ] = 0
    vote_gain: Annotated[
        int,
        word("what its classifier's logit counts in the scores: vote = logit x vote_gain / 64", 0, MOST,
             scale=2**VOTE_FRACTION, unit=f"1/{2**VOTE_FRACTION}"),
    ] = 0  # fmt: skip

    readout = Has()
    bias = Has()
    hard_reset = Has()
    plastic = Has()
    post_negative = Has()
    pool = Has()
    classifier = Has()

    def __post_init__(self) -> None:
        for each in FIELDS:
            value = getattr(self, each.name)
            if not each.low <= value <= each.high:
                raise ValueError(
                    f"layer field {each.name} is {value}: "
                    f"{each.low} to {each.high} fit ({each.doc})"
                )

    @property
    def kind(self) -> Kind:
        """What kind of layer it is."""
        return kind_of(self.flags)

    @property
    def inputs(self) -> int:
        """Input neurons, the bias not among them."""
        return self.kind.inputs(self)

    @property
    def positions(self) -> int:
        """Pixels of the layer's map; 1 for a flat layer."""
        return self.kind.positions(self)

    @property
    def latent_groups(self) -> int:
        """Groups of latents: cells x groups of channels; of a flat layer its groups."""
        return self.kind.latent_groups(self)

    @property
    def cells(self) -> int:
        """Latents of a channel."""
        return self.latent_groups // self.groups

    @property
    def cell_columns(self) -> int:
        """Cells of latents beside each other."""
        return self.cell_line // self.groups

    @property
    def state_groups(self) -> int:
        """Groups of neurons with a state."""
        return self.groups * self.positions

    @property
    def words(self) -> int:
        """Words of weight memory the layer takes."""
        return self.rows * self.groups

    def encode(self) -> list[int]:
        """The entry as the host writes it: words in the order of FIELDS, zeros up to ENTRY_WORDS."""
        words = [int(getattr(self, name)) for name in FIELD_NAMES]
        return words + [0] * (ENTRY_WORDS - len(words))


def _fields() -> tuple[Field, ...]:
    """The declarations of Layer, named."""
    hints = get_type_hints(Layer, include_extras=True)
    return tuple(replace(hint.__metadata__[0], name=name) for name, hint in hints.items())


FIELDS = _fields()
FIELD_NAMES = tuple(each.name for each in FIELDS)
FIELD_OF = {each.name: each for each in FIELDS}
"""Every field by name."""
ENTRY_WORDS = 1 << (len(FIELDS) - 1).bit_length()
"""Distance of two entries in host addresses."""


def one_after_other(entries: Iterable[dict[str, int]]) -> list[Layer]:
    """A layer table of entries that say all but where their memory begins: one begins where another ends."""
    layers: list[Layer] = []
    word = state = latents = 0
    for fields in entries:
        layer = Layer(**fields, weight_base=word, state_base=state, classifier_base=latents)
        word, state = word + layer.words, state + layer.state_groups
        latents += layer.latent_groups * layer.classifier
        layers.append(layer)
    return layers


def most_psi_shift(config: CoreConfig) -> int:
    """Largest psi_shift of a core: more is needed by membranes that are sums over pixels, or of values."""
    return 7 if config.map_pixels or config.graded else 3
