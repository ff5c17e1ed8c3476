"""The store of samples: block RAM or a memory, player, and PLAY through the whole link, bit for bit."""

from dataclasses import replace
from random import Random
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles

from golden.host.memory import BadAddress
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.copies import Copy, copied
from golden.spec.frames import (
    PLAY_ENTRY,
    PLAY_LEARN,
    READ_PAYLOAD,
    WRITE_PAYLOAD,
    Command,
    Frame,
    Status,
)
from golden.spec.registers import (
    KEY_WORDS,
    RESULT_SLOTS,
    Space,
    address,
    brief_words,
    play_entries,
)
from golden.spec.samples import keep
from golden.spec.sdram import Chip, SdramConfig, beside
from golden.store import SampleStore
from hw.core.ports import BUS_REPLY, BUS_REQUEST, SAMPLE_BYTE
from hw.link.link import Link
from hw.link.memory_store import BURST, MemoryStore
from hw.link.player import Player
from hw.link.ports import PLAY
from hw.link.store import KEY_BIT, BlockStore
from hw.memory.ports import request
from sim.harness import parameters, run, seeded, start
from sim.link_model import (
    GOOD_WORDS,
    LAYER_COUNT,
    Core,
    Faults,
    Host,
    Reference,
    Wire,
    biased_bytes,
    random_command,
)
from sim.streams import OFTEN, RARE, STALL, STEADY, StreamSink, StreamSource, Waits

CONFIGS = {
    "tiny": PRESETS["tiny"],  # 512 words
    "small": CoreConfig(lanes=3, layers=2, classes=2, frame_bytes=512, store_bytes=512),
    "large": CoreConfig(lanes=8, layers=3, classes=10, frame_bytes=1024, store_bytes=5120),
    "none": CoreConfig(lanes=4, frame_bytes=512, store_bytes=0),
}
MEMORY = SdramConfig(chip=Chip(row_bits=8))
CONFIGS["memory"] = beside(CONFIGS["small"], MEMORY)
WAITS = {"steady": STEADY, "rare": RARE, "often": OFTEN, "stall": STALL}
FAULTS = Faults(flip=0.05, drop=0.05, truncate=0.05, lose=0.05, repeat=0.05, noise=0.05)


@pytest.mark.parametrize("name", ["tiny", "large"])
def test_block_store(name: str) -> None:
    make = lambda: BlockStore(CONFIGS[name])  # noqa: E731
    run(make, __name__, testcase="block_store", parameters={"name": name})


@pytest.mark.parametrize("name", ["tiny", "large"])
def test_player(name: str) -> None:
    run(lambda: Player(CONFIGS[name]), __name__, testcase="player", parameters={"name": name})


def test_memory_store() -> None:
    make = lambda: MemoryStore(CONFIGS["memory"], MEMORY.chip)  # noqa: E731
    run(make, __name__, testcase="memory_store", parameters={"name": "memory"})


def make_link(name: str) -> Link:
    """The link of a configuration."""
    return Link(CONFIGS[name], MEMORY if name == "memory" else None)


@pytest.mark.parametrize("name", CONFIGS)
def test_play(name: str) -> None:
    run(lambda: make_link(name), __name__, testcase="play", parameters={"name": name})


@pytest.mark.parametrize("name", ["tiny", "large", "memory"])
def test_bad_line(name: str) -> None:
    run(lambda: make_link(name), __name__, testcase="bad_line", parameters={"name": name})


def test_pace() -> None:
    run(lambda: Link(CONFIGS["tiny"]), __name__, testcase="pace", parameters={"name": "tiny"})


def filling(rng: Random, config: CoreConfig) -> tuple[list[int], list[int]]:
    """Words for a whole store, samples and gaps of junk, and where the samples begin."""
    words: list[int] = []
    starts = []
    places = used(config)
    while len(words) < places:
        words += [rng.randrange(1 << 16) for _ in range(rng.choice([0, 0, 1, 5]))]
        starts.append(len(words))
        size = rng.choice([6, 7, 8, rng.randrange(6, 60), rng.randrange(6, 200)])
        words += keep(biased_bytes(rng, size)).tolist()
    return words[:places], starts


