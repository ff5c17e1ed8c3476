"""Memories and registers of a device, read and written in blocks of words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.spec.config import CoreConfig
from golden.spec.copies import Copy
from golden.spec.frames import HEADER, MAX_READ_WORDS, READ_PAYLOAD, WRITE_PAYLOAD, Command
from golden.spec.registers import (
    COUNTERS,
    REGISTERS,
    Memory,
    Space,
    address,
    memories,
    register_address,
    store_memory,
)
from sw.device.channel import Channel
from sw.device.identity import register_value
from sw.device.in_flight import LinkStatistics, Submitted

Words = NDArray[np.uint16]
REGISTER = {register.name: register for register in REGISTERS}


def as_host_words(lanes: NDArray[np.int32], memory: Memory) -> Words:
    """Words of a memory [count, elements] as those of the host, uint16[count x stride], zeros between."""
    words = np.zeros((len(lanes), memory.stride), np.uint16)
    words[:, : memory.elements] = lanes & 0xFFFF
    return words.reshape(-1)


def as_lanes(words: Words, memory: Memory) -> NDArray[np.int32]:
    """The inverse of `as_host_words`: int32[count, elements]."""
    values = words.view(np.int16) if memory.signed else words
    return values.reshape(-1, memory.stride)[:, : memory.elements].astype(np.int32)


class Blocks:
    """Memories and registers of the device at the other end of a channel."""

    def __init__(self, channel: Channel, config: CoreConfig) -> None:
        self.channel = channel
        self.config = config

    def read(self, space: Space, index: int, count: int) -> Words:
        """`count` words of `space` from `index` on, uint16[count]. Raises LinkError."""
        parts = []
        for at in range(0, count, MAX_READ_WORDS):
            many = min(MAX_READ_WORDS, count - at)
            payload = READ_PAYLOAD.pack(address(space, index + at), many)
            parts.append(self.channel.submit(Command.READ, payload))
        return np.frombuffer(b"".join(part.result() for part in parts), "<u2").astype(np.uint16)

    def write(self, space: Space, index: int, words: NDArray[np.integer]) -> None:
        """Write words (their low 16 bits) to `space` from `index` on. Raises LinkError."""
        data = (np.asarray(words).reshape(-1).astype(np.int64) & 0xFFFF).astype("<u2").tobytes()
        step = 2 * ((self.config.frame_bytes // 4 - HEADER.size - WRITE_PAYLOAD.size) // 2)
        parts = []
        for at in range(0, len(data), step):
            payload = WRITE_PAYLOAD.pack(address(space, index + at // 2)) + data[at : at + step]
            parts.append(self.channel.submit(Command.WRITE, payload))
        for part in parts:
            part.result()

    def copy(self, space: Space, index: int, kept: int, words: int, *, to_core: bool) -> Submitted:
        """Have the board copy words between `space`, from `index` on, and its store, from `kept` on.

        Nothing is waited for. Raises ValueError for words that are not there, or a board that cannot copy;
        LinkError.
        """
        asked, config = Copy(kept, address(space, index), words, to_core), self.config
        if not config.store_off_chip:
            raise ValueError(
                "a copy on a board without a memory beside its FPGA; build with --sdram"
            )
        if not asked.fits(config):
            size = memories(config)[space].size if space in memories(config) else 0
            raise ValueError(
                f"a copy of {words} words, {space.name} from {index} and store from {kept}: they have {size} "
                f"and {store_memory(config).depth}, and {space.name} has to be one that the host may write"
            )
        return self.channel.submit(Command.COPY, asked.encode())

    def register(self, name: str) -> int:
        """Value of a register. Raises LinkError, and KeyError for a name that no register has."""
        register = REGISTER[name]
        return register_value(self.read(Space.REGISTERS, register_address(name), register.words))

    def set_register(self, name: str, value: int) -> None:
        """Write a register. Raises LinkError, and KeyError for a name that no register has."""
        words = [value >> (16 * part) & 0xFFFF for part in range(REGISTER[name].words)]
        self.write(Space.REGISTERS, register_address(name), np.array(words))

    def counters(self) -> dict[str, int]:
        """The counters of the core by name. Raises LinkError."""
        start = register_address(COUNTERS[0].name)
        words = self.read(Space.REGISTERS, start, sum(counter.words for counter in COUNTERS))
        parts = np.split(words, np.cumsum([counter.words for counter in COUNTERS])[:-1])
        return {counter.name: register_value(p) for counter, p in zip(COUNTERS, parts, strict=True)}

    @property
    def noise_state(self) -> int:
        """State of the random sequence of stochastic rounding, u32: a checkpoint saves and restores it."""
        return self.register("noise_state")

    @noise_state.setter
    def noise_state(self, value: int) -> None:
        self.set_register("noise_state", value)

    @property
    def noise_states(self) -> tuple[int, ...]:
        """The same of all boards that this stands for, one. Of more that are given the first is taken."""
        return (self.noise_state,)

    @noise_states.setter
    def noise_states(self, values: tuple[int, ...]) -> None:
        self.noise_state = values[0]

    @property
    def statistics(self) -> LinkStatistics:
        """What the link did since it was opened."""
        return self.channel.statistics

    def memory(self, space: Space, first: int, count: int) -> NDArray[np.int32]:
        """`count` words of a memory of lanes, int32[count, lanes]. Raises LinkError."""
        memory = memories(self.config)[space]
        return as_lanes(self.read(space, first * memory.stride, count * memory.stride), memory)
