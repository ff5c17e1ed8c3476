"""A model of speed, from cycles and bytes that are counted on the simulated board.

A round takes what its slowest board takes: its samples cross the serial link or are learned, whichever is
longer; weights go down before, and come back after, while nothing is learned. Every board has a link of its
own. One computer averages: all weights and samples cross its network, one board after the other. The time
that it takes to average is measured here.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.accuracy.jobs import task_of
from golden.averaging import average
from golden.spec.fpga import TARGETS
from sw.data import Dataset
from sw.data.bits import pack
from sw.device import Device
from sw.run.tensors import to_tensors

BAUD = 3_000_000
"""Of the FT231X of the ULX3S."""
NETWORK = 125e6
"""Bytes a second of the computer that averages: a gigabit."""
BOARDS = (1, 2, 4, 8, 16, 32, 64)
SAMPLES = 10


@dataclass(frozen=True)
class Counted:
    """Of one board."""

    cycles: float
    """Of a training sample."""
    mhz: float
    down: int
    """Bytes on the wire to write all weights."""
    up: int
    """Bytes on the wire to read them, the questions included."""
    sample: float
    """Bytes on the wire of a training sample, its result included."""
    tensors: int
    """Bytes of the weights on the network, one way."""
    packed: float
    """Bytes of a sample on the network."""
    averaging: float
    """Seconds to average the weights of one board more."""

    def seconds(self, boards: int, every: int, baud: int = BAUD) -> tuple[float, float, float]:
        """Of a round: learning, weights on the link, and the network with the average."""
        link = 10 / baud
        learn = every * max(self.cycles / (self.mhz * 1e6), self.sample * link)
        weights = (self.down + self.up) * link
        if boards == 1:
            return learn, weights, 0.0
        moved = 2 * self.tensors + every * self.packed
        return learn, weights, boards * (moved / NETWORK + self.averaging)

    def speed(self, boards: int, every: int, baud: int = BAUD) -> float:
        """Samples a second."""
        return boards * every / sum(self.seconds(boards, every, baud))


def counted(preset: str, root: str | None, limit: int | None) -> Counted:
    """Learn a few samples on the simulated board, as a part of a round does."""
    task = task_of(preset, root, limit, SAMPLES)
    network = task.network(1)
    train: Dataset = task.train.channel_last() if network.stages else task.train
    order = task.train.order(0, 1)[:SAMPLES].tolist()
    with Device.open("sim", config=task.preset.config) as device:
        device.load(network)
        start = _bytes(device)
        device.write_weights(network.initial_weights())
        written = _bytes(device)
        results = list(device.run([train[index] for index in order], learn=True))
        learned = _bytes(device)
        weights = device.read_weights()
        read = _bytes(device)
    packed = [pack(train[index].frames).nbytes for index in order]
    return Counted(
        cycles=float(np.mean([result.cycles for result in results])),
        mhz=TARGETS["ulx3s-85f"].clocked(task.preset.core).mhz,
        down=written - start,
        up=read - learned,
        sample=(learned - written) / SAMPLES,
        tensors=sum(values.nbytes for values in to_tensors(weights).values()),
        packed=float(np.mean(packed)),
        averaging=_seconds_to_average(weights),
    )


def _bytes(device: Device) -> int:
    return device.statistics.bytes_sent + device.statistics.bytes_received


def _seconds_to_average(weights: Any, boards: int = 16) -> float:
    """For each board."""
    begun = time.perf_counter()
    average([weights] * boards)
    return (time.perf_counter() - begun) / boards


def as_dict(one: Counted, every: tuple[int, ...]) -> dict[str, Any]:
    """For a file: what was counted, and the speeds that follow."""
    speeds = {str(k): [round(one.speed(boards, k), 1) for boards in BOARDS] for k in every}
    moved = {str(k): round((one.down + one.up) / k, 1) for k in every}
    alone = every[0] / one.seconds(1, every[0])[0]
    return {
        "counted": asdict(one),
        "alone": round(alone, 1),
        "boards": list(BOARDS),
        "samples_per_second": speeds,
    } | {"weight_bytes_per_sample": moved}
