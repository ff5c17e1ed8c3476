"""Sample payloads back into spikes. Twin of hw/core/rows/events.py; the encoder is in golden.spec.samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.spec.samples import (
    DENSE,
    FIRST,
    LAST,
    LEARN,
    SAMPLE_HEADER,
    SKIP,
    SPARSE,
    SPARSE_VALUES,
    VALUES,
    SampleStatus,
)
from golden.spec.values import signed_values, slot_bits, unpack_values

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Events:
    """A decoded SAMPLE payload: for each step spiking rows, ascending, and their values, 1 of a spike."""

    label: int
    flags: int
    learn_from: int
    steps: list[Rows]
    values: list[Rows]
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


def decode_sample(payload: bytes, inputs: int, input_bits: int = 1) -> Events:
    """Decode for a first layer of `inputs` rows; what is wrong ends up in `status`, never raised.

    With more than 1 of `input_bits`, the codes of values are codes.

    A payload shorter than a header counts its missing bytes as zeros.
    """
    header = payload[: SAMPLE_HEADER.size].ljust(SAMPLE_HEADER.size, b"\0")
    label, flags, count, learn_from = SAMPLE_HEADER.unpack(header)
    reader = _Reader(payload, inputs, input_bits)
    steps = [reader.step() for _ in range(count)]
    rows, values = [step[0] for step in steps], [step[1] for step in steps]
    return Events(label, flags, learn_from, rows, values, reader.finish())


class _Reader:
    """Walks a payload step by step, gathering what is wrong with it."""

    def __init__(self, payload: bytes, inputs: int, input_bits: int) -> None:
        self._data = np.frombuffer(payload, np.uint8)
        self._inputs, self._bits = inputs, input_bits
        self._at = SAMPLE_HEADER.size
        self._status = SampleStatus.OK
        self._dead = False  # after a bad code or the end: the remaining steps are empty
        if len(payload) < SAMPLE_HEADER.size:
            self._truncate()

    def step(self) -> tuple[Rows, Rows]:
        """The next step's rows and their values."""
        code = self._take(1)
        rows = values = np.zeros(0, np.int64)
        if self._dead:
            return rows, values
        if code[0] in (DENSE, SPARSE):
            rows = self._dense() if code[0] == DENSE else self._sparse()
            values = np.ones(len(rows), np.int64)
        elif code[0] in (VALUES, SPARSE_VALUES) and self._bits > 1:
            rows, values = self._values() if code[0] == VALUES else self._sparse_values()
        else:
            self._status |= SampleStatus.BAD_CODE
            self._dead = True
        there = values != 0
        rows, values = rows[there], values[there]
        known = rows < self._inputs
        if not known.all():
            self._status |= SampleStatus.ROW_RANGE
        return rows[known].astype(np.int64), values[known].astype(np.int64)

    def finish(self) -> SampleStatus:
        """What was wrong. Bytes left over count only when all before them was understood."""
        if not self._dead and self._at < len(self._data):
            self._status |= SampleStatus.TRAILING
        return self._status

    def _dense(self) -> Rows:
        bits = np.unpackbits(self._take(-(-self._inputs // 8)), bitorder="little")
        return np.flatnonzero(bits)

    def _values(self) -> tuple[Rows, Rows]:
        values = unpack_values(
            self._take(-(-self._inputs * slot_bits(self._bits) // 8)), self._bits
        )
        return np.arange(len(values)), values

    def _sparse(self) -> Rows:
        code = self._code()
        spike = code != SKIP
        return np.cumsum(np.where(spike, code + 1, SKIP))[spike] - 1

    def _sparse_values(self) -> tuple[Rows, Rows]:
        code, rows, values = self._code().tolist(), [], []
        row = at = 0
        while at < len(code):
            if code[at] == SKIP:
                row, at = row + SKIP, at + 1
                continue
            if at + 1 < len(code):
                rows.append(row + code[at])
                values.append(code[at + 1])
            row, at = row + code[at] + 1, at + 2
        return np.array(rows, np.int64), signed_values(np.array(values, np.int64), self._bits)

    def _code(self) -> Rows:
        """Bytes of a sparse code."""
        low_high = self._take(2)
        if self._dead:
            return np.zeros(0, np.int64)
        return self._take(int(low_high[0]) | int(low_high[1]) << 8).astype(np.int64)

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
