"""Every way of training: a function of a task and a setting that gives an Outcome.

chip     the integer model, equal to the hardware bit for bit (sw.native): batch 1, no optimizer
frozen   the same, hidden layers as drawn: only the readout learns
online   TESS in floating point as the chip does it: batch 1, an update every step, the same rates
tess     TESS in floating point as published: updates added up over a minibatch of 32, softmax, Adam
bptt     surrogate-gradient BPTT in floating point: minibatches of 32, softmax, Adam

Same network, same samples, same steps. A setting is what differs from the preset; `axes` has what a
method may choose.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.accuracy.floats import Rule, float_config, learn
from golden.reference import FloatConfig
from golden.spec.network import Network
from sw.data import Dataset
from sw.data.augment import UNCHANGED, Augmentation
from sw.native import NativeCore, Spikes
from sw.presets import Preset
from sw.run.metrics import rate_scale

Setting = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A preset on its samples: what to learn, and what to be judged by."""

    preset: Preset
    train: Dataset
    test: Dataset
    epochs: int
    augmentation: Augmentation = UNCHANGED
    """How the chip's training samples are changed in every epoch."""

    def network(self, seed: int, **changes: Any) -> Network:
        """The preset's network."""
        return self.preset.make_network(self.train, seed=seed, **changes)


@dataclass
class Outcome:
    """What a training came to; accuracies and rates are of samples with learning off."""

    accuracy: list[float]
    """After each epoch."""
    firing_rates: list[float]
    """Of each hidden layer at the end: spikes per neuron and step."""
    seconds: float = 0.0


def chip(task: Task, setting: Setting, seed: int, *, at_end: bool = False) -> Outcome:
    """The integer model; `weight_bits` in a setting is of the core, the rest of the network.

    With `at_end`, updates come at the end of each sample.
    """
    setting, config = dict(setting), task.preset.config
    config = replace(config, weight_bits=setting.pop("weight_bits", config.weight_bits))
    epochs = task.epochs
    network = task.network(seed, **setting)
    core = NativeCore(network, config, at_end=at_end)
    train, test = spikes_for(network, task.train), spikes_for(network, task.test)
    outcome = Outcome([], [])
    for epoch in range(epochs):
        if task.augmentation:
            train = spikes_for(network, task.augmentation.of(task.train, epoch, seed))
        core.set_rates(rate_scale(epoch, epochs))
        core.run(train, task.train.order(epoch, seed), learn=True)
        result = core.run(test, np.arange(len(test)), learn=False)
        outcome.accuracy.append(float(np.mean(result.predictions == test.labels)))
        fired = result.spikes.mean(axis=0)[: len(network.hidden)]
        outcome.firing_rates = (fired / test.steps / np.array(network.seen)).tolist()
    return outcome


def spikes_for(network: Network, samples: Dataset) -> Spikes:
    """Samples as the network's inputs are numbered."""
    return Spikes.of(samples.channel_last() if network.stages else samples)


def frozen(task: Task, setting: Setting, seed: int) -> Outcome:
    """The integer model with hidden layers as drawn; `spread` up to what a weight can hold."""
    network, bits = task.network(seed), task.preset.config.weight_bits
    fraction = KERNEL_FRACTION if network.stages else network.weight_fraction
    most = ((1 << (bits - 1)) - 1) / (1 << fraction)
    fans = [
        placement.stage.fan_in(placement.inputs)
        for placement in network.placements(task.preset.config)
    ]
    widest = most * math.sqrt(min(fans[:-1]))
    setting = dict(setting)
    spread = min(setting.pop("spread"), widest)
    drawn = {"train_hidden": False, "init_scale": spread, "weight_fraction": fraction}
    return chip(task, {**setting, **drawn}, seed)


def online(task: Task, setting: Setting, seed: int) -> Outcome:
    """TESS in floating point, on line; a setting may name another `error` of hidden layers or readout."""
    setting = dict(setting)
    kinds = {name: setting.pop(name) for name in ("error", "error_out") if name in setting}
    network = task.network(seed, **setting)
    config = replace(float_config(network, task.train.steps), **kinds)
    if config.error == "softmax":  # it has no 2/C, so neither have the rates (of flat layers)
        config = replace(config, eta=network.eta, rate_cost=network.rate_cost)
    if config.error_out == "softmax":
        config = replace(config, eta_out=network.eta_out)
    return _float(task, config, "online", task.epochs)


def tess(task: Task, setting: Setting, seed: int) -> Outcome:
    """TESS in floating point, added up, Adam."""
    config = replace(_drawn(task, seed), error="softmax", error_out="softmax", rate_cost=0.0)
    return _float(task, config, "tess", round(task.epochs * setting["epochs"]), setting["eta"])


def bptt(task: Task, setting: Setting, seed: int) -> Outcome:
    """BPTT, Adam."""
    config = replace(_drawn(task, seed), error_out="softmax")
    return _float(task, config, "bptt", round(task.epochs * setting["epochs"]), setting["eta"])


def _drawn(task: Task, seed: int) -> FloatConfig:
    """The network for Adam, its weights as wide as is usual; kernels, of few inputs, wider."""
    config = float_config(task.network(seed), task.train.steps)
    return replace(config, init_scale=1.5 if config.stages else 1.0)


def _float(task: Task, config: FloatConfig, rule: Rule, epochs: int, eta: float = 0.0) -> Outcome:
    """Train in floating point; accuracy after every epoch."""
    outcome = Outcome([], [])

    def told(accuracy: float, rates: list[float]) -> None:
        outcome.accuracy.append(accuracy)
        outcome.firing_rates = rates

    learn(config, (task.train, task.test), rule, epochs, told, eta)
    return outcome


METHODS: dict[str, Callable[[Task, Setting, int], Outcome]] = {
    "chip": chip,
    "frozen": frozen,
    "online": online,
    "tess": tess,
    "bptt": bptt,
}
KERNEL_FRACTION = 8
"""Fraction bits of frozen kernels: their few weights are drawn wider than those of flat layers."""
ETAS = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
TIMES = (1, 3, 6, 12, 24)
Axes = dict[str, Sequence[float]]


def axes(method: str, etas: Sequence[float] = ETAS, times: Sequence[float] = TIMES) -> Axes:
    """What a method may choose, each from low to high; `epochs` multiplies those of the preset.

    Chip and online choose nothing: they take the preset, itself chosen on held-out training samples.
    """
    adam: Axes = {"eta": etas, "epochs": times}
    return {"tess": adam, "bptt": adam, "frozen": {"spread": (0.7, 2.0, 4.0)}}.get(method, {})


def train(task: Task, method: str, setting: Setting, seed: int) -> Outcome:
    """One training, timed."""
    started = time.perf_counter()
    outcome = METHODS[method](task, setting, seed)
    outcome.seconds = time.perf_counter() - started
    return outcome
