"""Bytes of the link per training sample, sent or played from the board, and which of link and core is slower.

    python -m bench.link [--preset nmnist-fast] [--mhz 60] [--baud 3000000] [--json]

Trains on the compiled RTL: the samples that fit in the board's sample store, once sent over the link and
once played from the store, in the same order. Both ways of the link are counted, everything on the wire
included; on a UART they carry 10 bits a byte at the same time, so the busier one counts. The core's
samples/s follow from its own cycles and the clock. `between` are cycles of the whole board per sample
in which no sample is in the core, at a byte a cycle: what link and player add. `--target golden` counts
the bytes alone, with nothing to compile. Seed 1.
"""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.roofline import BITS_PER_BYTE, REPORT, clock
from golden.spec.registers import play_entries
from sw.device import Device, Series
from sw.link import SimulatedTransport
from sw.presets import PRESETS, Preset


def measure(
    target: str, preset: Preset, epochs: int, samples: int, mhz: float, baud: float
) -> dict[str, Any]:
    """Figures per sample, sent and played."""
    data = preset.samples(limit=samples, seed=1)
    with Device.open(target, config=preset.config) as device:
        device.load(preset.make_network(data, seed=1))
        filling = device.channel.statistics.bytes_sent
        kept = device.store_samples(data)
        filling = device.channel.statistics.bytes_sent - filling
        if not kept:
            raise SystemExit("bench.link: no sample fits in the sample store of this core")
        order = [n for epoch in range(epochs) for n in data.order(epoch, 1) if n < kept]
        warm = [data[n] for n in range(kept, len(data))]
        list(device.run(warm, learn=True))
        found: dict[str, Any] = {
            "kept": kept,
            "fill_bytes": filling,
            "play_entries": play_entries(device.config),
        }
        for name, series in (("sent", list(data)), ("played", _FromStore(device, data))):
            found[name] = one_pass(device, series, order, mhz, baud)
    return found


class _FromStore:
    """The samples, on the board where they are."""

    def __init__(self, device: Device, data: Series) -> None:
        self._device, self._data = device, data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Any:
        return self._device.sample_store.find(self._data, index)


def one_pass(
    device: Device, series: Series, order: Sequence[int], mhz: float, baud: float
) -> dict[str, float]:
    """Train on samples in the order given; figures per sample."""
    board, seen = device.channel.transport, device.channel.statistics
    timed = board if isinstance(board, SimulatedTransport) else None
    before = device.counters()
    start = timed.cycles if timed else 0
    sent, received = seen.bytes_sent, seen.bytes_received
    for _ in device.run((series[n] for n in order), learn=True):
        pass
    sent, received = seen.bytes_sent - sent, seen.bytes_received - received
    count = len(order)
    link = baud / BITS_PER_BYTE / (max(sent, received) / count)
    found = {
        "bytes_to_board": sent / count,
        "bytes_from_board": received / count,
        "link_samples_per_s": link,
    }
    if timed is None:
        return found
    cycles, core = timed.cycles - start, device.counters()["cycles"] - before["cycles"]
    return {
        **found,
        "core_cycles": core / count,
        "between": (cycles - core) / count,
        "core_samples_per_s": mhz * 1e6 * count / core,
        "board_samples_per_s": min(link, mhz * 1e6 * count / max(core, cycles)),
    }


def main() -> None:
    """Print the figures, per sample."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--target", default="sim", choices=("sim", "golden"))
    parser.add_argument("--samples", type=int, default=110, help="those not kept warm up")
    parser.add_argument("--epochs", type=int, default=4, help="passes over the samples kept")
    parser.add_argument("--mhz", type=float, help="clock of the core (default: the report's)")
    parser.add_argument("--report", default=REPORT, help="of hw.build (%(default)s)")
    parser.add_argument("--baud", type=float, default=3e6, help="of the board's link")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    mhz = clock(options.mhz, options.report) if options.target == "sim" else 0.0
    preset, size = PRESETS[options.preset], options.samples
    found = measure(options.target, preset, options.epochs, size, mhz, options.baud)
    if options.json:
        print(json.dumps({**found, "mhz": mhz, "baud": options.baud}, indent=2))
        return
    title = f"{options.preset}: {found['kept']} samples kept, {found['fill_bytes']} bytes to fill"
    table = Table(title=f"{title}, {options.baud:,.0f} baud")
    for column in ("per training sample", "sent", "played"):
        table.add_column(column, justify="right" if column != "per training sample" else "left")
    for label in found["sent"]:
        table.add_row(label, *(f"{found[name][label]:,.1f}" for name in ("sent", "played")))
    Console().print(table)


if __name__ == "__main__":
    main()
