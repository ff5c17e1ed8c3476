"""Payload of a SAMPLE command, and of its reply.

A payload is `label u8, flags u8, steps u16, learn_from u16`, then every time step as one byte that
says how it is coded and the code, whichever is shorter:

- DENSE: a bit per input row, row 0 in bit 0 of the first byte, ceil(inputs / 8) bytes
- SPARSE: u16 number of code bytes, then a byte b per step along the rows: b < 255 puts a spike b rows
  after the row that follows the last spike, b = 255 moves on 255 rows without a spike
- VALUES: a slot per input row (`golden.spec.values`), ceil(inputs x slot bits / 8) bytes
- SPARSE_VALUES: as SPARSE, and behind each b < 255 a byte with the value of the event; of a code that
  ends before the value there is no event

The last two are for a core whose input events carry values (`input_bits` above 1); steps of ones and
zeros alone come in the first two there, too. To other cores they are no codes.

A sample that the core cannot run is answered with its status alone, all other words being zero: the layer
table is no network's (`golden.spec.table_rules`), or was changed, or a SYNC came, since the sample's FIRST.

A sample too long for a frame is cut into several: FIRST clears the neurons, LAST applies what is
left to learn and decides. Steps count on from one to the next; with LEARN, the learning signal is
on from step `learn_from` of the sample.

In the store a sample is kept as one payload behind its length in bytes, u16, low byte of a word
first; an odd payload leaves half a word unused. A PLAY names the words where samples begin. They run
one after the other as if their payloads had come in SAMPLEs with the LEARN of the PLAY. One sample is
answered with its whole result, several with brief ones, one behind the other; and so they are put in the
slot of RESULTS. A brief result ends with the spikes of the last hidden layer in use: what would follow are
zeros, and scores. At the first place where no sample can be (it would reach past the end of the store, or
is shorter than a header) a PLAY ends with BAD_ADDRESS, and the first word of that sample's result is
NOT_KEPT.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.spec.values import SLOT_BITS, check_values, pack_values

Inputs = NDArray[np.bool_ | np.integer[Any]]
"""Inputs of a sample or step: spikes, bool, or values, int[..., inputs] (`golden.spec.values`)."""
SAMPLE_HEADER = struct.Struct("<BBHH")
FLAGS_BYTE = 1  # of the header
KEPT_LENGTH = struct.Struct("<H")
LONGEST_KEPT = 0xFFFF
"""Bytes of the longest payload that the store can keep."""
DENSE, SPARSE, VALUES, SPARSE_VALUES = 0, 1, 2, 3
SKIP = 255
LEARN, FIRST, LAST = 1, 2, 4
MOST_STEPS = 0xFFFF
"""Steps that a header can count."""
MOST_SPIKES = 0xFFFF
"""Spikes of a layer in a sample that a result can hold; more count as these."""
RESULT_HEAD = 4
"""Words of a result before its spikes: status, prediction, cycles in two."""


class SampleStatus(IntFlag):
    """First word of a result: zero, or what was wrong with the sample. Wrong events are dropped.

    LIST_FULL is no fault of the sample: rows were left out in a way that is the same everywhere.
    """

    OK = 0
    ROW_RANGE = 1  # a spike at a row the first layer does not have
    TRUNCATED = 2  # the payload ended before its last step: the missing steps ran empty
    TRAILING = 4  # bytes after the last step
    BAD_CODE = 8  # a step in none of the core's codes: it ran empty, the rest was dropped
    NOT_KEPT = 16  # a PLAY found no sample there: nothing ran
    BAD_TABLE = 32  # the layer table breaks a rule: nothing ran
    NOT_BEGUN = 64  # no FIRST, and no sample of this layer table was begun: nothing ran
    STUCK = 128  # the core did not end a step and was reset: weights may have changed
    LIST_FULL = 256  # of layer 0, 512 of layer 1, ...: see `golden.rows.trace`


def lists_full(layers: Iterable[int]) -> SampleStatus:
    """The status of a sample for which the lists were full in these layers."""
    return SampleStatus(sum(SampleStatus.LIST_FULL << layer for layer in layers))


def full_layers(status: SampleStatus) -> list[int]:
    """The layers for which the lists were full."""
    bits = int(status) // SampleStatus.LIST_FULL
    return [layer for layer in range(bits.bit_length()) if bits >> layer & 1]


DECLARATION = [
    SAMPLE_HEADER.format,
    FLAGS_BYTE,
    KEPT_LENGTH.format,
    DENSE,
    SPARSE,
    VALUES,
    SPARSE_VALUES,
    SLOT_BITS,
    SKIP,
    LEARN,
    FIRST,
    LAST,
    list(SampleStatus),
]


@dataclass(frozen=True)
class Result:
    """Reply to a SAMPLE, and what `Device.run` gives.

    As 16-bit words: status, prediction, cycles (2), spikes, scores (2 each).
    """

    status: SampleStatus
    """0, or what was wrong with the sample, see SampleStatus."""
    prediction: int
    """The class with the highest score; of equal ones, the lowest number."""
    cycles: int
    """Clock cycles of the sample in the core. The integer model has no clock: 0."""
    spikes: tuple[int, ...]
    """Spikes over all steps for each entry of the layer table, also unused ones and the readout (0). More
    than 65535 count as these."""
    scores: tuple[int, ...]
    """Readout membranes summed over the steps, for each class of the core, s32: divide by
    `network.logit_one` and the steps. Empty if the sample was played together with others."""

    @classmethod
    def refused(cls, status: SampleStatus, layers: int, classes: int) -> "Result":
        """The result of a sample that did not run, of a core with so many layers and classes."""
        return cls(status, 0, 0, (0,) * layers, (0,) * classes)

    def words(self) -> list[int]:
        """The result as 16-bit words."""
        words = [int(self.status), self.prediction, self.cycles & 0xFFFF, self.cycles >> 16]
        words += self.spikes
        for score in self.scores:
            words += [score & 0xFFFF, (score >> 16) & 0xFFFF]
        return words

    @classmethod
    def from_words(cls, words: list[int], layers: int) -> "Result":
        """Parse a result, brief or whole; `layers` is the size of the layer table in the core."""
        spikes, pairs = words[RESULT_HEAD:][:layers], words[RESULT_HEAD + layers :]
        raw = [low | (high << 16) for low, high in zip(pairs[::2], pairs[1::2], strict=True)]
        scores = tuple(value - (1 << 32) if value >> 31 else value for value in raw)
        return cls(
            status=SampleStatus(words[0]),
            prediction=words[1],
            cycles=words[2] | (words[3] << 16),
            spikes=(*spikes, *[0] * (layers - len(spikes))),
            scores=scores,
        )


def encode_sample(
    frames: Inputs,
    label: int,
    *,
    learn: bool,
    learn_from: int = 0,
    first: bool = True,
    last: bool = True,
    input_bits: int = 1,
) -> bytes:
    """Payload of one SAMPLE command for `frames`, for a core of that `input_bits`. Raises ValueError."""
    flags = learn * LEARN | first * FIRST | last * LAST
    header = SAMPLE_HEADER.pack(label, flags, len(frames), learn_from)
    return header + b"".join(encode_step(frame, input_bits) for frame in frames)


def keep(payload: bytes) -> NDArray[np.uint16]:
    """The words that keep a sample's payload in the store. Raises ValueError for one too long."""
    if len(payload) > LONGEST_KEPT:
        raise ValueError(f"a sample of {len(payload)} bytes: the store keeps up to {LONGEST_KEPT}")
    kept = KEPT_LENGTH.pack(len(payload)) + payload + b"\0" * (len(payload) % 2)
    return np.frombuffer(kept, "<u2").astype(np.uint16)


