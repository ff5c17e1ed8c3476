"""What updates at the end of a sample cost in accuracy, beside the chip's updates in every step.

    python -m bench.layer_major [--preset nmnist-fast] [--seeds 1 2 3] [--epochs N]

Trains the integer model in both ways, compiled (sw.native), on the same samples in the same order with
the settings of the preset. Accuracy on the test samples with learning off, after the last epoch. First a
sample goes through `golden.layer_major` step after step and layer after layer: the same bits, or no figure.
"""

import argparse
from typing import TypeVar

import numpy as np
from rich.console import Console

from bench.accuracy.jobs import task_of
from bench.accuracy.methods import Task, chip
from golden.host.memory import CoreMemory
from golden.layer_major import LayerMajor, StepMajor
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.packing import pack_signs, pack_weights
from golden.spec.registers import Space, address
from golden.spec.samples import encode_sample
from sw.presets import PRESETS

Kind = TypeVar("Kind", bound=CoreMemory)


def loaded(kind: type[Kind], network: Network, config: CoreConfig) -> Kind:
    """A core of this kind with the network in it and its first weights."""
    core = kind(config)
    for index, layer in enumerate(network.layers(config)):
        core.table[index] = layer.encode()[: core.table.shape[1]]
    words = zip(network.initial_weights(), network.placements(config), strict=True)
    packed = np.concatenate([pack_weights(weights, placement) for weights, placement in words])
    core.weights[: len(packed)] = packed
    core.write(address(Space.SIGNS), pack_signs(config, network.classes))
    core.registers["layer_count"] = len(network.sizes) - 1
    core.registers["class_count"] = network.classes
    core.noise_state = network.noise_seed
    return core


def check_orders(task: Task) -> None:
    """A sample in both orders. Raises SystemExit when a bit differs."""
    network = task.network(1)
    frames, label = task.train[0].frames, task.train[0].label
    sent = encode_sample(frames, label, learn=True, learn_from=network.learn_from(len(frames)))
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
    for name, at_end in {"end of sample": True, "every step": False}.items():
        accuracy, rates = [], []
        for seed in options.seeds:
            outcome = chip(task, {}, seed, at_end=at_end)
            accuracy.append(100 * outcome.accuracy[-1])
            rates.append(100 * float(np.mean(outcome.firing_rates)))
            console.print(f"{name}, seed {seed}: {accuracy[-1]:.1f} %, firing {rates[-1]:.1f} %")
        low, high = min(accuracy), max(accuracy)
        console.print(
            f"{name}: {np.mean(accuracy):.1f} % ({low:.0f} to {high:.0f}), firing {np.mean(rates):.1f} %"
        )


if __name__ == "__main__":
    main()
