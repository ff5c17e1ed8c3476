"""What is fixed when the core is built: lanes, memory depths and the width of a weight."""

from dataclasses import asdict, dataclass, replace
from typing import Annotated

from golden.spec.declare import Declared, check_whole
from golden.spec.formats import MEMBRANE_BITS, MOST_INPUT_BITS, SIGNED_TRACE_BITS, TRACE_BITS
from golden.spec.names import Named

CHUNK, SMALL_CHUNK = 8, 4
"""Lanes that firing and learning signals take at a time, and that the host reads as one word."""

MAP_LATENT_GROUPS = 64
"""Most groups of latents of a core with maps, whose groups of neurons are many times as many."""

MOST_CLASSIFIER_WORDS = 1 << 16
"""Words of classifiers, one for each group of latents and class, that the host can address."""

FEWEST_LISTED = 4
"""Rows that lists hold at least."""

STORE_BLOCK = 512
"""Bytes of which a sample store is a multiple."""

MOST_BLOCK_STORE = 1 << 19
"""Bytes of the largest sample store in block RAM; a larger one is in the memory beside the FPGA."""


@dataclass(frozen=True, kw_only=True)
class CoreConfig:
    """Build parameters of one core. Everything else is a run-time register or a layer table entry.

    Raises ValueError, naming the field and its bounds, when a value cannot be built.
    """

    lanes: Annotated[int, Declared("neurons computed side by side (P)", 1, 128)] = 64
    weight_bits: Annotated[
        int, Declared("bits of a weight, two's complement; 9 fill an ECP5 block RAM exactly", 8, 16)
    ] = 9
    weight_words: Annotated[
        int, Declared("rows of `lanes` weights in the weight memory", 4, 1 << 16)
    ] = 5120
    neuron_groups: Annotated[
        int, Declared("groups of `lanes` neurons that the core holds, of all layers", 2, 1 << 12)
    ] = 16
    trace_entries: Annotated[
        int,
        Declared(
            "input rows with a pre trace, bias rows included, of all layers; with list_rows: of any layer",
            4,
            1 << 17,
        ),
    ] = 4096
    layers: Annotated[int, Declared("entries of the layer table, the readout included", 2, 8)] = 8
    classes: Annotated[int, Declared("most classes the learning signal can tell apart", 2, 128)] = (
        16
    )
    frame_bytes: Annotated[
        int, Declared("most bytes in flight on the link (a power of two)", 512, 1 << 16)
    ] = 8192
    store_bytes: Annotated[
        int,
        Declared(
            "for samples kept on the board, by 512 bytes; 0: none; up to 524288 in block RAM, more in the "
            "memory beside the FPGA",
            0,
            1 << 25,
        ),
    ] = 8192
    map_pixels: Annotated[
        int, Declared("pixels of the largest map of a convolution; 0: flat layers only", 0, 1 << 12)
    ] = 0
    post_traces: Annotated[
        int,
        Declared(
            "1 or 0: with post traces, for the non-causal term (alpha_post), or without", 0, 1
        ),
    ] = 1
    classifier_groups: Annotated[
        int, Declared("groups of latents with a classifier that learns, of all layers", 0, 1 << 10)
    ] = 0
    learning: Annotated[int, Declared("1 or 0: learns with TESS, or only infers", 0, 1)] = 1
    input_bits: Annotated[
        int,
        Declared(
            "bits of the signed value that an input event carries; 1: a spike", 1, MOST_INPUT_BITS
        ),
    ] = 1
    list_rows: Annotated[
        int,
        Declared(
            "rows that all active lists hold together, which may then be full; 0: as many as trace_entries, "
            "none is ever full",
            0,
            1 << 16,
        ),
    ] = 0

    def __post_init__(self) -> None:
        check_whole(self)
        if self.lanes % self.chunk_lanes:
            raise ValueError(f"lanes is {self.lanes}: a multiple of {self.chunk_lanes} is needed")
        if self.frame_bytes & (self.frame_bytes - 1):
            raise ValueError(f"frame_bytes is {self.frame_bytes}: a power of two is needed")
        if self.store_bytes % STORE_BLOCK:
            raise ValueError(
                f"store_bytes is {self.store_bytes}: a multiple of {STORE_BLOCK} is needed"
            )

        if 0 < self.list_rows < FEWEST_LISTED:
            raise ValueError(
                f"list_rows is {self.list_rows}: at least {FEWEST_LISTED}, or 0 for trace_entries"
            )
        if self.classifier_groups and not (self.learning and self.map_pixels):
            raise ValueError(
                f"classifier_groups is {self.classifier_groups}: only a core that learns and has maps "
                "(map_pixels) has classifiers; use 0"
            )
        if self.classifier_groups * self.class_slots > MOST_CLASSIFIER_WORDS:
            raise ValueError(
                f"classifier_groups is {self.classifier_groups}: at most "
                f"{MOST_CLASSIFIER_WORDS // self.class_slots} with {self.classes} classes"
            )

    @property
    def chunk_lanes(self) -> int:
        """Lanes of a chunk: what is done once per neuron and step is done a chunk a cycle."""
        if self.lanes < 2 * SMALL_CHUNK:
            return self.lanes
        return SMALL_CHUNK if self.small else CHUNK

    @property
    def chunks(self) -> int:
        """Chunks of a group of lanes."""
        return self.lanes // self.chunk_lanes

    @property
    def latent_groups(self) -> int:
        """Groups of latents that the learning signal of one layer can tell apart."""
        return min(self.neuron_groups, MAP_LATENT_GROUPS) if self.map_pixels else self.neuron_groups

    @property
    def class_slots(self) -> int:
        """Words for the classes of a group of latents: a power of two."""
        return 1 << ceil_log2(self.classes)

    @property
    def small(self) -> bool:
        """For an FPGA that has no multipliers to spare."""
        return self.lanes <= 4 * SMALL_CHUNK

    @property
    def lane_bits(self) -> int:
        """Address bits of a lane within a word, as the host sees memories."""
        return ceil_log2(self.lanes)

    @property
    def row_bits(self) -> int:
        """Bits of a row address (an event, an entry of the active list)."""
        return ceil_log2(self.trace_entries)

    @property
    def list_depth(self) -> int:
        """Rows that all active lists hold together, and rows that one pass visits, at most."""
        return self.list_rows or self.trace_entries

    @property
    def list_bits(self) -> int:
        """Bits of a place in the lists."""
        return ceil_log2(self.list_depth)

    @property
    def store_off_chip(self) -> bool:
        """The sample store is in the memory beside the FPGA."""
        return self.store_bytes > MOST_BLOCK_STORE

    @property
    def graded(self) -> bool:
        """Input events carry values."""
        return self.input_bits > 1

    @property
    def trace_bits(self) -> int:
        """Bits of a pre trace: signed where input events carry values."""
        return SIGNED_TRACE_BITS if self.graded else TRACE_BITS

    @property
    def accumulator_bits(self) -> int:
        """Width in which no sum of one membrane and every row's weight times its value can overflow."""
        products = self.weight_bits + self.row_bits + self.input_bits - 1
        return max(products, MEMBRANE_BITS) + 1

    def as_dict(self) -> dict[str, int]:
        """The fields by name, in order of declaration."""
        return asdict(self)


