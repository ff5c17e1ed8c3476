"""COPY: what a board moves and refuses, what the host says before, and concludes when a reply is lost."""

import os
from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.spec.config import PRESETS
from golden.spec.copies import Copy, copied
from golden.spec.frames import COPY_PAYLOAD, Command, Frame, FrameReader, Status
from golden.spec.network import Network
from golden.spec.registers import Space, address, memories, store_memory
from sw.data import load
from sw.device import Device, Refused
from sw.device.in_flight import Submitted
from tests.test_kept_parts import KEPT, MEMORY, kept, ran
from tests.test_parted import CONFIG, linked, same

SIZE = memories(KEPT)[Space.WEIGHTS].size


def any_copy(rng):
    """A COPY, within or not, of any length."""
    memory, depth = rng.choice(list(memories(KEPT).values())), store_memory(KEPT).depth
    words = rng.choice([0, 1, rng.randrange(memory.size + 2), 1 << 24, (1 << 32) - 1])
    index = rng.choice([0, rng.randrange(memory.size), max(memory.size - words, 0)])
    places = [0, rng.randrange(depth), max(depth - words, 0), depth - 1, (1 << 31) - 1]
    found = Copy(rng.choice(places), address(memory.space, index), words, bool(rng.randrange(2)))
    return found.encode()[: rng.choice([12] * 9 + [rng.randrange(12)])]


def test_what_the_host_concludes_of_a_lost_reply_is_what_the_board_said():
    """And what the board has moved is what a loop over words would."""
    seed = int(os.environ.get("SEED", "1"))
    rng, device, seen = Random(seed), GoldenDevice(KEPT, memory=MEMORY), set()
    device.exchange(Frame(255, Command.SYNC).encode())
    for space in (memory.space for memory in copied(KEPT)):
        size = memories(KEPT)[space].size
        device.core.write(
            address(space), np.array([rng.getrandbits(16) for _ in range(size)], np.uint16)
        )
    for number in range(600):
        payload = any_copy(rng)
        before = [device.store.words.copy(), device.core.read(address(Space.WEIGHTS), SIZE)]
        data = device.exchange(Frame(number & 0xFF, Command.COPY, payload).encode())
        (reply,) = FrameReader().feed(data)
        concluded = Submitted(device, Command.COPY, payload)
        concluded.conclude(KEPT, "it")
        said = (
            "OK"
            if concluded.error is None
            else str(concluded.error).split(" with ")[1].split(";")[0]
        )
        assert said == Status(reply.code).name, (seed, number, payload)
        seen.add(said)
        if said != "OK":
            assert np.array_equal(before[0], device.store.words)
            assert np.array_equal(before[1], device.core.read(address(Space.WEIGHTS), SIZE))
            continue
        asked = Copy.decode(payload)
        here = slice(asked.kept, asked.kept + asked.words)
        core = device.core.read(asked.address, asked.words)
        if asked.to_core:
            device.core.write(asked.address, before[0][here])  # what a host would have written
            assert np.array_equal(core, device.core.read(asked.address, asked.words))
            assert np.array_equal(before[0], device.store.words)
        else:
            before[0][here] = core
            assert np.array_equal(before[0], device.store.words)
    assert seen == {"OK", "BAD_ADDRESS", "BAD_LENGTH"}


def test_a_copy_that_cannot_be_says_why():
    with kept() as device:
        for space, index, first, words in (
            (Space.WEIGHTS, 1, 0, SIZE),
            (Space.WEIGHTS, 0, store_memory(KEPT).depth, 1),
            (Space.SPIKES, 0, 0, 1),
            (Space.REGISTERS, 0, 0, 1),
        ):
            with pytest.raises(
                ValueError, match=rf"a copy of {words} words, {space.name} from {index}"
            ):
                device.copy(space, index, first, words, to_core=True)
            payload = Copy(first, address(space, index), words, True).encode()
            with pytest.raises(Refused, match="refused COPY with BAD_ADDRESS"):
                device.channel.call(Command.COPY, payload)
        with pytest.raises(Refused, match="refused COPY with BAD_LENGTH"):
            device.channel.call(Command.COPY, bytes(COPY_PAYLOAD.size + 4))
    for config in (CONFIG, replace(PRESETS["tiny"], store_bytes=0)):
        with linked(config) as device:
            with pytest.raises(
                ValueError, match="without a memory beside its FPGA; build with --sdram"
            ):
                device.copy(Space.WEIGHTS, 0, 0, 1, to_core=True)
            with pytest.raises(Refused, match="refused COPY with BAD_COMMAND"):
                device.channel.call(Command.COPY, bytes(COPY_PAYLOAD.size))
            lost = Submitted(device.channel, Command.COPY, bytes(COPY_PAYLOAD.size))
            lost.conclude(config, "it")
            assert "BAD_COMMAND" in str(lost.error)


def test_a_copy_waits_for_the_sample_before_it():
    """Many in flight: each finds what the command before it has left."""
    with kept() as device:
        small = Network(sizes=(64, 8, 4), eta=0.01)
        whole = Device(device.channel, KEPT)
        whole.load(small)
        before = whole.read_weights()
        executed = ran(device)
        copies, results = [], []
        for sample in list(load("synthetic", limit=6)):
            copies.append(whole.copy(Space.WEIGHTS, 0, len(copies) * SIZE, SIZE, to_core=False))
            results.append(whole._stream(sample, True))
        for one in [*copies, *(asked.pieces[-1] for asked in results)]:
            one.result()
        assert [code for code, _ in executed][:4] == [Command.COPY, Command.SAMPLE] * 2
        states = [whole.read(Space.STORE, at * SIZE, SIZE) for at in range(len(copies))]
        assert any((one != other).any() for one, other in pairwise(states))
        whole.copy(Space.WEIGHTS, 0, 0, SIZE, to_core=True).result()
        assert same(whole.read_weights(), before)
