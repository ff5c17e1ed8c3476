"""What updates at the end of a sample cost in accuracy, beside the chip's updates in every step.

    python -m bench.layer_major [--preset nmnist-fast] [--seeds 1 2 3] [--epochs N]

Trains `golden.layer_major`, integers and layer by layer, with the settings of the preset, and the integer
model of the chip (bench.native) on the same samples in the same order. Accuracy on the test samples with
learning off, after the last epoch. A sample goes through both orders first, which must give the same bits.
"""

import argparse
from typing import TypeVar

import numpy as np
from rich.console import Console

from bench.accuracy.jobs import task_of
from bench.accuracy.methods import Outcome, Task, chip
from golden.layer_major import LayerMajor, StepMajor
from golden.memory import CoreMemory
from golden.spec.config import CoreConfig
from golden.spec.network import Network, pack_signs, pack_weights
from golden.spec.registers import Space, address
from golden.spec.samples import encode_sample
from sw.data import Sample
from sw.metrics import rate_scale
from sw.presets import PRESETS

Kind = TypeVar("Kind", bound=CoreMemory)


def loaded(kind: type[Kind], network: Network, config: CoreConfig) -> Kind:
    """A core of this kind with the network in it and its first weights."""
    core = kind(config)
    set_rates(core, network)
    words = zip(network.initial_weights(), network.places(config), strict=True)
    packed = np.concatenate([pack_weights(weights, place) for weights, place in words])
    core.weights[: len(packed)] = packed
    core.write(address(Space.SIGNS), pack_signs(config, network.classes))
    core.registers["layer_count"] = len(network.sizes) - 1
    core.registers["class_count"] = network.classes
    core.noise_state = network.noise_seed
    return core


def set_rates(core: CoreMemory, network: Network, scale: float = 1.0) -> None:
    """The layer table, with learning rates for this part of the schedule."""
    for index, layer in enumerate(network.layers(core.config, scale)):
        core.table[index] = layer.encode()[: core.table.shape[1]]


def payload(sample: Sample, network: Network, *, learn: bool) -> bytes:
    """A sample as the host sends it."""
    first = network.learn_from(len(sample.frames))
    return encode_sample(sample.frames, sample.label, learn=learn, learn_from=first)


def at_end(task: Task, seed: int) -> Outcome:
    """Train with updates at the end of each sample, as `bench.accuracy.methods.chip` does in each step."""
    network = task.network(seed)
    core = loaded(LayerMajor, network, task.preset.config)
    outcome = Outcome([], [])
    for epoch in range(task.epochs):
        set_rates(core, network, rate_scale(epoch, task.epochs))
        for index in task.train.order(epoch, seed):
            core.sample(payload(task.train[index], network, learn=True))
        right, spikes = 0, np.zeros(len(network.hidden))
        for sample in task.test:
            result = core.sample(payload(sample, network, learn=False))
            right += result.prediction == sample.label
            spikes += np.array(result.spikes[: len(network.hidden)]) / network.hidden
        outcome.accuracy.append(right / len(task.test))
        outcome.firing_rates = (spikes / len(task.test) / task.test.steps).tolist()
    return outcome


def check_orders(task: Task) -> None:
    """A sample in both orders. Raises SystemExit when a bit differs."""
    network = task.network(1)
    sent = payload(task.train[0], network, learn=True)
    steps = loaded(StepMajor, network, task.preset.config)
    layers = loaded(LayerMajor, network, task.preset.config)
    if steps.sample(sent) != layers.sample(sent) or not np.array_equal(
        steps.weights, layers.weights
    ):
        raise SystemExit("bench.layer_major: the two orders differ")


def main() -> None:
    """Train, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, help="default: the preset's")
    options = parser.parse_args()
    task = task_of(options.preset, None, None, None)
    task = Task(task.preset, task.train, task.test, options.epochs or task.epochs)
    check_orders(task)
    console = Console(highlight=False)
    methods = {"end of sample": at_end, "every step": lambda task, seed: chip(task, {}, seed)}
    for name, method in methods.items():
        accuracy, rates = [], []
        for seed in options.seeds:
            outcome = method(task, seed)
            accuracy.append(100 * outcome.accuracy[-1])
            rates.append(100 * float(np.mean(outcome.firing_rates)))
            console.print(f"{name}, seed {seed}: {accuracy[-1]:.1f} %, firing {rates[-1]:.1f} %")
        low, high = min(accuracy), max(accuracy)
        console.print(
            f"{name}: {np.mean(accuracy):.1f} % ({low:.0f} to {high:.0f}), firing {np.mean(rates):.1f} %"
        )


if __name__ == "__main__":
    main()
