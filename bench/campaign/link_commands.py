"""Commands of the campaign `link`, and what they are answered.

Most are cheap, so that many frames run in a minute: words of memory that no network uses, which a bytearray
follows, and samples of no step, which nothing but a count shows. A few touch a network that learns; the
integer model follows those. A command that runs twice, or out of order, shows: in the count of samples, in
words that were written since, in what was learned.
"""

from __future__ import annotations

import random

import numpy as np

from golden.spec.config import PRESETS
from golden.spec.frames import READ_PAYLOAD, WRITE_PAYLOAD, Command
from golden.spec.network import Network
from golden.spec.registers import Space, address, memories, register_address, result_words
from golden.spec.samples import encode_sample
from sw.device import Device

CONFIG = PRESETS["tiny"]
NETWORK = Network(sizes=(20, 6, 3), eta=0.05, weight_fraction=7)
Asked = tuple[Command, bytes]
WORDS = memories(CONFIG)[Space.WEIGHTS].stride * sum(
    layer.words for layer in NETWORK.layers(CONFIG)
)
"""Of the network."""
SPARE, SPARE_WORDS = address(Space.WEIGHTS, WORDS), 80
"""Words that no network uses; few, so that most commands meet what others wrote."""
COUNT = READ_PAYLOAD.pack(register_address("samples"), 3)
EMPTY = encode_sample(np.zeros((0, NETWORK.inputs), np.bool_), 0, learn=True)
CYCLES = slice(4, 8)
"""Bytes of a result that only a clock knows."""


def commands(rng: random.Random, count: int) -> list[Asked]:
    """`count` commands whose answers depend on those before."""
    return [_command(rng) for _ in range(count)]


def _command(rng: random.Random) -> Asked:
    kind = rng.random()
    if kind < 0.45:
        return _write(rng, SPARE, SPARE_WORDS)
    if kind < 0.80:
        return _read(rng, SPARE, SPARE_WORDS)
    if kind < 0.90:
        return Command.SAMPLE, EMPTY
    if kind < 0.94:
        return Command.READ, COUNT
    if kind < 0.96:
        return _write(rng, address(Space.WEIGHTS, 0), WORDS)
    if kind < 0.98:
        return _read(rng, address(Space.WEIGHTS, 0), WORDS)
    spikes = rng.getrandbits(NETWORK.inputs) & rng.getrandbits(NETWORK.inputs)
    bits = np.array([[spikes >> at & 1 for at in range(NETWORK.inputs)]], np.bool_)
    return Command.SAMPLE, encode_sample(bits, rng.randrange(3), learn=True)


def _write(rng: random.Random, base: int, words: int) -> Asked:
    count = 40 if rng.random() < 0.03 else rng.choice((1, 1, 1, 2))
    values = bytes(rng.getrandbits(8) * (at % 2 == 0) for at in range(2 * count))
    return Command.WRITE, WRITE_PAYLOAD.pack(base + rng.randrange(words - count)) + values


def _read(rng: random.Random, base: int, words: int) -> Asked:
    count = 40 if rng.random() < 0.03 else rng.choice((1, 1, 2))
    return Command.READ, READ_PAYLOAD.pack(base + rng.randrange(words - count), count)


class Expected:
    """What a board answers on which every command runs once, in order."""

    def __init__(self, model: Device) -> None:
        """`model` has the network loaded, and its counters at 0."""
        self.model = model
        self.spare = bytearray(2 * SPARE_WORDS)
        self.samples = 0

    def answer(self, code: Command, payload: bytes) -> bytes:
        """The answer, a result without its cycles."""
        if code == Command.SAMPLE:
            self.samples += 1
            if payload == EMPTY:
                return untimed(code, bytes(2 * result_words(CONFIG)))
        elif payload == COUNT:
            return self.samples.to_bytes(6, "little")
        else:
            at = 2 * (WRITE_PAYLOAD.unpack_from(payload)[0] - SPARE)
            if at >= 0:
                return self._spare(code, at, payload)
        return untimed(code, self.model.channel.call(code, payload))

    def _spare(self, code: Command, at: int, payload: bytes) -> bytes:
        """A WRITE or READ of words that no network uses."""
        if code == Command.READ:
            return bytes(self.spare[at : at + 2 * READ_PAYLOAD.unpack(payload)[1]])
        words = payload[WRITE_PAYLOAD.size :]
        self.spare[at : at + len(words)] = words
        return b""


def untimed(code: Command, answer: bytes) -> bytes:
    """An answer without what only a clock knows."""
    if code != Command.SAMPLE:
        return answer
    return answer[: CYCLES.start] + answer[CYCLES.stop :]
