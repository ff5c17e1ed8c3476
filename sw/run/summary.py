"""A network as a table: its layers, what they take of the core, and the metrics of its training."""

from __future__ import annotations

from golden.spec.config import CoreConfig
from golden.spec.cutting import cut
from golden.spec.layers import Layer
from golden.spec.network import Network
from sw.energy import EnergyModel
from sw.run.metrics import Progress


def summary(
    network: Network, core: CoreConfig, progress: Progress, energy: EnergyModel | None = None
) -> str:
    """The table as text. Raises DoesNotFit when the core has no room for the network, nor for its parts."""
    parts = cut(network, core)
    tables = [part.table(network, core) for part in parts]
    numbered = {
        index: layer
        for part, table in zip(parts, tables, strict=True)
        for index, layer in zip(part.layers, table, strict=False)
    }
    lines = [f"{'layer':<10}{'inputs':>8}{'neurons':>9}{'weights':>9}{'fraction':>10}  learns"]
    outputs = [shape[1] for shape in network.weight_shapes]
    for index, layer in numbered.items():
        name = "readout" if layer.readout else f"hidden {index}"
        lines.append(
            f"{name:<10}{layer.inputs:>8}{outputs[index]:>9}{layer.rows * outputs[index]:>9}"
            f"{f'2^-{network.fraction(index)}':>10}  {'yes' if layer.plastic else 'no'}"
        )
    weights = sum(layer.rows * outputs[index] for index, layer in numbered.items())
    if len(parts) > 1:
        most = max(sum(layer.words for layer in table) for table in tables)
        lines += [
            f"{weights} weights of {core.weight_bits} bits, in {len(parts)} parts of at most "
            f"{most / core.weight_words:.0%} of the weight memory"
        ]
    else:
        lines += _room(tables[0], core, weights)
    return "\n".join([*lines, *_trained(network, progress, energy or EnergyModel.of(core))])


def _room(layers: list[Layer], core: CoreConfig, weights: int) -> list[str]:
    """What the layers of a network take of the core that holds them."""
    groups = sum(layer.groups for layer in layers)
    used = sum(layer.words for layer in layers) / core.weight_words
    rows = sum(layer.rows for layer in layers)
    traces = f"lists of {core.list_rows}" if core.list_rows else f"{core.trace_entries} traces"
    return [
        f"{weights} weights of {core.weight_bits} bits, {used:.0%} of the weight memory",
        f"{groups} of {core.neuron_groups} groups of {core.lanes} neurons, "
        f"{rows} {'rows, ' if core.list_rows else 'of '}{traces}",
    ]


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
