"""Sample payloads back into spikes. Twin of hw/core/rows/events.py; the encoder is in golden.spec.samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.spec.samples import DENSE, FIRST, LAST, LEARN, SAMPLE_HEADER, SKIP, SPARSE, SampleStatus

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Events:
    """A decoded SAMPLE payload: spiking rows, ascending, for each step."""

    label: int
    flags: int
    learn_from: int
    steps: list[Rows]
    status: SampleStatus

    @property
    def learn(self) -> bool:
        """Learning is on in this sample."""
        return bool(self.flags & LEARN)

    @property
    def first(self) -> bool:
        """The sample starts here."""
        return bool(self.flags & FIRST)

    @property
    def last(self) -> bool:
        """The sample ends here."""
        return bool(self.flags & LAST)


def decode_sample(payload: bytes, inputs: int) -> Events:
    """Decode for a first layer of `inputs` rows; what is wrong ends up in `status`, never raised.

    A payload shorter than a header counts its missing bytes as zeros.
    """
    header = payload[: SAMPLE_HEADER.size].ljust(SAMPLE_HEADER.size, b"\0")
    label, flags, count, learn_from = SAMPLE_HEADER.unpack(header)
    reader = _Reader(payload, inputs)
    steps = [reader.step() for _ in range(count)]
    return Events(label, flags, learn_from, steps, reader.finish())


class _Reader:
    """Walks a payload step by step, gathering what is wrong with it."""

    def __init__(self, payload: bytes, inputs: int) -> None:
        self._data = np.frombuffer(payload, np.uint8)
        self._inputs = inputs
        self._at = SAMPLE_HEADER.size
        self._status = SampleStatus.OK
        self._dead = False  # after a bad code or the end: the remaining steps are empty
        if len(payload) < SAMPLE_HEADER.size:
            self._truncate()

    def step(self) -> Rows:
        """The next step's rows."""
        code = self._take(1)
        if self._dead:
            return np.zeros(0, np.int64)
        if code[0] == DENSE:
            rows = np.flatnonzero(
                np.unpackbits(self._take(-(-self._inputs // 8)), bitorder="little")
            )
        elif code[0] == SPARSE:
            rows = self._sparse()
        else:
            self._status |= SampleStatus.BAD_CODE
            self._dead = True
            return np.zeros(0, np.int64)
        if (rows >= self._inputs).any():
            self._status |= SampleStatus.ROW_RANGE
        return rows[rows < self._inputs].astype(np.int64)

    def finish(self) -> SampleStatus:
        """What was wrong. Bytes left over count only when all before them was understood."""
        if not self._dead and self._at < len(self._data):
            self._status |= SampleStatus.TRAILING
        return self._status

    def _sparse(self) -> Rows:
        low_high = self._take(2)
        if self._dead:
            return np.zeros(0, np.int64)
        code = self._take(int(low_high[0]) | int(low_high[1]) << 8).astype(np.int64)
        spike = code != SKIP
        return np.cumsum(np.where(spike, code + 1, SKIP))[spike] - 1

    def _take(self, count: int) -> NDArray[np.uint8]:
        """The next `count` bytes, or those that are left."""
        taken = self._data[self._at : self._at + count]
        self._at += len(taken)
        if len(taken) < count:
            self._truncate()
        return taken

    def _truncate(self) -> None:
        if not self._dead:
            self._status |= SampleStatus.TRUNCATED
        self._dead = True
