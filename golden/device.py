"""The whole device as a byte model: bytes in, bytes out, by the rules of `golden.spec.frames`.

Twin of hw/link (its store: `golden.store`, its copier: `golden.copier`) and hw/core together. The
receiver takes frames into a buffer of `frame_bytes`; the core runs the oldest one and answers. Both are
stepped separately (`receive`, `run`), so that a host sees frames in flight, replies that come late, and a
buffer that is full.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from golden.copier import copy
from golden.core import Core
from golden.host.memory import BadAddress
from golden.memory.tester import MemoryTester
from golden.spec.config import CoreConfig
from golden.spec.copies import Copy
from golden.spec.frames import (
    COPY_PAYLOAD,
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
)
from golden.spec.samples import SAMPLE_HEADER, SampleStatus
from golden.spec.sdram import SdramConfig, check_beside
from golden.store import SampleStore

BEHIND = SEQUENCES // 2  # distances of so many and more lie in the past: the frame was taken before


class GoldenDevice:
    """A core behind its link. `core` takes the place of a new `Core(config)`; `memory` is beside the FPGA.

    Raises ValueError for a memory that is not that of the configuration.
    """

    def __init__(
        self, config: CoreConfig, core: Core | None = None, memory: SdramConfig | None = None
    ) -> None:
        check_beside(config, memory)
        self.config = config
        self.core = core or Core(config)
        self.memory = MemoryTester(memory) if memory else None
        self.store = SampleStore(config, self.memory.words if self.memory else None)
        self.executed: list[tuple[int, bytes]] | None = None
        """Set to an empty list to have every command that ran appended: code, payload."""
        self._reader = FrameReader()
        self._wanted = 0
        self._fresh = True  # no SYNC came since power-on
        self._asked = False  # told the host to go back: only damage is told again until it has
        self._queue: deque[Frame] = deque()
        self._results = np.zeros((RESULT_SLOTS, memories(config)[Space.RESULTS].stride), np.uint16)
        self._out = bytearray()

    @property
    def busy(self) -> bool:
        """Commands are waiting to run."""
        return bool(self._queue)

    def receive(self, data: bytes) -> None:
        """Take bytes from the wire."""
        for frame in self._reader.feed(data):
            if isinstance(frame, Damaged):
                self._go_back(Status.DAMAGED)
            else:
                self._accept(frame)

    def run(self) -> bytes:
        """Run the oldest command, if there is one. Returns all that is to be sent by then."""
        if self._queue:
            frame = self._queue.popleft()
            if self.executed is not None and frame.code != Command.SYNC:
                self.executed.append((frame.code, frame.payload))
            status, payload = self._execute(frame)
            self._out += Frame(frame.sequence, status, payload).encode()
        sent, self._out = bytes(self._out), bytearray()
        return sent

    def exchange(self, data: bytes) -> bytes:
        """Take bytes and run all they ask for."""
        self.receive(data)
        sent = self.run()
        while self._queue:
            sent += self.run()
        return sent

    def _accept(self, frame: Frame) -> None:
        ahead = (frame.sequence - self._wanted) % SEQUENCES
        if frame.code != Command.SYNC:
            if self._fresh:
                self._go_back(Status.RESTARTED)
                return
            if ahead >= BEHIND:
                self._out += Frame(frame.sequence, Status.DUPLICATE).encode()
                return
            if ahead:
                self._go_back(Status.GAP)
                return
        held = sum(waiting.credit for waiting in self._queue)
        if len(self._queue) >= RESULT_SLOTS or held + frame.credit > self.config.frame_bytes:
            self._go_back(Status.NO_ROOM)
            return
        self._wanted = (frame.sequence + 1) % SEQUENCES
        self._fresh = False
        self._asked = False
        self._queue.append(frame)

    def _go_back(self, status: Status) -> None:
        if self._asked and status in (Status.GAP, Status.NO_ROOM):
            return
        self._asked = True
        self._out += Frame(self._wanted, status).encode()

    def _execute(self, frame: Frame) -> tuple[Status, bytes]:
        payload = frame.payload
        try:
            if frame.code == Command.READ:
                if len(payload) != READ_PAYLOAD.size:
                    return Status.BAD_LENGTH, b""
                address, count = READ_PAYLOAD.unpack(payload)
                if count > MAX_READ_WORDS:
                    return Status.BAD_LENGTH, b""
                return Status.OK, self._read(address, count)
            if frame.code == Command.WRITE:
                if len(payload) < WRITE_PAYLOAD.size or len(payload) % 2:
                    return Status.BAD_LENGTH, b""
                words = np.frombuffer(payload[WRITE_PAYLOAD.size :], "<u2")
                self._write(WRITE_PAYLOAD.unpack_from(payload)[0], words)
                return Status.OK, b""
            if frame.code == Command.COPY and self.config.store_off_chip:
                if len(payload) != COPY_PAYLOAD.size:
                    return Status.BAD_LENGTH, b""
                copy(Copy.decode(payload), self.core, self.store)
                return Status.OK, b""
        except BadAddress:
            return Status.BAD_ADDRESS, b""
        if frame.code == Command.SAMPLE:
            if len(payload) < SAMPLE_HEADER.size:
                return Status.BAD_LENGTH, b""
            return Status.OK, self._keep_result(frame, 0, self.core.sample(payload).words())
        if frame.code == Command.PLAY and self.config.store_bytes:
            return self._play(frame)
        if frame.code == Command.SYNC:
            self.core.gate.restart()
            if len(payload) > 2 * MAX_READ_WORDS:  # it is echoed, and a reply holds no more
                return Status.BAD_LENGTH, b""
            return Status.OK, payload
        return Status.BAD_COMMAND, b""

    def _play(self, frame: Frame) -> tuple[Status, bytes]:
        """Run samples of the store; their results, whole if there is one, else brief."""
        count, rest = divmod(len(frame.payload), PLAY_ENTRY.size)
        if rest or not 1 <= count <= play_entries(self.config):
            return Status.BAD_LENGTH, b""
        answer = b""
        for (entry,) in PLAY_ENTRY.iter_unpack(frame.payload):
            try:
                payload = self.store.play(entry)
            except BadAddress:
                self._keep_result(frame, len(answer) // 2, [SampleStatus.NOT_KEPT])
                return Status.BAD_ADDRESS, b""
            words = self.core.sample(payload).words()
            words = words if count == 1 else words[: brief_words(self.core.layer_count)]
            answer += self._keep_result(frame, len(answer) // 2, words)
        return Status.OK, answer

    def _keep_result(self, frame: Frame, place: int, words: list[int]) -> bytes:
        """Put words of a result in the frame's slot; the same as bytes of a reply."""
        self._results[frame.sequence % RESULT_SLOTS, place : place + len(words)] = words
        return np.array(words, "<u2").tobytes()

    def _write(self, address: int, words: NDArray[np.uint16]) -> None:
        if not len(words) and address >> SPACE_SHIFT != Space.RESULTS:
            return  # no word, so none that does not exist
        index = address & ((1 << SPACE_SHIFT) - 1)
        if self._in_store(address):
            self.store.write(index, words)
        elif self.memory and address >> SPACE_SHIFT == Space.STORE_KEY:
            self.store.write_key(index, words)
        elif self.memory and address >> SPACE_SHIFT == Space.SDRAM:
            self.store.disturb()
            self.memory.write(index, words)
        else:
            self.core.write(address, words)

    def _in_store(self, address: int) -> bool:
        return address >> SPACE_SHIFT == Space.STORE and self.config.store_bytes > 0

    def _read(self, address: int, count: int) -> bytes:
        index, image = address & ((1 << SPACE_SHIFT) - 1), self._results.reshape(-1)
        if not count and address >> SPACE_SHIFT != Space.RESULTS:
            return b""
        if self._in_store(address):
            return self.store.read(index, count).astype("<u2").tobytes()
        if self.memory and address >> SPACE_SHIFT == Space.STORE_KEY:
            return self.store.read_key(index, count).astype("<u2").tobytes()
        if self.memory and address >> SPACE_SHIFT == Space.SDRAM:
            return self.memory.read(index, count).astype("<u2").tobytes()
        if address >> SPACE_SHIFT != Space.RESULTS:
            return self.core.read(address, count).astype("<u2").tobytes()
        if index + count > image.size:
            raise BadAddress(f"{count} words at {address:#010x} reach past the results")
        return image[index : index + count].astype("<u2").tobytes()