def used(config: CoreConfig) -> int:
    """Words from the start of the store that are written."""
    return min(config.store_bytes // 2, 3000)


def entry(rng: Random, config: CoreConfig, starts: list[int]) -> int:
    """A sample, seldom a place where there need not be one."""
    depth = config.store_bytes // 2
    strange = [
        rng.randrange(depth + 1),
        max(depth - 1, 0),
        depth,
        depth + 1,
        1 << 24,
        (1 << 31) - 1,
    ]
    place = rng.choice(strange if rng.random() < 0.05 or not starts else starts)
    return place | rng.choice([0, PLAY_LEARN])


def play_command(rng: Random, config: CoreConfig, starts: list[int]) -> tuple[int, bytes]:
    """A PLAY, seldom of a length that is not allowed."""
    count = rng.randint(1, play_entries(config) + (rng.random() < 0.05))
    data = b"".join(PLAY_ENTRY.pack(entry(rng, config, starts)) for _ in range(count))
    return Command.PLAY, data[: rng.randrange(len(data)) if rng.random() < 0.05 else None]


def copy_command(rng: Random, config: CoreConfig) -> tuple[int, bytes]:
    """A COPY of few words, seldom past an end, or of a space or length that is not allowed."""
    depth, memory = config.store_bytes // 2, rng.choice(list(copied(config)))
    size = min(memory.size, GOOD_WORDS)
    words = min(rng.choice([0, 1, 2, rng.randrange(60)]), size)
    kept, index = rng.randrange(max(used(config) - words, 1)), rng.randrange(size - words + 1)
    asked = Copy(kept, address(memory.space, index), words, rng.random() < 0.5)
    if rng.random() < 0.2:
        strange = [
            {"kept": max(depth - words + 1, 0)},
            {"address": address(Space.TRACES)},
            {"address": address(memory.space, memory.size - words + 1)},
            {"words": 1 << 24},
        ]
        asked = replace(asked, **rng.choice(strange))
    payload = asked.encode()
    return Command.COPY, payload[: rng.randrange(12) if rng.random() < 0.05 else None]


def layers_command(rng: Random, config: CoreConfig) -> tuple[int, bytes]:
    """So many layers are in use from now on, or too few, or too many."""
    count = rng.randrange(config.layers + 3)
    return Command.WRITE, WRITE_PAYLOAD.pack(LAYER_COUNT) + count.to_bytes(2, "little")


def fill_commands(config: CoreConfig, words: list[int]) -> list[tuple[int, bytes]]:
    """WRITEs of a whole store."""
    step = config.frame_bytes // 8
    return [
        (
            Command.WRITE,
            WRITE_PAYLOAD.pack(address(Space.STORE, at))
            + np.array(words[at : at + step], "<u2").tobytes(),
        )
        for at in range(0, len(words), step)
    ]


def read_commands(config: CoreConfig) -> list[tuple[int, bytes]]:
    """READs of a whole store, and past its end."""
    depth, step = config.store_bytes // 2, 256
    places = [(at, min(step, used(config) - at)) for at in range(0, used(config), step)]
    places += [(depth, 1), (max(depth - 3, 0), 5), (depth, 0)]
    return [
        (Command.READ, READ_PAYLOAD.pack(address(Space.STORE, at), many)) for at, many in places
    ]


@cocotb.test()
@cocotb.parametrize(waits=list(WAITS))
async def block_store(dut: Any, waits: str) -> None:
    """Reads and writes in order, some past the end, whoever waits; an access a clock if nobody does."""
    config, rng = CONFIGS[parameters()["name"]], seeded()
    source = StreamSource(dut, "request", BUS_REQUEST, waits=WAITS[waits])
    sink = StreamSink(dut, "reply", BUS_REPLY, waits=WAITS[waits])
    await start(dut)
    depth = config.store_bytes // 2
    words = [rng.randrange(1 << 16) for _ in range(depth)]
    asked = [(index, 1, word) for index, word in enumerate(words)]
    for _ in range(600):
        index = rng.choice([rng.randrange(depth), rng.randrange(8), depth, depth + 7, 1 << 24])
        asked.append((index, int(rng.random() < 0.4), rng.randrange(1 << 16)))
    source.send(*({"address": a, "data": d, "write": w} for a, w, d in asked))
    await ClockCycles(dut.clk, 100)
    assert sink.transfers >= 95 or waits != "steady"
    for number, (index, write, data) in enumerate(asked):
        reply = await sink.receive()
        assert reply["error"] == (index >= depth), f"access {number}"
        if index < depth:
            assert write or reply["data"] == words[index], f"access {number}"
            words[index] = data if write else words[index]


@cocotb.test()
@cocotb.parametrize(waits=list(WAITS), memory=list(WAITS))
async def memory_store(dut: Any, waits: str, memory: str) -> None:
    """Words and key against the twin; bursts of words that follow each other, if nobody waits."""
    config, rng = CONFIGS["memory"], seeded()
    source = StreamSource(dut, "request", BUS_REQUEST, waits=WAITS[waits])
    sink = StreamSink(dut, "reply", BUS_REPLY, waits=WAITS[waits])
    bursts = serve_bursts(dut, WAITS[memory])
    dut.disturbed.value = 0
    await start(dut)
    twin, depth = SampleStore(config), config.store_bytes // 2
    places = [*range(40), *range(depth - 20, depth + 3), (1 << 31) - 1]
    for at in places[:-1]:
        await access(source, sink, twin, at, rng.getrandbits(16), write=True)
    for _ in range(150):
        kind, at, count = rng.random(), rng.choice(places), rng.choice([1, 2, 8, 9, 20, 33])
        if kind < 0.15:
            dut.disturbed.value = 1
            await ClockCycles(dut.clk, 1)
            dut.disturbed.value = 0
            twin.disturb()
        elif kind < 0.45:
            at = KEY_BIT_SET | rng.choice([0, 0, rng.randrange(KEY_WORDS + 1), 1 << 24])
            count = rng.randint(1, KEY_WORDS + 1)
        run_of = [min(at + n, (1 << 32) - 1) for n in range(count)]
        if not at & KEY_BIT_SET:
            run_of = [index if index in places else at for index in run_of]
        write = rng.random() < 0.5
        words = [rng.getrandbits(16) for _ in run_of]
        await accesses(source, sink, twin, run_of, words, write=write)
    await accesses(source, sink, twin, [0], [0], write=False)  # behind all words that were written
    bursts.clear()
    await accesses(source, sink, twin, list(range(40)), [0] * 40, write=False)
    assert sum(bursts) == 40
    assert bursts == [BURST] * (40 // BURST) or (waits, memory) != ("steady", "steady")


KEY_BIT_SET = 1 << KEY_BIT


async def access(
    source: StreamSource, sink: StreamSink, twin: SampleStore, at: int, data: int, *, write: bool
) -> None:
    """One access here and of the twin."""
    await accesses(source, sink, twin, [at], [data], write=write)


async def accesses(
    source: StreamSource,
    sink: StreamSink,
    twin: SampleStore,
    places: list[int],
    words: list[int],
    *,
    write: bool,
) -> None:
    """Accesses one behind the other, and what the twin says to each of them."""
    pairs = list(zip(places, words, strict=True))
    source.send(*({"address": at, "data": word, "write": int(write)} for at, word in pairs))
    for number, reply in enumerate(await sink.receive_many(len(pairs), within_us=10**5)):
        at, word = pairs[number]
        index, of_key, wanted = at & ~KEY_BIT_SET, at & KEY_BIT_SET, None
        try:
            if write:
                (twin.write_key if of_key else twin.write)(index, np.array([word], np.uint16))
            else:
                wanted = (twin.read_key if of_key else twin.read)(index, 1)[0]
        except BadAddress:
            assert reply["error"], f"{at:#x}"
            continue
        assert not reply["error"] and wanted in (None, reply["data"]), f"{at:#x}"


def serve_bursts(dut: Any, waits: Waits = STEADY) -> list[int]:
    """Put a memory behind the port `memory`; the words of each burst, as they come."""
    requests = StreamSink(dut, "memory__request", request(MEMORY.chip), waits=waits)
    given = StreamSink(dut, "memory__write", 16, waits=waits)
    found = StreamSource(dut, "memory__read", 16, waits=waits)
    words: dict[int, int] = {}
    bursts: list[int] = []

    async def memory() -> None:
        while True:
            burst = await requests.receive(within_us=10**9)
            bursts.append(burst["words"])
            for at in range(burst["address"], burst["address"] + burst["words"]):
                if burst["write"]:
                    words[at] = await given.receive(within_us=10**9)
                else:
                    found.send(words.get(at, 0))  # as the twin begins

    cocotb.start_soon(memory())
    return bursts


@cocotb.test()
@cocotb.parametrize(memory=list(WAITS), core=["steady", "often"])
async def player(dut: Any, memory: str, core: str) -> None:
    """Samples from a memory as slow as you like, between samples that pass through."""
    config, rng = CONFIGS[parameters()["name"]], seeded()
    store = SampleStore(config)
    words, starts = filling(rng, config)
    store.write(0, np.array(words, np.uint16))
    plays = StreamSource(dut, "play", PLAY)
    passing = StreamSource(dut, "i", SAMPLE_BYTE, waits=WAITS[core])
    sink = StreamSink(dut, "sample", SAMPLE_BYTE, waits=WAITS[core])
    serve(dut, store, WAITS[memory])
    await start(dut)
    for number in range(60):
        if rng.random() < 0.2:
            data = biased_bytes(rng, rng.randrange(6, 20))
            passing.send(*({"data": b, "last": int(n == len(data))} for n, b in enumerate(data, 1)))
        else:
            where = entry(rng, config, starts)
            plays.send({"address": where & (PLAY_LEARN - 1), "learn": where >> 31})
            try:
                data = store.play(where)
            except BadAddress:
                while not dut.refused.value:
                    await ClockCycles(dut.clk, 1)
                await ClockCycles(dut.clk, 3)
                assert not dut.playing.value and not len(sink), f"sample {number}"
                continue
        packet = await sink.receive_packet(within_us=10**6)
        assert bytes(byte["data"] for byte in packet) == data, f"sample {number}"
        await ClockCycles(dut.clk, 3)
        assert not dut.playing.value


def serve(dut: Any, store: SampleStore, waits: Waits) -> None:
    """Put a memory behind the ports of a player."""
    requests = StreamSink(dut, "request", BUS_REQUEST, waits=waits)
    replies = StreamSource(dut, "reply", BUS_REPLY, waits=waits)

    async def memory() -> None:
        while True:
            request = await requests.receive(within_us=10**9)
            assert not request["write"]
            missing = request["address"] >= len(store.words)
            data = 0xDEAD if missing else int(store.words[request["address"]])
            replies.send({"data": data, "error": int(missing)})

    cocotb.start_soon(memory())


async def begin(dut: Any, waits: Waits) -> tuple[CoreConfig, Wire, Core, Reference, Random]:
    config = CONFIGS[parameters()["name"]]
    wire, core = Wire(dut, waits), Core(config)
    core.attach(dut, waits)
    if config.store_off_chip:
        serve_bursts(dut, waits)
    await start(dut)
    await wire.open()
    reference = Reference(config)
    size = reference.space.size
    wire.send(Frame(0, Command.READ, READ_PAYLOAD.pack(address(Space.RESULTS), size)))
    left = await wire.receive(within_us=10_000)  # by the test before: a reset clears no memory
    assert isinstance(left, Frame)
    reference.results = np.frombuffer(left.payload, "<u2").tolist()
    assert len(reference.results) == size
    await wire.open()
    return config, wire, core, reference, seeded()


@cocotb.test()
@cocotb.parametrize(waits=list(WAITS))
async def play(dut: Any, waits: str) -> None:
    """Random PLAYs and COPYs among other commands, one after the other and many in flight."""
    config, wire, core, reference, rng = await begin(dut, WAITS[waits])
    words, starts = filling(rng, config)
    todo = fill_commands(config, words)
    for _ in range(60):
        kind = rng.random()
        todo += [layers_command(rng, config)] * (rng.random() < 0.2)
        todo += [copy_command(rng, config)] * (rng.random() < 0.4)
        if kind < 0.7:
            todo.append(play_command(rng, config, starts))
        elif kind < 0.8:
            end = config.store_bytes // 2
            place = WRITE_PAYLOAD.pack(address(Space.STORE, rng.choice([*starts, end])))
            todo.append((Command.WRITE, place + biased_bytes(rng, 2 * rng.randrange(12))))
        else:
            todo.append(random_command(rng, config.frame_bytes // 4 - 4))
    odd = [b"", bytes(3), bytes(4 * play_entries(config) + 4)]
    odd.append(PLAY_ENTRY.pack(config.store_bytes // 2))
    todo += [(Command.PLAY, data) for data in odd]
    todo += read_commands(config)
    frames = [Frame(number & 0xFF, *command) for number, command in enumerate(todo)]
    expected = [reference.run(frame) for frame in frames]
    held: list[int] = []
    got = 0
    for frame in [*frames, None]:
        while held and (
            frame is None
            or len(held) == RESULT_SLOTS
            or sum(held) + frame.credit > config.frame_bytes
        ):
            reply = await wire.receive(within_us=10_000)  # a sample may have 65,535 bytes
            assert reply == expected[got], f"reply {got} to {frames[got]}"
            held.pop(0)
            got += 1
        if frame is not None:
            wire.send(frame)
            held.append(frame.credit)
    assert await wire.quiet()
    assert core.log == reference.core.log


@cocotb.test()
async def bad_line(dut: Any) -> None:
    """The store holds what was sent, every sample is played once, and lost results are kept."""
    config, wire, core, reference, rng = await begin(dut, RARE)
    words, starts = filling(rng, config)
    todo = fill_commands(config, words)
    for _ in range(60):
        todo.append(play_command(rng, config, starts))
        todo += [layers_command(rng, config)] * (rng.random() < 0.2)
        todo += [copy_command(rng, config)] * (rng.random() < 0.4)
        todo += [random_command(rng, 100, valid=True)] * (rng.random() < 0.2)
    expected = [reference.run(Frame(n & 0xFF, *command)) for n, command in enumerate(todo)]
    host = Host(wire, config, FAULTS, rng)
    replies = await host.run(todo)
    dut._log.info("%s", host.counts)
    assert host.counts["DAMAGED"] and host.counts["DUPLICATE"]
    for number, (reply, wanted) in enumerate(zip(replies, expected, strict=True)):
        assert reply in (None, wanted), f"reply {number}"

    wire.sink.take_all()
    wire.reader = type(wire.reader)()
    last = Frame(rng.randrange(256), Command.SYNC, rng.randbytes(8))
    wire.send_raw(b"\xc0")
    wire.send(last)
    while await wire.receive() != Frame(last.sequence, Status.OK, last.payload):
        pass
    assert core.log == reference.core.log
    stride = reference.space.stride
    slots = [READ_PAYLOAD.pack(address(Space.RESULTS, n * stride), stride) for n in range(16)]
    checks = [*((Command.READ, slot) for slot in slots), *read_commands(config)]
    for number, command in enumerate(checks, last.sequence + 1):
        frame = Frame(number & 0xFF, *command)
        wire.send(frame)
        assert await wire.receive() == reference.run(frame), command


@cocotb.test()
async def pace(dut: Any) -> None:
    """A byte of a played sample a clock, and few clocks from one sample to the next."""
    config, wire, core, *_ = await begin(dut, STEADY)
    samples = StreamSink(dut, "sample", SAMPLE_BYTE, take=False)
    words = keep(bytes(300)).tolist()
    for number, command in enumerate(fill_commands(config, words)):
        wire.send(Frame(number, *command))
        assert await wire.receive() == Frame(number, Status.OK)
    count = play_entries(config)
    wire.send(Frame(number + 1, Command.PLAY, PLAY_ENTRY.pack(0) * count))
    while samples.transfers == 0:
        await ClockCycles(dut.clk, 1)
    clocks = 0
    while samples.transfers < 300:
        await ClockCycles(dut.clk, 1)
        clocks += 1
    assert clocks <= 300
    while samples.transfers < 300 * count:
        await ClockCycles(dut.clk, 1)
        clocks += 1
    results = 24 + 8  # words of a result, and clocks of the core model between its last byte and it
    assert clocks <= count * (300 + results + 16), clocks
    reply = await wire.receive()
    assert isinstance(reply, Frame) and reply.code == Status.OK
    assert len(reply.payload) == 2 * brief_words(core.layer_count) * count
