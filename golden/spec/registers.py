"""The address map: registers and memories as the host sees them, and the fingerprint of it all.

Everything is read and written as 16-bit words. An address is 32 bits: the space in bits 31..24, the
index within it in bits 23..0. Registers wider than 16 bits take several words, lowest first.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import CLASSIFIER_BITS
from golden.spec.layers import FIELDS
from golden.spec.samples import RESULT_HEAD

MAGIC = 0x53534554  # "TESS", first byte lowest
VERSION = 3
SPACE_SHIFT = 24


class Space(IntEnum):
    """Bits 31..24 of an address."""

    REGISTERS = 0
    LAYERS = 1
    SIGNS = 2
    WEIGHTS = 3
    MEMBRANES = 4
    POST_TRACES = 5
    SPIKES = 6
    TRACES = 7
    TRACE_COUNTS = 8
    RESULTS = 9
    STORE = 10
    CLASSIFIERS = 11
    SDRAM = 12  # golden.spec.memory_test: registers of a memory beside the FPGA, where there is one
    STORE_KEY = 13  # where the store is in that memory


@dataclass(frozen=True)
class Register:
    """A register of one or more 16-bit words. `access` is "r" or "rw"."""

    name: str
    bits: int
    access: str
    doc: str

    @property
    def words(self) -> int:
        """16-bit words the register takes."""
        return -(-self.bits // 16)


IDENTITY = (
    Register("magic", 32, "r", 'the letters "TESS"'),
    Register("version", 16, "r", "version of the address map"),
    Register("fingerprint", 64, "r", "hash of map, frame formats and configuration"),
    Register("lanes", 16, "r", "lanes of the core"),
    Register("weight_bits", 16, "r", "bits of a weight"),
    Register("weight_words", 16, "r", "words of `lanes` weights"),
    Register("neuron_groups", 16, "r", "groups of `lanes` neurons"),
    Register("trace_entries", 16, "r", "input rows with a pre trace"),
    Register("layers", 16, "r", "entries of the layer table"),
    Register("classes", 16, "r", "most classes"),
    Register("frame_bytes", 32, "r", "bytes of frames that may be in flight"),
    Register("store_bytes", 32, "r", "bytes of the store of samples; 0: there is none"),
    Register("map_pixels", 16, "r", "pixels of the largest map; 0: flat layers only"),
    Register("post_traces", 16, "r", "1: there are post traces; 0: post_gain counts as 0"),
    Register("classifier_groups", 16, "r", "groups of latents with a classifier that learns"),
    Register("learning", 16, "r", "1: learns; 0: infers only, signs and post traces read as zeros"),
    Register("input_bits", 16, "r", "bits of the signed value of an input event; 1: a spike"),
    Register("list_rows", 32, "r", "rows that the active lists hold together; 0: trace_entries"),
)
CONTROL = (
    Register("layer_count", 16, "rw", "layers in use, the readout included"),
    Register("class_count", 16, "rw", "classes in use"),
    Register("noise_state", 32, "rw", "state of the random sequence of stochastic rounding"),
    Register("clear_counters", 16, "rw", "any write sets every counter to zero; reads 0"),
)
COUNTERS = (
    Register("samples", 48, "r", "samples finished"),
    Register("steps", 48, "r", "time steps run"),
    Register("events", 48, "r", "input spikes taken"),
    Register("spikes", 48, "r", "spikes fired, all hidden layers"),
    Register("synops", 48, "r", "weights integrated, idle lanes not counted"),
    Register("updates", 48, "r", "weights updated, idle lanes not counted"),
    Register(
        "cycles", 48, "r", "clock cycles with a sample in the core: the sum of the causes below"
    ),
    Register("rows_both", 48, "r", "cycles that update a row and integrate it"),
    Register("rows_integrate", 48, "r", "cycles that integrate a row"),
    Register("rows_update", 48, "r", "cycles that update a row"),
    Register("rows_trace", 48, "r", "cycles that only keep a pre trace"),
    Register("wait_input", 48, "r", "cycles waiting for events from the host"),
    Register("wait_spikes", 48, "r", "cycles waiting for the previous layer to fire"),
    Register("wait_signal", 48, "r", "cycles waiting for the learning signal"),
    Register("turnaround", 48, "r", "all other cycles: starts and ends of passes and samples"),
)
REGISTERS = IDENTITY + CONTROL + COUNTERS
CYCLE_CAUSES = tuple(r.name for r in COUNTERS[7:])


@dataclass(frozen=True)
class Memory:
    """A memory: `depth` words, each of `elements` 16-bit words (padded to a power of two)."""

    space: Space
    access: str
    depth: int
    elements: int
    bits: int
    signed: bool
    doc: str

    @property
    def stride(self) -> int:
        """Distance of two memory words in host addresses."""
        return 1 << ceil_log2(self.elements)

    @property
    def size(self) -> int:
        """Host words the memory spans."""
        return self.depth * self.stride


@cache
def memories(config: CoreConfig) -> dict[Space, Memory]:
    """The memories of a core built with `config`, by space."""
    lanes, groups = config.lanes, config.neuron_groups
    chunks, bits = config.chunks, config.chunk_lanes
    class_slots = config.class_slots
    table: tuple[Memory, ...] = (
        Memory(Space.LAYERS, "rw", config.layers, len(FIELDS), 16, False, "layer table"),
        Memory(
            Space.SIGNS, "rw", config.latent_groups * class_slots, chunks, bits, False,
            "random signs B, one bit a lane (1 = plus): word = group x class slots + class",
        ),
        Memory(
            Space.WEIGHTS, "rw", config.weight_words, lanes, config.weight_bits, True,
            "weights: word = weight_base + group x rows + row",
        ),
        Memory(Space.MEMBRANES, "r", groups, lanes, 16, True, "leaked membrane, next step's start"),
        Memory(Space.POST_TRACES, "r", groups, lanes, 8, False, "post traces h"),
        Memory(Space.SPIKES, "r", groups, chunks, bits, False, "spikes of the last step"),
        Memory(
            Space.TRACES, "r", config.list_depth, 2, 16, False,
            "the sample's active lists, layer after layer: row, then q + 256 x (spiked last step); "
            "with input_bits above 1 q is s9, and the spike 512",
        ),
        Memory(Space.TRACE_COUNTS, "r", config.layers, 1, 16, False, "length of each active list"),
        Memory(
            Space.RESULTS, "r", RESULT_SLOTS, result_words(config), 16, False,
            "result of the sample whose frame had sequence number = word, modulo the depth",
        ),
    )  # fmt: skip
    if config.classifier_groups:
        depth = config.classifier_groups * class_slots
        doc = (
            "classifiers that learn, of a core with classifier_groups: word = (classifier_base "
            "+ group of latents) x class slots + class"
        )
        table += (Memory(Space.CLASSIFIERS, "rw", depth, lanes, CLASSIFIER_BITS, True, doc),)
    return {memory.space: memory for memory in table}


def pack_lanes(bits: NDArray[Any], config: CoreConfig) -> NDArray[np.uint16]:
    """A bit per lane, 0/1 [..., lanes], as host words [..., chunks], the first lane in bit 0."""
    chunked = bits.reshape(*bits.shape[:-1], config.chunks, config.chunk_lanes)
    return (chunked << np.arange(config.chunk_lanes)).sum(axis=-1).astype(np.uint16)


def unpack_lanes(words: NDArray[np.uint16], config: CoreConfig) -> NDArray[np.int64]:
    """The inverse of `pack_lanes`."""
    bits = (words[..., None] >> np.arange(config.chunk_lanes)) & 1
    return bits.reshape(*words.shape[:-1], config.lanes).astype(np.int64)


@cache
def store_memory(config: CoreConfig) -> Memory:
    """The store of samples: part of the link, so not among `memories`. Depth 0: there is none."""
    doc = "samples kept on the board, see Samples below"
    return Memory(Space.STORE, "rw", config.store_bytes // 2, 1, 16, False, doc)


KEY_WORDS = 4
"""Words of the key of a store: 64 bits."""


@cache
def key_memory(config: CoreConfig) -> Memory:
    """What the store holds, as the host that filled it wrote. Depth 0: the core keeps no such thing."""
    doc = (
        "names what the store holds, of a store in the memory beside the FPGA; all zero from power-on, "
        "and from any write to STORE or SDRAM and any COPY to the store, until the host writes it"
    )
    depth = KEY_WORDS if config.store_off_chip else 0
    return Memory(Space.STORE_KEY, "rw", depth, 1, 16, False, doc)


RESULT_SLOTS = 16
"""Results kept on the device, so that a lost reply can be asked for again: frames in flight."""


def result_words(config: CoreConfig) -> int:
    """Words of a sample's result: see `golden.spec.samples.Result`."""
    return RESULT_HEAD + config.layers + 2 * config.classes


