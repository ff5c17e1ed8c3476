"""What BPTT would need for the same networks: memory and MACs, beside what the chip takes.

    python -m bench.parts.bptt [--samples 5] [--gesture DIR] [--cifar10 DIR]

Trains each network on a few samples (integer model) and counts. Per sample:

- *BPTT keeps* the membrane of every hidden neuron in every step, 16 bits as on the chip, and its spike: what
  the backward pass needs. It grows with the steps.
- *learning keeps* here: pre traces and spikes of inputs, surrogates and gains of neurons, as wide as the
  memories of the core are (golden.spec.formats), of all layers; and *at a time*, of the largest part. It
  does not grow with the steps.
- *spikes kept* between two parts, a bit each: of a layer's inputs and outputs, at most. They do grow.
- *error MACs* of BPTT: the error of every step through all weights of all layers but the first, as the paper
  counts them. *Here*: the guess of each layer and its error back, 2 C d for d latents and C classes, in
  the steps with a learning signal.
- *updates* of weights, counted by the core, beside what BPTT would do for its gradient: one for every weight
  that a spike meets, counted as well.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from itertools import pairwise

from rich.console import Console

from bench.parts import vgg
from golden.spec.config import CoreConfig
from golden.spec.cutting import cut
from golden.spec.formats import GAIN_BITS, MEMBRANE_BITS, SURROGATE_BITS
from golden.spec.layout import Placement
from golden.spec.network import Network
from sw.data import Dataset
from sw.device import Device
from sw.parts import holding
from sw.presets import PRESETS


@dataclass(frozen=True)
class Row:
    """A network, and what it takes a sample."""

    name: str
    steps: int
    bptt_bytes: float
    learning_bytes: float
    part_bytes: float
    spike_bytes: float
    bptt_macs: float
    signal_macs: float
    gradients: float
    updates: float


def row(network: Network, core: CoreConfig, samples: Dataset) -> Row:
    """Train, count."""
    steps, parts = samples.steps, cut(network, core)
    with Device.open("golden", config=core) as opened:
        device = holding(opened, network)
        device.load(network)
        for _ in device.run(list(samples), learn=True):
            pass
        counted = device.counters()
    layers = network.placements(core)
    hidden = layers[:-1]
    neurons = sum(at.stage.fired(at.inputs).neurons for at in hidden)
    learning = steps - network.learn_from(steps)
    latents = sum(
        each.latents
        for part in parts
        for each in part.placements[: len(part.layers)]
        if not each.readout
    )
    shown = [at.stage.seen(at.inputs).neurons for at in hidden]
    ends = [network.inputs * (network.input_bits), *shown, 0]
    kept = max(map(sum, pairwise(ends))) if len(parts) > 1 else 0
    return Row(
        name=f"{network.name}{f', {len(parts)} parts' if len(parts) > 1 else ''}",
        steps=steps,
        bptt_bytes=steps * neurons * (MEMBRANE_BITS + 1) / 8,
        learning_bytes=sum(map(_learning, layers)) / 8,
        part_bytes=max(sum(map(_learning, p.placements[: len(p.layers)])) for p in parts) / 8,
        spike_bytes=steps * kept / 8,
        bptt_macs=steps * sum(_synapses(at) for at in layers[1:]),
        signal_macs=2 * learning * network.classes * latents,
        gradients=counted["synops"] / len(samples),
        updates=counted["updates"] / len(samples),
    )


def _learning(at: Placement) -> int:
    """Bits that learning keeps of a layer."""
    inputs = at.input_neurons * (8 + 1)
    return inputs + at.stage.fired(at.inputs).neurons * (SURROGATE_BITS + GAIN_BITS)


def _synapses(at: Placement) -> int:
    """Weights of all neurons, those that pixels share counted for each."""
    return at.stage.fan_in(at.inputs) * at.averaged * at.stage.fired(at.inputs).neurons


def rows(options: argparse.Namespace) -> list[Row]:
    """Every network whose data is there."""
    found, count = [], options.samples
    for name, hidden in (("nmnist-fast", ()), ("nmnist-best", ()), ("nmnist-fast", (1024, 512))):
        preset = PRESETS[name]
        preset = replace(preset, hidden=hidden or preset.hidden)
        samples = preset.samples(train=True, limit=count, seed=1)
        found.append(row(preset.make_network(samples, seed=1), preset.config, samples))
    for case in vgg.cases(options):
        found.append(row(case.network, vgg.CORE, case.samples))
    return found


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--gesture", help="folder of DVS Gesture")
    parser.add_argument("--cifar10", help="folder of CIFAR-10")
    console = Console(highlight=False, width=200)
    console.print(
        "| network | T | BPTT keeps | learning keeps | ratio | at a time | spikes kept | ratio | "
        "error MACs of BPTT | here | ratio | gradient MACs of BPTT | updates |"
    )
    console.print("|" + "---|" * 13)
    for each in rows(parser.parse_args()):
        here = each.part_bytes + each.spike_bytes
        console.print(
            f"| {each.name} | {each.steps} | {_bytes(each.bptt_bytes)} | {_bytes(each.learning_bytes)} | "
            f"{each.bptt_bytes / each.learning_bytes:.1f} | {_bytes(each.part_bytes)} | "
            f"{_bytes(each.spike_bytes)} | {each.bptt_bytes / here:.1f} | {_count(each.bptt_macs)} | "
            f"{_count(each.signal_macs)} | {_ratio(each.bptt_macs / each.signal_macs)} | "
            f"{_count(each.gradients)} | {_count(each.updates)} |"
        )


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _bytes(value: float) -> str:
    return f"{value / 1e6:.2f} MB" if value >= 1e6 else f"{value / 1e3:.1f} kB"


def _count(value: float) -> str:
    return f"{value / 1e6:,.1f} M" if value >= 1e6 else f"{value / 1e3:,.0f} k"


if __name__ == "__main__":
    main()
