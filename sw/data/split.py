"""Splits of sets that are not divided into training and test samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sw.data.dataset import Request, random_words

TEST_SHARE = 0.2


def seeded_share(
    count: int, *, train: bool, seed: int, label: int, share: float = TEST_SHARE
) -> list[int]:
    """Numbers of a class's samples in a split: a share of them are to test, at least one.

    One sample alone trains. The same seed, label and count give the same split everywhere.
    """
    order = np.argsort(random_words(count, seed, label), kind="stable")
    test = set(order[: max(1, round(count * share)) if count > 1 else 0].tolist())
    return [i for i in range(count) if (i in test) != train]


def split_in_turns(
    labels: Sequence[int], request: Request, seed: int, share: float = TEST_SHARE
) -> list[int]:
    """Indices of the samples of a split, the classes in turns, at most `request.limit`."""
    turns = []
    for label in sorted(set(labels)):
        members = [i for i, other in enumerate(labels) if other == label]
        chosen = seeded_share(
            len(members), train=request.train, seed=seed, label=int(label), share=share
        )
        turns += [(turn, int(label), members[i]) for turn, i in enumerate(chosen)]
    return [index for _, _, index in sorted(turns)][: request.limit]


def split_note(name: str, seed: int, share: float = TEST_SHARE) -> str:
    """What to tell the user of `seeded_share`."""
    return (
        f"{name}: not divided into train and test: of each class {1 - share:.0%} are to "
        f"train and {share:.0%} to test, chosen by split seed {seed}"
    )
