"""Beside the peers: synapses a clock and updates a second on one FPGA.

    python -m bench.peers [--preset nmnist-fast] [--mhz MHZ] [--json]

Ours is measured: cycles by the core's counters (bench.roofline), the clock by place and route
(`--report` or `--mhz`). The peers' clocks and LUTs were measured from their published RTL with the
same tools for the same FPGA (LFE5U-85F, speed grade 6), their cycles by simulating it; the figures are
kept here, for their sources are not part of this repository. Processors and GPUs are bench.instead's.
Seed 1.
"""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.roofline import REPORT, clock, measure
from sw.presets import PRESETS

PEERS = (
    # name, rule on chip, synapses a clock, MHz, LUTs
    ("ReckOn", "e-prop, 256 recurrent neurons", 0.99, (8, 10), 63_400),
    ("ODIN", "SDSP, 256 neurons, 3-bit weights", 0.5, (27, 30), 14_500),
    ("tinyODIN", "none", 0.49, (37, 39), 3_000),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--mhz", type=float, help="clock of the core (default: the report's)")
    parser.add_argument("--report", type=Path, default=REPORT, help="of hw.build (%(default)s)")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    preset, mhz = PRESETS[options.preset], clock(options.mhz, options.report)
    ours = measure(preset, None, options.samples, 100)
    per_clock = ours["operations_per_cycle"]
    if options.json:
        print(json.dumps({"operations_per_cycle": per_clock, "mhz": mhz}))
        return
    table = Table(title="synaptic operations and updates, ECP5 LFE5U-85F")
    for column in ("", "rule on chip", "a clock", "MHz", "million a second", "ratio"):
        table.add_column(column)
    rows = [("this core", "TESS", per_clock, (mhz, mhz))] + [peer[:4] for peer in PEERS]
    for name, rule, count, (low, high) in rows:
        most, own = count * high, per_clock * mhz
        clocks = f"{high:.1f}" if low == high else f"{low} to {high}"
        table.add_row(name, rule, f"{count:.2f}", clocks, f"{most:,.0f}", f"1 : {own / most:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
