"""A network as a table: its layers, what they take of the core, and the metrics of its training."""

from __future__ import annotations

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.energy import EnergyModel
from sw.run.metrics import Progress


def summary(
    network: Network, core: CoreConfig, progress: Progress, energy: EnergyModel | None = None
) -> str:
    """The table as text. Raises DoesNotFit when the core has no room for the network."""
    layers = network.layers(core)
    lines = [f"{'layer':<10}{'inputs':>8}{'neurons':>9}{'weights':>9}{'fraction':>10}  learns"]
    for index, layer in enumerate(layers):
        name = "readout" if layer.readout else f"hidden {index}"
        lines.append(
            f"{name:<10}{layer.inputs:>8}{layer.outputs:>9}{layer.rows * layer.outputs:>9}"
            f"{f'2^-{network.fraction(index)}':>10}  {'yes' if layer.plastic else 'no'}"
        )
    weights = sum(layer.rows * layer.outputs for layer in layers)
    groups = sum(layer.groups for layer in layers)
    used = sum(layer.words for layer in layers) / core.weight_words
    lines += [
        f"{weights} weights of {core.weight_bits} bits, {used:.0%} of the weight memory",
        f"{groups} of {core.neuron_groups} groups of {core.lanes} neurons, "
        f"{sum(layer.rows for layer in layers)} of {core.trace_entries} traces",
    ]
    return "\n".join([*lines, *_trained(network, progress, energy or EnergyModel.of(core))])


def _trained(network: Network, progress: Progress, energy: EnergyModel) -> list[str]:
    if not progress.samples:
        return ["not trained yet"]
    lines = [f"{progress.samples} samples learned in {len(progress.history())} epochs"]
    if not progress.epochs:
        return lines
    last = progress.epochs[-1]
    rates = " ".join(f"{rate:.3f}" for rate in last.firing_rates) or "-"
    rates += f" or more ({last.capped} samples fired too much to count)" if last.capped else ""
    known = last.test_accuracy
    accuracy = "not tested" if known is None else f"test accuracy {known:.1%}"
    counted = {n: c / max(last.samples, 1) for n, c in last.counters.items()}
    lines += [
        f"last epoch: {accuracy}, firing rate {rates}",
        f"counted on chip, per sample: {counted['synops']:.0f} synaptic operations, "
        f"{counted['updates']:.0f} weight updates, {last.cycles_per_sample:.0f} cycles",
        energy.describe(last.counters, last.samples),
    ]
    return lines
