"""Cue accumulation: remember for two seconds which side had more cues. Generated, or ReckOn's files.

The task of Bellec et al. (Nature Communications 2020) as ReckOn (ISSCC 2022) states it: 40 inputs, ten
each for cues on the left, cues on the right, the recall and noise. Seven cues of 100 ms, 50 ms apart,
each on one side; then a pause; from 2100 ms to the end at 2250 ms the recall inputs fire and the answer
is wanted. Class 0: more cues on the left; class 1: on the right.

ReckOn's files hold a line with the number of sequences, then lines `input, ms`; `-2, label` says that
the answer is wanted from here on, `-1, ms` ends a sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sw.data.binning import Window, bin_events
from sw.data.dataset import Dataset, Request, Sample, missing, random_uniform
from sw.data.events import DataError, Events, Sensor, make_events

CUES_SENSOR = Sensor(40, 1, 1)
CLASSES = 2
LENGTH_MS = 2250
GROUP = 10  # inputs of a kind
CUES, CUE_MS, CUE_EVERY_MS, FIRST_CUE_MS, RECALL_MS = 7, 100, 150, 50, 2100
CUE_HZ, NOISE_HZ = 40.0, 10.0
FAVOUR = 0.7  # chance that a cue is on the favoured side
TRAIN_SEQUENCES, TEST_SEQUENCES = 200, 200  # generated
FILES = "dataset_cueAcc_{}.dat"
GET = (
    "leave the folder away to have sequences generated, or get src/data of "
    "https://github.com/ChFrenkel/ReckOn and name that folder"
)


def load_cues(request: Request) -> Dataset:
    """Generate sequences or, with a root, load `dataset_cueAcc_train.dat` or `..._test.dat` in it.

    A sequence is cut into equal steps, all of its 2250 ms: the request's time window is not used. Give the
    network `learn_last` steps that cover the last 150 ms, 1/15 of them.

    Raises:
        DataError: the file is missing or damaged, or pooling is asked for.
    """
    if request.pool != 1:
        raise DataError("cues: has no image to pool; use pool 1")
    source = f"cues {request.split}"
    sequences = _generated(request) if request.root is None else _read(request)
    window: Window = (0, LENGTH_MS * 1000)
    samples = (
        Sample(
            bin_events(
                events, steps=request.steps, sensor=CUES_SENSOR, window_us=window, source=source
            ),
            label,
            f"{request.split}/{number:05d}",
        )
        for number, (label, events) in enumerate(sequences)
    )
    return Dataset("cues", samples, classes=CLASSES, n_inputs=GROUP * 4, steps=request.steps)


def generate(*seed: int) -> tuple[int, Events]:
    """Label and events of one sequence, 1 ms resolution; the same seeds give the same."""
    draws = random_uniform((CUES + 1,), *seed, 0)
    favoured = int(draws[0] < 0.5)
    sides = np.where(draws[1:] < FAVOUR, favoured, 1 - favoured)
    chance = np.zeros((LENGTH_MS, 4))  # of a spike in a millisecond, for each kind of input
    for cue, side in enumerate(sides):
        start = FIRST_CUE_MS + cue * CUE_EVERY_MS
        chance[start : start + CUE_MS, side] = CUE_HZ / 1000
    chance[RECALL_MS:, 2] = CUE_HZ / 1000
    chance[:, 3] = NOISE_HZ / 1000
    spikes = random_uniform((LENGTH_MS, 4 * GROUP), *seed, 1) < np.repeat(chance, GROUP, axis=1)
    ms, inputs = np.nonzero(spikes)
    return int(sides.sum() > CUES // 2), _events(ms, inputs)


def _events(ms: NDArray[np.integer], inputs: NDArray[np.integer]) -> Events:
    nothing = np.zeros(len(ms), np.int64)
    return make_events(inputs, nothing, ms.astype(np.int64) * 1000, nothing)


def _generated(request: Request) -> Iterator[tuple[int, Events]]:
    count = TRAIN_SEQUENCES if request.train else TEST_SEQUENCES
    for i in range(count)[: request.limit]:
        yield generate(request.seed, int(request.train), i)


def _read(request: Request) -> Iterator[tuple[int, Events]]:
    root = request.root
    assert root is not None
    path = root if root.is_file() else root / FILES.format(request.split)
    if not path.is_file():
        raise missing("cues", path.name, [root], GET)
    for number, sequence in enumerate(read_dat(path)):
        if request.limit is not None and number >= request.limit:
            return
        yield sequence


def read_dat(path: Path) -> Iterator[tuple[int, Events]]:
    """Label and events of every sequence of a file. Raises DataError, naming the line, for damage."""
    try:
        lines = path.read_text().splitlines()
        pairs = [
            (int(a), int(b)) for a, _, b in (line.partition(",") for line in lines[1:] if line)
        ]
        wanted = int(lines[0])
    except (OSError, UnicodeDecodeError, ValueError, IndexError) as err:
        raise DataError(f"{path}: not a file of lines `input, ms` ({err}); copy it again") from err
    label, rows, found = None, [], 0
    for number, (what, value) in enumerate(pairs, 2):
        if what >= 0:
            rows.append((value, what))
        elif what == -2:
            label = value
        elif label is None:
            raise DataError(f"{path}: line {number} ends a sequence without a label; copy it again")
        else:
            ms, inputs = np.array(rows, np.int64).reshape(-1, 2).T
            yield label, _events(ms, inputs)
            label, rows, found = None, [], found + 1
    if rows or found != wanted:
        raise DataError(f"{path}: holds {found} whole sequences of {wanted}; copy it again")
