"""Several boards learn one model: which board learns which samples, and how their weights become one.

Local SGD. In a round every board starts from the same weights, learns `every` samples by itself, and then
the weights of all are averaged. Every number here is an integer or an order, so the result depends on
the samples, the number of boards and `every` alone, not on which computers did it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from golden.lanes.noise import advance
from golden.spec.weights import Weights

Item = TypeVar("Item")
MOST_BOARDS = 4096


@dataclass(frozen=True)
class Averaging:
    """How many boards learn one model, and how often their weights are averaged. Raises ValueError."""

    boards: int
    """Boards [1 to 4096]."""
    every: int
    """Samples that each of them learns between two averages [1 or more]."""

    def __post_init__(self) -> None:
        if not 1 <= self.boards <= MOST_BOARDS:
            raise ValueError(f"boards is {self.boards}: 1 to {MOST_BOARDS} are possible")
        if self.every < 1:
            raise ValueError(f"average every {self.every} samples: 1 or more are needed")

    def __str__(self) -> str:
        plural = "s" if self.boards > 1 else ""
        return f"{self.boards} board{plural}, averaged every {self.every} samples"

    @property
    def round(self) -> int:
        """Samples of a round, all boards together. The last one of an epoch may have fewer."""
        return self.boards * self.every

    def parts(self, samples: Sequence[Item]) -> list[list[Item]]:
        """The samples of a round for each board: number w, w + boards, ... for board w.

        Of a short round some boards have one sample fewer, or none: then they are not averaged.
        """
        return [list(samples[board :: self.boards]) for board in range(self.boards)]


def split_noise(state: int, boards: int) -> tuple[int, ...]:
    """The noise state that each board begins with: equally far apart in the one sequence of all 2^32 states.

    No two boards have a state in common before one of them has made 2^32 / boards updates of a row. From
    one round to the next each board goes on in its own part. The first one starts at `state`, so one
    board learns what it learns without averaging.
    """
    return tuple(advance(state, board * (2**32 // boards)) for board in range(boards))


def mean(several: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Mean of arrays of one shape; a half is rounded to the even neighbour. Nothing can overflow."""
    total, count = np.sum(np.array(several, np.int64), axis=0), len(several)
    below, rest = np.divmod(total, count)
    up = (2 * rest > count) | ((2 * rest == count) & (below % 2 == 1))
    return (below + up).astype(np.int32)


def average(several: Sequence[Weights]) -> Weights:
    """The mean of every weight: of all layers, and of the classifiers that learn."""
    layers = [mean(of_layer) for of_layer in zip(*several, strict=True)]
    learned = {at: mean([w.classifiers[at] for w in several]) for at in several[0].classifiers}
    return Weights(layers, learned)
