"""The layer table: one entry of 16-bit fields per layer, read by the core while it runs."""

from dataclasses import dataclass, fields

from golden.spec.config import CoreConfig
from golden.spec.formats import READOUT_SURROGATE


@dataclass(frozen=True)
class Field:
    """One 16-bit word of a layer table entry."""

    name: str
    doc: str
    low: int = 0
    high: int = 0xFFFF


FIELDS = (
    Field("rows", "rows of weights, the bias row included", 1, 1 << 14),
    Field("groups", "groups of lanes: outputs / lanes, rounded up", 1, 1 << 10),
    Field("outputs", "neurons of the layer; of a convolution: its channels", 1),
    Field("weight_base", "first word of the layer in the weight memory"),
    Field("state_base", "first group of the layer in the state memories", 0, 1 << 12),
    Field(
        "flags",
        "sum of READOUT 1, BIAS 2, HARD_RESET 4, PLASTIC 8, POST_NEGATIVE 16, CONVOLUTION 32, POOL 64, "
        "AVERAGE 128",
        0,
        255,
    ),
    Field("theta", "firing threshold, weight units", 0, 0x7FFF),
    Field("leak", "gamma x 256", 0, 255),
    Field("pre_decay", "lambda_pre x 256", 0, 255),
    Field("pre_gain", "alpha_pre x 16: what a spike adds to its pre trace", 0, 255),
    Field("post_decay", "lambda_post x 256", 0, 255),
    Field("post_gain", "|alpha_post| x 128: what Psi adds to a post trace", 0, 255),
    Field("psi_width", "half width of the surrogate triangle, weight units", 0, 0x7FFF),
    Field("psi_shift", "right shift that brings the triangle to 8 bits", 0, 7),
    Field("error_gain", "logit scale: hard sigmoid = 128 + latents x error_gain / 256", 0, 0x7FFF),
    Field("rate", "learning rate: learning signal = error x rate / 256", 0, 0x7FFF),
    Field("rate_cost", "what a spike takes off its neuron's learning signal", 0, 0x7FFF),
    Field("channels", "of a map that goes in: channels, the idle ones of the last group included"),
    Field("width", "of a convolution: pixels of a line; 1 behind an average", 0, 1 << 12),
    Field("height", "of a convolution: lines; 1 behind an average", 0, 1 << 12),
    Field("cell_shift", "log2 of the side of a latent's cell, in pixels before pooling", 0, 15),
    Field("cell_line", "groups of latents of a line of cells", 0, 1 << 12),
    Field("latents", "groups of latents of the map", 0, 1 << 12),
    Field("line_inputs", "of a convolution: width x channels"),
    Field("map_inputs", "of a map that goes in: pixels x channels"),
)

READOUT, BIAS, HARD_RESET, PLASTIC, POST_NEGATIVE, CONVOLUTION, POOL, AVERAGE = (
    1 << bit for bit in range(8)
)
FIELD_NAMES = tuple(field.name for field in FIELDS)
ENTRY_WORDS = 1 << (len(FIELDS) - 1).bit_length()
"""Distance of two entries in host addresses."""


def most_psi_shift(config: CoreConfig) -> int:
    """Largest psi_shift of a core: only with maps are membranes sums over pixels, which need more."""
    return 7 if config.map_pixels else 3


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One entry of the layer table, in the chip's integers (see FIELDS).

    Raises ValueError, naming the field and its bounds, when a value has no place in its field.
    """

    rows: int
    groups: int
    outputs: int
    weight_base: int = 0
    state_base: int = 0
    flags: int = 0
    theta: int = 0
    leak: int = 0
    pre_decay: int = 0
    pre_gain: int = 0
    post_decay: int = 0
    post_gain: int = 0
    psi_width: int = 0
    psi_shift: int = 0
    error_gain: int = 0
    rate: int = 0
    rate_cost: int = 0
    channels: int = 0
    width: int = 0
    height: int = 0
    cell_shift: int = 0
    cell_line: int = 0
    latents: int = 0
    line_inputs: int = 0
    map_inputs: int = 0

    def __post_init__(self) -> None:
        for field in FIELDS:
            value = getattr(self, field.name)
            if not field.low <= value <= field.high:
                raise ValueError(
                    f"layer field {field.name} is {value}: "
                    f"{field.low} to {field.high} fit ({field.doc})"
                )

    @property
    def readout(self) -> bool:
        """The output layer: no spikes, its membranes are the logits."""
        return bool(self.flags & READOUT)

    @property
    def bias(self) -> bool:
        """The last row is driven by a constant spike in every step."""
        return bool(self.flags & BIAS)

    @property
    def hard_reset(self) -> bool:
        """Membrane to zero after a spike, instead of minus theta."""
        return bool(self.flags & HARD_RESET)

    @property
    def plastic(self) -> bool:
        """Weights of this layer learn."""
        return bool(self.flags & PLASTIC)

    @property
    def post_negative(self) -> bool:
        """alpha_post is negative."""
        return bool(self.flags & POST_NEGATIVE)

    @property
    def convolution(self) -> bool:
        """3 x 3, one pass per pixel, the same weights in all of them."""
        return bool(self.flags & CONVOLUTION)

    @property
    def pool(self) -> bool:
        """2 x 2 max pooling of the spikes."""
        return bool(self.flags & POOL)

    @property
    def average(self) -> bool:
        """A flat layer that sees the average of a map: a row of weights per channel, for all pixels."""
        return bool(self.flags & AVERAGE)

    @property
    def by_pixel(self) -> bool:
        """Pixels of its inputs share weights; the others have a row of weights for every input."""
        return self.convolution or self.average

    @property
    def inputs(self) -> int:
        """Input neurons: of a flat layer, all rows but the bias."""
        return self.map_inputs if self.by_pixel else self.rows - self.bias

    @property
    def positions(self) -> int:
        """Pixels of the layer's map; 1 for a flat layer."""
        return self.width * self.height if self.convolution else 1

    @property
    def cell_columns(self) -> int:
        """Cells of latents beside each other."""
        return self.cell_line // self.groups

    @property
    def cells(self) -> int:
        """Latents of a channel."""
        return self.latents // self.groups

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
        words = [getattr(self, name) for name in FIELD_NAMES]
        return words + [0] * (ENTRY_WORDS - len(words))


assert tuple(f.name for f in fields(Layer)) == FIELD_NAMES
assert READOUT_SURROGATE < 256
