"""Where the clock cycles and the bytes of the link go, against the bound of the memory.

    python -m bench.roofline [--preset nmnist-fast] [--data NAME:DIR] [--samples 50] [--json]

Trains on the compiled RTL and reads the core's own counters. The bound: a step of a layer with s input
spikes and r rows that a deferred update changes needs (s + r) x groups passes of a row through the
lanes, if rows are read for each purpose on its own. The core reads a row once for both, so it can be
below that bound. Two phases, after a warm-up that makes the spike rates those of a network in
training: inference, with learning off (r = 0), then training on the same samples. Seed 1.

Samples per second on a board are given for core and link apart; the slower one counts, for both work
at the same time. The core's follow from its cycles and the clock that place and route reached
(`--report`, made by hw.build, or `--mhz`); the link's from the bytes of commands (replies travel the
other way), 10 bits a byte on the wire.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from golden.spec.registers import CYCLE_CAUSES
from hw.report import Report
from sw.data import Sample
from sw.device import Device
from sw.presets import CORES, PRESETS, Preset

BITS_PER_BYTE = 10  # a start and a stop bit
REPORT = Path("build/ulx3s-85f/report.json")
INFERENCE = ("cycles", "cycles_over_bound", "row_cycles", "useful_lane_cycles")
"""Figures shown of the phase without learning."""


def measure(preset: Preset, root: str | None, samples: int, warm_up: int) -> dict[str, float]:
    """Counters per sample over `samples` training samples, and figures derived from them.

    Those of the same samples with learning off have names that begin with `inference_`.
    """
    data = preset.samples(root, limit=samples + warm_up, seed=1)
    if len(data) <= warm_up:
        raise SystemExit(f"bench.roofline: {len(data)} samples; use a --warm-up of fewer")
    with Device.open("sim", config=preset.config) as device:
        device.load(preset.make_network(data, seed=1))
        everything = [data[index] for index in range(len(data))]
        for _ in device.run(everything[:warm_up], learn=True):
            pass
        inference = count(device, everything[warm_up:], learn=False)
        training = count(device, everything[warm_up:], learn=True)
    return training | {f"inference_{name}": inference[name] for name in INFERENCE}


def count(device: Device, samples: list[Sample], *, learn: bool) -> dict[str, float]:
    """Counters and bytes sent per sample, and what follows from them."""
    before, sent = device.counters(), device.channel.statistics.bytes_sent
    for _ in device.run(samples, learn=learn):
        pass
    sent = device.channel.statistics.bytes_sent - sent
    counts = {name: after - before[name] for name, after in device.counters().items()}
    ran = counts["samples"]
    names = ("cycles", *CYCLE_CAUSES, "events", "spikes", "synops", "updates")
    figures = {name: counts[name] / ran for name in names}
    return {**figures, **derived(figures, device.config.lanes), "bytes": sent / ran}


def derived(counts: Mapping[str, float], lanes: int) -> dict[str, float]:
    """What the counters say about lanes and bound."""
    both = counts["rows_both"]
    integrated, updated = both + counts["rows_integrate"], both + counts["rows_update"]
    rows, operations = integrated + updated - both, counts["synops"] + counts["updates"]
    full = operations / (lanes * (integrated + updated))  # share of lanes that are neurons
    return {
        "lanes": lanes,
        "bound_integrate": integrated,
        "bound_update": updated,
        "cycles_over_bound": counts["cycles"] / (integrated + updated),
        "row_cycles": rows / counts["cycles"],
        "useful_lane_cycles": full * rows / counts["cycles"],
        "operations_per_cycle": operations / counts["cycles"],
    }


def rates(figures: Mapping[str, float], mhz: float, baud: float) -> dict[str, float]:
    """Figures per second."""
    return {
        "mhz": mhz,
        "operations_per_s": figures["operations_per_cycle"] * mhz * 1e6,
        "core_samples_per_s": mhz * 1e6 / figures["cycles"],
        "link_samples_per_s": baud / BITS_PER_BYTE / figures["bytes"],
    }


def clock(mhz: float | None, report: Path) -> float:
    """The clock given, or that of the report."""
    if mhz is not None:
        return mhz
    try:
        return Report.load(report).fmax_mhz
    except ValueError as error:
        raise SystemExit(
            f"bench.roofline: {error}; build it with python -m hw.build --board ulx3s, or give --mhz"
        ) from error


def with_data(preset: Preset, text: str | None) -> tuple[Preset, str | None]:
    """The preset with the data set of a NAME[:DIR], and that folder; its own if there is no text."""
    name, _, root = (text or preset.data).partition(":")
    if name != preset.data:
        preset = replace(preset, data=name, options={})
    return preset, root or None


def main() -> None:
    """Print the figures, per sample."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--core", choices=CORES, help="another core than the preset's")
    parser.add_argument("--data", metavar="NAME[:DIR]", help="another data set than the preset's")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--warm-up", type=int, default=100)
    parser.add_argument("--mhz", type=float, help="clock of the core (default: the report's)")
    parser.add_argument("--report", type=Path, default=REPORT, help="of hw.build (%(default)s)")
    parser.add_argument("--baud", type=float, default=3e6, help="of the board's link")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    mhz = clock(options.mhz, options.report)
    preset, root = with_data(PRESETS[options.preset], options.data)
    preset = replace(preset, core=options.core or preset.core)
    figures = measure(preset, root, options.samples, options.warm_up)
    figures |= rates(figures, mhz, options.baud)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    table = Table(title=f"{options.preset} on {preset.data}, a training sample")
    for column in ("", "per sample", "share of cycles"):
        table.add_column(column, justify="right" if column else "left")
    for label, value in figures.items():
        share = f"{value / figures['cycles']:.1%}" if label in CYCLE_CAUSES else ""
        table.add_row(label, f"{value:,.2f}", share)
    Console().print(table)


if __name__ == "__main__":
    main()
