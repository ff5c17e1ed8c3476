"""Generated patterns for tests and quick runs: learnable in seconds, of any size.

The inputs are divided at random into one group per class. In a sample of a class, the group's
inputs spike with probability `SIGNAL` per step, all others with probability `NOISE`.
"""

from __future__ import annotations

import numpy as np

from sw.data.dataset import Dataset, Request, Sample, random_uniform, random_words
from sw.data.events import DataError, Sensor

SYNTHETIC_SENSOR = Sensor(64, 1, 1)
SIGNAL, NOISE = 0.5, 0.05
TRAIN_SAMPLES, TEST_SAMPLES = 256, 64


def load_synthetic(
    request: Request,
    *,
    n_inputs: int = SYNTHETIC_SENSOR.n_inputs,
    classes: int = 4,
    samples: int | None = None,
) -> Dataset:
    """Generate a data set; the same request and sizes give the same samples.

    Root and time window are not used. The limit cuts the set short without changing its samples.

    Args:
        request: steps, seed, split and limit are used.
        n_inputs: input addresses, at least one per class.
        classes: number of classes; labels take turns.
        samples: number of samples, default 256 to train and 64 to test.

    Raises:
        DataError: a size is out of range, or pooling is asked for.
    """
    if not 1 <= classes <= n_inputs:
        raise DataError(
            f"synthetic: {classes} classes of {n_inputs} inputs; "
            "use at least one class and at least one input per class"
        )
    if request.pool != 1:
        raise DataError("synthetic: has no image to pool; use pool 1 and choose n_inputs instead")
    if samples is None:
        samples = TRAIN_SAMPLES if request.train else TEST_SAMPLES
    group = np.argsort(random_words(n_inputs, request.seed), kind="stable") % classes

    def sample(i: int) -> Sample:
        draw = random_uniform((request.steps, n_inputs), request.seed, int(request.train), i)
        chance = np.where(group == i % classes, SIGNAL, NOISE)
        return Sample(np.asarray(draw < chance), i % classes, f"{request.split}/{i:05d}")

    return Dataset(
        "synthetic",
        (sample(i) for i in range(samples)[: request.limit]),
        classes=classes,
        n_inputs=n_inputs,
        steps=request.steps,
    )
