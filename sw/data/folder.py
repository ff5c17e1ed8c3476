"""A folder of recordings, a sub-folder for each class."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sw.data.binning import bin_events
from sw.data.dataset import Dataset, Request, Sample, missing, random_words
from sw.data.events import DataError, Sensor
from sw.data.recording import READERS, Recording, read_recording

TEST_SHARE = 0.2
GET = "put recordings in DIR/<class>/, or in DIR/train/<class>/ and DIR/test/<class>/"

Labelled = tuple[int, Path]
"""Class and file."""


def load_folder(
    request: Request,
    *,
    sensor: Sensor | None = None,
    every_window: bool = False,
    split_seed: int = 0,
    salvage: bool = False,
) -> Dataset:
    """Load `root/train/<class>/<file>` and `root/test/<class>/<file>`, or `root/<class>/<file>`.

    Without `train` and `test`, a fifth of the files of each class, chosen by `split_seed`, are the
    test samples; a note says so. Classes are in the order of their names, numbers by their value.
    In the order of samples the classes take turns. Files whose ending is not that of a recording
    are left out, and a note counts them.

    A sample is the window of `request` in a recording, counted from its first event (in N-MNIST
    files: from time 0).

    Args:
        request: what to load.
        sensor: size of the sensor, for files that do not say it.
        every_window: make a sample of every window of a recording, one after the other, instead of
            the first. All of them are on the same side of the split.
        split_seed: of the split.
        salvage: use the good part of a damaged file, and leave out one that has none; notes say so.

    Raises:
        DataError: no recordings, a damaged one, sensors that differ or are not known.
    """
    if split_seed < 0:
        raise DataError(f"split seed: {split_seed} is negative; use 0 or more")
    if request.root is None or not request.root.is_dir():
        looked = [] if request.root is None else [request.root]
        raise missing("folder", "folders of recordings", looked, GET)
    tree = _Tree(request.root)
    chosen = tree.split(request, split_seed)
    source = _Recordings(chosen, sensor, salvage)
    first = source.first()
    found = sensor or first.sensor
    if found is None:
        raise DataError(
            f"{first.source}: does not say the size of its sensor; give it: --sensor 128x128 "
            "(sensor=(128, 128, 2))"
        )
    return Dataset(
        "folder",
        _limited(_samples(source, found, request, every_window, tree.root), request.limit),
        classes=len(tree.names),
        n_inputs=found.pooled(request.pool).n_inputs,
        steps=request.steps,
        sensor=found,
        class_names=tree.names,
        notes=_Notes(tree, source),
    )
