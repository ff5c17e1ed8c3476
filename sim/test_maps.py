"""Windows and pooling of maps on their own, against their golden twins."""

from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.triggers import RisingEdge

from golden.fire.pool import cell_numbers, pool
from golden.rows.trace import Pass
from golden.schedule.passes import passes
from golden.spec.config import CoreConfig
from golden.spec.flags import FLAG_NAMES
from golden.spec.layers import FIELD_NAMES, Layer
from golden.spec.network import Network
from hw.core.base.layouts import layer_entry, visit
from hw.core.fire.pool import Pool
from hw.core.schedule.segments import Segments, segment
from sim.harness import parameters, run, seeded, start
from sim.streams import OFTEN, RARE, STEADY, Port, StreamSink, StreamSource

CONFIG = CoreConfig(
    lanes=16, weight_words=2000, neuron_groups=256, trace_entries=1000, map_pixels=70
)
SHAPES = [
    ((2, 5, 7), "20c3p", 4),
    ((3, 1, 9), "16c3", 2),
    ((1, 8, 8), "40c3p", 2),
    ((8, 2, 2), "5c3p", 4),
]


def layer_of(shape: tuple[int, int, int], stage: str, side: int) -> Layer:
    """The first layer of a network with that stage."""
    network = Network.of_stages(shape, (stage,), 3, latent_side=side)
    return network.layers(CONFIG)[0]


def entry_of(layer: Layer) -> dict[str, Any]:
    """The layer table entry, flags taken apart."""
    values: dict[str, Any] = {name: getattr(layer, name) for name in FIELD_NAMES}
    flags = {name: (layer.flags >> bit) & 1 for bit, name in enumerate(FLAG_NAMES)}
    return values | {"flags": flags | {"unused": 0}}


@pytest.mark.parametrize("waits", ["STEADY", "RARE", "OFTEN"])
def test_window(waits: str) -> None:
    run(lambda: Segments(CONFIG), __name__, testcase="windows", parameters={"waits": waits})


def test_pool() -> None:
    run(lambda: Pool(CONFIG), __name__, testcase="pools")


@cocotb.test()
async def windows(dut: Any) -> None:
    """Stretches of a list and their offsets are the rows that the model's passes visit, in order."""
    rng = np.random.default_rng(seeded().getrandbits(32))
    waits = {"STEADY": STEADY, "RARE": RARE, "OFTEN": OFTEN}[parameters()["waits"]]
    visits = StreamSource(dut, "visits", visit(CONFIG), waits=waits)
    stretches = StreamSink(dut, "stretches", segment(CONFIG), waits=waits)
    entry = Port(dut.entry, layer_entry())
    pending = np.zeros(CONFIG.neuron_groups, np.int64)
    lists: dict[str, list[int]] = {"all": [], "spikes": []}
    cocotb.start_soon(replay(dut, lists, pending))
    dut.start.value = 0
    await start(dut)
    for density in (0.0, 0.05, 0.4, 1.0):
        for shape in SHAPES:
            layer = layer_of(*shape)
            entry.value = entry_of(layer)
            pending[:] = rng.random(len(pending)) < 0.5
            rows = np.flatnonzero(rng.random(layer.inputs) < density)
            spikes = rng.random(len(rows)) < 0.5
            lists["all"].clear(), lists["spikes"].clear()
            dut.start.value = 1
            await RisingEdge(dut.clk)
            dut.start.value = 0
            row_fields = zip(rows.tolist(), spikes.tolist(), strict=True)
            visits.send(*(token(row, int(spike)) for row, spike in row_fields), token(end=1))
            await compare(layer, rows, spikes, pending, lists, stretches)


def token(row: int = 0, spike: int = 0, end: int = 0) -> dict[str, int]:
    """A visit."""
    return {"row": row, "trace": 9, "spiked": 0, "spike": spike, "end": end}


async def replay(dut: Any, lists: dict[str, list[int]], pending: np.ndarray) -> None:
    """What Replay and Pending do: lists of what is recorded, and a bit a cycle late."""
    dut.visited.value = dut.spiked.value = dut.pending.value = 0
    while True:
        await RisingEdge(dut.clk)
        state = dut.state.value
        dut.pending.value = int(pending[int(state) % len(pending)]) if state.is_resolvable else 0
        if dut.record.value.is_resolvable and int(dut.record.value):
            row = int(dut.visits__payload.value) & ((1 << CONFIG.row_bits) - 1)
            spike = int(dut.visits__payload.value) >> (CONFIG.row_bits + 9) & 1
            lists["all"].append(row)
            if spike:
                lists["spikes"].append(row)
        dut.visited.value, dut.spiked.value = len(lists["all"]), len(lists["spikes"])


