"""What crosses the link for a block of samples in parts: with parts in the host, and in the board's memory.

    python -m bench.parts.crossing --preset smoke --hidden 18,40 --block 4
    python -m bench.parts.crossing --preset nmnist-fast --hidden 1024,512 --block 4

Learns blocks of samples of the preset on the simulated board, without and with a memory beside its FPGA,
and on the integer model: all weights and noise states must be the same. Counted for the second block, as
what crosses once has crossed by then: bytes on the link both ways, cycles of the core, and of the board,
whose link takes a byte a cycle. Then a block with learning off, and what reading all weights takes. `--baud`
says how long the bytes take on a serial line, ten bits each. Last, all parts are copied to the core and back
once, with no sample between.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.parts.accuracy import preset_of
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.sdram import SdramConfig
from sw.data import Sample
from sw.device import Device
from sw.link import SimulatedTransport
from sw.parts import Parted
from sw.presets import PRESETS

BITS = 10
"""Of a byte on a serial line."""


@dataclass(frozen=True)
class Cost:
    """What something took."""

    what: str
    sent: int
    """Bytes to the board."""
    received: int
    cycles: int
    """Of the board."""
    core: int
    """Of these, with a sample in the core."""


class Meter:
    """Takes a device's counters before and after."""

    def __init__(self, device: Parted) -> None:
        self.device, self.costs = device, list[Cost]()
        self._now = self._read()

    def _read(self) -> tuple[int, int, int]:
        transport, seen = self.device.channel.transport, self.device.statistics
        cycles = transport.cycles if isinstance(transport, SimulatedTransport) else 0
        return seen.bytes_sent, seen.bytes_received, cycles

    def begin(self) -> None:
        """From now on."""
        self._now = self._read()

    def note(self, what: str, core: int = 0) -> None:
        """Until now."""
        sent, received, cycles = (
            now - then for now, then in zip(self._read(), self._now, strict=True)
        )
        self.costs.append(Cost(what, sent, received, cycles, core))


def learn(
    target: str, network: Network, samples: Sequence[Sample], block: int, core: CoreConfig,
    memory: SdramConfig | None,
) -> tuple[list[np.ndarray], tuple[int, ...], list[Cost]]:  # fmt: skip
    """Two blocks that learn, one that does not: weights, noise states, and what each thing took."""
    with Parted.over(Device.open(target, config=core, memory=memory)) as device:
        device.block = block
        device.load(network)
        meter = Meter(device)
        list(device.run(samples[:block], learn=True))
        for learns in (True, False):
            meter.begin()
            results = list(device.run(samples[block : 2 * block], learn=learns))
            cycles = sum(result.cycles for result in results)
            meter.note("a block that learns" if learns else "a block, learning off", cycles)
        meter.begin()
        weights = device.read_weights()
        meter.note("reading all weights")
        if memory and target == "sim":
            meter.begin()
            for run in device._linked:
                run.kept.bring(run.layers)
                run.kept.take(run.layers)
            meter.note("copying all parts both ways")
        return [values for _, values in weights.named()], device.noise_states, meter.costs


def compare(
    network: Network, samples: Sequence[Sample], block: int, core: CoreConfig
) -> dict[str, list[Cost]]:
    """The costs by where parts are kept. Raises SystemExit when a weight or noise state differs."""
    ends = {
        name: learn(target, network, samples, block, core, memory)
        for name, target, memory in (
            ("model", "golden", None),
            ("host", "sim", None),
            ("board", "sim", SdramConfig()),
        )
    }
    weights, noise, _ = ends.pop("model")
    for name, (mine, states, _) in ends.items():
        same = all(np.array_equal(*pair) for pair in zip(mine, weights, strict=True))
        if not same or states != noise:
            raise SystemExit(f"bench.parts.crossing: parts in the {name} leave other bits")
    return {name: costs for name, (*_, costs) in ends.items()}


def main() -> None:
    """Learn both ways, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--hidden", help="hidden layers in place of the preset's: 1024,512")
    parser.add_argument("--root", help="folder of the samples, if they are not included")
    parser.add_argument("--block", type=int, default=4, help="samples of a block (default: 4)")
    parser.add_argument(
        "--baud", type=int, default=3_000_000, help="of the line (default: 3,000,000)"
    )
    options = parser.parse_args()
    console, preset = Console(highlight=False, width=160), preset_of(options)
    samples = preset.samples(options.root, limit=2 * options.block, seed=1)
    network = preset.make_network(samples, seed=1)
    given = [samples[number] for number in range(len(samples))]
    found = compare(network, given, options.block, preset.config)
    table = Table(title=f"{network.name}, blocks of {options.block} samples")
    for head in ("", "parts in the", "bytes sent", "received", "s on the line", "board", "core"):
        table.add_column(head, justify="left" if head in ("", "parts in the") else "right")
    for what in dict.fromkeys(cost.what for costs in found.values() for cost in costs):
        for name, costs in found.items():
            for cost in (each for each in costs if each.what == what):
                seconds = max(cost.sent, cost.received) * BITS / options.baud
                table.add_row(
                    what, name, f"{cost.sent:,}", f"{cost.received:,}", f"{seconds:.2f}",
                    f"{cost.cycles:,}", f"{cost.core:,}",
                )  # fmt: skip
    console.print(table)
    console.print("every weight and noise state is the integer model's, both ways")


if __name__ == "__main__":
    main()
