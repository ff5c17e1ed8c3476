"""Learning state does not grow with T: one board, two lengths of sample, the same memories.

    python -m bench.steps [--steps 5 50] [--samples 100] [--json]

Trains on N-MNIST cut into T steps, for every T on the same board without building or configuring
anything in between, the integer model beside it. Prints what the core holds besides weights and
whether every weight came out the same. Seed 1.
"""

import argparse
import json

import numpy as np
from rich.console import Console
from rich.table import Table

from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.registers import Space, memories
from sw.data import load
from sw.device import Device

STATE = (Space.MEMBRANES, Space.POST_TRACES, Space.SPIKES, Space.TRACES)


def state_bits(config: CoreConfig) -> dict[str, int]:
    """Bits of what a neuron or a synapse row remembers from step to step, by memory."""
    table = memories(config)
    return {space.name: table[space].depth * table[space].elements * table[space].bits
            for space in STATE}  # fmt: skip


def train(device: Device, steps: int, samples: int) -> tuple[list[np.ndarray], float]:
    """Weights after a pass over N-MNIST in `steps` steps, and cycles a sample."""
    data = load("nmnist", steps=steps, limit=samples)
    device.load(Network(sizes=(data.n_inputs, 128, data.classes), seed=1))
    before = device.counters()["cycles"]
    for _ in device.run((data[index] for index in range(len(data))), learn=True):
        pass
    return device.read_weights(), (device.counters()["cycles"] - before) / samples


def main() -> None:
    """Train at every T, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, nargs="+", default=[5, 50])
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    config, rows = CoreConfig(), []
    bits = state_bits(config)
    with Device.open("sim", config=config) as board, Device.open("golden", config=config) as model:
        for steps in options.steps:
            weights, cycles = train(board, steps, options.samples)
            expected, _ = train(model, steps, options.samples)
            same = all(map(np.array_equal, weights, expected))
            rows.append({"steps": steps, "state_bits": sum(bits.values()), "weights": sum(
                w.size for w in weights), "equal": same, "cycles": cycles})  # fmt: skip
    if options.json:
        print(json.dumps({"memories": bits, "runs": rows}))
        return
    table = Table(title=f"one board, {config.lanes} lanes, {options.samples} samples for each T")
    for column in (
        "T",
        "state besides weights, bits",
        "weights",
        "as the model's",
        "cycles/sample",
    ):
        table.add_column(column, justify="right")
    for row in rows:
        equal = "every one" if row["equal"] else "NO"
        figures = (f"{row['state_bits']:,}", f"{row['weights']:,}", equal, f"{row['cycles']:,.0f}")
        table.add_row(str(row["steps"]), *figures)
    console = Console()
    console.print(table)
    console.print(", ".join(f"{name} {value:,}" for name, value in bits.items()), highlight=False)
    if not all(row["equal"] for row in rows):
        raise SystemExit("weights differ from the integer model's")


if __name__ == "__main__":
    main()