def brief_words(layers: int) -> int:
    """Words of a brief result, with so many layers in use: the last one, the readout, has no spikes."""
    return layers + (RESULT_HEAD - 1)


def play_words(config: CoreConfig, samples: int, layers: int) -> int:
    """Words of the answer to a PLAY of so many samples, with so many layers in use."""
    return result_words(config) if samples == 1 else samples * brief_words(layers)


@cache
def play_entries(config: CoreConfig) -> int:
    """Most samples of one PLAY: their brief results share a slot of RESULTS, whatever is in use."""
    return memories(config)[Space.RESULTS].stride // brief_words(config.layers)


@cache
def register_address(name: str) -> int:
    """First word of a register. Raises KeyError for a name that is not in the map."""
    address = 0
    for register in REGISTERS:
        if register.name == name:
            return address
        address += register.words
    raise KeyError(name)


REGISTER_WORDS = sum(register.words for register in REGISTERS)


def address(space: Space, index: int = 0) -> int:
    """Host address of word `index` of `space`."""
    return (space << SPACE_SHIFT) | index


@cache
def fingerprint(config: CoreConfig) -> int:
    """64-bit hash of everything host and core must agree on: map, fields, frames, configuration."""
    from golden.spec import frames, samples, table_rules

    parts = [VERSION, REGISTERS, FIELDS, list(memories(config).values()), config.as_dict()]
    parts += [store_memory(config), play_entries(config), brief_words(config.layers)]
    if config.store_off_chip:
        parts.append(key_memory(config))
    parts += [frames.DECLARATION, samples.DECLARATION, table_rules.table_program(config).steps]
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "little")