def ceil_log2(value: int) -> int:
    """Bits that count `value` different things."""
    return (value - 1).bit_length()


MAPS = CoreConfig(
    lanes=16,
    weight_words=4096,
    neuron_groups=1792,
    trace_entries=11264,
    layers=8,
    store_bytes=4096,
    map_pixels=1156,
    post_traces=0,
)
PRESETS = Named(
    "core",
    {
        "tiny": CoreConfig(
            lanes=4,
            weight_words=256,
            neuron_groups=8,
            trace_entries=128,
            layers=4,
            classes=8,
            frame_bytes=512,
            store_bytes=1024,
        ),
        "ulx3s-12f": CoreConfig(
            lanes=16,
            weight_words=4096,
            neuron_groups=32,
            trace_entries=1024,
            layers=4,
            frame_bytes=4096,
            store_bytes=4096,
        ),
        "ulx3s-85f": CoreConfig(),
        "ulx3s-85f-128": CoreConfig(
            lanes=128, weight_words=2048, neuron_groups=8, store_bytes=4096
        ),
        "ulx3s-85f-maps": MAPS,
        "ulx3s-85f-classifiers": replace(
            MAPS,
            classifier_groups=64,
            weight_bits=16,  # long training needs finer steps than 9 bits have (docs/results.md)
            weight_words=2560,
            trace_entries=9728,
        ),
        # the paper's VGG-9 in parts; lists are as long as what is active in it (docs/parts.md)
        "ulx3s-85f-vgg9": replace(
            MAPS,
            weight_words=4640,
            neuron_groups=1040,
            trace_entries=1 << 16,
            list_rows=22_528,
            frame_bytes=16_384,  # a step of 65,536 inputs in a frame
            store_bytes=0,
            map_pixels=1024,
        ),
    },
)
"""Named configurations: `tiny` for tests, the others what the boards are built with."""