def encode_step(frame: Inputs, input_bits: int = 1) -> bytes:
    """One time step, [inputs], in the shortest of its codes. Raises ValueError: a value does not fit."""
    if frame.dtype != np.bool_:
        check_values(frame, input_bits)
        if input_bits > 1 and not np.isin(frame, (0, 1)).all():
            return _encode_values(frame.astype(np.int64), input_bits)
        frame = frame != 0
    sparse = encode_sparse(np.flatnonzero(frame))
    if len(sparse) + 2 < -(-len(frame) // 8):
        return bytes([SPARSE]) + struct.pack("<H", len(sparse)) + sparse
    return bytes([DENSE]) + np.packbits(frame, bitorder="little").tobytes()


def _encode_values(frame: NDArray[np.integer], input_bits: int) -> bytes:
    """A step whose events carry values, in the shorter of the two codes for it."""
    dense, rows = pack_values(frame, input_bits), np.flatnonzero(frame)
    sparse = encode_sparse(rows, frame[rows].astype(np.uint8))
    if len(sparse) + 2 < len(dense):
        return bytes([SPARSE_VALUES]) + struct.pack("<H", len(sparse)) + sparse
    return bytes([VALUES]) + dense


def encode_sparse(rows: NDArray[np.intp], values: NDArray[np.uint8] | None = None) -> bytes:
    """Ascending row numbers as distances, with the values behind them, if given (see the module)."""
    gaps = rows.copy()
    gaps[1:] -= rows[:-1] + 1
    if values is None and (not len(gaps) or gaps.max() < SKIP):  # nearly always, and much faster
        return gaps.astype(np.uint8).tobytes()
    skips, rest = np.divmod(gaps, SKIP)
    code = np.full(int(skips.sum()) + len(rows), SKIP, np.uint8)
    ends = np.cumsum(skips + 1)
    code[ends - 1] = rest
    return code.tobytes() if values is None else np.insert(code, ends, values).tobytes()


def split_sample(
    frames: Inputs,
    label: int,
    *,
    learn: bool,
    learn_from: int,
    limit: int,
    input_bits: int = 1,
) -> list[bytes]:
    """Payloads of at most `limit` bytes that carry one sample, each whole steps.

    Raises ValueError when a single step is longer than `limit`, or a value does not fit.
    """
    steps = [encode_step(frame, input_bits) for frame in frames]
    room = limit - SAMPLE_HEADER.size
    if steps and max(map(len, steps)) > room:
        raise ValueError(f"one step takes {max(map(len, steps))} bytes: {room} fit in a frame")
    pieces: list[list[bytes]] = [[]]
    for step in steps:
        if sum(map(len, pieces[-1])) + len(step) > room:
            pieces.append([])
        pieces[-1].append(step)
    payloads = []
    for number, piece in enumerate(pieces):
        first, last = number == 0, number == len(pieces) - 1
        flags = learn * LEARN | first * FIRST | last * LAST
        header = SAMPLE_HEADER.pack(label, flags, len(piece), learn_from)
        payloads.append(header + b"".join(piece))
    return payloads
