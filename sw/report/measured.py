"""What a run's files lack, measured on the integer model, which the chip equals bit for bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.core import StepRecord
from golden.spec.config import CoreConfig
from golden.spec.layers import Layer
from golden.spec.network import Network
from sw.data import Dataset
from sw.device import Channel, Device, Weights
from sw.link import GoldenTransport
from sw.parts import model_core
from sw.run import Tally, Watcher

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shown:
    """One sample, step by step."""

    key: str
    label: int
    prediction: int
    frames: NDArray[np.bool_]
    """Input spikes, bool[steps, inputs]."""
    spikes: list[NDArray[np.bool_]]
    """Of each hidden layer, bool[steps, neurons]."""
    scores: Floats
    """The readout's membranes summed up to each step, in units of 1, [steps, classes]."""


@dataclass(frozen=True)
class Measured:
    """Results of samples with learning off."""

    confusion: NDArray[np.int64]
    """Samples by class and by the class they were taken for, [classes, classes]."""
    rates: list[Floats]
    """Spikes per step of each hidden neuron, by class, [classes, neurons]; NaN: no such sample."""
    shown: Shown
    """The sample that is shown step by step."""
    others: list[Shown]
    """`shown`, then of every class the first sample that was wrong and the first that was right."""

    @property
    def samples(self) -> int:
        """All samples."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """Those that were right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Part that is right."""
        return self.correct / self.samples

    def mean_rates(self, layer: int) -> Floats:
        """Spikes per step of each neuron over all samples, [neurons]."""
        counts = self.confusion.sum(axis=1)
        there = counts > 0
        return np.asarray(counts[there] @ self.rates[layer][there] / counts.sum(), np.float64)

    def preferred(self, layer: int) -> NDArray[np.int64]:
        """Class for which each neuron fires most, [neurons]; -1: it never fires."""
        rates = np.nan_to_num(self.rates[layer])
        return np.where(rates.any(axis=0), rates.argmax(axis=0), -1)


def measure(
    network: Network,
    core: CoreConfig,
    weights: Weights,
    samples: Dataset,
    *,
    shown: int = 0,
    watcher: Watcher | None = None,
) -> Measured:
    """Run all samples with learning off, number `shown` in detail.

    Raises ValueError when there is no such sample, DoesNotFit.
    """
    if not 0 <= shown < len(samples):
        raise ValueError(f"sample {shown}: test samples are 0 to {len(samples) - 1}")
    core = model_core(network, core)
    watcher = watcher or Watcher()
    confusion = np.zeros((network.classes, network.classes), np.int64)
    sums = [np.zeros((network.classes, size)) for size in network.seen]
    tally, transport = Tally(len(network.hidden)), GoldenTransport(core, compiled=False)
    found: Shown | None = None
    others: dict[tuple[int, bool], Shown] = {}
    watcher.begin("measuring", len(samples), network)
    with Device(Channel(transport), core) as device:
        device.load(network, weights)
        layers = device.layers
        for number, sample in enumerate(samples):
            records = transport.device.core.records = []
            result = next(device.run([sample], learn=False))
            tally.add(result, sample.label, len(sample.frames))
            watcher.sample(tally)
            confusion[sample.label, result.prediction] += 1
            spikes = [_spikes(records, i, at) for i, at in enumerate(layers[:-1])]
            for total, fired in zip(sums, spikes, strict=True):
                total[sample.label] += fired.mean(axis=0)
            kind = (sample.label, result.prediction == sample.label)
            if number == shown or kind not in others:
                of = (sample.key, sample.label, result.prediction)
                each = Shown(*of, sample.frames != 0, spikes, _scores(records, network))
                others.setdefault(kind, each)
                found = each if number == shown else found
    with np.errstate(invalid="ignore"):
        rates = [total / confusion.sum(axis=1)[:, None] for total in sums]
    assert found is not None, "one of the samples is number `shown`"
    rest = [others[kind] for kind in sorted(others, key=lambda kind: (kind[1], kind[0]))]
    return Measured(confusion, rates, found, [found, *(s for s in rest if s is not found)])


def _spikes(records: list[StepRecord], layer: int, at: Layer) -> NDArray[np.bool_]:
    fired = [
        record.seen[:, : at.outputs].reshape(-1) for record in records if record.layer == layer
    ]
    return np.array(fired, np.bool_)


def _scores(records: list[StepRecord], network: Network) -> Floats:
    added = np.array([record.score for record in records]) / network.logit_one
    return np.cumsum(
        added.reshape(-1, len(network.hidden) + 1, network.classes).sum(axis=1), axis=0
    )
