"""What a core keeps, and what that takes of an FPGA: the memories of hw/ from its configuration.

A test holds this list against the memories of the elaborated design. Queues made of logic are not in it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from golden.spec.block_ram import BYTE_LANE, SHALLOW, bank_depths, block_rams, lanes_per_block
from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import (
    CLASSIFIER_BITS,
    GAIN_BITS,
    MEMBRANE_BITS,
    SCORE_BITS,
    SIGNAL_BITS,
    SURROGATE_BITS,
    TRACE_BITS,
)
from golden.spec.frames import MAX_READ_WORDS
from golden.spec.layers import FIELDS
from golden.spec.pooling import CORNERS
from golden.spec.registers import Space, memories
from golden.spec.rules import TEMPORARIES
from golden.spec.table_rules import value_bits

EVENTS_AHEAD = 512
"""Events decoded ahead of the core; one of them is in the register behind the queue's memory."""


@dataclass(frozen=True, kw_only=True)
class Ram:
    """`copies` memories of `depth` words, `width` bits each."""

    kind: str
    """What is in it."""
    width: int
    depth: int
    copies: int = 1
    block: bool = True
    """In block RAM; else in look-up tables."""
    granule: int = 0
    """Bits of a word that are written without the others; 0: all at once."""
    reads: int = 1
    """Read ports; each takes block RAMs of its own."""

    @property
    def bits(self) -> int:
        """Bits kept."""
        return self.width * self.depth * self.copies

    @property
    def block_rams(self) -> int:
        """Block RAMs taken."""
        if not self.block:
            return 0
        width = self.width
        if 0 < self.granule < BYTE_LANE:
            width = self.width // self.granule * BYTE_LANE
        return self.copies * self.reads * block_rams(width, self.depth)


def memory_map(config: CoreConfig) -> tuple[Ram, ...]:
    """Every memory of a core and its link."""
    lanes, depth = config.chunk_lanes, config.neuron_groups << ceil_log2(config.chunks)

    def state(kind: str, bits: int) -> Ram:
        return Ram(kind=kind, width=bits * lanes, depth=depth, block=depth > SHALLOW)

    entry = config.row_bits + config.trace_bits + 1  # row, trace, previous spike
    value = config.input_bits if config.graded else 0
    results = memories(config)[Space.RESULTS].size
    return (
        *weight_rams(config),
        state("membranes", MEMBRANE_BITS),
        state("spikes", 1),
        *(learning_rams(config, state) if config.learning else []),
        Ram(kind="pre traces", width=entry, depth=config.list_depth),
        Ram(kind="row list", width=entry + 2 + value, depth=config.list_depth),
        Ram(kind="row list", width=config.row_bits + value, depth=config.list_depth),
        Ram(
            kind="chunks to scan", width=lanes + 1, depth=config.neuron_groups * config.chunks,
            block=False,
        ),
        *(map_rams(config) if config.map_pixels else []),
        *(classifier_rams(config) if config.classifier_groups else []),
        Ram(kind="event queue", width=config.row_bits + 1 + value, depth=EVENTS_AHEAD - 1),
        Ram(kind="layer table", width=16, depth=config.layers, copies=len(FIELDS), block=False),
        Ram(kind="table check", width=value_bits(config), depth=TEMPORARIES, block=False),
        Ram(
            kind="scores", width=SCORE_BITS * lanes, depth=max(2, -(-config.classes // lanes)),
            block=False,
        ),
        *(
            [Ram(kind="votes", width=SCORE_BITS, depth=config.classes, block=False)]
            if config.classifier_groups
            else []
        ),
        Ram(kind="receive buffer", width=8, depth=config.frame_bytes),
        Ram(kind="results", width=16, depth=results + MAX_READ_WORDS),
        *store_rams(config),
    )  # fmt: skip


def store_rams(config: CoreConfig) -> list[Ram]:
    """The sample store, unless it is in the memory beside the FPGA."""
    if not config.store_bytes or config.store_off_chip:
        return []
    return [Ram(kind="store", width=16, depth=config.store_bytes // 2)]


def learning_rams(config: CoreConfig, state: Callable[[str, int], Ram]) -> list[Ram]:
    """What learning needs besides; `state` makes a memory with a word for every chunk of neurons."""
    lanes, slots = config.chunk_lanes, 1 << ceil_log2(config.chunks)
    groups, block = config.neuron_groups, config.neuron_groups * slots > SHALLOW
    rams = [
        state("surrogates", SURROGATE_BITS),
        *([state("post traces", TRACE_BITS)] if config.post_traces else []),
        Ram(
            kind="signs", width=config.classes * lanes, depth=config.latent_groups * slots,
            block=block, granule=lanes,
        ),
        Ram(
            kind="gains", width=GAIN_BITS * lanes, depth=groups,
            copies=(1 + config.post_traces) * config.chunks, block=groups > SHALLOW,
        ),
    ]  # fmt: skip
    if config.map_pixels:
        latents, windows = config.latent_groups * config.chunks, -(-groups // CORNERS) * slots
        rams += [
            Ram(kind="latents", width=SIGNAL_BITS * lanes, depth=latents),
            Ram(kind="pooling", width=CORNERS * lanes, depth=windows),
            Ram(kind="gains", width=1, depth=groups, block=False),
        ]
    return rams


def classifier_rams(config: CoreConfig) -> list[Ram]:
    """Classifiers that learn: their weights, and the counts of their latents, read by two at a time."""
    lanes, words = config.chunk_lanes, config.classifier_groups << ceil_log2(config.chunks)
    count_bits = config.map_pixels.bit_length()  # a cell may be the whole map
    return [
        Ram(kind="classifiers", width=CLASSIFIER_BITS * lanes, depth=words * config.class_slots),
        Ram(kind="latents", width=count_bits * lanes, depth=words, reads=2),
    ]


def map_rams(config: CoreConfig) -> list[Ram]:
    """What convolutions need besides."""
    starts, line = 2 * (config.list_bits + 1), config.latent_groups * config.chunks
    return [
        Ram(kind="starts of pixels", width=starts, depth=config.map_pixels + 1, reads=2),
        Ram(kind="pooling", width=(CORNERS - 1) * config.chunk_lanes, depth=line, block=False),
    ]


def weight_rams(config: CoreConfig) -> list[Ram]:
    """The weight memory: in every bank, lanes that share a block RAM, and those that are left."""
    bits, rams = config.weight_bits, []
    for depth, banks in Counter(bank_depths(config.weight_words, bits)).items():
        share = lanes_per_block(depth, bits)
        whole, odd = divmod(config.chunk_lanes, share)
        for lanes, copies in ((share, whole), (odd, 1)):
            if lanes and copies:
                number = banks * copies * config.chunks
                rams.append(Ram(kind="weights", width=lanes * bits, depth=depth, copies=number))
    return rams


def bits_by_kind(config: CoreConfig) -> dict[str, int]:
    """Bits kept, by what is in them."""
    return _by_kind(config, "bits")


def block_rams_by_kind(config: CoreConfig) -> dict[str, int]:
    """Block RAMs taken, by what is in them."""
    return _by_kind(config, "block_rams")


def _by_kind(config: CoreConfig, what: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for ram in memory_map(config):
        found[ram.kind] = found.get(ram.kind, 0) + getattr(ram, what)
    return found
