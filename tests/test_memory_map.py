"""The list of memories is that of the design, and its block RAMs are those that were placed."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from amaranth.hdl import Fragment, Shape
from amaranth.hdl._mem import MemoryInstance

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.logic import multipliers
from golden.spec.memory_map import bits_by_kind, block_rams_by_kind, memory_map
from hw.top import Machine

KINDS = {
    r"core\.lanes\.lanes_\d+\.memory\.": "weights",
    r"core\.lanes\.lanes_\d+\.(post_)?gains": "gains",
    r"core\.fire\.membranes\.": "membranes",
    r"core\.learn\.surrogates\.": "surrogates",
    r"core\.learn\.post\.": "post traces",
    r"core\.fire\.spikes\.": "spikes",
    r"core\.learn\.signs\.": "signs",
    r"core\.rows\.trace\.ring": "pre traces",
    r"core\.rows\.scan\.words\.": "chunks to scan",
    r"core\.schedule\.passes\.segments\.starts": "starts of pixels",
    r"core\.learn\.gain\.map_signal\.latents": "latents",
    r"core\.learn\.classifier\.weights": "classifiers",
    r"core\.learn\.classifier\.counts": "latents",
    r"core\.learn\.deferred\.groups": "gains",
    r"core\.(fire\.pool\.line|learn\.winners\.)": "pooling",
    r"core\.schedule\.row_list\.": "row list",
    r"core\.rows\.events\.queue\.": "event queue",
    r"core\.host\.table\.": "layer table",
    r"core\.host\.checker\.kept": "table check",
    r"core\.readout\.scores\.words": "scores",
    r"core\.readout\.votes\.sums": "votes",
    r"link\.ring\.": "receive buffer",
    r"link\.replies\.memory": "results",
    r"link\.store\.": "store",
}
QUEUES = r"\.storage$"


def memories(fragment, path=""):
    """Every memory of an elaborated design: its path and itself."""
    if isinstance(fragment, MemoryInstance):
        yield path.removeprefix("."), fragment
    for part, name, *_ in fragment.subfragments:
        yield from memories(part, f"{path}.{name}")


def bits(memory):
    """Bits it holds."""
    return Shape.cast(memory._data.shape).width * memory._data.depth


ODD = CoreConfig(
    **{"lanes": 24, "weight_bits": 11, "weight_words": 1300, "neuron_groups": 5, "classes": 5},
    **{"trace_entries": 700, "layers": 3, "frame_bytes": 512, "store_bytes": 512},
)


MAPS = replace(ODD, lanes=12, neuron_groups=90, map_pixels=60, weight_bits=8)
CAUSAL = replace(MAPS, post_traces=0)
INFERENCE = replace(MAPS, learning=0)
CLASSIFIERS = replace(MAPS, classifier_groups=20)
DESIGNS = {
    "odd": ODD,
    "ulx3s-12f": PRESETS["ulx3s-12f"],
    "maps": MAPS,
    "causal": CAUSAL,
    "inference": INFERENCE,
    "classifiers": CLASSIFIERS,
    "values": replace(ODD, input_bits=3),
    "maps-values": replace(MAPS, input_bits=8),
}


@pytest.mark.parametrize("config", DESIGNS.values(), ids=DESIGNS)
def test_the_list_is_that_of_the_design(config):
    found, widths, rest = Counter(), Counter(), []
    for path, memory in memories(Fragment.get(Machine(config), None)):
        kind = next((kind for pattern, kind in KINDS.items() if re.match(pattern, path)), None)
        if kind is None:
            rest.append((path, memory))
            continue
        found[kind] += bits(memory)
        reads = sum(port._domain == "sync" for port in memory._read_ports)
        block = memory._attrs.get("ram_style", "block") == "block" and reads > 0
        width = Shape.cast(memory._data.shape).width
        widths[kind, width, memory._data.depth, reads if block else 0] += 1
    assert found == bits_by_kind(config)
    listed = Counter()
    for ram in memory_map(config):
        listed[ram.kind, ram.width, ram.depth, ram.reads * ram.block] += ram.copies
    assert widths == listed
    # What is not listed: queues read at once, made of logic, and little of it.
    assert all(port._domain == "comb" for _, memory in rest for port in memory._read_ports)
    assert all(re.search(QUEUES, path) for path, _ in rest)
    assert sum(bits(memory) for _, memory in rest) < 4096


@pytest.mark.parametrize(
    ("preset", "placed", "multiplied"),
    [
        ("ulx3s-85f", 199, 86),
        ("ulx3s-12f", 53, 26),
        ("ulx3s-85f-128", 165, 150),
        ("ulx3s-85f-maps", 176, 27),
    ],
)
def test_it_takes_what_place_and_route_counted(preset, placed, multiplied):
    """The bitstreams of the README, and the netlist of the core for maps."""
    assert sum(block_rams_by_kind(PRESETS[preset]).values()) == placed
    assert multipliers(PRESETS[preset]) == multiplied
