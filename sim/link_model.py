"""What stands behind and in front of a Link in its tests: a core, the expected replies, a host."""

import struct
import zlib
from dataclasses import dataclass, field
from random import Random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, SimTimeoutError

from golden.host.memory import BadAddress
from golden.spec.config import CoreConfig
from golden.spec.copies import Copy
from golden.spec.frames import (
    COPY_PAYLOAD,
    GO_BACK,
    MAX_READ_WORDS,
    PLAY_ENTRY,
    READ_PAYLOAD,
    SEQUENCES,
    WRITE_PAYLOAD,
    Command,
    Damaged,
    Frame,
    FrameReader,
    Status,
)
from golden.spec.registers import (
    RESULT_SLOTS,
    SPACE_SHIFT,
    Space,
    brief_words,
    memories,
    play_entries,
    register_address,
    result_words,
)
from golden.spec.samples import SAMPLE_HEADER, SampleStatus
from golden.store import SampleStore
from hw.core.ports import BUS_REPLY, BUS_REQUEST, RESULT_WORD, SAMPLE_BYTE
from sim.streams import STEADY, StreamSink, StreamSource, Waits

LAYER_COUNT = register_address("layer_count")
GOOD_WORDS = 5000  # of every space of the model core; beyond: no such address


@dataclass
class Core:
    """A core of memories only. `log` is everything that was ever done to it."""

    config: CoreConfig
    memory: dict[int, int] = field(default_factory=dict)
    log: list[tuple[Any, ...]] = field(default_factory=list)

    def access(self, address: int, data: int, write: int) -> tuple[int, int]:
        """One bus access: data and error of the reply."""
        error = address & 0xFFFFFF >= GOOD_WORDS or address >> SPACE_SHIFT >= Space.RESULTS
        if write:
            self.log.append(("write", address, data))
            if not error:
                self.memory[address] = data
            return 0, error
        return (0xDEAD if error else self.memory.get(address, address * 40503 & 0xFFFF)), error

    @property
    def layer_count(self) -> int:
        """Layers in use."""
        return min(max(self.memory.get(LAYER_COUNT, 0), 1), self.config.layers)

    def sample(self, payload: bytes) -> list[int]:
        """The result of a sample: words that depend on every byte."""
        self.log.append(("sample", payload))
        rng = Random(zlib.crc32(payload))
        return [rng.getrandbits(16) for _ in range(result_words(self.config))]

    def copy(self, asked: Copy, store: SampleStore) -> bool:
        """Words of a COPY, if both sides have them: False, and none is moved."""
        if not asked.fits(self.config):
            return False
        for at in range(asked.words):
            if asked.to_core:
                self.access(asked.address + at, int(store.words[asked.kept + at]), 1)
            else:
                store.words[asked.kept + at] = self.access(asked.address + at, 0, 0)[0]
        return True

    def attach(self, dut: Any, waits: Waits = STEADY) -> list[Any]:
        """Put this core behind the ports of a link. Returns the drivers, to change their waits."""
        requests = StreamSink(dut, "bus_request", BUS_REQUEST, waits=waits)
        replies = StreamSource(dut, "bus_reply", BUS_REPLY, waits=waits)
        samples = StreamSink(dut, "sample", SAMPLE_BYTE, waits=waits)
        results = StreamSource(dut, "result", RESULT_WORD, waits=waits)

        dut.layer_count.value = self.layer_count

        async def bus() -> None:
            while True:
                data, error = self.access(**await requests.receive(within_us=10**9))
                dut.layer_count.value = self.layer_count
                replies.send({"data": data, "error": int(error)})

        async def core() -> None:
            while True:
                packet = await samples.receive_packet(within_us=10**9)
                words = self.sample(bytes(byte["data"] for byte in packet))
                ends = [0] * (len(words) - 1) + [1]
                results.send(*({"data": w, "last": e} for w, e in zip(words, ends, strict=True)))

        cocotb.start_soon(bus())
        cocotb.start_soon(core())
        return [requests, replies, samples, results]


