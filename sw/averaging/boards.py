"""Several boards as one device, which holds the average of their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import islice, zip_longest

import numpy as np
from numpy.typing import NDArray

from golden.averaging import Averaging, average, split_noise
from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.registers import COUNTERS
from golden.spec.samples import Result
from sw.averaging.part import Board, Done, Identity, Part, do, identify, release, tensors
from sw.device import Channel, Device, DeviceError, LinkStatistics, SampleLike, Series, Weights
from sw.device.sample_store import OnPart
from sw.link import DEFAULT_BAUD, LinkError, check_target
from sw.link.targets import open_transport
from sw.study.engine import Engine, SchedulerLost

RETRIES = 3
"""Times that a part is tried again after an error (a board that does not answer, say)."""
CLASSIFIED = 200
"""Samples that a board classifies before it is sent the weights again, if a round has fewer."""
BOARD = "board"
"""What a Dask worker of a cluster has one of for each serial port."""


class Boards(Device):
    """Boards that learn one model. Used like one device; the weights on it are the average.

    A round of `averaging.round` samples is learned as one: each board learns its part, then all are averaged.
    What the boards do not do together (looking at membranes, single steps) raises DeviceError.
    """

    averaging: Averaging
    """How many boards, and how often they are averaged."""

    def __init__(
        self,
        targets: Sequence[str],
        *,
        boards: int | None = None,
        every: int = 100,
        config: CoreConfig | str | None = None,
        baud: int = DEFAULT_BAUD,
        workers: int = 1,
        cluster: str | None = None,
        tell: Callable[[str], None] = print,
    ) -> None:
        """Start the workers, and ask a board what it is.

        Args:
            targets: one of `sim`, `golden`, `golden-numpy`; or serial ports, `serial:PORT`.
            boards: parts that a round has; default: as many as there are targets. The result depends on
                it. With fewer devices some learn several parts, one after the other.
            every: samples of a board between two averages.
            config, baud: as for `Device.open`.
            workers: processes of this computer that each have a device; 1: this process, one part
                after the other.
            cluster: address of a Dask scheduler, instead. Its workers see the ports.
            tell: takes a line for the user.

        Raises:
            ValueError: targets, numbers or cluster make no sense. LinkError, DeviceError: no board.
        """
        check_targets(targets)
        serial = targets[0].startswith("serial:")
        self.averaging = Averaging(len(targets) if boards is None else boards, every)
        workers = min(workers, self.averaging.boards, len(targets) if serial else workers)
        self._engine = Engine(workers, cluster, tell, resource=BOARD if serial else None)
        try:
            known = CORES[config] if isinstance(config, str) else config
            who = self._ask(Board(tuple(targets), known, baud))
            self._board = Board(tuple(targets), who.config, baud)
            image = open_transport(
                "golden-numpy", config=who.config
            )  # keeps tables; runs no sample
            super().__init__(Channel(image), who.config)
        except BaseException:
            self._end()
            raise
        image.name, image.about = f"{self.averaging.boards} x {who.name}", who.about
        self._statistics = LinkStatistics()
        self._counted = {counter.name: 0 for counter in COUNTERS}
        self._scale = 1.0
        self._noise = split_noise(0, self.averaging.boards)
        self._average = Weights()

    def as_model(self) -> Device:
        """The same number of integer models, one after the other in this process."""
        return Boards(["golden"], **vars(self.averaging), config=self.config)

    def close(self) -> None:
        """Let go of the boards, and end the workers."""
        super().close()
        self._end()

    # The average

    def load(self, network: Network, weights: list[NDArray[np.int32]] | None = None) -> None:
        """Take `network`, with `weights` instead of its initial ones; the boards get them in a round.

        Raises DoesNotFit or ValueError.
        """
        super().load(network, weights)
        self._scale = 1.0

    def set_rates(self, scale: float) -> None:
        """Multiply the learning rates of the network by `scale` (0 to 1) from now on."""
        super().set_rates(scale)
        self._scale = scale

    def write_weights(self, weights: list[NDArray[np.int32]]) -> None:
        """Let these be the average. Raises DeviceError for other shapes."""
        super().write_weights(weights)
        self._average = super().read_weights()

    def read_weights(self) -> Weights:
        """The average: int32[rows, outputs] of every layer, and the classifiers that learn."""
        return deepcopy(self._average)

    @property
    def noise_state(self) -> int:
        """That of the first board. Setting it sets all (`golden.averaging.split_noise`)."""
        return self._noise[0]

    @noise_state.setter
    def noise_state(self, value: int) -> None:
        self._noise = split_noise(value, self.averaging.boards)

    @property
    def noise_states(self) -> tuple[int, ...]:
        """Of every board, u32."""
        return self._noise

    @noise_states.setter
    def noise_states(self, values: tuple[int, ...]) -> None:
        if len(values) != self.averaging.boards:
            raise DeviceError(
                f"{len(values)} noise states: there are {self.averaging.boards} boards"
            )
        self._noise = tuple(values)

    # Rounds

    def run(self, samples: Iterable[SampleLike], *, learn: bool) -> Iterator[Result]:
        """Run samples, a round at a time, and yield their results in order.

        A round is learned by all boards or not at all. Samples that end early make a short round. Raises
        ValueError, DeviceError, or LinkError when a part of it failed for good.
        """
        waiting, size = iter(samples), self.averaging.round
        if not learn:
            size = max(size, self.averaging.boards * CLASSIFIED)
        while batch := list(islice(waiting, size)):
            yield from self._round(batch, learn)

    def store_samples(self, samples: Series, on_part: OnPart | None = None) -> int:
        """Nothing: a sample's board is known only in its round, so samples cross the link every time."""
        return 0

    def counters(self) -> dict[str, int]:
        """The counters of all boards, summed up, since this was opened."""
        return dict(self._counted)

    @property
    def statistics(self) -> LinkStatistics:
        """What all links did in rounds."""
        return self._statistics

    def step_through(self, sample: SampleLike, *, learn: bool = False) -> Iterator[int]:
        """Raises DeviceError: boards have no step in common."""
        raise DeviceError("several boards have no step in common; open one device")

    def _round(self, samples: list[SampleLike], learn: bool) -> list[Result]:
        parts, done = self._parts(samples, learn), dict[int, Done]()
        try:
            for part, outcome in self._engine.each(do, parts, retries=RETRIES):
                if isinstance(outcome, Exception):
                    raise _failed(outcome, part.number)
                done[part.number] = outcome
        except SchedulerLost as error:
            raise LinkError(str(error)) from error
        each = [done[part.number] for part in parts]
        self._count(each)
        if learn:
            self._average = average([one.weights for one in each])
            self._noise = (*(one.noise_state for one in each), *self._noise[len(each) :])
        ordered = zip_longest(*(one.results for one in each))
        return [result for row in ordered for result in row if result is not None]

    def _parts(self, samples: list[SampleLike], learn: bool) -> list[Part]:
        network, weights = self._loaded(), tensors(self._average)
        return [
            Part(
                number,
                self._board,
                network,
                weights,
                self._noise[number],
                self._scale,
                *Part.pack(mine),
                learn,
            )
            for number, mine in enumerate(self.averaging.parts(samples))
            if mine
        ]

    def _count(self, each: list[Done]) -> None:
        """Add up what the boards counted."""
        for one in each:
            for name, value in one.counters.items():
                self._counted[name] += value
            for name, value in one.link.items():
                setattr(self._statistics, name, getattr(self._statistics, name) + value)

    def _ask(self, board: Board) -> Identity:
        ((_, who),) = self._engine.each(identify, [board])
        if isinstance(who, Exception):
            raise who
        return who

    def _end(self) -> None:
        self._engine.everywhere(release)
        self._engine.close()


def check_targets(targets: Sequence[str]) -> None:
    """Raise ValueError unless this is one model or simulation, or serial ports; LinkError for no target."""
    if not targets:
        raise ValueError("no target; give golden, sim, or serial ports")
    for target in targets:
        check_target(target)
    if len(targets) > 1 and not all(target.startswith("serial:") for target in targets):
        raise ValueError(
            f"targets {', '.join(targets)}: several are serial ports; of golden or sim give one, and --boards"
        )
    if len(set(targets)) < len(targets):
        raise ValueError(f"targets {', '.join(targets)}: a port stands there twice")


def _failed(error: Exception, board: int) -> Exception:
    """What to raise for an error of a part: a lost worker is a lost link."""
    if isinstance(error, LinkError | DeviceError | ValueError):
        return error
    text = " ".join(str(error).split())
    return LinkError(f"part of board {board}: {type(error).__name__}: {text}")
