"""The chip beside what a user would run instead: samples a second, latency and energy, in one run.

    python -m bench.instead [--preset nmnist-fast] [--mhz MHZ] [--watts W] [--json]

The same network learns the same samples of a preset:

    the chip         cycles of a learning sample, counted on the simulated board, at the clock of a report of
                     hw.build or of --mhz; batch 1, as always
    integer core     the same bits, compiled for this processor; one training, and two side by side
    BPTT, torch      Adam, float32, without batch normalization, batches of --batches, on one and two
                     processor cores, and on a GPU where there is one; needs torch: pip install torch==2.13.0

Latency is the time from a sample's start to weights that have learned from it: of a batch, the batch's.
Accuracy of each is another matter: docs/results.md.

Energy of the chip is known from two sides only, for no board was measured: the operations counted times the
constants of sw/energy.py are too little, as nothing else is in them; all that a USB 2.0 port gives
(--board-watts, 2.5) is more than a board that hangs on one can take. A processor's is read from its own
counters where Linux shows them (RAPL), else it is --watts times the time, the rated power from its data
sheet; a GPU's is the power that nvidia-smi tells. Figures that other chips' authors give are printed
below; what peers do on the same FPGA is bench.peers'. Seed 1.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.instead.integer import trainings
from bench.instead.power import Meter, graphics, metered, processor
from bench.instead.published import PUBLISHED, Published
from bench.roofline import REPORT, clock, measure, with_data
from golden.spec.network import Network
from sw.data import Dataset
from sw.energy import EnergyModel
from sw.presets import PRESETS, Preset

WARM_UP = 100
COUNTED = 50
"""Samples on the simulated board: before counting, and counted."""
USB_WATTS = 2.5  # 5 V and 500 mA, the most that a USB 2.0 port has to give


@dataclass(frozen=True)
class Found:
    """A row of the table."""

    name: str
    batch: int
    cores: int
    """Of the processor; 0: none of it works."""
    per_second: float
    latency: float
    """Seconds."""
    joules: float | None
    """Of a sample; of the chip at most."""
    least_joules: float | None = None


def chip(preset: Preset, root: str | None, mhz: float, watts: float) -> Found:
    """The core's own cycles at a clock."""
    figures = measure(preset, root, COUNTED, WARM_UP)
    seconds = figures["cycles"] / (mhz * 1e6)
    counted = {name: round(figures[name]) for name in ("synops", "updates")}
    least = EnergyModel.of(preset.config).joules(counted)
    return Found(f"the chip at {mhz:g} MHz", 1, 0, 1 / seconds, seconds, watts * seconds, least)


@dataclass(frozen=True)
class Job:
    """A row to come, of this computer."""

    name: str
    batch: int
    cores: int
    trainings: int
    """Side by side."""
    meter: Meter
    prepared: Callable[[], Callable[[], int]]
    """Makes a pass over the samples, which returns how many were learned."""


def jobs(
    preset: Preset, network: Network, samples: Dataset, batches: list[int], meter: Meter
) -> Iterator[Job]:
    """All of them; those of torch if it is installed."""
    for beside in (1, 2):
        name = "integer core" if beside == 1 else "integer core, two trainings"
        ready = partial(trainings, network, preset.config, samples, beside)
        yield Job(name, 1, beside, beside, meter, ready)
    try:
        from bench.instead.backpropagation import has_gpu, training
    except SystemExit:
        return
    for batch in batches:
        ready = partial(training, network, samples, batch=batch)
        for cores in (1, 2):
            on = partial(ready, threads=cores, device="cpu")
            yield Job("BPTT, torch", batch, cores, 1, meter, on)
        if has_gpu():
            on = partial(ready, threads=1, device="cuda")
            yield Job("BPTT, torch, GPU", batch, 1, 1, graphics(), on)


def timed(job: Job, seconds: float) -> Found:
    """Passes over the samples until so many seconds are over, behind one that does not count."""
    run = job.prepared()
    run()
    with metered(job.meter) as spent:
        run()
    passes = max(1, round(seconds / spent.seconds))
    with metered(job.meter) as spent:
        learned = sum(run() for _ in range(passes))
    each = spent.seconds / learned
    joules = None if spent.joules is None else spent.joules / learned
    return Found(job.name, job.batch, job.cores, 1 / each, each * job.batch * job.trainings, joules)


def main() -> None:
    """Measure everything, print both tables."""
    options = parsed()
    mhz = clock(options.mhz, options.report)
    preset, root = with_data(PRESETS[options.preset], options.data)
    samples = preset.samples(root, limit=options.samples, seed=1)
    network = preset.make_network(samples, seed=1)
    meter, how = processor(options.watts)
    todo = list(jobs(preset, network, samples, options.batches, meter))
    console = Console()
    found = [chip(preset, root, mhz, options.board_watts)]
    for job in track(todo, "measuring", console=Console(stderr=True), transient=True):
        found.append(timed(job, options.seconds))
    if options.json:
        rows = {"measured": [asdict(row) for row in found], "processor_energy": how}
        print(json.dumps(rows | {"published": [row._asdict() for row in PUBLISHED]}, indent=2))
        return
    console.print(measured(found, f"a learning sample of {options.preset}: {network.name}"))
    console.print(f"energy of the processor: {how}", highlight=False)
    if not any("torch" in row.name for row in found):
        console.print("without torch: pip install torch==2.13.0", highlight=False)
    console.print(published())
    console.print("ReckOn and ODIN, on the same FPGA: python -m bench.peers", highlight=False)


def parsed() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--data", metavar="NAME[:DIR]", help="where its samples are, or others")
    parser.add_argument("--samples", type=int, default=256, help="of a pass (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row (%(default)s)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32], help="of BPTT (1 32)")
    parser.add_argument("--mhz", type=float, help="clock of the core (default: the report's)")
    parser.add_argument("--report", type=Path, default=REPORT, help="of hw.build (%(default)s)")
    parser.add_argument("--watts", type=float, help="rated power of the processor")
    parser.add_argument(
        "--board-watts", type=float, default=USB_WATTS, help="most the board takes (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    return parser.parse_args()


def measured(found: list[Found], title: str) -> Table:
    """The chip first; ratios are to it."""
    table = Table(title=title)
    columns = ("", "batch", "cores", "samples/s", "the chip is ahead by", "latency, ms", "mJ")
    for column in columns:
        table.add_column(column, justify="right" if column else "left")
    for row in found:
        ahead = "" if row is found[0] else f"{found[0].per_second / row.per_second:.1f}"
        table.add_row(
            row.name,
            str(row.batch),
            str(row.cores or "-"),
            f"{row.per_second:,.0f}",
            ahead,
            f"{1e3 * row.latency:.3g}",
            energy(row),
        )
    return table


def energy(row: Found) -> str:
    """Millijoules of a sample, as well as they are known."""
    if row.joules is None:
        return "not known"
    most = f"{1e3 * row.joules:.2g}"
    return most if row.least_joules is None else f"{1e3 * row.least_joules:.2g} to {most}"


def published() -> Table:
    """What others give for their chips."""
    table = Table(title="as their authors give it; other networks, data and boards")
    for column in Published._fields:
        table.add_column(column if column != "name" else "")
    for row in PUBLISHED:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    main()