class Reference:
    """Replies of a link to frames in sequence, by the words of `golden.spec.frames`."""

    def __init__(self, config: CoreConfig) -> None:
        self.core = Core(config)
        self.space = memories(config)[Space.RESULTS]
        self.results = [0] * self.space.size
        self.store = SampleStore(config)

    def run(self, frame: Frame) -> Frame:
        """The reply to `frame`, after doing what it asks."""
        status, payload = self.execute(frame.sequence, frame.code, frame.payload)
        return Frame(frame.sequence, status, payload)

    def execute(self, sequence: int, code: int, payload: bytes) -> tuple[Status, bytes]:
        """Status and payload of the reply."""
        if code == Command.READ:
            if len(payload) != READ_PAYLOAD.size:
                return Status.BAD_LENGTH, b""
            address, count = READ_PAYLOAD.unpack(payload)
            if count > MAX_READ_WORDS:
                return Status.BAD_LENGTH, b""
            return self.read(address, count)
        if code == Command.WRITE:
            if len(payload) < WRITE_PAYLOAD.size or len(payload) % 2:
                return Status.BAD_LENGTH, b""
            return self.write(WRITE_PAYLOAD.unpack_from(payload)[0], payload[WRITE_PAYLOAD.size :])
        if code == Command.SAMPLE:
            if len(payload) < SAMPLE_HEADER.size:
                return Status.BAD_LENGTH, b""
            return Status.OK, self.keep_result(sequence, 0, self.core.sample(payload))
        if code == Command.PLAY and self.core.config.store_bytes:
            return self.play(sequence, payload)
        if code == Command.COPY and self.core.config.store_off_chip:
            if len(payload) != COPY_PAYLOAD.size:
                return Status.BAD_LENGTH, b""
            moved = self.core.copy(Copy.decode(payload), self.store)
            return Status.OK if moved else Status.BAD_ADDRESS, b""
        if code == Command.SYNC:
            if len(payload) > 2 * MAX_READ_WORDS:
                return Status.BAD_LENGTH, b""
            return Status.OK, payload
        return Status.BAD_COMMAND, b""

    def keep_result(self, sequence: int, place: int, words: list[int]) -> bytes:
        """Words put in a slot of RESULTS from `place` on."""
        start = sequence % RESULT_SLOTS * self.space.stride + place
        self.results[start : start + len(words)] = words
        return struct.pack(f"<{len(words)}H", *words)

    def play(self, sequence: int, payload: bytes) -> tuple[Status, bytes]:
        """PLAY."""
        if len(payload) % 4 or not 1 <= len(payload) // 4 <= play_entries(self.core.config):
            return Status.BAD_LENGTH, b""
        answer = b""
        for (entry,) in PLAY_ENTRY.iter_unpack(payload):
            try:
                sample = self.store.play(entry)
            except BadAddress:
                self.keep_result(sequence, len(answer) // 2, [SampleStatus.NOT_KEPT])
                return Status.BAD_ADDRESS, b""
            words = self.core.sample(sample)
            if len(payload) > 4:
                words = words[: brief_words(self.core.layer_count)]
            answer += self.keep_result(sequence, len(answer) // 2, words)
        return Status.OK, answer

    def read(self, address: int, count: int) -> tuple[Status, bytes]:
        """READ of `count` words."""
        space, index = address >> SPACE_SHIFT, address & 0xFFFFFF
        if space == Space.STORE and self.core.config.store_bytes:
            try:
                return Status.OK, self.store.read(index, count).astype("<u2").tobytes()
            except BadAddress:
                return Status.BAD_ADDRESS, b""
        if space == Space.RESULTS:
            if index + count > self.space.size:
                return Status.BAD_ADDRESS, b""
            return Status.OK, struct.pack(f"<{count}H", *self.results[index : index + count])
        answers = [self.core.access(address + i, 0, 0) for i in range(count)]
        if any(error for _, error in answers):
            return Status.BAD_ADDRESS, b""
        return Status.OK, struct.pack(f"<{count}H", *(data for data, _ in answers))

    def write(self, address: int, payload: bytes) -> tuple[Status, bytes]:
        """WRITE of words."""
        if address >> SPACE_SHIFT == Space.RESULTS:
            return Status.BAD_ADDRESS, b""
        words = struct.unpack(f"<{len(payload) // 2}H", payload)
        if address >> SPACE_SHIFT == Space.STORE and self.core.config.store_bytes:
            try:
                self.store.write(address & 0xFFFFFF, np.array(words, np.uint16))
            except BadAddress:
                return Status.BAD_ADDRESS, b""
            return Status.OK, b""
        errors = [self.core.access(address + i, word, 1)[1] for i, word in enumerate(words)]
        return Status.BAD_ADDRESS if any(errors) else Status.OK, b""


def random_command(rng: Random, largest: int, *, valid: bool = False) -> tuple[int, bytes]:
    """Code and payload of at most `largest` bytes; some are wrong, unless `valid`."""
    kind = rng.random()
    space = rng.choice([Space.REGISTERS, Space.WEIGHTS, Space.TRACES, Space.RESULTS])
    index = rng.choice([rng.randrange(200), rng.randrange(GOOD_WORDS - 50, GOOD_WORDS + 50)])
    if valid:
        space, index = Space.WEIGHTS, rng.randrange(GOOD_WORDS // 2)
    address = space << SPACE_SHIFT | index
    if kind < 0.3:
        count = rng.choice([0, 1, 2, rng.randrange(40), rng.randrange(MAX_READ_WORDS + 2)])
        return Command.READ, READ_PAYLOAD.pack(address, min(count, 100 if valid else 9999))
    if kind < 0.6:
        words = rng.choice([0, 1, 2, rng.randrange(20), rng.randrange((largest - 4) // 2)])
        return Command.WRITE, WRITE_PAYLOAD.pack(address) + rng.randbytes(2 * words)
    if kind < 0.85:
        size = rng.choice([6, 7, rng.randrange(6, 40), rng.randrange(6, largest + 1)])
        return Command.SAMPLE, biased_bytes(rng, size)
    if valid:
        return Command.WRITE, WRITE_PAYLOAD.pack(address) + biased_bytes(rng, 6)
    if kind < 0.9:
        return Command.SYNC, biased_bytes(rng, rng.choice([0, 1, 2, rng.randrange(largest + 1)]))
    if kind < 0.95:  # a payload that does not fit its command
        code = rng.choice([Command.READ, Command.WRITE, Command.SAMPLE])
        odd = rng.choice([0, 1, 3, 5] + [7, 9] * (code != Command.SAMPLE))
        return code, WRITE_PAYLOAD.pack(address)[:odd] + rng.randbytes(max(odd - 4, 0))
    return rng.choice([0, 5, 6, 127, 128, 255]), biased_bytes(rng, rng.randrange(largest + 1))


def biased_bytes(rng: Random, size: int) -> bytes:
    """Random bytes, rich in those that need escapes."""
    return bytes(rng.choice([0xC0, 0xDB, 0xDC, 0xDD, rng.randrange(256)]) for _ in range(size))


class Wire:
    """The serial line between host and link: bytes in and out, with faults on both ways."""

    def __init__(self, dut: Any, waits: Waits = STEADY) -> None:
        self.dut = dut
        self.source = StreamSource(dut, "rx", waits=waits)
        self.sink = StreamSink(dut, "tx", waits=waits)
        self.reader = FrameReader()
        self.arrived: list[Frame | Damaged] = []

    async def open(self) -> None:
        """The SYNC that a link wants first; frame 0 is next."""
        self.send(Frame(SEQUENCES - 1, Command.SYNC, b"open"))
        assert await self.receive() == Frame(SEQUENCES - 1, Status.OK, b"open")

    def send(self, *frames: Frame) -> None:
        """Queue frames, unharmed."""
        self.send_raw(b"".join(frame.encode() for frame in frames))

    def send_raw(self, data: bytes) -> None:
        """Queue bytes."""
        self.source.send(*data)

    async def receive(self, *, within_us: int = 1000) -> Frame | Damaged:
        """The next frame of the link, or what was wrong with it."""
        while not self.arrived:
            self.arrived += self.reader.feed(bytes([await self.sink.receive(within_us=within_us)]))
        return self.arrived.pop(0)

    async def quiet(self, cycles: int = 300) -> bool:
        """Wait until everything is sent and `cycles` more; True when the link said nothing."""
        await self.source.drain()
        await ClockCycles(self.dut.clk, cycles)
        return not self.arrived and not len(self.sink)


@dataclass(frozen=True)
class Faults:
    """How often the line does what to a frame, in each direction."""

    flip: float = 0.0
    drop: float = 0.0
    truncate: float = 0.0
    lose: float = 0.0
    repeat: float = 0.0
    noise: float = 0.0

    def apply(self, rng: Random, raw: bytes) -> bytes:
        """What becomes of the bytes of one frame on the line."""
        if rng.random() < self.lose:
            raw = b""
        if raw and rng.random() < self.flip:
            place = rng.randrange(len(raw))
            flipped = raw[place] ^ 1 << rng.randrange(8)
            raw = raw[:place] + bytes([flipped]) + raw[place + 1 :]
        if raw and rng.random() < self.drop:
            place = rng.randrange(len(raw))
            raw = raw[:place] + raw[place + 1 :]
        if raw and rng.random() < self.truncate:
            raw = raw[: rng.randrange(len(raw))]
        if rng.random() < self.repeat:
            raw += raw
        if rng.random() < self.noise:
            raw += rng.randbytes(rng.randrange(1, 12))
        return raw


class Host:
    """A host that recovers by going back, as the real one does. Every command runs exactly once."""

    def __init__(self, wire: Wire, config: CoreConfig, faults: Faults, rng: Random) -> None:
        self.wire, self.config, self.faults, self.rng = wire, config, faults, rng
        self.timeout_us = 60
        self.counts: dict[str, int] = {}
        self.rest = b""

    async def run(self, commands: list[tuple[int, bytes]]) -> list[Frame | None]:
        """Replies to all commands, None where the reply was lost and the frame known as taken."""
        replies: list[Frame | None] = [None] * len(commands)
        taken = [False] * len(commands)
        base = sent = 0  # oldest unanswered, next to send
        while base < len(commands):
            while sent < len(commands) and self.has_credit(commands[base : sent + 1]):
                self.put(Frame(sent & 0xFF, *commands[sent]))
                sent += 1
            for reply in await self.listen():
                if reply is None:
                    sent = base
                    continue
                number = base + ((reply.sequence - base + 64) & 0xFF) - 64
                if reply.code in GO_BACK:
                    sent = number if base <= number <= sent else sent
                elif 0 <= number < len(commands):
                    taken[number] = True
                    if reply.code != Status.DUPLICATE:
                        replies[number] = reply
            while base < len(commands) and taken[base]:
                base += 1
            sent = max(sent, base)
        return replies

    async def listen(self) -> list[Frame | None]:
        """Replies that came unharmed, None for a time-out."""
        try:
            if not len(self.wire.sink):
                await self.wire.source.drain()
                await self.wire.sink.arrival(within_us=self.timeout_us)
        except SimTimeoutError:
            self.count("time-out")
            return [None]
        *raws, self.rest = (self.rest + bytes(self.wire.sink.take_all())).split(b"\xc0")
        replies: list[Frame | None] = []
        for raw in raws:
            for reply in self.wire.reader.feed(self.faults.apply(self.rng, raw + b"\xc0")):
                if isinstance(reply, Damaged):
                    self.count("damaged reply")
                else:
                    self.count(Status(reply.code).name)
                    replies.append(reply)
        return replies

    def has_credit(self, window: list[tuple[int, bytes]]) -> bool:
        """Whether the frames `window` may be unanswered together."""
        held = sum(Frame(0, *command).credit for command in window)
        return len(window) <= RESULT_SLOTS and held <= self.config.frame_bytes

    def put(self, frame: Frame) -> None:
        """Send a frame over the line."""
        self.wire.send_raw(self.faults.apply(self.rng, frame.encode()))

    def count(self, what: str) -> None:
        """Keep book of what happened."""
        self.counts[what] = self.counts.get(what, 0) + 1
