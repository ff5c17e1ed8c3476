"""Bytes of the link per training sample, sent or played from the board, and which of link and core is slower.

    python -m bench.link [--preset nmnist-fast] [--mhz 60] [--baud 3000000] [--json]
    python -m bench.link --sdram [--preset mnist] [--root DIR] [--samples 2000]

Trains on the compiled RTL: the samples that fit in the board's sample store, once sent over the link and
once played from the store, in the same order. Both ways of the link are counted, everything on the wire
included; on a UART they carry 10 bits a byte at the same time, so the busier one counts. The core's
samples/s follow from its own cycles and the clock. `between` are cycles of the whole board per sample
in which no sample is in the core, at a byte a cycle: what link and player add. `--target golden` counts
the bytes alone, with nothing to compile. Seed 1.

`--sdram` is of a board whose store is in the memory beside the FPGA: an epoch played from there, learning,
then with learning off. `share` is the board's rate over the core's own, `share_with_line` with the line, too.
`--samples` limits the epoch, as the RTL takes its time. How many would fit is counted from all samples.
"""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.roofline import BITS_PER_BYTE, REPORT, clock
from golden.spec.registers import play_entries
from golden.spec.samples import keep
from golden.spec.sdram import SdramConfig
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
    device: Device,
    series: Series,
    order: Sequence[int],
    mhz: float,
    baud: float,
    learn: bool = True,
) -> dict[str, float]:
    """Train on samples in the order given, or classify them; figures per sample."""
    board, seen = device.channel.transport, device.channel.statistics
    timed = board if isinstance(board, SimulatedTransport) else None
    before = device.counters()
    start = timed.cycles if timed else 0
    sent, received = seen.bytes_sent, seen.bytes_received
    for _ in device.run((series[n] for n in order), learn=learn):
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
        "board_samples_per_s": (board_rate := min(link, mhz * 1e6 * count / max(core, cycles))),
        "share": core / max(core, cycles),
        "share_with_line": board_rate / (mhz * 1e6 * count / core),
    }


def measure_epochs(
    target: str, preset: Preset, root: str | None, samples: int | None, mhz: float, baud: float
) -> dict[str, Any]:
    """Figures per sample of an epoch played from the memory, learning and not."""
    data = preset.samples(root, seed=1)
    with Device.open(target, config=preset.config, memory=SdramConfig()) as device:
        network = preset.make_network(data, seed=1)
        device.load(network)
        some = data if samples is None else preset.samples(root, limit=samples, seed=1)
        filling = device.channel.statistics.bytes_sent
        kept = device.store_samples(some)
        filling = device.channel.statistics.bytes_sent - filling
        order = some.order(0, 1).tolist()
        found: dict[str, Any] = {
            "kept": kept,
            "of": len(some),
            "fit": fitting(device, data),
            "all": len(data),
            "fill_bytes": filling,
        }
        for name, learn in (("learning", True), ("learning off", False)):
            found[name] = one_pass(device, _FromStore(device, some), order, mhz, baud, learn)
    return found


def fitting(device: Device, data: Series) -> int:
    """How many of the samples fit in the store of the device, the first ones."""
    left = device.sample_store.words
    for index in range(len(data)):
        left -= len(keep(device.stored_payload(data[index])))
        if left < 0:
            return index
    return len(data)


def main() -> None:
    """Print the figures, per sample."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--target", default="sim", choices=("sim", "golden"))
    parser.add_argument(
        "--samples", type=int, help="(110, of which those not kept warm up; --sdram: all)"
    )
    parser.add_argument(
        "--sdram", action="store_true", help="epochs from the memory beside the FPGA"
    )
    parser.add_argument("--root", metavar="DIR", help="folder of the data set (--sdram)")
    parser.add_argument("--epochs", type=int, default=4, help="passes over the samples kept")
    parser.add_argument("--mhz", type=float, help="clock of the core (default: the report's)")
    parser.add_argument("--report", default=REPORT, help="of hw.build (%(default)s)")
    parser.add_argument("--baud", type=float, default=3e6, help="of the board's link")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    mhz = clock(options.mhz, options.report) if options.target == "sim" else 0.0
    preset, size = PRESETS[options.preset], options.samples
    if options.sdram:
        names = ("learning", "learning off")
        found = measure_epochs(options.target, preset, options.root, size, mhz, options.baud)
        what = f"an epoch of {found['of']:,} samples, {found['kept']:,} of them kept"
        title = f"{what}; of {found['all']:,}, {found['fit']:,} fit"
    else:
        names = ("sent", "played")
        found = measure(options.target, preset, options.epochs, size or 110, mhz, options.baud)
        title = f"{found['kept']} samples kept, {found['fill_bytes']} bytes to fill"
    if options.json:
        print(json.dumps({**found, "mhz": mhz, "baud": options.baud}, indent=2))
        return
    table = Table(title=f"{options.preset}: {title}, {options.baud:,.0f} baud")
    for column in ("per sample", *names):
        table.add_column(column, justify="right" if column != "per sample" else "left")
    for label in found[names[0]]:
        digits = 4 if "share" in label else 1
        table.add_row(label, *(f"{found[name][label]:,.{digits}f}" for name in names))
    Console().print(table)


if __name__ == "__main__":
    main()