async def compare(
    layer: Layer,
    rows: np.ndarray,
    spikes: np.ndarray,
    pending: np.ndarray,
    lists: dict[str, list[int]],
    stretches: StreamSink,
) -> None:
    """Every pass of the layer."""
    whole = Pass(rows, np.full(len(rows), 9), np.zeros(len(rows), bool), spikes)
    expected = list(passes(layer, whole))
    for number, (group, window) in enumerate(expected):
        updates = bool(pending[layer.state_base + number])
        wanted = layer.weight_base + group * layer.rows + window.rows
        wanted = wanted if updates else wanted[window.spikes]
        got: list[int] = []
        while True:
            part = await stretches.receive()
            if part["end"]:
                break
            assert part["updates"] == updates
            assert part["beyond"] > part["first"], "an empty stretch costs a cycle"
            source = lists["all" if updates else "spikes"][part["first"] : part["beyond"]]
            got += [(row + part["offset"]) % (1 << 11) for row in source]
        assert got == wanted.tolist(), f"pass {number}"
        last_group = number % layer.groups == layer.groups - 1
        assert part["pixel_end"] == last_group
        assert part["final"] == (number == len(expected) - 1)


@cocotb.test()
async def pools(dut: Any) -> None:
    """Chunks of fired maps: what is seen of them and when, their latents, who won each window."""
    rng = np.random.default_rng(seeded().getrandbits(32))
    entry, winners = Port(dut.entry, layer_entry()), Port(dut.winners, Pool(CONFIG).winners.shape())
    context = Port(dut.context, Pool(CONFIG).context.shape())
    dut.valid.value = 0
    await start(dut)
    for density in (0.0, 0.1, 0.5, 1.0):
        for shape in SHAPES:
            layer = layer_of(*shape)
            entry.value = entry_of(layer)
            fired = (rng.random((layer.positions, layer.groups * 16)) < density).astype(np.int64)
            await one_map(dut, rng, layer, fired, context, winners)


async def one_map(
    dut: Any,
    rng: np.random.Generator,
    layer: Layer,
    fired: np.ndarray,
    context: Port,
    winners: Port,
) -> None:
    """Fire a whole map, with pauses; compare with the model."""
    expected = pool(fired, layer)
    words = fired.reshape(-1, CONFIG.chunk_lanes)
    seen: list[int] = []
    locals_: list[int] = []
    won: dict[int, list[int]] = {}
    due: list[bool] = []
    for number in range(len(words) + 60):
        here = number < len(words)
        group, chunk = divmod(number, CONFIG.chunks)
        last = group == layer.state_groups - 1
        context.value = (
            context_of(layer.state_base + group, int(last)) if here else context_of(0, 0)
        )
        dut.chunk.value, dut.valid.value = chunk if here else 0, int(here)
        dut.spikes.value = int((words[number] << np.arange(4)).sum()) if here else 0
        for pause in range(1 + int(chunk == CONFIG.chunks - 1) * int(rng.integers(2))):
            if pause:
                dut.valid.value = 0
            await RisingEdge(dut.clk)
            coming = int(dut.coming.value)
            due.append(bool(coming))
            if coming:
                locals_.append(int(dut.local.value))
                assert int(dut.restart.value) == (len(locals_) == 1)
            if len(due) > Pool.LATENCY and due[-1 - Pool.LATENCY]:
                seen.append(int(dut.seen.value))
            if int(dut.write_winners.value):
                won[int(dut.winners_place.value)] = list(winners.value)
    wanted = (expected.spikes.reshape(-1, CONFIG.chunk_lanes) << np.arange(4)).sum(axis=1).tolist()
    odd = layer.pool and (layer.height % 2 or layer.width % 2)
    assert seen == wanted + [0] * bool(odd)
    latents = cell_numbers(layer)
    if layer.pool:
        grid = latents.reshape(layer.height, layer.width)
        latents = grid[: layer.height // 2 * 2 : 2, : layer.width // 2 * 2 : 2].reshape(-1)
        compare_winners(layer, expected.winners, won)
    groups = latents[:, None] * layer.groups + np.arange(layer.groups)
    assert locals_[: len(wanted)] == np.repeat(groups.reshape(-1), CONFIG.chunks).tolist()


def context_of(state: int, final: int) -> dict[str, int]:
    """A context whose group is `state`."""
    names = ("layer", "valid", "fresh", "learn", "teach")
    return dict.fromkeys(names, 0) | {"state": state, "final": final}


def compare_winners(layer: Layer, expected: np.ndarray, won: dict[int, list[int]]) -> None:
    """The words of every window against the winners of its four pixels."""
    grid = expected.reshape(layer.height, layer.width, layer.groups, CONFIG.chunks, -1)
    lines, columns = layer.height // 2, layer.width // 2
    assert len(won) == lines * columns * layer.groups * CONFIG.chunks
    for window in range(lines * columns):
        y, x = divmod(window, columns)
        for group in range(layer.groups):
            for chunk in range(CONFIG.chunks):
                place = (
                    layer.state_base // 4 + window * layer.groups + group
                ) * CONFIG.chunks + chunk
                corners = [grid[2 * y + c // 2, 2 * x + c % 2, group, chunk] for c in range(4)]
                wanted = [int((bits << np.arange(len(bits))).sum()) for bits in corners]
                assert won[place] == wanted, f"window {window}, group {group}, chunk {chunk}"
