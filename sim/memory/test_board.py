"""The simulated board with a memory: two clocks, the whole link, the chip; against the integer model."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from bench.campaign.frames import untimed
from golden.spec.config import PRESETS
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
from golden.spec.memory_test import (
    CONTROL,
    MEMORY_REGISTER_WORDS,
    RESULTS,
    Pass,
    Pattern,
    memory_register,
)
from golden.spec.network import Network
from golden.spec.registers import KEY_WORDS, Space, address, play_entries, store_memory
from golden.spec.samples import encode_sample, keep
from golden.spec.sdram import SdramConfig, beside
from sim.harness import choose_seed
from sw.cli import memory
from sw.cli.checks import OK
from sw.data import load
from sw.device import Channel, Device, MemoryUnit, Refused
from sw.link import GoldenTransport, SimulatedTransport, Transport

CONFIG = SdramConfig()
CORE = beside(PRESETS["tiny"], CONFIG)
FAST = SdramConfig(mhz=132.5, read_delay=0)
NETWORK = Network(sizes=(64, 12, 6, 4), eta=0.02, eta_out=0.02, alpha_post=-0.5, weight_fraction=7)
DEPTH = store_memory(CORE).depth
USED = 3000
"""Words from the start of the store, for samples, and as many before its end, for anything."""
CLOCKS = {  # words that only a clock knows
    memory_register(register.name)[0] + part
    for register in RESULTS[-2:]
    for part in range(register.words)
}


def opened(transport: Transport) -> Device:
    """A device that is loaded with nothing."""
    return Device(Channel(transport), CORE)


def answer(device: Device, command: Command, payload: bytes) -> bytes | str:
    """What a device says to a command."""
    try:
        return device.channel.call(command, payload)
    except Refused as error:
        return str(error).partition(" with ")[2]


def random_access(rng: Random) -> tuple[Command, bytes]:
    """A READ or WRITE at the registers of the memory, beyond them, or elsewhere. No test is started."""
    first = memory_register(CONTROL[1].name)[0]  # behind `start`
    space = rng.choice([Space.SDRAM, Space.SDRAM, Space.SDRAM, Space.REGISTERS, 13])
    if rng.randrange(2):
        at = rng.choice([0, rng.randrange(MEMORY_REGISTER_WORDS + 3)])
        return Command.READ, READ_PAYLOAD.pack(address(space, at), rng.randrange(6))
    words = np.array([rng.getrandbits(16) for _ in range(rng.randrange(1, 6))], "<u2").tobytes()
    at = rng.randrange(first, MEMORY_REGISTER_WORDS + 3)
    space = Space.SDRAM if space == Space.REGISTERS else space
    return Command.WRITE, WRITE_PAYLOAD.pack(address(space, at)) + words


def test_the_board_answers_as_the_model_and_its_memory_is_whole() -> None:
    seed = choose_seed()
    rng = Random(seed)
    with (
        opened(SimulatedTransport(CORE, memory=CONFIG)) as board,
        opened(GoldenTransport(CORE, compiled=False, memory=CONFIG)) as model,
    ):
        for number in range(400):
            command, payload = random_access(rng)
            answers = [answer(device, command, payload) for device in (board, model)]
            assert answers[0] == answers[1], (
                f"seed {seed}, access {number}: {command.name} {payload!r}"
            )
        found = list(memory.findings(board, real=False))
        assert {finding.level for finding in found} == {OK}, found
        list(memory.findings(model, real=False))
        words = [device.read(Space.SDRAM, 0, MEMORY_REGISTER_WORDS) for device in (board, model)]
        differ = set(np.flatnonzero(words[0] != words[1]).tolist())
        assert differ <= CLOCKS and differ, "clocks alone"
        shares = [
            finding.what.split(", ")[-1] for finding in found if "of the peak" in finding.what
        ]
        assert len(shares) == 2 and all(float(share.split("%")[0]) > 97 for share in shares)


def random_words(rng: Random, count: int, below: int = 1 << 16) -> np.ndarray:
    """Words. Where they may be played they are small: not many steps."""
    return np.array([rng.randrange(below) for _ in range(count)], np.uint16)


def kept_sample(rng: Random) -> np.ndarray:
    """Words of a sample for NETWORK, seldom one that is cut short."""
    steps = rng.choice([0, 1, rng.randrange(2, 12)])
    frames = np.array([[rng.random() < 0.2 for _ in range(64)] for _ in range(steps)], bool)
    payload = encode_sample(frames.reshape(steps, 64), rng.randrange(4), learn=True)
    return keep(payload[: rng.randrange(6, len(payload) + 1) if rng.random() < 0.1 else None])


def random_copy(rng: Random) -> Copy:
    """A COPY of words that were written, seldom past an end or of another space.

    From where samples are played there are small words alone; what comes back from there goes elsewhere.
    """
    memory, to_core = rng.choice(list(copied(CORE))), rng.random() < 0.5
    words = min(rng.choice([0, 1, 7, 8, 9, 40, rng.randrange(1000)]), memory.size)
    index, first = rng.randrange(memory.size - words + 1), rng.randrange(USED - words)
    kept = first if to_core and rng.random() < 0.5 else DEPTH - USED + first
    found = Copy(kept, address(memory.space, index), words, to_core)
    if memory.space == Space.LAYERS and to_core:  # a table of its network, for samples to be played
        found = replace(found, address=address(Space.MEMBRANES))
    strange = [
        {"kept": DEPTH - words + 1},
        {"address": address(memory.space, memory.size - words + 1)},
        {"address": address(rng.choice([Space.REGISTERS, Space.SPIKES, Space.STORE, Space.SDRAM]))},
        {"words": rng.choice([1 << 24, (1 << 32) - 1])},
    ]
    return replace(found, **rng.choice(strange)) if rng.random() < 0.15 else found


def store_commands(rng: Random) -> Iterator[tuple[Command, bytes]]:
    """Everything that reaches the store: what is read was written before."""

    def write(space: Space, at: int, words: np.ndarray) -> tuple[Command, bytes]:
        data = words.astype("<u2").tobytes()
        return Command.WRITE, WRITE_PAYLOAD.pack(address(space, at)) + data

    small = 30
    for start, below in ((0, small), (DEPTH - USED, 1 << 16)):
        for at in range(start, start + USED, 50):
            yield write(Space.STORE, at, random_words(rng, 50, below))
    starts = [0, DEPTH - 1]
    while True:
        kind, end = rng.random(), rng.random() < 0.5
        at = DEPTH - rng.randrange(1, USED) if end else rng.randrange(USED - 100)
        if kind < 0.2:
            count = rng.choice([0, 1, 8, 9, 16, 17, 40])
            yield write(Space.STORE, at, random_words(rng, count, 1 << 16 if end else small))
        elif kind < 0.4:
            starts.append(at % USED)
            yield write(Space.STORE, at % USED, kept_sample(rng)[:100])
        elif kind < 0.6:
            count = rng.choice([0, 1, 2, 7, 8, 9, rng.randrange(100)])
            yield Command.READ, READ_PAYLOAD.pack(address(Space.STORE, at), count)
        elif kind < 0.7:
            yield Command.COPY, random_copy(rng).encode()
        elif kind < 0.8:
            strange = [DEPTH, DEPTH + 1, (1 << 24) - 1, 1 << 24, (1 << 31) - 1, DEPTH - 1]
            places = [
                rng.choice(strange if rng.random() < 0.1 else starts[-40:])
                | rng.choice([0, PLAY_LEARN])
                for _ in range(rng.randint(1, play_entries(CORE)))
            ]
            yield Command.PLAY, b"".join(map(PLAY_ENTRY.pack, places))
        elif kind < 0.9:
            first = rng.randrange(KEY_WORDS + 2)
            yield write(Space.STORE_KEY, first, random_words(rng, rng.randrange(KEY_WORDS + 1)))
        else:
            first = rng.choice([0, 0, rng.randrange(KEY_WORDS + 2), (1 << 24) - 1])
            count = rng.randrange(KEY_WORDS + 2)
            yield Command.READ, READ_PAYLOAD.pack(address(Space.STORE_KEY, first), count)
        yield Command.READ, READ_PAYLOAD.pack(address(Space.STORE_KEY), KEY_WORDS)


def spoil(rng: Random, device: Device) -> tuple[int, ...]:
    """Let the tester write over words, or check them; what it found."""
    unit = MemoryUnit.find(device)
    assert unit is not None
    result = unit.test(
        rng.choice(list(Pattern)), seed=rng.randrange(100), address=DEPTH - rng.randrange(700, USED),
        words=rng.randrange(700), passes=rng.choice(list(Pass)), burst=rng.randrange(40),
    )  # fmt: skip
    return result.errors, result.bad_address, result.bad_expected, result.bad_found


@pytest.mark.parametrize("sdram", [CONFIG, FAST], ids=["100", "132.5"])
def test_the_store_in_the_memory_is_that_of_the_model(sdram: SdramConfig) -> None:
    """Words, key and samples played, between tests of the memory; then all weights."""
    seed = choose_seed()
    rng = Random(seed)
    with (
        opened(SimulatedTransport(CORE, memory=sdram)) as board,
        opened(GoldenTransport(CORE, compiled=False, memory=sdram)) as model,
    ):
        for device in (board, model):
            device.load(NETWORK)
        seen: dict[str, int] = {}
        for number, (command, payload) in zip(range(1500), store_commands(rng), strict=False):
            answers = [answer(device, command, payload) for device in (board, model)]
            known = [
                untimed(CORE, command, payload, Frame(0, Status.OK, a))
                if isinstance(a, bytes)
                else a
                for a in answers
            ]
            assert known[0] == known[1], f"seed {seed}, {number}: {command.name} {payload.hex()}"
            kind = f"{command.name} {'OK' if isinstance(answers[0], bytes) else answers[0][:11]}"
            seen[kind] = seen.get(kind, 0) + 1
            if number > 200 and rng.random() < 0.02:
                begun = rng.getstate()
                found = []
                for device in (board, model):
                    rng.setstate(begun)
                    found.append(spoil(rng, device))
                assert found[0] == found[1], f"seed {seed}, {number}: the tester"
        assert {
            "PLAY OK",
            "PLAY BAD_ADDRESS",
            "WRITE BAD_ADDRESS",
            "READ BAD_ADDRESS",
            "COPY OK",
            "COPY BAD_ADDRESS",
        } <= seen.keys()
        for at in range(0, USED, 500):
            for first in (at, DEPTH - USED + at):
                words = [device.read(Space.STORE, first, 500) for device in (board, model)]
                assert np.array_equal(*words), f"seed {seed}, words from {first} on"
        weights = [device.read_weights() for device in (board, model)]
        assert all(np.array_equal(*pair) for pair in zip(*weights, strict=True)), f"seed {seed}"
        assert board.noise_state == model.noise_state


def test_samples_in_the_memory_learn_as_those_sent() -> None:
    """Two epochs: played from the memory, played by the model, and sent to a board without a store."""
    data, results = load("synthetic", limit=40), []
    none = replace(PRESETS["tiny"], store_bytes=0)
    for target, core in (("sim", CORE), ("golden-numpy", CORE), ("golden", none)):
        with Device.open(target, config=core) as device:
            device.load(NETWORK)
            assert device.store_samples(data) == (len(data) if core is CORE else 0)
            find, told = device.sample_store.find, []
            for epoch in range(2):
                order = data.order(epoch, 1).tolist()
                run = device.run((find(data, n) for n in order), learn=True)
                told += [(r.prediction, r.spikes, r.status) for r in run]
            results.append((told, device.read_weights(), device.noise_state))
            if core is CORE:
                device.load(NETWORK)
                sent = device.channel.statistics.bytes_sent
                assert device.store_samples(data) == len(data) and device.sample_store.found
                assert device.channel.statistics.bytes_sent - sent < 100
    for other in results[1:]:
        assert other[0] == results[0][0] and other[2] == results[0][2]
        assert all(np.array_equal(*pair) for pair in zip(other[1], results[0][1], strict=True))
