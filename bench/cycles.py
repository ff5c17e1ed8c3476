"""Where the clock cycles and the bytes of the link go: training on the compiled RTL.

    python -m bench.cycles [--preset nmnist-fast] [--samples 50] [--mhz 60] [--baud 3000000] [--json]

The bound: a step of a layer with s input spikes and r rows that a pending update changes needs
(s + r) x groups passes of a row through the lanes, if rows are read for each purpose on its own. The
core reads a row once for both, so it can be below that bound. Learning is on, after a warm-up that
makes the spike rates those of a network in training. Seed 1.

Samples per second on a board are given for core and link apart; the slower one counts, for both work
at the same time. The core's follow from its cycles and `--mhz`, the clock of the bitstream; the link's
from the bytes of commands (replies travel the other way), 10 bits a byte on the wire.
"""

import argparse
import json

from golden.spec.registers import CYCLE_CAUSES
from sw.device import Device
from sw.presets import PRESETS

BITS_PER_BYTE = 10  # a start and a stop bit


def measure(preset_name: str, samples: int, warm_up: int, target: str) -> dict[str, float]:
    """Counters over `samples` training samples, and figures derived from them."""
    preset = PRESETS[preset_name]
    data = preset.samples(limit=samples + warm_up)
    with Device.open(target, config=preset.config) as device:
        device.load(preset.make_network(data, seed=1))
        everything = [data[index] for index in range(samples + warm_up)]
        for _ in device.run(everything[:warm_up], learn=True):
            pass
        before, sent = device.counters(), device.channel.statistics.bytes_sent
        for _ in device.run(everything[warm_up:], learn=True):
            pass
        sent = device.channel.statistics.bytes_sent - sent
        counts = {name: after - before[name] for name, after in device.counters().items()}
    rows = counts["rows_both"] + counts["rows_integrate"] + counts["rows_update"]
    bound = rows + counts["rows_both"]  # a row read twice where the core reads it once
    return {
        **{name: counts[name] / samples for name in ("cycles", *CYCLE_CAUSES)},
        "events": counts["events"] / samples,
        "spikes": counts["spikes"] / samples,
        "synops": counts["synops"] / samples,
        "updates": counts["updates"] / samples,
        "lanes": preset.config.lanes,
        "cycles_over_bound": counts["cycles"] / bound,
        "operations_per_cycle": (counts["synops"] + counts["updates"]) / counts["cycles"],
        "row_cycles": rows / counts["cycles"],
        "bytes": sent / samples,
    }


def main() -> None:
    """Print the figures, per sample."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--warm-up", type=int, default=100)
    parser.add_argument("--target", default="sim")
    parser.add_argument("--mhz", type=float, default=60.0, help="clock of the board")
    parser.add_argument("--baud", type=float, default=3e6, help="of the board's link")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    figures = measure(options.preset, options.samples, options.warm_up, options.target)
    figures["core_samples_per_s"] = options.mhz * 1e6 / figures["cycles"]
    figures["link_samples_per_s"] = options.baud / BITS_PER_BYTE / figures["bytes"]
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(
        f"{options.preset}, {options.samples} samples after {options.warm_up}, seed 1; per sample:"
    )
    for name, value in figures.items():
        print(f"  {name:24} {value:14,.2f}")


if __name__ == "__main__":
    main()
